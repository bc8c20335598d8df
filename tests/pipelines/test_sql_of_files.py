"""`bookwatch sql` with a query of a file, with parameters (bound, never pasted), and as Parquet (whole or nothing)."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from pipelines.cli import main
from pipelines.cli.query import bound
from pipelines.exports.parquet_file import write_answer
from resources.home import Home
from resources.ledger import Ledger
from resources.questions import Bounds, TooMuch
from resources.snapshots import copy_closed_file, point_link, snapshot_path

Said = Callable[..., tuple[object, str, str]]
ROWS = (
    "SELECT * FROM (VALUES ('00042', 1, 250000, DATE '2026-11-01', TIMESTAMP '2026-11-01 09:30:00'),"
    " ('42', 2, 100000, DATE '2026-11-02', TIMESTAMP '2026-11-02 10:00:00'))"
    " t(booking_id, n, amount_idr, local_date, created_at)"
)


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Calls `bookwatch sql` on a snapshot of two rows: exit status, stdout, stderr."""
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute(f"CREATE SCHEMA marts; CREATE TABLE marts.t AS {ROWS}")
    path = snapshot_path(home, "20261101T000000Z-000001")
    copy_closed_file(home.warehouse, path, Ledger(home.ledger).record_seal)
    point_link(home.current, path)
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))

    def call(*words: str) -> tuple[object, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["sql", *words])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def _ids(told: tuple[object, str, str]) -> list[str]:
    status, out, err = told
    assert (status, err) == (0, "")
    return [row["booking_id"] for row in json.loads(out)]


def test_a_query_is_read_from_a_file_or_from_standard_input(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "\ufeff-- which ones?\nSELECT booking_id\nFROM marts.t\nORDER BY n;\n-- the end\n"
    file = tmp_path / "q.sql"
    file.write_text(query, encoding="utf-8")
    assert _ids(said("--file", str(file), "--json")) == ["00042", "42"]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(query.encode())))
    assert _ids(said("--file", "-", "--json")) == ["00042", "42"]


@pytest.mark.parametrize(
    ("condition", "parameters", "found"),
    [
        ("booking_id = $id", ["id=00042"], ["00042"]),
        ("booking_id = $id", ["id=42"], ["42"]),
        ("booking_id = $ID", ["id=42"], ["42"]),
        ("booking_id = $id", ["id=' OR 1 = 1 --"], []),
        ("booking_id = $id", ["id="], []),
        ("amount_idr > $least", ["least=100000"], ["00042"]),
        ("n > $least", ["least=1.4"], ["42"]),
        ("n * 2 = $a + $b", ["a=1", "b=1"], ["00042"]),
        ("local_date >= $day AND local_date < $day + 1", ["day=2026-11-02"], ["42"]),
        ("local_date BETWEEN $a AND $b", ["a=2026-11-01", "b=2026-11-01"], ["00042"]),
        ("created_at < $at", ["at=2026-11-01T17:31:00+08:00"], ["00042"]),
        ("created_at < $at", ["at=2026-11-01T17:30:00+08:00"], []),
        ("created_at >= $at", ["at=2026-11-02T10:00Z"], ["42"]),
        ("created_at >= $at", ["at=2026-11-02 10:00:00"], ["42"]),
        ("created_at >= $at", ["at=2026-11-02"], ["42"]),
        ("(n = 2) = $yes", ["yes=true"], ["42"]),
    ],
)
def test_a_parameter_is_bound_as_what_it_is(
    condition: str, parameters: list[str], found: list[str], said: Said
) -> None:
    words = [word for one in parameters for word in ("--param", one)]
    query = f"SELECT booking_id FROM marts.t WHERE {condition} ORDER BY n"
    assert _ids(said(query, *words, "--json")) == found


