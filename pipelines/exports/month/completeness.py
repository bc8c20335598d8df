"""The package's table ``completeness``: every row of the mirror, in the period's figures, out of them for a reason, or
of no concern to them; of each collection they add up to the rows that the mirror itself counted.

Which row is what is told by marts.commission_reconciliation and marts.exclusions; which of them is in the period here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.collections import INGESTED, RECORDS
from marketplace.commission import REVENUE_STATUSES
from marketplace.exclusions import ACCOUNTED, IN, MONEY_COLLECTIONS, Exclusion
from messages.catalogue import say
from messages.rules import exclusion
from pipelines.exports.commissions import in_period, of_period, of_provider
from pipelines.exports.month.exclusions import told_in
from pipelines.exports.month.instants import utc_text
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

Line = tuple[str, str, str | None, int, int | None, int | None]
_ORDER: Final = (*MONEY_COLLECTIONS, *(name for name in INGESTED if name not in MONEY_COLLECTIONS))


class Part(StrEnum):
    """What a line counts, in the order of the lines."""

    IN = "in"
    OUT = "out"
    OUT_WITHOUT_DAY = "out_without_day"
    ELSEWHERE_IN = "in_other_periods"
    ELSEWHERE_OUT = "out_in_other_periods"
    OTHERS = "of_other_providers"
    NO_FIGURE = "no_figure"
    TOTAL = "total"


_PARTS: Final = {
    Part.IN: "In the figures of the period.",
    Part.OUT: "Out of the figures of the period, on a day of it.",
    Part.OUT_WITHOUT_DAY: "Out of the figures of any period: the day is not known, and may lie in this one.",
    Part.ELSEWHERE_IN: "In the figures of other periods.",
    Part.ELSEWHERE_OUT: "Out of the figures of other periods.",
    Part.OTHERS: "Of other providers, or of none that is known.",
    Part.NO_FIGURE: "No figure is made of this collection.",
    Part.TOTAL: "All lines of the collection, beside the rows of the mirror.",
}
_NOT_TOLD: Final = (
    "This snapshot was made by a version of bookwatch that does not account for the rows of the mirror: nothing can be"
    " said of what is out of its figures."
)
_NOT_COUNTED: Final = " How many rows of it the mirror had was not counted: that they add up is not shown."
_COLUMNS: Final = (
    PackageColumn("collection", "", "The collection of the app; unknown where the snapshot tells nothing."),
    PackageColumn(
        "part",
        "",
        "What the line counts: in, out, out_without_day, in_other_periods, out_in_other_periods, of_other_providers,"
        " no_figure; total for all lines of the collection.",
    ),
    PackageColumn("reason", "", "Why these rows are out; in for those in the figures; empty in a total."),
    PackageColumn("rows", "", "How many rows of the collection these are."),
    PackageColumn(
        "amount_idr",
        "",
        "What they say, in rupiah, as far as it is known: amounts of bookings, commissions of records; empty where rows"
        " of other providers are among them.",
    ),
    PackageColumn("unknown_amounts", "", "How many of the rows have an amount that is not known."),
    PackageColumn(
        "mirror_rows",
        "",
        "In a total: the rows of the collection that the mirror itself counted; empty where it was not counted.",
    ),
    PackageColumn(
        "unaccounted_rows",
        "",
        "In a total: rows of the mirror that no line counts; 0, or something was lost or counted twice.",
    ),
    PackageColumn(
        "forgotten_rows",
        "",
        "In a total: of how many rows an erasure took a person's values; they stay, and are counted above.",
    ),
    PackageColumn(
        "read",
        "",
        "In a total: how the run that the snapshot rests on read the collection: complete, or rows may be missing;"
        " empty where that is not told.",
    ),
    PackageColumn(
        "read_at_utc", "", "In a total: when it was last read to its end; empty: never.", "instant"
    ),
    PackageColumn("meaning", "", "What the line counts, and what the reason means, in words."),
)
_SCHEMA: Final = {
    "collection": pl.String,
    "part": pl.String,
    "reason": pl.String,
    "rows": pl.Int64,
    "amount_idr": pl.Int64,
    "unknown_amounts": pl.Int64,
    "mirror_rows": pl.Int64,
    "unaccounted_rows": pl.Int64,
    "forgotten_rows": pl.Int64,
    "read": pl.String,
    "read_at_utc": pl.String,
    "meaning": pl.String,
}


def _part(here: Part, elsewhere: Part) -> str:
    """SQL: what a row counts for."""
    return (
        f"CASE WHEN NOT {of_provider('provider_id')} THEN '{Part.OTHERS}' WHEN {in_period()} THEN '{here}'"
        f" WHEN local_date IS NULL THEN '{Part.OUT_WITHOUT_DAY}' ELSE '{elsewhere}' END"
    )


#: Every row of the collections that a month is made of: collection, part, reason and rupiah.
_ROWS_OF_MONEY: Final = f"""
SELECT origin AS collection, {_part(Part.IN, Part.ELSEWHERE_IN)} AS part, '{IN}' AS reason, booking_amount_idr AS idr
FROM marts.commission_reconciliation
WHERE booking_id IS NOT NULL AND booking_status IN {REVENUE_STATUSES} AND booking_amount_idr IS NOT NULL
  AND local_date IS NOT NULL
