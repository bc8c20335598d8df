"""Reads one table from its first row to its last, in one pass: pages by $sequence (by $id where there is none), fewer
rows where the server fails over them, a row that cannot be had passed by and counted.

A row that is touched meanwhile is read as it is then; one that is made meanwhile comes at the end. Nothing is written.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from appwrite.query import Query

from operations.backup.parts import packed
from operations.backup.rows import Frames, RowsDecoder, RowsPage, parquet_name
from operations.backup.tables import Table, path_of
from resources.appwrite.bounds import loads
from resources.appwrite.columns import Page
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.order import following, lacks_sequence, prove_order_by_id
from resources.appwrite.page_ahead import PageAhead, position_guess
from resources.appwrite.page_sizes import FewerRows, OddRows, OneRow, PageSize
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.relations import select_related
from resources.raw.column_types import Order, Position

COUNTED_UPTO: Final = 5_000
"""Appwrite counts the rows of an answer no further."""
TRICKLE: Final = 3
"""Pages with fewer rows than asked for, one after another, of rows made since the pass began: then it is at its end,
though rows go on to come."""
PAGE_THREADS: Final = 2
UNREACHED: Final = frozenset({"unauthorized", "connection", "circuit_open"})
"""Why a call failed that tells nothing of the table it asked for."""


@dataclass
class Pass:
    """What is known of a table after it was read. ``unread``: rows that could not be had."""

    order: Order = "$sequence"
    rows: int = 0
    unread: int = 0
    unread_columns: tuple[str, ...] = ()


def counted(gateway: Gateway, table: str) -> int | None:
    """How many rows the server counts; None where it does not count to the end, or cannot: the row that comes along may
    be the one it fails over, and the others are read all the same. Raises CallFailure where it cannot be reached."""

    def decode(body: bytes) -> int | None:
        told = loads(body)
        total = cast("dict[str, Any]", told).get("total") if isinstance(told, dict) else None
        return total if isinstance(total, int) and 0 <= total < COUNTED_UPTO else None

    path = path_of(gateway, gateway.api.rows, table)
    try:
        return gateway.client.request(
            "probe_rows",
            table,
            "get",
            path,
            {"queries": [Query.limit(1)]},
            lambda body, kind: decode(body),
            expected=True,
        ).value
    except CallFailure as failed:
        if failed.reason in UNREACHED:
            raise
        return None


def read_table(
    gateway: Gateway,
    table: Table,
    threads: PageThreads,
    begun: datetime,
    done: Pass,
    *,
    restart: Callable[[], None],
    pack: bool = True,
) -> Iterator[RowsPage]:
    """The pages of a table; ``done`` is filled meanwhile. ``begun``: the server's time when the pass began, naive UTC.
    ``restart``: called before the table is read anew, in another order: what was given until then does not count.

    Raises CallFailure.
    """
    try:
        yield from _read(gateway, table, threads, begun, done, "$sequence", pack)
        return
    except PermanentFailure as failed:
        refused = failed
    if not lacks_sequence(refused):
        raise refused
    prove_order_by_id(gateway, table.id, refused)
    restart()
    yield from _read(gateway, table, threads, begun, done, "$id", pack)


def _read(
    gateway: Gateway,
    table: Table,
    threads: PageThreads,
    begun: datetime,
    done: Pass,
    order: Order,
    pack: bool,
) -> Iterator[RowsPage]:
    frames = Frames(table.readable, gateway.api.list_key) if pack and not table.relations else None
    relations = table.relations
    selection = select_related(gateway, table.id, [one.key for one in relations if one.own])
    done.order, done.rows, done.unread = order, 0, 0
    done.unread_columns = selection.unread
    decoder = RowsDecoder(gateway.api.list_key, order, relations, packed if pack else None, frames)
    since = f"{begun:%Y-%m-%dT%H:%M:%S}"
    size = PageSize(gateway.settings.page_size)
    asking = FewerRows(gateway, table.id, size, "list_rows", order=order, expected=lacks_sequence)

    def fetch(after: Position | None, decode: Callable[[bytes], Page]) -> Page:
        def which(rows: int) -> Sequence[str]:
            return [*selection.queries, *following(order, after, rows)]

        return asking.fetch(which, decode)[1]

    odd_rows = OddRows()
    after: Position | None = None
    short = 0
    pages = PageAhead(threads, fetch, decoder.decode, position_guess(order, selection))
    try:
        while True:
            try:
                page = pages.page(after)
            except OneRow as odd:
                odd_rows.check(odd)
                done.unread += 1
                after = odd.row.position
                continue
            odd_rows.had_a_page()
            if page.last is None:
                return
            assert isinstance(page, RowsPage)
            done.rows += len(page)
            after = page.last
            late = len(page) < size.rows() and page.made > since
            yield page
            short = short + 1 if late else 0
            if short == TRICKLE:
                return
    finally:
        pages.close()


def watched_columns(columns: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Attribute → its column in a frame, of those that a restored row without a value would be refused for, or given
    one: they must have a value, or have a default."""
    return {
        str(column["key"]): parquet_name(str(column["key"]))
        for column in columns
        if (column.get("required") or column.get("default") is not None)
        and column.get("type") != "relationship"
    }
