"""How often a user may book and write, counted in one row a user and kind that everybody who adds one changes, in the
transaction of what is added: exact, over any number of processes. The rule is in marketplace/rates.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from marketplace.app_rows import instant_like
from marketplace.operations import counter_id
from marketplace.rates import LIMITS, WINDOW, Rate, free_at, kept, seconds_until, spoken
from resources.appwrite.writing import Change, Create, Row, Write
from services.problems import Problem
from services.store import View

COUNTERS: Final = "service_counters"
_SECOND: Final = timedelta(seconds=1)
_TOO_MANY: Final = {Rate.BOOKINGS: "too_many_bookings", Rate.MESSAGES: "too_many_messages"}


@dataclass(frozen=True)
class Counted:
    """One that was let. ``at``: naive UTC, whole milliseconds; ``booking`` and ``provider``: of a booking, whose it
    is."""

    at: datetime
    booking: str = ""
    provider: str = ""


def to_ms(at: datetime) -> datetime:
    """An instant as rows hold it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def counted(view: View, who: str, rate: Rate, at: datetime) -> Write:
    """The write that counts one more; it goes first. ``who``: the id that the rows carry which are counted; ``at``:
    naive UTC, whole milliseconds, as those rows have it. Raises Problem (429, with when it may be tried again),
    CallFailure."""
    found = log_of(view, who, rate)
    must_fit(found, rate, at)
    return written(view, who, rate, [*found, Counted(at)], at)


def must_fit(found: Iterable[Counted], rate: Rate, at: datetime) -> None:
    """Raises Problem (429) where one more is too many."""
    free = free_at([one.at for one in found], at, LIMITS[rate])
    if free > at:
        wait = seconds_until(at, free)
        told = {"limit": LIMITS[rate], "span": WINDOW // _SECOND, "wait": spoken(wait)}
        raise Problem(429, _TOO_MANY[rate], args=told, retry_after=wait)


def log_of(view: View, who: str, rate: Rate) -> list[Counted]:
    """What stands in a user's row; the row is watched. Raises CallFailure."""
    return counted_in(view.row(COUNTERS, counter_id(rate, who)))


def written(
    view: View, who: str, rate: Rate, found: Sequence[Counted], at: datetime, shown: str | None = None
) -> Write:
    """The write of a user's row. ``shown``: what it says of whose it is, where that is no id."""
    row_id = counter_id(rate, who)
    row = view.row(COUNTERS, row_id)
    if row is not None:
        return rewritten(row, found, at)
    data = {"userId": shown if shown is not None else who, "kind": rate.value, "instants": _lines(found, at)}
    return Create(COUNTERS, row_id, data)


def rewritten(row: Row, found: Sequence[Counted], at: datetime) -> Change:
    """The write of a row that is there. ``at``: now."""
    return Change(COUNTERS, str(row["$id"]), {"instants": _lines(found, at)}, str(row["$updatedAt"]))


def _lines(found: Sequence[Counted], at: datetime) -> str:
    still = set(kept([one.at for one in found], at))
    lines = [
        [instant_like(None, one.at), *((one.booking, one.provider) if one.booking else ())]
        for one in sorted(found, key=lambda one: one.at)
        if one.at in still
    ]
    return json.dumps(lines, separators=(",", ":"))


def counted_in(row: Row | None) -> list[Counted]:
    """What a row counts."""
    lines: object = json.loads(str(row.get("instants") or "[]")) if row is not None else []
    found: list[Counted] = []
    for line in cast("list[Any]", lines):
        at, booking, provider = [*map(str, cast("list[Any]", line)), "", ""][:3]
        found.append(Counted(datetime.fromisoformat(at).replace(tzinfo=None), booking, provider))
    return found
