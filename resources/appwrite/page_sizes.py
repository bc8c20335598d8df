"""How many rows of a collection to ask for: so many that an answer weighs some megabytes, fewer where the server fails
over them, down to one; and what is done about a row that cannot be had at all.

Which rows are asked for, and where what was learned is kept: sync.py, sweep.py, resources/raw/pages.py.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

from appwrite.query import Query

from resources.appwrite.bounds import loads
from resources.appwrite.columns import Page, PageDecoder
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.order import following
from resources.raw.column_types import Order
from resources.raw.pages import Learned
from resources.raw.rejects import FirstRow, Unread

T = TypeVar("T")

AIM = 8 << 20
"""Bytes of an answer: five times what 1,000 bookings weigh. Appwrite's worker needs several times as much for it."""
COUNTED_FROM = 2 << 20
"""Bytes of an answer from which on its rows are counted."""
FIRST_ROWS = 100
"""What is asked for first of a collection nothing is known of."""
GROWS_AFTER = 8
"""Whole pages in a row that are to be had before a size that failed is tried again."""
FADES = 0.8
"""What is left, a page, of the weight of rows before it that were heavier."""
FIRST_ROW_SECONDS = 10.0
"""A server that lives answers within these which row comes next: two small values of it."""
MOST_LEFT_OUT = 50
"""Rows that one request leaves out by name: Appwrite takes 100 queries."""
TRIES_A_RUN = 3
"""Rows that are tried again and fail, a collection: each may cost the server a worker."""

MOST_ODD_ROWS = 50
ODD_SECONDS = 180.0
"""Rows one behind the other that cannot be had, and the time over which: then the scan ends, and the next run goes on
behind them."""

_ROW = b'"$id":'
_SELECT = '"method":"select"'
_TWO_VALUES = ("$id", "$updatedAt")


