"""What an auditor would try: every byte of a report, other CSV readers, kills at each step, memory, old snapshots."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv
import pytest

from pipelines.exports import commissions, verify
from pipelines.exports.commissions import export_commissions
from pipelines.exports.report_files import Format
from pipelines.exports.verify import verify_export
from resources.clock import Clock
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import drop_old_snapshots, snapshot_path
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT, Contents, Finding, Row

Cli = Callable[..., Outcome]
Publish = Callable[..., Path]

NAME = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}"
FIRST, UNTIL = date(2026, 10, 1), date(2026, 11, 1)


def data_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("commissions_*"))}


def export_october(home: Home, out: Path, form: Format = "csv") -> None:
    export_commissions(
        home,
        Clock(),
        first=FIRST,
        until=UNTIL,
        out=out,
        made_by="Rani",
        time_zone="Asia/Makassar",
        form=form,
    )


# -- every byte --


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", pytest.param("json", marks=pytest.mark.long)])
def test_each_single_byte_of_a_small_report_counts(
    home: Home, tmp_path: Path, form: Format, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, Contents(rows=(Row(datetime(2026, 10, 2)),), findings=(Finding("orphan", None, "c1"),)))
    out = tmp_path / "out"
    export_october(home, out, form)
    assert verify_export(out, home.ledger).holds
    unseen: list[tuple[str, int]] = []
    with monkeypatch.context() as patched:
        # The snapshot is no byte of the report, and hashing it a thousand times was most of this test.
        patched.setattr(verify, "require_unchanged", lambda path, in_full: None)
        for path in sorted(out.iterdir()):
            content = path.read_bytes()
            for position in range(len(content)):
                changed = bytearray(content)
                changed[position] ^= 1 << position % 8
                path.write_bytes(changed)
                if not any(path.name in told for told in verify_export(out, home.ledger).differences):
                    unseen.append((path.name, position))
            path.write_bytes(content)
    assert unseen == []
    assert verify_export(out, home.ledger).holds


# -- other readers --

NASTY = (
    "=1+1",
    "+6281234567890",
    "-",
    "@SUM(A1)",
    'with "quotes", and a comma',
    "two\r\nlines",
    "one\nline feed",
    "'already guarded",
    " leading blank",
    "trailing blank ",
    "0012",
    "1e5",
    "NULL",
    "é 日本",
    "",
)


def by_rfc_4180(data: bytes) -> list[list[str]]:
    """A reader written from the RFC's grammar alone."""
    text = data.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    rows: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        if text[at] == '"':
            cell, at = "", at + 1
            while True:
                end = text.index('"', at)
                cell += text[at:end]
                if text[end + 1 : end + 2] != '"':
                    at = end + 1
                    break
                cell, at = cell + '"', end + 2
        else:
            ends = [i for i in (text.find(",", at), text.find("\r\n", at)) if i >= 0]
            cell, at = text[at : min(ends)], min(ends)
            assert '"' not in cell
        rows[-1].append(cell)
        if text.startswith("\r\n", at):
            rows.append([])
            at += 2
        else:
            assert text[at] == ","
            at += 1
            if at == len(text) or text.startswith("\r\n", at):
                rows[-1].append("")
                rows.append([])
                at += 2
    assert rows.pop() == []
    return rows