UNION ALL
SELECT '{RECORDS}', {_part(Part.IN, Part.ELSEWHERE_IN)}, '{IN}', actual_idr FROM marts.commission_reconciliation
WHERE commission_id IS NOT NULL AND actual_idr IS NOT NULL AND local_date IS NOT NULL
UNION ALL
SELECT collection, {_part(Part.OUT, Part.ELSEWHERE_OUT)}, reason, amount_idr FROM marts.exclusions
WHERE collection IN {MONEY_COLLECTIONS}
"""


def _lines(con: duckdb.DuckDBPyConnection, asked: Asked) -> list[Line]:
    """(collection, part, reason, rows, rupiah, rows without), each once, in the order of the table. What others
    booked is not for a provider to read: of them the rows are counted, no more."""
    others = f"part = '{Part.OTHERS}'"
    sql = (
        f"SELECT collection, part, if({others}, NULL, reason) AS why, count(*),"
        f" if({others}, NULL, coalesce(sum(idr), 0)::BIGINT), if({others}, NULL, count(*) FILTER (idr IS NULL))"
        f" FROM ({_ROWS_OF_MONEY}) GROUP BY collection, part, why"
        " UNION ALL"
        f" SELECT collection, '{Part.NO_FIGURE}', reason, rows, amount_idr, unknown_amounts FROM marts.completeness"
        f" WHERE collection NOT IN {MONEY_COLLECTIONS} AND rows > 0"
    )
    found: list[Line] = con.execute(of_period(sql, period_of(asked))).fetchall()
    # Said also where there is nothing: of a month without rows the package tells that it has none.
    there = {line[:3] for line in found}
    found += [
        (c, Part.IN.value, IN, 0, 0, 0) for c in MONEY_COLLECTIONS if (c, Part.IN.value, IN) not in there
    ]
    parts, reasons = [part.value for part in Part], [None, *ACCOUNTED]
    return sorted(
        found, key=lambda line: (_ORDER.index(line[0]), parts.index(line[1]), reasons.index(line[2]))
    )


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    if not told_in(con):
        yield _frame([{"collection": "unknown", "part": Part.TOTAL.value, "meaning": _NOT_TOLD}])
        return
    mirror: dict[str, tuple[int, int]] = {
        collection: (rows, forgotten)
        for collection, rows, forgotten in con.execute(
            "SELECT collection, rows, forgotten FROM ops.mirror_rows"
        ).fetchall()
    }
    scans: dict[str, tuple[str, str | None]] = {
        collection: (outcome, completed_at)
        for collection, outcome, completed_at in con.execute(
            f"SELECT collection, outcome, {utc_text('completed_at')} FROM ops.scans"
        ).fetchall()
    }
    lines = _lines(con, asked)
    told: list[dict[str, Any]] = []
    there = {line[0] for line in lines} | mirror.keys()
    for collection in (name for name in _ORDER if name in there):
        own = [line for line in lines if line[0] == collection]
        told += [{**dict(zip(_SCHEMA, line, strict=False)), "meaning": _meaning(*line[1:3])} for line in own]
        rows = sum(line[3] for line in own)
        counted, forgotten = mirror.get(collection, (None, None))
        read, read_at = scans.get(collection, (None, None))
        told.append(
            {
                "collection": collection,
                "part": Part.TOTAL.value,
                "rows": rows,
                "amount_idr": _known_sum(line[4] for line in own),
                "unknown_amounts": _known_sum(line[5] for line in own),
                "mirror_rows": counted,
                "unaccounted_rows": None if counted is None else counted - rows,
                "forgotten_rows": forgotten,
                "read": read,
                "read_at_utc": read_at,
                "meaning": _PARTS[Part.TOTAL] + ("" if counted is not None else _NOT_COUNTED),
            }
        )
    yield _frame(told)


def _known_sum(numbers: Iterable[int | None]) -> int | None:
    """Their sum; None where one of them is not told."""
    whole = 0
    for number in numbers:
        if number is None:
            return None
        whole += number
    return whole


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=_SCHEMA)


def _meaning(part: str, reason: str | None) -> str:
    if reason is None or reason in (IN, Exclusion.NO_FIGURE):
        return _PARTS[Part(part)]
    return f"{_PARTS[Part(part)]} {say(exclusion(reason))}"


TABLE: Final = PackageTable(
    "completeness",
    "Of each collection of the mirror: how many of its rows are in the period's figures, how many are out and why, how"
    " many belong to other periods; in a total line their sum beside the mirror's own count.",
    _COLUMNS,
    _rows,
    total="part",
)