class PageSize:
    """Rows to ask for, learned from the answers. Safe to use from several threads."""

    def __init__(self, most: int, learned: Learned | None = None) -> None:
        self._most = most
        known = learned or Learned()
        self._ceiling = min(most, known.rows or most)
        self._failed = known.failed
        self._weight = float(known.row_bytes or 0)
        self._good = 0
        self._lock = threading.Lock()

    def rows(self) -> int:
        """How many to ask for now."""
        with self._lock:
            fits = int(AIM / self._weight) if self._weight else FIRST_ROWS
            return max(1, min(self._ceiling, fits))

    def had(self, asked: int, body: bytes) -> None:
        """So many were asked for, and this is the answer."""
        # As many as asked for, as nearly always, where it is light: looking costs a millisecond.
        counted = len(body) > COUNTED_FROM or self._ceiling < self._most
        rows = min(body.count(_ROW), asked) if counted else asked
        if not rows:
            return
        with self._lock:
            self._weight = max(len(body) / rows, FADES * self._weight)
            if rows < asked or asked < self._ceiling or self._ceiling >= self._most:
                return
            self._good += 1
            doubled = min(self._most, 2 * self._ceiling)
            if self._failed is not None and doubled >= self._failed:
                if self._good < GROWS_AFTER:
                    return
                self._failed = None
            self._ceiling, self._good = doubled, 0

    def failed(self, asked: int) -> None:
        """So many could not be had, though the server lives."""
        with self._lock:
            self._ceiling = min(self._ceiling, max(1, asked // 2))
            self._failed = min(asked, self._failed or asked)
            self._good = 0

    def explained(self) -> None:
        """It was one row that could not be had: the size of pages was not the cause."""
        with self._lock:
            self._failed = None

    @property
    def learned(self) -> Learned:
        with self._lock:
            ceiling = None if self._ceiling >= self._most else self._ceiling
            # In powers of two: it should not be written anew after every scan.
            return Learned(
                ceiling, self._failed, 1 << int(self._weight).bit_length() if self._weight else None
            )


@dataclass(frozen=True)
class LookedAgain:
    """What became of rows that could not be read: ``gone`` ids, ``tried`` in vain, ``left_out``: unchanged, so that
    asking for them once more is no use now."""

    gone: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class OneRow(Exception):
    """One row by itself cannot be had, though the server lives and lists it."""

    def __init__(self, row: FirstRow, failure: CallFailure) -> None:
        super().__init__(failure.sentence)
        self.row = row
        self.failure = failure


Operation = Literal["list_rows", "sweep_rows", "repair_rows"]


def look_again(
    gateway: Gateway,
    collection: str,
    unread: Sequence[Unread],
    decode: Callable[[bytes], Page],
    had: Callable[[Page], object],
    *,
    now: datetime,
    all_due: bool = False,
    order: Order = "$sequence",
    selected: Sequence[str] = (),
) -> LookedAgain:
    """Ask for rows that could not be read: those that are due; ``had`` is called with what can be read now.

    ``order``: what rows are followed by; ``selected``: the queries that select what they carry. One that was written
    since is left to the scan. Raises no CallFailure: nothing is known then.
    """
    some = list(unread)[:MOST_LEFT_OUT]
    plain = PageDecoder((), gateway.api.list_key, order)
    queries = [
        Query.select(list(_TWO_VALUES)),
        Query.equal("$id", [one.row_id for one in some]),
        *following(order, None, len(some)),
    ]
    try:
        page = gateway.rows(
            collection, queries, plain.decode, operation="first_row", retries=1, within=FIRST_ROW_SECONDS
        )
    except CallFailure:
        return LookedAgain()
    there = dict(zip(page.frame["_id"], page.frame["_updated_at"], strict=True))
    tried: list[str] = []
    left_out: list[str] = []
    for one in some:
        if one.row_id not in there or (one.updated_at and there[one.row_id] != one.updated_at):
            continue
        left_out.append(one.row_id)
        if len(tried) >= TRIES_A_RUN or not (all_due or one.due(now)):
            continue
        alone = [*selected, Query.equal("$id", [one.row_id]), *following(order, None, 1)]
        try:
            had(gateway.rows(collection, alone, decode, operation="repair_rows", retries=0, doubtful=True))
        except CallFailure:
            tried.append(one.row_id)
    return LookedAgain(
        tuple(one.row_id for one in some if one.row_id not in there), tuple(tried), tuple(left_out)
    )


def but_for(left_out: Sequence[str]) -> list[str]:
    """Queries that leave rows out."""
    return [Query.not_equal("$id", row_id) for row_id in left_out]


class OddRows:
    """How many rows in a row could not be had: so many, or over so long a time, that it is the server's trouble."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since = 0.0
        self._rows = 0

    def had_a_page(self) -> None:
        self._rows = 0

    def check(self, odd: OneRow) -> None:
        """One more. Raises its failure where it is one too many."""
        if not self._rows:
            self._since = self._monotonic()
        self._rows += 1
        if self._rows > MOST_ODD_ROWS or self._monotonic() - self._since > ODD_SECONDS:
            raise odd.failure


class FewerRows:
    """Asks for rows of a collection, and again for fewer of them where that may help."""

    def __init__(
        self,
        gateway: Gateway,
        collection: str,
        size: PageSize,
        operation: Operation,
        told: Sequence[str] = (),
        *,
        order: Order = "$sequence",
        expected: bool | Callable[[CallFailure], bool] = False,
    ) -> None:
        """``told``: attributes that are told of a row which cannot be read as a whole. ``order``: what rows are
        followed by. ``expected``: as of the gateway's rows."""
        self._gateway = gateway
        self._collection = collection
        self._size = size
        self._operation: Operation = operation
        self._told = tuple(told)
        self._expected = expected
        self._plain = PageDecoder((), gateway.api.list_key, order)

    def fetch(
        self,
        which: Callable[[int], Sequence[str]],
        decode: Callable[[bytes], T],
        *,
        most: int | None = None,
    ) -> tuple[int, T]:
        """(rows asked for, their answer). ``which(rows)`` gives the queries for so many, the last one being the limit.

        Raises CallFailure where the server does not live, or fewer rows would not help, and OneRow.
        """
        nothing_there = False
        while True:
            asked = self._size.rows() if most is None else min(most, self._size.rows())

            def weighed(body: bytes, asked: int = asked) -> T:
                self._size.had(asked, body)
                return decode(body)

            failure: CallFailure
            try:
                return asked, self._gateway.rows(
                    self._collection,
                    which(asked),
                    weighed,
                    operation=self._operation,
                    expected=self._expected,
                    doubtful=True,
                )
            except CallFailure as failed:
                failure = failed
            if not failure.may_be_size:
                raise failure
            row = self._first(which, failure)
            if asked > 1:
                self._size.failed(asked)
            elif row is not None:
                self._size.explained()
                raise OneRow(replace(row, content=self._content(which, row)), failure)
            elif nothing_there:
                raise failure
            nothing_there = asked == 1

    def _first(self, which: Callable[[int], Sequence[str]], failure: CallFailure) -> FirstRow | None:
        """The next row, by two values of it: whether the server lives, and lists it. None: there is none any more, or
        the server lives and does not tell.

        Raises the failure where it does not live.
        """
        try:
            page = self._ask_first(which, _TWO_VALUES, self._plain.decode)
        except PermanentFailure as refused:
            # Without a $sequence that is why, whatever the size.
            if refused.reason == "no_sequence" or refused.status != 400:
                raise
            return None
        except CallFailure:
            page = None
        if page is None:
            raise failure
        if page.last is None:
            return None
        row = page.frame.row(0, named=True)
        return FirstRow(row["_id"], page.last, row["_updated_at"])

    def _content(self, which: Callable[[int], Sequence[str]], row: FirstRow) -> str:
        """What else is told of a row, as far as that can be had."""
        for names in ((*_TWO_VALUES, *self._told), _TWO_VALUES):
            try:
                found = self._ask_first(which, names, loads)
            except CallFailure:
                continue
            answered = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
            listed = answered.get(self._plain.list_key)
            rows = cast("list[dict[str, Any]]", listed) if isinstance(listed, list) else []
            if rows and isinstance(cast("object", rows[0]), dict) and rows[0].get("$id") == row.row_id:
                wanted = {"$id", "$sequence", "$createdAt", "$updatedAt", *self._told}
                return json.dumps({k: v for k, v in rows[0].items() if k in wanted}, ensure_ascii=False)
        return json.dumps({"$id": row.row_id})

    def _ask_first(
        self, which: Callable[[int], Sequence[str]], names: Sequence[str], decode: Callable[[bytes], T]
    ) -> T:
        return self._gateway.rows(
            self._collection,
            [Query.select(list(names)), *(query for query in which(1) if _SELECT not in query)],
            decode,
            operation="first_row",
            retries=1,
            within=FIRST_ROW_SECONDS,
        )
