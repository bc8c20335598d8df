"""Bookings: found, filtered, listed page by page, and one of them with all that hangs on it. Asked through reading.py;
names every column, and none that could hold personal data.

A list is asked in two steps: which rows stand on the page (few columns of all bookings), then what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column
from dashboards.queries.reading import ask, cached, reading, with_messages
from marketplace.answers import AWAITED, Answer, answer_of
from marketplace.chats import Chat, chat_of, room_at
from marketplace.policy import Policy
from marketplace.services import Anomaly
from marketplace.statuses import BookingStatus, values
from pipelines.chains import Step, explain_booking

PAGE_ROWS: Final = 50
WAITING, PAST = "waiting", "past"
#: What can be asked for beside a booking's own words; of the odd ones the words are the mart's.
SHOWN: Final = (
    WAITING,
    PAST,
    "missing",
    "finding",
    "reassigned",
    *values(Anomaly.DUPLICATE_BOOKING, Anomaly.OVERLAPPING_BOOKINGS, Anomaly.ABUSE_BOOKINGS),
)
#: Code → the order. Each ends in what tells any two rows apart.
SORTS: Final[dict[str, str]] = {
    "newest": "b.created_at DESC",
    "oldest": "b.created_at",
    "deadline": "b.response_deadline NULLS LAST",
    "start": "b.starts_at NULLS LAST",
    "amount": "b.amount_idr DESC NULLS LAST",
}
_LAST_ORDER: Final = "b.change DESC, b.origin"
#: More than a zone is ahead of or behind UTC: days are first looked for among these instants.
_ZONES: Final = timedelta(hours=15)
MOST_FOUND: Final = 2_000
"""So many bookings are found by the beginning of an id; whoever types no more letters is told so."""


@dataclass(frozen=True)
class Asked:
    """Which bookings are asked for. ``search``: an id or BK number of theirs, its beginning, or a part of their
    provider's name; only then tests and deleted ones are among them. ``first``, ``last``: local days of their
    creation, both included. ``customer_keys``: of one customer. ``at``: of PAST the instant that deadlines are held
    against, naive UTC; nothing else goes by the clock, so that its answer can be kept."""

    search: str = ""
    show: str = ""
    status: str = ""
    source: str = ""
    city: str = ""
    provider: str = ""
    first: date | None = None
    last: date | None = None
    customer_keys: tuple[str, ...] | None = None
    sort: str = ""
    at: datetime | None = None

    @property
    def order(self) -> str:
        """The order in force: of those that wait the next deadline first, else the newest first."""
        return self.sort or ("deadline" if self.show in (WAITING, PAST) else "newest")

    def condition(self, path: str) -> tuple[str, tuple[Any, ...]]:
        """SQL on core.bookings AS b, and its parameters."""
        said: list[tuple[str, tuple[Any, ...]]] = []
        if self.search:
            said.append(sought(path, self.search).condition)
        else:
            said.append(("b.deleted_at IS NULL AND NOT coalesce(b.is_test, false)", ()))
        if self.show:
            said.append(_shown(self.show, self.at))
        for column, value in (
            ("status", self.status),
            ("source", self.source),
            ("provider_id", self.provider),
        ):
            if value:
                said.append((f"b.{column} = ?", (value,)))
        if self.city:
            said.append(
                ("b.provider_id IN (SELECT provider_id FROM core.providers WHERE city = ?)", (self.city,))
            )
        if self.customer_keys is not None:
            said.append(("b.customer_key IN (SELECT unnest(?::VARCHAR[]))", (self.customer_keys,)))
        if self.first is not None or self.last is not None:
            said.append(_days(self.first, self.last))
        return " AND ".join(f"({sql})" for sql, _ in said), tuple(p for _, more in said for p in more)


@dataclass(frozen=True)
class Found:
    """What a search means: a condition on core.bookings AS b with its parameters; ``cut``: there are more."""

    condition: tuple[str, tuple[Any, ...]]
    cut: bool = False


@cached
def sought(path: str, said: str) -> Found:
    """What is meant by the words of a search, the surest first: a booking's id or BK number, a customer's id, a
    provider's id or a part of its name, the beginning of an id. Each is asked for by itself: most searches are answered
    by the first, and one column is read in a third of the time of all."""
    spelled = list(dict.fromkeys((said, said.upper(), said.lower())))
    if rows := _row_numbers(path, ("booking_id", "business_id"), "IN (SELECT unnest(?::VARCHAR[]))", spelled):
        return _these(rows)
    if rows := _row_numbers(path, ("customer_id",), "IN (SELECT unnest(?::VARCHAR[]))", spelled):
        return _these(rows)
    begins = ("booking_id", "business_id", "customer_id", "provider_id")
    providers = ask(
        path,
        """SELECT DISTINCT provider_id FROM core.providers
           WHERE provider_id IN (SELECT unnest(?::VARCHAR[])) OR contains(lower(provider_name), ?)""",
        [spelled, said.lower()],
    )["provider_id"].to_list()
    if providers:
        return Found(("b.provider_id IN (SELECT unnest(?::VARCHAR[]))", (tuple(providers),)))
    return _these(_row_numbers(path, begins, "^@ ?", said))


def _row_numbers(path: str, columns: tuple[str, ...], test: str, value: Any) -> list[int]:
    each = " UNION ".join(
        f"SELECT rowid AS row FROM core.bookings WHERE {column} {test}" for column in columns
    )
    return ask(path, f"{each} LIMIT {MOST_FOUND + 1}", [value] * len(columns))["row"].to_list()


def _these(rows: list[int]) -> Found:
    return Found(
        ("b.rowid IN (SELECT unnest(?::BIGINT[]))", (tuple(rows[:MOST_FOUND]),)), cut=len(rows) > MOST_FOUND
    )


def _shown(code: str, at: datetime | None) -> tuple[str, tuple[Any, ...]]:
    pending = "b.status = ? AND b.responded_at IS NULL AND b.accepted_at IS NULL"
    if code == WAITING:
        return pending, (BookingStatus.PENDING.value,)
    if code == PAST:
        return f"{pending} AND b.response_deadline < ?", (BookingStatus.PENDING.value, at)
    if code == "reassigned":
        return "(b.booking_id, b.origin) IN (SELECT (booking_id, origin) FROM marts.reassignments)", ()
    if code in ("finding", "missing"):
        one = "" if code == "finding" else " AND finding = ?"
        found = f"FROM marts.commission_findings WHERE booking_id IS NOT NULL AND NOT coalesce(waived, false){one}"
        return f"(b.booking_id, b.origin) IN (SELECT (booking_id, origin) {found})", ((code,) if one else ())
    odd = "SELECT unnest([booking_id, other_booking_id]) FROM marts.booking_anomalies WHERE anomaly = ?"
    return f"b.booking_id IN ({odd})", (code,)


def _days(first: date | None, last: date | None) -> tuple[str, tuple[Any, ...]]:
    day = "(b.created_at + to_minutes(b.utc_offset_minutes))::DATE"
    parts: list[tuple[str, Any]] = []
    if first is not None:
        begins = datetime.combine(first, datetime.min.time())
        parts += [("b.created_at >= ?", begins - _ZONES), (f"{day} >= ?", first)]
    if last is not None:
        ends = datetime.combine(last, datetime.min.time()) + timedelta(days=1)
        parts += [("b.created_at < ?", ends + _ZONES), (f"{day} <= ?", last)]
    return " AND ".join(sql for sql, _ in parts), tuple(value for _, value in parts)


# The list -----------------------------------------------------------------------------------------

_COLUMNS: Final = """b.booking_id, b.origin, b.business_id, b.status, b.response_deadline, b.accepted_at,
    b.responded_at, b.created_at, b.starts_at, b.provider_id, b.provider_name, b.customer_id, b.source, b.mode,
    b.service_minutes, b.amount_idr, b.is_test, b.deleted_at"""


@cached
def _page(path: str, asked: Asked, page: int) -> pl.DataFrame:
    return _rows(path, asked, page)


def _rows(path: str, asked: Asked, page: int | None) -> pl.DataFrame:
    condition, parameters = asked.condition(path)
    order = f"{SORTS[asked.order]}, {_LAST_ORDER}"
    chosen = f"SELECT b.rowid FROM core.bookings b WHERE {condition}"
    if page is not None:
        chosen += f" ORDER BY {order} LIMIT {PAGE_ROWS} OFFSET {PAGE_ROWS * (page - 1)}"
    return ask(
        path,
        f"SELECT {_COLUMNS} FROM core.bookings b WHERE b.rowid IN ({chosen}) ORDER BY {order}",
        _bound(parameters),
    )


@cached
def total(path: str, asked: Asked) -> int:
    """How many bookings are asked for."""
    condition, parameters = asked.condition(path)
    found = ask(path, f"SELECT count(*) AS n FROM core.bookings b WHERE {condition}", _bound(parameters))
    return int(found["n"][0])


def _bound(parameters: Iterable[Any]) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in parameters]


@dataclass(frozen=True)
class Listing:
    """One page of the bookings asked for, and all of them for a download: as core has them, with how each stands
    (``answer``, marketplace/answers.py; ``left_s``: seconds until its deadline, negative when past; ``chat``,
    marketplace/chats.py). ``name``: of its file and of its place on the page. Raises what reading.ask raises."""

    name: str
    asked: Asked
    page: int
    at: datetime
    columns: tuple[Column, ...] = ()
    said: Callable[[pl.DataFrame], pl.DataFrame] = field(default=lambda rows: rows, compare=False)
    """Adds what a screen says of the rows in its language; no file has it."""

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return self.said(standing(path, _page(path, self.asked, self.page), self.at))

    def all(self, path: str) -> pl.DataFrame:
        return standing(path, _rows(path, self.asked, None), self.at)

    def count(self, path: str) -> int:
        return total(path, self.asked)


def standing(path: str, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Bookings with ``answer``, ``left_s`` and ``chat`` added."""
    records = rows.select(
        "booking_id", "origin", "business_id", "status", "accepted_at", "responded_at", "response_deadline",
        "created_at",
    ).to_dicts()  # fmt: skip
    answers = [answer_of(row, at) for row in records]
    chats = chat_words(path, records, at)
    left = [
        (row["response_deadline"] - at).total_seconds() if answer in (Answer.WAITING, Answer.PAST) else None
        for row, answer in zip(records, answers, strict=True)
    ]
    return rows.with_columns(
        pl.Series("answer", [answer.value for answer in answers], dtype=pl.String),
        pl.Series("left_s", left, dtype=pl.Float64),
        pl.Series("chat", [chat.value for chat in chats], dtype=pl.String),
    )