def test_what_reads_like_a_day_and_is_none_stays_text() -> None:
    assert bound("2026-02-30") == "2026-02-30"
    assert bound("0001-01-01T00:00:00+14:00") == "0001-01-01T00:00:00+14:00"
    assert bound("007") == "007"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "There is no query."),
        (["SELECT 1", "--file", "-"], "The query is given twice"),
        (["--file", "nowhere.sql"], "nowhere.sql cannot be read (No such file or directory)."),
        (["SELECT $a, $b", "--param", "a=1"], "The query's $b is not given. Add --param b=…."),
        (["SELECT $a, $b"], "The query's $a, $b are not given."),
        (["SELECT 1", "--param", "a=1"], "The query has no $a."),
        (["SELECT $a", "--param", "a"], "A --param is not of the form name=value."),
        (["SELECT $a", "--param", "a=1", "--param", "A=2"], "--param A is given twice."),
        (["SELECT ?", "--param", "a=1"], "The query has a parameter without a name"),
        (["SELECT 1", "--format", "parquet"], "--format parquet needs --out."),
        (["SELECT 1", "--out", "x.csv"], "--out goes with --format parquet."),
        (["FROM marts.t WHERE n = $n", "--param", "n=seven"], "Conversion Error:"),
        (["COPY marts.t TO $a", "--param", "a=x"], ""),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], sentence: str, said: Said) -> None:
    status, out, err = said(*words)
    assert (status, out) == (2, "")
    assert err.startswith(sentence)
    assert len(err.strip().splitlines()) == 1


def test_a_value_is_never_quoted_where_a_parameter_is_refused(said: Said) -> None:
    for words in (["SELECT 1", "--param", "phone=08123456789"], ["SELECT 1", "--param", "08123456789"]):
        assert "08123456789" not in "".join(map(str, said(*words)))


def test_parquet_is_the_answer_typed(said: Said, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    status, told, err = said("FROM marts.t ORDER BY n", "--format", "parquet", "--out", str(out))
    assert (status, err) == (0, "")
    assert told == f"{out}: 2 rows · snapshot 20261101T000000Z-000001\n"
    assert pl.read_parquet(out).rows() == duckdb.sql(ROWS).fetchall()
    assert out.stat().st_mode & 0o777 == 0o600
    # The same name again: it is a Parquet file.
    assert said("FROM marts.t WHERE n > 9", "--format", "parquet", "--out", str(out))[0] == 0
    empty = pl.read_parquet(out)
    assert (empty.height, empty.columns) == (0, ["booking_id", "n", "amount_idr", "local_date", "created_at"])


def test_nothing_but_a_parquet_file_is_replaced(said: Said, tmp_path: Path) -> None:
    home = Path(os.environ["BOOKWATCH_HOME"])
    before = home.joinpath("published", "current").readlink(), home.joinpath("warehouse.duckdb").read_bytes()
    for place in (home / "published" / "current", home / "warehouse.duckdb", tmp_path, tmp_path / "no" / "x"):
        status, _, err = said("FROM marts.t", "--format", "parquet", "--out", str(place))
        assert status == 2
        assert len(err.strip().splitlines()) == 1
    assert before == (
        home.joinpath("published", "current").readlink(),
        home.joinpath("warehouse.duckdb").read_bytes(),
    )


def test_a_query_that_breaks_off_leaves_the_file_as_it_was(said: Said, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    assert said("FROM marts.t", "--format", "parquet", "--out", str(out))[0] == 0
    before = out.read_bytes()
    breaks = "SELECT if(n = 2, error('here'), n) FROM marts.t"
    assert said(breaks, "--format", "parquet", "--out", str(out))[0] == 2
    snapshot = Path(os.environ["BOOKWATCH_HOME"], "published", "current").resolve()
    with pytest.raises(TooMuch):
        write_answer(
            snapshot,
            "SELECT count(*) FROM range(10000000000) a",
            {},
            Bounds(0.2, 1 << 30),
            tmp_path / "late.parquet",
        )
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("*parquet*")) == ["t.parquet"]
    assert not list(tmp_path.glob(".*partial"))
