"""The package's table of corrections: the closing that the report before this one said less the closing now, by ledger
line, cause and amount. Which cause it is is marketplace/corrections.py's.

Of the lines before the period's end few differ, of millions. Both snapshots add up fingerprints of theirs in buckets,
and only lines of buckets that differ are read: memory does not grow with the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.corrections import Cause, Change, LineState, RecordState, cause_of
from pipelines.exports.month.earlier import reported, reported_figures, same_rules
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

CORRECTION: Final = "correction"
TOTAL: Final = "total"
_BUCKETS: Final = 1024
#: Lines that are compared at a time, and rows handed on at a time.
_LINES: Final = 50_000
_BATCH: Final = 10_000

COLUMNS: Final = (
    PackageColumn(
        "line", "", "correction, or total: the closings as a whole, with nothing of it counted twice"
    ),
    PackageColumn("provider_id", "", "whom the ledger line charges"),
    PackageColumn("provider_name", "", "the provider's business name, of the newer snapshot"),
    PackageColumn("commission_id", "", "the commission record of the ledger line"),
    PackageColumn("booking_id", "", "its booking"),
    PackageColumn("entry_id", "", "the ledger line, as in marts.commission_entries"),
    PackageColumn("kind", "", "accrual, fee, payment, reversal or refund"),
    PackageColumn("part", "", "whether the line is of the commission or of its fee"),
    PackageColumn("cause", "", "why it differs: one of the causes of docs/month.md"),
    PackageColumn(
        "reported_date", "", "the day of the line as the earlier report had it; empty where it had none"
    ),
    PackageColumn("date_now", "", "the day of the line now; empty where there is none"),
    PackageColumn("reported_status", "", "the record's status as the earlier report had it"),
    PackageColumn("status_now", "", "the record's status now"),
    PackageColumn("reported_idr", "", "what the line added to the closing that was reported"),
    PackageColumn("now_idr", "", "what it adds to the closing now"),
    PackageColumn("correction_idr", "", "reported less now: above zero, less is owed than was reported"),
    PackageColumn("detail", "", "the cause in a sentence"),
)
SCHEMA: Final[dict[str, Any]] = {
    column.name: pl.Date
    if column.name in ("reported_date", "date_now")
    else pl.Int64
    if column.name.endswith("_idr")
    else pl.String
    for column in COLUMNS
}

_BUCKET: Final = f"md5_number_lower(entry_id) % {_BUCKETS}"
_BEFORE_END: Final = (
    "local_date < CAST($until AS DATE) AND ($provider::VARCHAR IS NULL OR provider_id = $provider::VARCHAR)"
)
_PRINTS: Final = (
    f"SELECT ({_BUCKET})::INTEGER AS bucket, count(*) AS lines, sum(hash(entry_id, provider_id, amount_idr)::HUGEINT)"
    f" AS print, sum(amount_idr)::BIGINT AS idr FROM marts.commission_entries WHERE {_BEFORE_END} GROUP BY bucket"
)
_OF_BUCKETS: Final = (
    "SELECT entry_id, provider_id, amount_idr FROM marts.commission_entries"
    f" WHERE {_BEFORE_END} AND list_contains($buckets, ({_BUCKET})::INTEGER)"
)
_LINES_OF: Final = (
    "SELECT entry_id, provider_id, local_date, amount_idr, kind, part, commission_id, booking_id"
    " FROM marts.commission_entries WHERE entry_id IN (SELECT unnest($ids))"
)
_RECORDS_OF: Final = (
    "SELECT commission_id, status, commission_idr, fee_idr, coalesce(paid_at, verified_at) AS paid_at,"
    " deleted_at IS NOT NULL AS deleted, coalesce(is_test, false) AS is_test"
    " FROM core.commissions WHERE commission_id IN (SELECT unnest($ids))"
)
_NAMES: Final = (
    "SELECT provider_id, min(provider_name) AS provider_name FROM core.providers"
    " WHERE provider_id IN (SELECT unnest($ids)) GROUP BY provider_id"
)
_FOUND: Final = "temp.month_corrections"


def rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    """The lines that differ by provider, record and line, then the whole. Without an earlier report none."""
    if asked.supersedes is None:
        return
    with reported(con, asked.supersedes) as (before, why):
        if before is None:
            yield _untold(con, asked, why)
            return
        bound = {"until": asked.until, "provider": asked.provider}
        try:
            then = before.execute(_PRINTS, bound).pl()
        except (duckdb.CatalogException, duckdb.BinderException):
            yield _untold(
                con,
                asked,
                "The snapshot that report rests on has no ledger lines: an older bookwatch made it.",
            )
            return
        now = con.execute(_PRINTS, bound).pl()
        reported_idr, now_idr = (int(side["idr"].sum() or 0) for side in (then, now))
        schema = ", ".join(f'"{name}" {_sql_type(kind)}' for name, kind in SCHEMA.items())
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_FOUND.removeprefix('temp.')} ({schema})")
        of_same_rules = same_rules(con, before)
        told = 0
        for buckets in _differing(then, now):
            some = _compared(con, before, bound, buckets, asked.until, of_same_rules)
            told += int(some["correction_idr"].sum() or 0)
            con.register("month_corrections_made", some)
            con.execute(f"INSERT INTO {_FOUND} SELECT * FROM month_corrections_made")
            con.unregister("month_corrections_made")
    found = con.sql(f"FROM {_FOUND} ORDER BY provider_id NULLS LAST, commission_id, entry_id")
    for batch in found.to_arrow_reader(_BATCH):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame
    con.execute(f"DROP TABLE {_FOUND}")
    whole = [_whole(reported_idr, now_idr)]
    rest = reported_idr - now_idr - told
    if rest:
        whole.insert(0, {"line": CORRECTION, "cause": Cause.NOT_TOLD.value, "correction_idr": rest})
    yield pl.DataFrame(whole, schema=SCHEMA, orient="row")


def _whole(reported_idr: int, now_idr: int) -> dict[str, Any]:
    return {
        "line": TOTAL,
        "reported_idr": reported_idr,
        "now_idr": now_idr,
        "correction_idr": reported_idr - now_idr,
        "detail": "The closing that was reported, less the closing as this snapshot has it.",
    }


def _untold(con: duckdb.DuckDBPyConnection, asked: Asked, why: str) -> pl.DataFrame:
    """That no cause can be told: of how much, where the report itself says its closing; else no amount, which is not
    0."""
    said = reported_figures(asked.supersedes).get("closing_idr") if asked.supersedes else None
    line: dict[str, Any] = {"line": CORRECTION, "cause": Cause.NOT_TOLD.value, "detail": why}
    if said is None:
        return pl.DataFrame([line], schema=SCHEMA, orient="row")
    prints = con.execute(_PRINTS, {"until": asked.until, "provider": asked.provider}).pl()
    whole = _whole(said, int(prints["idr"].sum() or 0))
    return pl.DataFrame(
        [{**line, "correction_idr": whole["correction_idr"]}, whole], schema=SCHEMA, orient="row"
    )


def _sql_type(kind: Any) -> str:
    return {pl.Date: "DATE", pl.Int64: "BIGINT"}.get(kind, "VARCHAR")


def _differing(then: pl.DataFrame, now: pl.DataFrame) -> Iterator[list[int]]:
    """The buckets whose lines are not the same on both sides, in groups of some _LINES lines."""
    both = then.join(now, on="bucket", how="full", coalesce=True, suffix="_now")
    other = both.filter(
        ~(pl.col("print").eq_missing(pl.col("print_now")) & pl.col("lines").eq_missing(pl.col("lines_now")))
    ).sort("bucket")
    group: list[int] = []
    held = 0
    for row in other.iter_rows(named=True):
        lines = max(int(row["lines"] or 0), int(row["lines_now"] or 0))
        if group and held + lines > _LINES:
            yield group
            group, held = [], 0
        group.append(int(row["bucket"]))
        held += lines
    if group:
        yield group


def _compared(
    con: duckdb.DuckDBPyConnection,
    before: duckdb.DuckDBPyConnection,
    bound: dict[str, Any],
    buckets: list[int],
    until: date,
    of_same_rules: bool,
) -> pl.DataFrame:
    """The corrections of the lines of some buckets."""
    key = ["entry_id", "provider_id"]
    asked = {**bound, "buckets": buckets}
    then, now = (side.execute(_OF_BUCKETS, asked).pl() for side in (before, con))
    both = then.join(now, on=key, how="full", coalesce=True, suffix="_now")
    other = both.filter(pl.col("amount_idr").fill_null(0) != pl.col("amount_idr_now").fill_null(0))
    ids = {"ids": other["entry_id"].unique().to_list()}
    lines_then, lines_now = (_by(side.execute(_LINES_OF, ids).pl(), "entry_id") for side in (before, con))
    records = {
        "ids": sorted({str(line["commission_id"]) for line in (*lines_then.values(), *lines_now.values())})
    }
    records_then, records_now = (
        _by(side.execute(_RECORDS_OF, records).pl(), "commission_id") for side in (before, con)
    )
    names = _by(con.execute(_NAMES, {"ids": other["provider_id"].unique().to_list()}).pl(), "provider_id")
    made: list[dict[str, Any]] = []
    for row in other.iter_rows(named=True):
        line_then, line_now = lines_then.get(row["entry_id"]), lines_now.get(row["entry_id"])
        line: dict[str, Any] = line_then or line_now or {}
        record_then = _record(records_then.get(line.get("commission_id")))
        record_now = _record(records_now.get(line.get("commission_id")))
        why = cause_of(
            Change(
                _line(line_then, until),
                _line(line_now, until),
                record_then,
                record_now,
                part=str(line.get("part")),
                same_rules=of_same_rules,
            )
        )
        was, is_now = int(row["amount_idr"] or 0), int(row["amount_idr_now"] or 0)
        made.append(
            {
                "line": CORRECTION,
                "provider_id": row["provider_id"],
                "provider_name": names.get(row["provider_id"], {}).get("provider_name"),
                "commission_id": line.get("commission_id"),
                "booking_id": line.get("booking_id"),
                "entry_id": row["entry_id"],
                "kind": line.get("kind"),
                "part": line.get("part"),
                "cause": why.cause.value,
                "reported_date": line_then and line_then["local_date"],
                "date_now": line_now and line_now["local_date"],
                "reported_status": record_then and record_then.status,
                "status_now": record_now and record_now.status,
                "reported_idr": was,
                "now_idr": is_now,
                "correction_idr": was - is_now,
                "detail": why.sentence,
            }
        )
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


def _by(frame: pl.DataFrame, key: str) -> dict[Any, dict[str, Any]]:
    return {row[key]: row for row in frame.iter_rows(named=True)}


def _line(row: dict[str, Any] | None, until: date) -> LineState | None:
    if row is None:
        return None
    return LineState(row["provider_id"], row["local_date"], row["amount_idr"], row["local_date"] < until)


def _record(row: dict[str, Any] | None) -> RecordState | None:
    if row is None:
        return None
    return RecordState(
        row["status"], row["commission_idr"], row["fee_idr"], row["paid_at"], row["deleted"], row["is_test"]
    )


TABLE: Final = PackageTable(
    "corrections",
    "A ledger line that changed what is owed at the period's end since the report before this one, and the whole.",
    COLUMNS,
    rows,
    total="line",
)