def by_python(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def by_duckdb(path: Path) -> list[list[str]]:
    found = duckdb.sql(
        f"FROM read_csv('{path}', all_varchar = true, header = false, delim = ',', quote = '\"', escape = '\"',"
        " auto_detect = false, new_line = '\\r\\n', nullstr = 'no cell is this',"
        f" columns = {{{', '.join(repr(f'c{n}') + ': ' + repr('VARCHAR') for n in range(width(path)))}}})"
    ).fetchall()
    return [list(row) for row in found]


def by_arrow(path: Path) -> list[list[str]]:
    names = [f"c{n}" for n in range(width(path))]
    table = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=names),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False
        ),
    )
    columns = [column.to_pylist() for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def width(path: Path) -> int:
    return len(by_python(path.read_bytes())[0])


def test_four_readers_read_the_same_cells_and_they_are_the_snapshots(
    home: Home, tmp_path: Path, publish: Publish
) -> None:
    rows = tuple(
        Row(
            datetime(2026, 10, 2) + timedelta(minutes=n),
            f"b{n:02}",
            text or None,
            booking_ref=text,
            provider_id=text,
            expected_idr=90_000,
            actual_idr=-n,
            state="mismatched",
        )
        for n, text in enumerate(NASTY)
    )
    providers = tuple((text, "therapist", text) for text in NASTY)
    publish(home, Contents(rows=rows, providers=providers))
    export_october(home, tmp_path / "out")
    for path in sorted((tmp_path / "out").glob("*.csv")):
        cells = by_rfc_4180(path.read_bytes())
        assert cells == by_python(path.read_bytes()), path.name
        assert cells == [[c.removeprefix("\ufeff") for c in row] for row in by_duckdb(path)], path.name
        assert cells == by_arrow(path), path.name
    header, *cells = by_rfc_4180((tmp_path / "out" / f"{NAME}.csv").read_bytes())
    for row, text, n in zip(cells, NASTY, range(len(NASTY)), strict=True):
        said = dict(zip(header, row, strict=True))
        assert (said["booking_ref"], said["provider_id"], said["provider_name"]) == (text, text, text)
        assert (said["actual_idr"], said["variance_idr"]) == (str(-n), str(-n - 90_000))


# -- as of an old snapshot --


def test_an_old_snapshot_gives_the_same_bytes_after_new_ones_and_after_retention(
    home: Home, cli: Cli, tmp_path: Path, publish: Publish
) -> None:
    publish(home, OCTOBER)
    words = ("export", "commissions", "--from", "2026-10-01", "--to", "2026-11-01", "--out")
    assert cli(*words, str(tmp_path / "then")).status == 0
    # The app's data went on: other rows, other findings, in newer snapshots of the same day and of later years.
    later = Contents(rows=tuple(Row(datetime(2026, 10, 9), f"new{n}", f"c-new{n}") for n in range(5)))
    for number in range(12):
        publish(home, later, f"20261105T01{number:02}00Z-1000{number:02}")
    dropped = drop_old_snapshots(
        home,
        now=datetime.fromisoformat("2029-01-01T00:00:00Z"),
        cited=Ledger(home.ledger).cited_snapshots(),
    )
    assert dropped, "retention did drop others"
    assert cli(*words, str(tmp_path / "newest")).status == 0
    assert cli(*words, str(tmp_path / "again"), "--as-of", SNAPSHOT).status == 0
    assert data_bytes(tmp_path / "again") == data_bytes(tmp_path / "then")
    assert data_bytes(tmp_path / "newest") != data_bytes(tmp_path / "then")
    assert snapshot_path(home, SNAPSHOT).exists()


# -- killed --

# Ends this process, as a kill does, at the n-th rename; or between the manifest's rename and the ledger's commit.
_KILLED = """
import os, sys
from pipelines.exports import folder
from pipelines.cli import main
at = int(sys.argv.pop(1))
done, rename, insert = 0, os.replace, folder.sha256_of_bytes
def replace(one, other):
    global done
    done += 1
    if done == at:
        os._exit(9)
    rename(one, other)
def hashed(data):
    if at == 0:
        os._exit(9)
    return insert(data)
os.replace, folder.sha256_of_bytes = replace, hashed
main(sys.argv[1:])
"""


@pytest.mark.parametrize("at", [1, 3, 6, 0], ids=["first file", "amid", "manifest", "ledger"])
def test_a_killed_export_leaves_nothing_that_passes_for_a_report_and_can_be_made_again(
    october: Home, cli: Cli, tmp_path: Path, at: int
) -> None:
    out = tmp_path / "out"
    words = (
        "export",
        "commissions",
        "--from",
        "2026-10-01",
        "--to",
        "2026-11-01",
        "--out",
        str(out),
        "--by",
        "R",
    )
    root = str(Path(__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(at), *words],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert Ledger(october.ledger).exports() == []
    assert (out / "manifest.json").exists() == (at == 0)
    if at:
        visible = [path for path in out.iterdir() if not path.name.startswith(".")]
        assert cli("verify", str(out)).status == (1 if visible else 2)
    assert cli(*words).status == 0
    assert cli("verify", str(out)).status == 0
    assert len(Ledger(october.ledger).exports()) == 1


# -- memory --


def test_the_period_is_asked_for_in_slices_that_hold_each_day_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commissions, "SLICE_ROWS", 100)
    days = [(date(2026, 10, day), rows) for day, rows in ((2, 40), (3, 60), (4, 1), (9, 500), (10, 99))]
    slices = commissions._slices({"first": "2026-10-01", "until": "2026-11-01"}, days)
    assert [(one["first"], one["until"]) for one in slices] == [
        ("2026-10-01", "2026-10-04"),
        ("2026-10-04", "2026-10-09"),
        ("2026-10-09", "2026-10-10"),
        ("2026-10-10", "2026-11-01"),
    ]
    assert commissions._slices({"first": "2026-10-01", "until": "2026-11-01"}, []) == [
        {"first": "2026-10-01", "until": "2026-11-01"}
    ]


def test_what_is_held_at_a_time_does_not_depend_on_the_rows(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Publish
) -> None:
    rows = tuple(
        Row(datetime(2026, 10, 1) + timedelta(hours=n), f"b{n:04}", f"c{n:04}") for n in range(0, 28 * 24, 2)
    )
    publish(home, Contents(rows=rows, findings=tuple(Finding("orphan", None, f"c{n:04}") for n in range(99))))
    export_october(home, tmp_path / "whole")
    monkeypatch.setattr(commissions, "SLICE_ROWS", 30)
    monkeypatch.setattr(commissions, "BATCH_ROWS", 20)
    held: list[int] = []
    asked: list[str] = []
    batches = commissions._batches

    def watched(con: duckdb.DuckDBPyConnection, sql: str, period: dict[str, str]):
        asked.append(period["first"])
        for batch in batches(con, sql, period):
            held.append(batch.height)
            yield batch

    monkeypatch.setattr(commissions, "_batches", watched)
    export_october(home, tmp_path / "sliced")
    assert data_bytes(tmp_path / "sliced") == data_bytes(tmp_path / "whole")
    assert len(set(asked)) > 10
    assert max(held) <= 30


def test_a_report_that_needs_more_memory_is_given_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Publish
) -> None:
    publish(home, OCTOBER)
    export_october(home, tmp_path / "plain")
    tried: list[str] = []
    write: Any = commissions._write_parts

    def short_of_memory(*about: object):
        limit = str(about[-1])
        tried.append(limit)
        made = write(*about)
        if limit != commissions.QUERY_MEMORY[-1]:
            raise duckdb.OutOfMemoryException("half written")
        return made

    monkeypatch.setattr(commissions, "_write_parts", short_of_memory)
    export_october(home, tmp_path / "more")
    assert tried == list(commissions.QUERY_MEMORY)
    assert data_bytes(tmp_path / "more") == data_bytes(tmp_path / "plain")
    assert verify_export(tmp_path / "more", home.ledger).holds
