"""A table is declared once: what is made of the declaration is held to what really is published, to the page that
shows it and to the home of a version before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.ops import create_ops
from checks.factory import validate
from checks.results import CheckResult
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.sql import bring_up, create_table, tell
from checks.schemas.table import Column, Declaration, MartTable, column, declaration_of
from resources.home import Home
from resources.snapshots import NOT_OFFERED, open_snapshot, require_snapshot
from tests.bookwatch_process import Bookwatch

ALL = {one.table: one for layer in (CORE, MARTS, OPS) for one in layer.values()}
BLANK = CheckResult("x", "y", False, "ERROR")


def test_every_table_and_column_says_what_it_holds() -> None:
    for one in ALL.values():
        assert one.what.endswith("."), one.table
        for each in one.columns:
            assert each.what, (one.table, each.name)
            assert not each.name.endswith("_idr") or each.unit == "rupiah", (one.table, each.name)


def _published(home: Home, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(home), in_full=True) as con:
        return con.execute(query).fetchall()


def test_a_snapshot_has_the_declared_columns_and_says_of_each_what_it_holds(published_home: Home) -> None:
    told = _published(
        published_home,
        "SELECT schema_name || '.' || table_name, column_name, data_type, comment FROM duckdb_columns()"
        " WHERE schema_name IN ('core', 'marts', 'ops') ORDER BY table_name, column_index",
    )
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, *rest in told:
        found.setdefault(table, []).append(tuple(rest))
    made = duckdb.connect()
    for one in ALL.values():
        made.execute(f"CREATE SCHEMA IF NOT EXISTS {one.layer}; {create_table(one)}")
        types = [str(kind) for kind in made.sql(f"FROM {one.table}").types]
        assert found[one.table] == [
            (each.name, kind, each.told) for each, kind in zip(one.columns, types, strict=True)
        ]
    assert set(found) == set(ALL)
    tables = _published(
        published_home,
        "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()"
        # Where a run notes for the next what changed: no table that is offered to anybody.
        f" WHERE schema_name <> '{NOT_OFFERED}'"
        " UNION ALL SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal",
    )
    explaining = {name: what for name, what in tables if name.startswith(("behind.", "metrics."))}
    assert all(explaining.values())
    assert {name for name in explaining if name.startswith("behind.")} == {f"behind.{name}" for name in MARTS}
    assert dict(tables) == {one.table: one.what for one in ALL.values()} | explaining


def _refuted(one: Declaration, each: Column) -> str:
    """What no row of the column may be."""
    never = [] if each.null else [f'"{each.name}" IS NULL']
    if each.words is not None:
        words = ", ".join(f"'{word}'" for word in each.words)
        never.append(f'"{each.name}"::VARCHAR NOT IN ({words})')
    if each.unit == "share":
        never.append(f'"{each.name}" NOT BETWEEN 0 AND 1')
    return " OR ".join(never) or "false"


@pytest.mark.parametrize("table", ALL)
def test_what_is_published_is_as_declared(published_home: Home, table: str) -> None:
    one = ALL[table]
    wrong = ", ".join(f'count(*) FILTER ({_refuted(one, each)}) AS "{each.name}"' for each in one.columns)
    with open_snapshot(require_snapshot(published_home), in_full=True) as con:
        counted = con.sql(f"SELECT {wrong} FROM {table}").pl().row(0, named=True)
        assert {name: count for name, count in counted.items() if count} == {}
        if one.key:
            keys = ", ".join(f'"{name}"' for name in one.key)
            assert con.sql(f"SELECT {keys} FROM {table} GROUP BY ALL HAVING count(*) > 1").fetchall() == []


@pytest.mark.parametrize("table", [table for table, one in ALL.items() if one.key and not one.view])
def test_a_planted_double_of_a_key_fails_however_the_rows_are_read(table: str) -> None:
    """Rows that have nothing in common but their key: the query that proves it finds them."""
    one = ALL[table]
    con = duckdb.connect()
    con.execute(f"CREATE SCHEMA {one.layer}")
    con.execute(
        create_table(one).replace(", PRIMARY KEY", ", CHECK") if one.primary_key else create_table(one)
    )
    keys = {each.name: _some(each, 1) for each in one.columns if each.key}
    for number in (1, 2):
        row = {each.name: _some(each, number) for each in one.columns} | keys
        con.execute(
            f"INSERT INTO {table} ({', '.join(map(_quoted, row))}) VALUES ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    for chunk_rows in (1, 250_000):
        found = validate(con, one.model, table, result=BLANK, id_column=one.id_column, chunk_rows=chunk_rows)
        assert f"{', '.join(one.key)}: unique" in found.broken_rules


def _quoted(name: str) -> str:
    return f'"{name}"'


def _some(each: Column, number: int) -> Any:
    if each.fields is not None:
        return dict.fromkeys(each.fields, str(number))
    return {
        "VARCHAR": str(number),
        "BOOLEAN": number == 1,
        "DATE": f"2026-01-0{number}",
        "TIMESTAMP": f"2026-01-0{number}",
    }.get(each.sql, number)


def test_the_home_of_a_version_before_keeps_its_rows_and_gets_the_columns_that_came() -> None:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA ops")
    columns = OPS["errors"].sql_columns
    con.execute(create_table(OPS["errors"]))
    for came in ("error_type", "host"):
        con.execute(f"ALTER TABLE ops.errors DROP COLUMN {came}")
    con.execute("INSERT INTO ops.errors (run_id, call_number) VALUES ('r', 3)")
    for _ in range(2):  # the second time there is nothing to do
        bring_up(con, OPS.values())
        found = con.sql("FROM ops.errors")
        assert dict(zip(found.columns, map(str, found.types), strict=True)) == columns
        assert found.select("run_id, call_number, host").fetchall() == [("r", 3, None)]


@pytest.mark.parametrize("lost", ["'as it was'", "NULL"])
def test_what_no_longer_stands_beside_a_table_is_told_again(lost: str) -> None:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA marts")
    one = MARTS["test_rows"]
    con.execute(create_table(one))
    tell(con, [one])
    asked = "SELECT comment FROM duckdb_columns() WHERE table_name = 'test_rows' AND column_name = 'rows'"
    assert con.sql(asked).fetchall() == [(one.columns[1].told,)]
    con.execute(f"COMMENT ON COLUMN marts.test_rows.rows IS {lost}")
    tell(con, [one])
    assert con.sql(asked).fetchall() == [(one.columns[1].told,)]
    con.execute(create_table(one, anew=True))
    tell(con, [one])
    assert con.sql(asked).fetchall() == [(one.columns[1].told,)]


def test_views_of_ops_that_are_as_they_should_be_keep_their_comments_and_others_are_made_anew() -> None:
    con = duckdb.connect()
    create_ops(con)
    tell(con, OPS.values())
    asked = "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'ops' ORDER BY ALL"
    told = con.sql(asked).fetchall()
    assert [name for name, comment in told if comment is None] == []
    create_ops(con)
    assert con.sql(asked).fetchall() == told
    one = "ops.slow_operations"
    con.execute(f"CREATE OR REPLACE VIEW {one} AS SELECT 1 AS n")
    create_ops(con)
    assert con.sql(f"FROM {one}").columns != ["n"]


def test_a_table_of_an_older_form_is_told_as_far_as_it_goes() -> None:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA marts")
    con.execute(create_table(MARTS["test_rows"]))
    con.execute("ALTER TABLE marts.test_rows DROP COLUMN rows")
    tell(con, MARTS.values())
    assert con.sql("SELECT comment FROM duckdb_tables()").fetchall() == [(MARTS["test_rows"].what,)]


def test_two_tables_of_a_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"marts\.peak_hours"):

        class PeakHours(MartTable):
            """Another one."""

            hour: pl.Int64 = column("the hour", key=True)

    assert declaration_of(MARTS["peak_hours"].model) is MARTS["peak_hours"]


ASKED = """
import json, sys
from pipelines.cli import main
sys.argv = ["bookwatch", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    status = ended.code
heavy = {"pandera", "dagster", "ibis", "polars", "phonenumbers", "babel"}
print(json.dumps([status, sorted(heavy & set(sys.modules))]))
"""


@pytest.mark.parametrize(
    ("words", "may"),
    [
        (["status"], []),
        (["status", "--json"], []),
        (["sql", "SELECT count(*) FROM core.bookings"], []),
        (["export", "--help"], []),
        (
            ["export", "commissions", "--from", "2026-11-01", "--to", "2026-12-01", "--out", "report"],
            ["polars", "phonenumbers"],
        ),
    ],
    ids=["status", "status --json", "sql", "export --help", "export"],
)
def test_commands_that_only_read_load_no_declaration_and_what_only_prints_no_frames(
    published_home: Home, tmp_path: Path, words: list[str], may: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED, *words],
        cwd=tmp_path,
        env=Bookwatch(published_home.root).env(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    status, loaded = json.loads(done.stdout.splitlines()[-1])
    assert set(loaded) <= set(may)
    assert status in (0, None, 10), done.stderr
