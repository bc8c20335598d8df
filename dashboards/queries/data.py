"""What the data itself is worth: rows that could not be taken, values that could not be trusted, checks with the rows
that break them, how much came in and what came late. Asked through reading.py.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, reading, with_messages
from messages.message import Message

_OF_THIS_RUN: Final = "run_id = (SELECT run_id FROM ops.snapshot LIMIT 1)"

# What could not be taken, or not be trusted ----------------------------------------------------------

#: The rows that could not be taken, the newest first.
QUARANTINED = Query(
    "quarantined",
    """SELECT collection, row_id, reasons, first_seen_at FROM ops.quarantine
       ORDER BY first_seen_at DESC, collection, row_id""",
    columns=(
        Column("collection", "col.collection"),
        Column("row_id", "data_quality.row"),
        Column("reasons", "data_quality.reasons"),
        Column("first_seen_at", "data_quality.first_seen"),
    ),
)


@cached
def kinds(path: str) -> list[dict[str, Any]]:
    """finding, collections (their names, a list), rows, values: what could not be trusted by kind, the most first."""
    return ask(
        path,
        """SELECT finding, list_sort(list(DISTINCT collection)) AS collections,
                  count(DISTINCT (collection, row_id))::BIGINT AS rows, count(*)::BIGINT AS values
           FROM marts.data_findings GROUP BY finding ORDER BY rows DESC, finding""",
    ).to_dicts()


@cached
def doubtful_values(path: str) -> int:
    """How many values could not be trusted."""
    return int(ask(path, "SELECT count(*) AS n FROM marts.data_findings")["n"][0])


def of_kind(kind: str) -> Query:
    """The values of a kind that could not be trusted."""
    return Query(
        "doubtful_values",
        f"""SELECT collection, row_id, attribute, detail, code, args FROM {with_messages("marts.data_findings")}
            WHERE finding = ? ORDER BY collection, row_id, attribute""",
        (kind,),
        columns=(
            Column("collection", "col.collection"),
            Column("row_id", "data_quality.row"),
            Column("attribute", "data_quality.attribute"),
            Column("detail", "col.detail", told=True),
        ),
    )


@cached
def row(path: str, row_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is known of a row by its id, in whichever collections one has it: where it is in quarantine, and its values
    that could not be trusted (100 at most)."""
    held = ask(
        path,
        "SELECT collection, row_id, reasons, first_seen_at FROM ops.quarantine WHERE row_id = ? ORDER BY collection",
        [row_id],
    )
    doubted = ask(
        path,
        f"""SELECT collection, attribute, finding, detail, code, args FROM {with_messages("marts.data_findings")}
            WHERE row_id = ? ORDER BY collection, attribute LIMIT 100""",
        [row_id],
    )
    return held.to_dicts(), doubted.to_dicts()


# Checks ------------------------------------------------------------------------------------------

BREAKING_SHOWN: Final = 500


@cached
def check(path: str, name: str) -> list[dict[str, Any]]:
    """check_name, asset, passed, severity, failed_rows, evaluated_at, detail of a check in the run of this snapshot:
    one row for each asset it was made on."""
    return ask(
        path,
        f"""SELECT check_name, asset, passed, severity, failed_rows, evaluated_at, detail FROM ops.check_results
            WHERE {_OF_THIS_RUN} AND check_name = ? ORDER BY asset""",
        [name],
    ).to_dicts()


@cached
def breaking(path: str, name: str) -> list[tuple[Message | str, str]] | None:
    """What each row says that breaks a check, and what names the row, up to BREAKING_SHOWN of them; None for a check
    that has no such rows to show: that of a table's form, of what was fetched, of a later version. Raises what
    reading.ask raises: what a check asks may not be in a snapshot."""
    from checks.check import Check
    from checks.every import all_checks  # only who opens a check needs what declares and validates tables

    found = all_checks().get(name)
    if not isinstance(found, Check):
        return None
    with reading(path) as con:
        query = found.bad_rows if isinstance(found.bad_rows, str) else found.bad_rows(con)
        asked = con.sql(f"FROM ({query}) LIMIT {BREAKING_SHOWN}")
        coded = asked.columns[0] == "code"
        names = 2 if coded and asked.columns[1:2] == ["args"] else 1
        return [
            (
                Message(row[0], row[1] if names == 2 else {}) if coded else str(row[0]),
                " ".join(str(part) for part in row[names:] if part is not None),
            )
            for row in asked.fetchall()
        ]


# What came in ------------------------------------------------------------------------------------

DAYS_SHOWN: Final = 30


@cached
def volume(path: str, offset_minutes: int) -> pl.DataFrame:
    """collection, local_date, inserted, updated, rejected, deleted: rows a local day, of the last 30 days at most."""
    return ask(
        path,
        """SELECT collection, (started_at + to_minutes(?))::DATE AS local_date, sum(inserted)::BIGINT AS inserted,
                  sum(updated)::BIGINT AS updated, sum(rejected)::BIGINT AS rejected, sum(deleted)::BIGINT AS deleted
           FROM ops.ingest_runs GROUP BY ALL ORDER BY collection, local_date""",
        [offset_minutes],
    )


@cached
def mirrored(path: str) -> dict[str, int]:
    """collection → rows of the mirror that are there still."""
    return dict(ask(path, "SELECT collection, (rows - deleted)::BIGINT FROM ops.mirror_rows").rows())


@cached
def unusual_rows(path: str) -> dict[str, dict[str, Any]]:
    """collection → the newest unusual hour of its rows: hour_start, figure, expected, is_open."""
    rows = ask(
        path,
        """SELECT source, hour_start, figure, expected, is_open FROM marts.unusual
           WHERE series = 'rows' AND state = 'unusual' ORDER BY hour_start""",
    )
    return {row["source"]: row for row in rows.iter_rows(named=True)}


#: Rows that only a sweep found: they came late, or past the ordinary reading; the newest first.
LATE = Query(
    "came_late",
    """SELECT started_at, collection, inserted, updated, deleted FROM ops.ingest_runs
       WHERE ends_with(run_id, '-sweep') AND inserted + updated + deleted > 0
       ORDER BY started_at DESC, collection""",
    columns=(
        Column("started_at", "data_quality.swept_at"),
        Column("collection", "col.collection"),
        Column("inserted", "data_quality.inserted"),
        Column("updated", "data_quality.updated"),
        Column("deleted", "data_quality.deleted"),
    ),
)


@cached
def late(path: str) -> tuple[int, datetime | None]:
    """How many rows only a sweep found in the last 30 days, and when one was last made; None: none was."""
    ((found, swept),) = ask(
        path,
        """SELECT coalesce(sum(inserted + updated), 0)::BIGINT, max(started_at) FROM ops.ingest_runs
           WHERE ends_with(run_id, '-sweep')""",
    ).rows()
    return int(found), swept


def last_days(today: date, number: int) -> list[date]:
    """Today and the days before it, the oldest first."""
    return [today - timedelta(days=back) for back in range(number - 1, -1, -1)]