@dataclass(frozen=True)
class Waiting:
    """Who waits for an answer at an instant: ``waiting`` bookings, of them ``past`` their deadline; ``longest``: the
    one whose deadline passed first; ``next_at``: the next deadline ahead."""

    waiting: int
    past: int
    longest: dict[str, Any] | None
    next_at: datetime | None


def waiting(path: str, at: datetime) -> Waiting:
    """How many bookings wait for an answer now, by the clock."""
    answers = [(row, answer_of(row, at)) for row in _pending(path)]
    past = [row for row, answer in answers if answer is Answer.PAST]
    ahead = [row["response_deadline"] for row, answer in answers if answer is Answer.WAITING]
    return Waiting(
        sum(answer in AWAITED for _, answer in answers),
        len(past),
        min(past, key=lambda row: row["response_deadline"], default=None),
        min(ahead, default=None),
    )


@cached
def _pending(path: str) -> list[dict[str, Any]]:
    return ask(
        path,
        """SELECT booking_id, status, accepted_at, responded_at, response_deadline, created_at FROM core.bookings
           WHERE status = ? AND deleted_at IS NULL AND NOT coalesce(is_test, false)""",
        [BookingStatus.PENDING.value],
    ).to_dicts()


@cached
def cities(path: str) -> tuple[str, ...]:
    """Where providers are."""
    found = ask(path, "SELECT DISTINCT city FROM core.providers WHERE city IS NOT NULL ORDER BY city")
    return tuple(found["city"].to_list())


