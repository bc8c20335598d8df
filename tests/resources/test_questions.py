"""A person's SQL: what reads is answered, every way out is refused before it runs, and nothing goes over its bounds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from resources.errors import UsageError
from resources.home import Home
from resources.ledger import Ledger
from resources.questions import Bounds, TooMuch, answer, require_reading
from resources.snapshots import copy_closed_file, open_snapshot, point_link, snapshot_path

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = Bounds(seconds=30, memory=1 << 30)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("home") / "home").create()
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE SCHEMA marts; CREATE TABLE marts.t AS SELECT 7 AS n, 'x' AS word")
    path = snapshot_path(home, "20261101T000000Z-000001")
    copy_closed_file(home.warehouse, path, Ledger(home.ledger).record_seal)
    point_link(home.current, path)
    return path


@pytest.fixture
def con(snapshot: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_snapshot(snapshot, memory_limit=f"{BOUNDS.memory} bytes") as connection:
        yield connection


WAYS_OUT = [
    # over the snapshot itself, and beside it
    "COPY marts.t TO '{own}'", "COPY (SELECT 1) TO '{own}'", "COPY marts.t TO '{own}' (FORMAT parquet)",
    "COPY marts.t FROM '{own}'", "copy marts.t to '{out}'", "COPY marts.t TO '/dev/stdout'",
    "COPY FROM DATABASE memory TO x", "/* SELECT 1 */ COPY marts.t TO '{own}'", "-- SELECT\nCOPY marts.t TO '{own}'",
    "EXPORT DATABASE '{out}'", "IMPORT DATABASE '{out}'",
    "EXPLAIN COPY marts.t TO '{own}'", "EXPLAIN ANALYZE COPY marts.t TO '{own}'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{own}'", "/* a */ EXPLAIN (FORMAT json) COPY marts.t TO '{own}'",
    "/* /* */ EXPLAIN SELECT 1 */ EXPLAIN ANALYZE COPY marts.t TO '{own}'",
    "EXPLAIN ANALYZE DELETE FROM marts.t", "EXPLAIN CREATE TABLE x AS SELECT 1",
    # several at once
    "SELECT 1; COPY marts.t TO '{own}'", "SELECT 1; SELECT 2", "COPY marts.t TO '{own}'; SELECT 1",
    "SELECT 1;\n-- x\nDROP TABLE marts.t", "PIVOT marts.t ON word USING sum(n)",
    # other databases, extensions, secrets
    "ATTACH '{out}'", "ATTACH '{own}' AS again", "ATTACH ':memory:' AS m", "DETACH x", "USE marts",
    "INSTALL httpfs", "FORCE INSTALL httpfs", "LOAD httpfs", "UPDATE EXTENSIONS", "CREATE SECRET s (TYPE s3)",
    "DROP SECRET s",
    # settings
    "SET memory_limit = '100GB'", "SET enable_external_access = true", "RESET memory_limit", "SET VARIABLE a = 1",
    "PRAGMA threads = 8", "PRAGMA enable_profiling", "PRAGMA profiling_output = '{out}'", "PRAGMA disable_optimizer",
    "PRAGMA copy_database('a', 'b')", "PRAGMA import_database('{out}')",
    # writes
    "CREATE TABLE u AS SELECT 1", "CREATE TEMP TABLE u AS SELECT 1", "CREATE TEMP VIEW u AS SELECT 1",
    "CREATE OR REPLACE TEMP MACRO f() AS 1", "CREATE SCHEMA u", "CREATE SEQUENCE q", "CREATE TYPE k AS ENUM ('a')",
    "INSERT INTO marts.t VALUES (1, 'a')", "UPDATE marts.t SET n = 1", "DELETE FROM marts.t", "TRUNCATE marts.t",
    "MERGE INTO marts.t USING marts.t AS s ON t.n = s.n WHEN MATCHED THEN DELETE", "DROP TABLE marts.t",
    "ALTER TABLE marts.t ADD COLUMN c INT", "COMMENT ON TABLE marts.t IS 'x'", "VACUUM", "ANALYZE", "CHECKPOINT",
    "FORCE CHECKPOINT", "BEGIN", "COMMIT", "ROLLBACK", "PREPARE q AS COPY marts.t TO '{own}'", "EXECUTE q",
    "DEALLOCATE q", "CALL checkpoint()", "CALL enable_logging()", "CALL pragma_version()",
    "WITH x AS (DELETE FROM marts.t RETURNING *) FROM x",
    # reading files by a function or a name
    "FROM read_csv('/etc/passwd')", "FROM read_text('{own}')", "SELECT size FROM read_blob('{own}')",
    "FROM READ_BLOB('{own}')", "FROM system.main.read_blob('{own}')", "FROM read_duckdb('{own}')", "FROM glob('/*')",
    "FROM parquet_metadata('{own}')", "FROM sniff_csv('{own}')", "FROM '{own}'", 'SELECT * FROM "{own}"',
    "FROM 'x.csv'", "FROM 'https://example.org/x.parquet'", "SUMMARIZE '{own}'", "DESCRIBE FROM '{own}'",
    "DESCRIBE (FROM read_csv('x'))", "SHOW '{own}'", "EXPLAIN ANALYZE FROM read_blob('{own}')",
    "SELECT (SELECT count(*) FROM read_blob('{own}'))", "FROM marts.t WHERE EXISTS (FROM read_blob('{own}'))",
    "WITH x AS (FROM read_blob('{own}')) FROM x", "SELECT 1 UNION ALL SELECT size FROM read_blob('{own}')",
    "FROM range(3), LATERAL (FROM glob('*'))", "SELECT n FROM marts.t ORDER BY (SELECT 1 FROM glob('*'))",
    # SQL within text, and what a function does beside its value
    "FROM query('SELECT 1')", "FROM query_table('marts.t')", "FROM query('FROM read_blob(''{own}'')')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 42'))",
    "PRAGMA json_execute_serialized_sql('x')", "FROM checkpoint()", "FROM force_checkpoint()",
    "FROM enable_logging()", "FROM enable_profiling()", "FROM truncate_duckdb_logs()", "FROM duckdb_secrets()",
    "FROM duckdb_settings()", "SELECT write_log('x')", "SELECT getenv('APPWRITE_API_KEY')", "SELECT nextval('q')",
    # nothing
    "", ";", "-- nothing", "SELECT", "rm -rf /",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_way_out_is_refused_and_the_snapshot_stays_as_it_was(
    con: duckdb.DuckDBPyConnection, snapshot: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before, beside = snapshot.read_bytes(), sorted(snapshot.parent.iterdir())
    with pytest.raises(UsageError) as refused:
        answer(con, way.format(own=snapshot, out=tmp_path / "out"), BOUNDS)
    assert "`bookwatch sql` reads only" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert snapshot.read_bytes() == before
    assert sorted(snapshot.parent.iterdir()) == beside
    assert list(tmp_path.iterdir()) == []


def test_a_variable_of_this_program_is_no_table(con: duckdb.DuckDBPyConnection) -> None:
    import polars as pl

    mine = pl.DataFrame({"n": [1]})
    with pytest.raises(UsageError, match="mine"):
        answer(con, "FROM mine", BOUNDS)
    assert mine.height == 1


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("SELECT n FROM marts.t", (7,)),
        ("FROM marts.t", (7, "x")),
        ("(SELECT 1)", (1,)),
        ("VALUES (1, 2)", (1, 2)),
        ("TABLE marts.t;", (7, "x")),
        ("WITH a AS (SELECT n FROM marts.t) SELECT n + 1 FROM a", (8,)),
        ('WITH "my rows" AS (FROM marts.t) SELECT n FROM "my rows"', (7,)),
        ("-- what for\nSELECT upper(word) FROM marts.t /* end */;", ("X",)),
        ("SELECT unnest([1, 2])", (1,)),
        ("FROM range(2)", (0,)),
        ("FROM (PIVOT marts.t ON word IN ('x') USING sum(n))", (7,)),
        ("SELECT json_extract('{\"a\": 1}', '$.a')::INT", (1,)),
        ("SELECT 'COPY x TO y; DROP TABLE z'", ("COPY x TO y; DROP TABLE z",)),
        ("SELECT table_name FROM duckdb_tables()", ("t",)),
        ("SELECT table_name FROM information_schema.tables", ("t",)),
    ],
)
def test_what_reads_is_answered(con: duckdb.DuckDBPyConnection, query: str, first: tuple[Any, ...]) -> None:
    assert answer(con, query, BOUNDS)[1][0] == first


@pytest.mark.parametrize(
    "query",
    [
        "SHOW TABLES", "SHOW ALL TABLES", "DESCRIBE marts.t", "DESCRIBE SELECT 1", "SUMMARIZE marts.t", "SHOW marts.t",
        "EXPLAIN SELECT 1", "explain analyze select n from marts.t", "EXPLAIN (FORMAT json) SELECT 1",
        "/* why */ EXPLAIN FROM marts.t", "EXPLAIN (SELECT 1)", "PRAGMA show_tables", "PRAGMA table_info('marts.t')",
    ],
)  # fmt: skip
def test_what_describes_is_answered(con: duckdb.DuckDBPyConnection, query: str) -> None:
    names, rows = answer(con, query, BOUNDS)
    assert names
    assert rows or query in ("SHOW TABLES", "PRAGMA show_tables")


def test_judging_runs_nothing(con: duckdb.DuckDBPyConnection) -> None:
    require_reading(con, "SELECT error('it was run')")
    with pytest.raises(UsageError, match="it was run"):
        answer(con, "SELECT error('it was run')", BOUNDS)


def test_a_query_over_its_time_is_stopped_with_the_way_forward(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(TooMuch, match=r"0\.2 seconds.*BOOKWATCH_SQL_SECONDS"):
        answer(con, "SELECT count(*) FROM range(10000000) a, range(10000000) b", Bounds(0.2, 1 << 30))
    assert answer(con, "SELECT 1", BOUNDS)[1] == [(1,)]


@pytest.mark.parametrize(
    "query",
    ["SELECT list(range) FROM range(1000000000)", "SELECT repeat('x', 1000) || range FROM range(100000000)"],
    ids=["what DuckDB holds", "the rows themselves"],
)
def test_a_query_over_its_memory_is_stopped_with_the_way_forward(snapshot: Path, query: str) -> None:
    with open_snapshot(snapshot, memory_limit="64MiB") as con:
        with pytest.raises(TooMuch, match=r"64 MiB.*BOOKWATCH_SQL_MEMORY"):
            answer(con, query, Bounds(60, 64 << 20))
        assert not list(snapshot.parent.glob("*.tmp"))


_ONE_LONG_VALUE = "SELECT levenshtein(repeat('ab', 60000), repeat('ba', 60000))"
_PROGRAM = f"""
import sys
from pathlib import Path
from resources.questions import Bounds, answer
from resources.snapshots import open_snapshot
with open_snapshot(Path(sys.argv[1])) as con:
    try:
        print("asking", flush=True)
        answer(con, {_ONE_LONG_VALUE!r}, Bounds(float(sys.argv[2]), 1 << 30))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
"""


@pytest.mark.parametrize(("seconds", "status", "said"), [("0.2", 1, "0.2 seconds"), ("600", 130, "Stopped.")])
def test_one_value_that_takes_for_ever_ends_as_well(
    snapshot: Path, seconds: str, status: int, said: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(snapshot), seconds],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asking\n"
    if status == 130:
        process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode in (status, 1), error  # 1: Ctrl-C came before the value was begun
    assert said in error
    assert "Traceback" not in error
