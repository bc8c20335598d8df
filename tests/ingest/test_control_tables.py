"""raw.duckdb's control tables: as declared in a new file, in one of a version before."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resources.raw.column_types import Column
from resources.raw.control_tables import CONTROL_TABLES
from resources.raw.store import RawStore
from tests.ingest.mirroring import accept_all, naive

NOW = naive(2026, 3, 1)

#: What the version before these modules made a file with, to the letter (but for its line breaks).
BEFORE = """
CREATE TABLE _mirror (endpoint VARCHAR, project VARCHAR, database VARCHAR, created_at TIMESTAMP, last_change BIGINT);
CREATE TABLE _columns (collection VARCHAR, attribute VARCHAR, column_name VARCHAR, kind VARCHAR, is_array BOOLEAN,
    first_seen_at TIMESTAMP, gone_at TIMESTAMP, unread BOOLEAN);
CREATE TABLE _watermarks (collection VARCHAR, watermark TIMESTAMP, completed_at TIMESTAMP, scan_bound TIMESTAMP,
    resume_sequence BIGINT, run_id VARCHAR, scan_lower TIMESTAMP, rescan BOOLEAN, rules_version VARCHAR,
    resume_id VARCHAR, ordered_by VARCHAR);
CREATE TABLE _rejects (collection VARCHAR, row_id VARCHAR, sequence BIGINT, reasons VARCHAR, content VARCHAR,
    first_seen_at TIMESTAMP, last_tried_at TIMESTAMP, rules_version VARCHAR);
CREATE TABLE _ingest_runs (run_id VARCHAR, collection VARCHAR, fetched BIGINT, inserted BIGINT, updated BIGINT,
    unchanged BIGINT, deleted BIGINT, rejected BIGINT, started_at TIMESTAMP, seconds DOUBLE, watermark TIMESTAMP,
    outcome VARCHAR, detail VARCHAR);
CREATE TABLE _sweeps (collection VARCHAR, started_at TIMESTAMP, resume_sequence BIGINT, seen BIGINT,
    resume_id VARCHAR, since_change BIGINT);
CREATE TABLE _sweep_missing (collection VARCHAR, row_id VARCHAR, sequence BIGINT);
CREATE TABLE _sweep_seen (collection VARCHAR, row_id VARCHAR);
CREATE TABLE _page_sizes (collection VARCHAR, rows BIGINT, failed BIGINT, row_bytes BIGINT);
CREATE TABLE _forgotten (customer_id VARCHAR, forgotten_at TIMESTAMP, known_until TIMESTAMP, rewritten BOOLEAN);
CREATE TABLE _forgotten_keys (customer_id VARCHAR, key VARCHAR);
CREATE TABLE _forgotten_values (customer_id VARCHAR, collection VARCHAR, row_id VARCHAR, attribute VARCHAR);
CREATE TABLE _forgotten_marks (customer_id VARCHAR, kind VARCHAR, words BIGINT, digest VARCHAR);
CREATE TABLE _large_rows (collection VARCHAR, row_id VARCHAR, bytes BIGINT);
"""
#: What the first version made it with, as far as that differs.
FIRST = re.sub(r",\s+(unread BOOLEAN|resume_id VARCHAR|ordered_by VARCHAR|since_change BIGINT)", "", BEFORE)
MIRRORED = """
INSERT INTO _mirror VALUES ('http://a/v1', 'p', 'd', TIMESTAMP '2026-01-01', 7);
INSERT INTO _columns (collection, attribute, column_name, kind, is_array, first_seen_at)
    VALUES ('bookings', 'title', 'title', 'varchar', false, TIMESTAMP '2026-01-01');
CREATE TABLE bookings (_id VARCHAR, _sequence BIGINT, _created_at TIMESTAMP, _updated_at TIMESTAMP,
    _ingested_at TIMESTAMP, _run_id VARCHAR, _deleted_at TIMESTAMP, _change BIGINT, _misfits VARCHAR,
    _rejected VARCHAR, title VARCHAR);
CREATE TABLE bookings_history AS SELECT *, NULL::TIMESTAMP AS _replaced_at, NULL::BIGINT AS _replaced_by FROM bookings;
INSERT INTO bookings SELECT 'r' || i, i, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', 'old',
    NULL, 7, NULL, CASE i WHEN 2 THEN '["bad title"]' END, 'title ' || i FROM range(1, 4) t(i);
INSERT INTO _rejects VALUES ('bookings', 'r2', 2, '["bad title"]', '{}', TIMESTAMP '2026-01-02',
    TIMESTAMP '2026-01-02', '1');
INSERT INTO _watermarks (collection, scan_bound, resume_sequence, run_id)
    VALUES ('bookings', TIMESTAMP '2026-01-02', 3, 'old');
INSERT INTO _sweeps (collection, started_at, resume_sequence, seen) VALUES ('bookings', TIMESTAMP '2026-01-02', 2, 2);
"""


def control_tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for table, name, kind in con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE table_name LIKE '\\_%' ESCAPE '\\' "
        "AND NOT internal ORDER BY table_name, column_index"
    ).fetchall():
        found.setdefault(table, []).append((name, kind))
    return found


DECLARED = {table.name: [(c.name, c.type) for c in table.columns] for table in CONTROL_TABLES}


def test_a_new_file_has_the_tables_that_are_declared(home: Path) -> None:
    with RawStore(home / "raw.duckdb") as store:
        assert control_tables(store.connection) == DECLARED


@pytest.mark.parametrize("made_with", [BEFORE, FIRST], ids=["the version before", "the first"])
def test_a_file_of_an_earlier_version_opens_and_goes_on(home: Path, made_with: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home / "raw.duckdb")) as con:
        con.execute(made_with + MIRRORED)
    with RawStore(home / "raw.duckdb") as store:
        assert control_tables(store.connection) == DECLARED
        assert store.source.known() == ("http://a/v1", "p", "d")
        assert store.rejects.listed()["row_id"].to_list() == ["r2"]
        swept = store.sweeps.state("bookings")
        assert swept is not None
        assert (swept.resume, swept.seen) == (2, 2)
        assert not store.columns.reconcile("bookings", [Column("title", "varchar")], NOW)
        plan = store.watermarks.begin_scan("bookings", bound=NOW, overlap=timedelta(0), run_id="new")
        assert (plan.resumed, plan.after, plan.order) == (True, 3, "$sequence")
        rows = store.connection.sql(
            "SELECT _id, _sequence, _created_at, _updated_at, title, _misfits FROM bookings WHERE _sequence > 1"
        ).pl()
        changed = pl.concat(
            [
                rows.with_columns(pl.lit("changed").alias("title"), pl.lit(NOW).alias("_updated_at")),
                rows.head(1).with_columns(
                    pl.lit("r9").alias("_id"),
                    pl.lit(9, pl.Int64).alias("_sequence"),
                    pl.lit("new").alias("title"),
                ),
            ]
        )
        counts = store.merge.page(
            "bookings", changed, run_id="new", now=NOW, reject_reasons=accept_all, complete=True
        )
        assert (counts.inserted, counts.updated) == (1, 2)
        assert store.rejects.listed().height == 0
        assert store.watermarks.of("bookings").completed_at == NOW
        assert store.connection.sql(
            "SELECT DISTINCT _change, _replaced_by FROM bookings_history"
        ).fetchall() == [(7, 8)]