# The chat of bookings -----------------------------------------------------------------------------


def chat_words(path: str, bookings: list[dict[str, Any]], at: datetime) -> list[Chat]:
    """Whether the chat of each booking is open at an instant."""
    if not bookings:
        return []
    read_until = _rooms_read(path)
    rooms = rooms_of(path, bookings)
    return [
        chat_of(
            [
                room_at(room["status"], room["expires_at"], at) if room["sure"] else Chat.UNKNOWN
                for room in rooms.get((row["booking_id"], row["origin"]), ())
            ],
            read=read_until is not None and row["created_at"] <= read_until,
        )
        for row in bookings
    ]


def rooms_of(path: str, bookings: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(booking_id, origin) → the rooms that name it, by its id or its BK number, in any case: room_id, status,
    expires_at, created_at, and ``sure``: the name is of no other booking."""
    keys: dict[str, set[tuple[str, str]]] = {}
    for row in bookings:
        for name in (row["booking_id"], row["business_id"]):
            if name is not None:
                keys.setdefault(str(name).lower(), set()).add((row["booking_id"], row["origin"]))
    found = _rooms(path, tuple(sorted(keys)))
    shared = _shared_keys(path, tuple(sorted({room["key"] for room in found}))) if found else frozenset()
    rooms: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for room in found:
        for booking in keys[room["key"]]:
            rooms.setdefault(booking, []).append({**room, "sure": room["key"] not in shared})
    return rooms


@cached
def _rooms(path: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    return ask(
        path,
        """SELECT lower(booking_ref) AS key, room_id, status, expires_at, created_at FROM core.chat_rooms
           WHERE lower(booking_ref) IN (SELECT unnest(?::VARCHAR[])) AND deleted_at IS NULL
           ORDER BY created_at DESC, room_id""",
        [list(keys)],
    ).to_dicts()


@cached
def _shared_keys(path: str, keys: tuple[str, ...]) -> frozenset[str]:
    """Of these names of bookings those that stand on more than one."""
    found = ask(
        path,
        """WITH asked AS (SELECT unnest(?::VARCHAR[]) AS key), named AS (
             SELECT lower(booking_id) AS key, booking_id, origin FROM core.bookings
             WHERE lower(booking_id) IN (FROM asked) AND deleted_at IS NULL
             UNION
             SELECT lower(business_id), booking_id, origin FROM core.bookings
             WHERE lower(business_id) IN (FROM asked) AND deleted_at IS NULL)
           SELECT key FROM named GROUP BY key HAVING count(*) > 1""",
        [list(keys)],
    )
    return frozenset(found["key"].to_list())


@cached
def _rooms_read(path: str) -> datetime | None:
    """Up to when all chat rooms were read; None where they never were."""
    found = ask(path, "SELECT completed_at FROM ops.scans WHERE collection = 'chat_rooms'")
    return found["completed_at"][0] if found.height else None


# One booking --------------------------------------------------------------------------------------


@cached
def named(path: str, said: str) -> list[dict[str, Any]]:
    """The bookings with this id, else those with this BK number: every column of core.bookings, with the ``city`` of
    the provider and the provider's own name. One id may stand in both collections."""
    for column in ("booking_id", "business_id"):
        found = ask(
            path,
            f"""SELECT b.*, p.city, coalesce(p.provider_name, b.provider_name) AS provider
                FROM (SELECT * FROM core.bookings WHERE {column} = ? LIMIT 20) b
                LEFT JOIN (SELECT provider_id, any_value(city) AS city, any_value(provider_name) AS provider_name
                           FROM core.providers GROUP BY provider_id) p USING (provider_id)
                ORDER BY b.deleted_at IS NOT NULL, b.origin, b.created_at DESC""",
            [said],
        ).to_dicts()
        if found:
            return found
    return []


@cached
def events(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """from_status, to_status, observed_at: what was seen of its status, in order."""
    return ask(
        path,
        """SELECT from_status, to_status, observed_at FROM core.booking_events
           WHERE booking_id = ? AND origin = ? ORDER BY change""",
        [booking_id, origin],
    ).to_dicts()


@cached
def reconciled(path: str, booking_id: str, origin: str) -> dict[str, Any] | None:
    """Its row of the reconciliation, or None where it earns nothing."""
    rows = ask(
        path,
        """SELECT commission_id, expected_idr, actual_idr, variance_idr, state, local_date, policy_version,
                  policy_rate_ppm, rate, deadline_at, commission_status, paid_at, records
           FROM marts.commission_reconciliation WHERE booking_id = ? AND origin = ? LIMIT 1""",
        [booking_id, origin],
    ).to_dicts()
    return rows[0] if rows else None


@cached
def findings(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """What was found about its commission, with code and args, open ones first."""
    return ask(
        path,
        f"""SELECT finding_id, finding, severity, commission_id, expected_idr, actual_idr, variance_idr,
                   coalesce(waived, false) AS waived, detail, code, args
            FROM {with_messages("marts.commission_findings", "origin")}
            WHERE booking_id = ? AND coalesce(origin, ?) = ?
            ORDER BY waived, abs(coalesce(variance_idr, 0)) DESC, finding_id""",
        [booking_id, origin, origin],
    ).to_dicts()


@cached
def further_records(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Records of it that are not its own: commission_id, reason, status, commission_idr."""
    return ask(
        path,
        """SELECT commission_id, reason, status, commission_idr FROM marts.unreconciled_records
           WHERE booking_id = ? AND coalesce(origin, ?) = ? ORDER BY commission_id""",
        [booking_id, origin, origin],
    ).to_dicts()


@cached
def hand_overs(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Who had it and to whom it went, in order, also where another booking took its place or it took another's:
    booking_id, from_provider_id, from_name, to_provider_id, to_name, to_booking_id, reassigned_at, told_by, outcome."""
    return ask(
        path,
        """WITH names AS (SELECT provider_id, any_value(provider_name) AS name FROM core.providers GROUP BY provider_id)
           SELECT r.booking_id, r.from_provider_id, f.name AS from_name, r.to_provider_id, t.name AS to_name,
                  r.to_booking_id, r.reassigned_at, r.told_by, r.outcome
           FROM (FROM marts.reassignments WHERE (booking_id = ? AND origin = ?) OR to_booking_id = ?) r
           LEFT JOIN names f ON f.provider_id = r.from_provider_id
           LEFT JOIN names t ON t.provider_id = r.to_provider_id
           ORDER BY r.reassigned_at NULLS FIRST, r.booking_id, r.number""",
        [booking_id, origin, booking_id],
    ).to_dicts()


@cached
def hops(path: str, booking_id: str, origin: str) -> dict[int, dict[str, Any]]:
    """Hop → since and verdict, of the chain from booking to payment; none of a booking older than a week."""
    rows = ask(
        path,
        "SELECT hop, since, verdict FROM marts.link_states WHERE row_id = ? AND origin = ? ORDER BY hop",
        [booking_id, origin],
    ).to_dicts()
    return {int(row["hop"]): row for row in rows}


@cached
def anomalies(path: str, booking_id: str) -> list[dict[str, Any]]:
    """What is odd about it, or about another because of it: anomaly, booking_id, other_booking_id, detail, code,
    args."""
    return ask(
        path,
        f"""SELECT anomaly, booking_id, other_booking_id, detail, code, args
            FROM {with_messages("marts.booking_anomalies")} WHERE booking_id = ? OR other_booking_id = ?
            ORDER BY anomaly, booking_id, other_booking_id""",
        [booking_id, booking_id],
    ).to_dicts()


@cached
def doubts(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Values of its row that could not be trusted: finding, attribute, detail, code, args."""
    return ask(
        path,
        f"""SELECT finding, attribute, detail, code, args FROM {with_messages("marts.data_findings")}
            WHERE row_id = ? AND collection = ? ORDER BY attribute, finding""",
        [booking_id, origin],
    ).to_dicts()


def chain(path: str, booking_id: str, origin: str, policy: Policy) -> tuple[Step, ...]:
    """The facts that led to how its commission stands, each with its rule: asked for one booking, and not kept."""
    with reading(path) as con:
        return explain_booking(con, booking_id, origin, policy)


def chat_now(path: str, booking: Mapping[str, Any], at: datetime) -> tuple[Chat, list[dict[str, Any]]]:
    """Whether its chat is open, and the rooms that name it."""
    row = dict(booking)
    rooms = rooms_of(path, [row]).get((row["booking_id"], row["origin"]), [])
    return chat_words(path, [row], at)[0], rooms
