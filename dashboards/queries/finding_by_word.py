"""What has a certain id, or begins with it: bookings, customers, providers, commission records, findings, chat rooms.
Asked through reading.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboards.queries.reading import ask, cached

#: So many of each kind are listed.
MOST: Final = 5
#: Shorter beginnings of an id say nothing.
SHORTEST: Final = 4


@dataclass(frozen=True)
class Hit:
    """A record of ``kind`` (kit/links.py). ``whole``: its id, or number, is what was asked for. ``said``: what it is
    called beside its id."""

    kind: str
    record_id: str
    said: str | None
    whole: bool


#: kind → what to read: the id, what else people know it by, what is said of it, the table.
_KINDS: Final[dict[str, tuple[str, str, str, str]]] = {
    "booking": ("booking_id", "business_id", "business_id", "core.bookings"),
    "provider": ("provider_id", "provider_name", "provider_name", "core.providers"),
    "customer": ("customer_id", "NULL::VARCHAR", "NULL::VARCHAR", "marts.customers"),
    "commission": ("commission_id", "NULL::VARCHAR", "booking_ref", "core.commissions"),
    "finding": ("finding_id", "NULL::VARCHAR", "NULL::VARCHAR", "marts.commission_findings"),
    "room": ("room_id", "NULL::VARCHAR", "NULL::VARCHAR", "core.chat_rooms"),
}


@cached
def hits(path: str, words: str) -> list[Hit]:
    """What is found, whole ones first. Raises what reading.ask raises."""
    words = words.strip()
    if not words:
        return []
    found = ask(
        path, " UNION ALL ".join(_of(kind) for kind in _KINDS), {"w": words, "short": len(words) < SHORTEST}
    )
    made = [Hit(str(kind), str(record), said, bool(whole)) for kind, record, said, whole in found.rows()]
    return sorted(set(made), key=lambda hit: (not hit.whole, list(_KINDS).index(hit.kind), hit.record_id))


def _of(kind: str) -> str:
    record, known_by, said, table = _KINDS[kind]
    # A name is found by any part of it, whatever its letters; an id by how it begins.
    part = (
        "contains(lower(provider_name), lower($w))" if kind == "provider" else f"starts_with({known_by}, $w)"
    )
    return f"""(SELECT '{kind}' AS kind, {record} AS id, {said} AS said,
               coalesce({record} = $w OR {known_by} = $w, false) AS whole
        FROM {table} WHERE {record} = $w OR {known_by} = $w OR (NOT $short AND (starts_with({record}, $w) OR {part}))
        ORDER BY whole DESC, id LIMIT {MOST})"""
