"""The commission report: cell by cell with other readers, half-open days, the same bytes again, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from marketplace.difference import Difference
from pipelines.exports.commissions import FINDING_COLUMNS, ROW_COLUMNS, STATES, SUMMARY_COLUMNS
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import drop_old_snapshots, point_link, snapshot_path, snapshots_to_drop
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT, Contents, Finding, Row

Publish = Callable[..., Path]

NAME = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}"
Cli = Callable[..., Outcome]


def read(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def data_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("commissions_*")}


def test_the_machine_file_is_utf8_with_bom_and_rfc_4180(october: Home, export: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    data = (tmp_path / "out" / f"{NAME}.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbflocal_date,")
    assert data.count(b"\xef\xbb\xbf") == 1
    assert data.endswith(b"\r\n")
    # A line feed alone stands only inside the quoted name that holds one.
    assert data.replace(b"\r\n", b"").count(b"\n") == 1
    assert b'"@Bali\nMassage"' in data
    assert b'"Ayu ""Spa"", Ubud"' in data


@pytest.mark.parametrize("suffix", ["", "_spreadsheet"])
def test_three_readers_see_the_same_cells(october: Home, export: Cli, tmp_path: Path, suffix: str) -> None:
    export(tmp_path / "out")
    path = tmp_path / "out" / f"{NAME}{suffix}.csv"
    plain = [[row[column.name] for column in ROW_COLUMNS] for row in read(path)]
    with duckdb.connect() as con:
        duck = con.execute(
            "SELECT * FROM read_csv(?, all_varchar=true, header=true, delim=',', quote='\"', escape='\"')",
            [str(path)],
        )
        assert [column[0] for column in duck.description or ()] == [column.name for column in ROW_COLUMNS]
        assert [["" if cell is None else cell for cell in row] for row in duck.fetchall()] == plain
    frame = pl.read_csv(path, infer_schema=False).fill_null("")
    assert [list(row) for row in frame.rows()] == plain
    assert len(plain) == 7


def test_every_cell_is_the_snapshot_s(october: Home, export: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    rows = {row["booking_id"] or row["commission_id"]: row for row in read(tmp_path / "out" / f"{NAME}.csv")}
    assert rows["b-wrong"] == {
        "local_date": "2026-10-10",
        "time_zone": "Asia/Makassar",
        "utc_offset_minutes": "480",
        "accrued_at_local": "2026-10-10T11:04:05.123000+08:00",
        "accrued_at_utc": "2026-10-10T03:04:05.123000Z",
        "booking_id": "b-wrong",
        "commission_id": "c-wrong",
        "booking_ref": "",
        "provider_id": "p1",
        "provider_name": 'Ayu "Spa", Ubud',
        "source": "chatWindow",
        "booking_status": "completed",
        "commission_status": "paid",
        "state": "mismatched",
        "booking_amount_idr": "300000",
        "policy_version": "2024-1",
        "policy_rate_ppm": "300000",
        "rate": "0.3",
        "expected_idr": "90000",
        "actual_idr": "60000",
        "variance_idr": "-30000",
        "records": "1",
        "deadline_at_local": "2026-10-10T16:00:00.000000+08:00",
        "deadline_at_utc": "2026-10-10T08:00:00.000000Z",
        "paid_at_local": "2026-10-11T09:02:03.000000+08:00",
        "paid_at_utc": "2026-10-11T01:02:03.000000Z",
    }
    assert rows["c-orphan"]["booking_ref"] == "=HYPERLINK(1)"
    assert rows["c-orphan"]["provider_name"] == "=cmd|' /C calc'!A0"
    assert rows["c-orphan"]["booking_amount_idr"] == ""
    assert rows["b-unknown"]["variance_idr"] == ""
    assert rows["b-unknown"]["provider_name"] == ""


def test_days_are_half_open_at_local_midnight(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    outcome = export(tmp_path / "oct")
    inside = {row["booking_id"] for row in read(tmp_path / "oct" / f"{NAME}.csv")}
    assert {"b-first", "b-last", "b-jakarta"} <= inside
    assert not {"b-sep", "b-nov", "b-nov-jakarta"} & inside
    assert "--to is exclusive" in outcome.out
    assert "Asia/Makassar" in outcome.out
    assert "Asia/Jakarta for 1" in outcome.out
    seen: list[str] = []
    for first, until in (
        ("2026-09-01", "2026-10-01"),
        ("2026-10-01", "2026-11-01"),
        ("2026-11-01", "2026-12-01"),
    ):
        out = tmp_path / first
        assert cli("export", "commissions", "--from", first, "--to", until, "--out", str(out)).status == 0
        seen += [
            r["commission_id"] or r["booking_id"]
            for r in read(out / f"commissions_{first}_{until}_{SNAPSHOT}.csv")
        ]
    assert sorted(seen) == sorted(str(row.commission_id or row.booking_id) for row in OCTOBER.rows)


def test_findings_go_with_their_booking_or_record_each_in_one_period(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    outcome = export(tmp_path / "out")
    findings = read(tmp_path / "out" / f"{NAME}_findings.csv")
    assert list(findings[0]) == [column.name for column in FINDING_COLUMNS]
    assert [(row["finding_id"], row["local_date"], row["waived"]) for row in findings] == [
        ("wrong_amount:c-wrong", "2026-10-10", "true"),
        ("missing:b-missing", "2026-10-12", "false"),
        # A later copy of October's booking belongs to October; a vanished record to the day it was made.
        ("duplicate:c-late-copy", "2026-10-31", "false"),
        ("vanished:c-gone", "2026-10-31", "false"),
    ]
    assert "1 finding(s) speak of no booking or record" in outcome.out


def test_the_summary_adds_up_to_the_rows(october: Home, export: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    rows = read(tmp_path / "out" / f"{NAME}.csv")
    summary = read(tmp_path / "out" / f"{NAME}_summary.csv")
    assert list(summary[0]) == [column.name for column in SUMMARY_COLUMNS]
    assert [row["source"] for row in summary] == ["chatWindow", "direct", "none", "total"]
    for line in summary:
        of = [r for r in rows if line["source"] in ("total", r["source"] or "none")]
        assert int(line["rows"]) == len(of)
        for state in STATES:
            assert int(line[state]) == sum(r["state"] == state for r in of)
        for column in ("booking_amount_idr", "expected_idr", "actual_idr", "variance_idr"):
            assert int(line[column]) == sum(int(r[column] or 0) for r in of)
        unknown = [r for r in of if r["variance_idr"] == ""]
        assert int(line["unknown_rows"]) == len(unknown)
        for side in ("expected", "actual"):
            assert int(line[f"unknown_{side}_idr"]) == sum(int(r[f"{side}_idr"] or 0) for r in unknown)
    assert int(summary[-1]["unknown_rows"]) == 1
    assert float(summary[-1]["tracking_rate"]) == 4 / 5


def test_free_bookings_are_counted_apart_and_what_has_no_local_day_is_in_no_period(
    home: Home, export: Cli, tmp_path: Path, publish: Publish
) -> None:
    at = datetime(2026, 10, 10, 3)
    nothing = {"booking_amount_idr": 0, "expected_idr": 0, "actual_idr": 0}
    publish(
        home,
        Contents(
            rows=(
                Row(at),
                Row(at, "free", None, state="free", commission_status=None, records=0, **nothing),
                Row(at, "nowhere", "c-nowhere", utc_offset_minutes=None),
            ),
            # A further record of the booking whose day is not known: its own zone says nothing of that.
            findings=(Finding("duplicate", "nowhere", "c-copy"),),
            commissions=(("c-copy", at, 480),),
        ),
    )
    outcome = export(tmp_path / "out")
    assert outcome.status == 0
    rows = read(tmp_path / "out" / f"{NAME}.csv")
    assert [(row["booking_id"], row["state"]) for row in rows] == [("b1", "matched"), ("free", "free")]
    (*_, total) = read(tmp_path / "out" / f"{NAME}_summary.csv")
    assert (total["rows"], total["matched"], total["free"], total["tracking_rate"]) == ("2", "1", "1", "1.0")
    assert read(tmp_path / "out" / f"{NAME}_findings.csv") == []
    assert "1 row(s) of the snapshot have no day" in outcome.out
    assert "1 finding(s) speak of no booking or record" in outcome.out


def test_the_manifest_names_everything_the_report_rests_on(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    outcome = export(tmp_path / "out", "--by", "Rani")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["snapshot"] == SNAPSHOT
    assert manifest["as_of"] == "2026-11-05T00:00:00Z"
    assert manifest["created_at"] == "2026-11-06T01:02:03Z"
    assert manifest["made_by"] == "Rani"
    assert manifest["time_zone"] == "Asia/Makassar"
    assert manifest["time_zones"] == {"Asia/Jakarta": 1, "Asia/Makassar": 6}
    assert manifest["policy_versions"] == ["2024-1"]
    assert manifest["filters"] == {"from": "2026-10-01", "to": "2026-11-01"}
    assert manifest["source"]["project"] == "shop"
    assert manifest["previous_manifest_sha256"] is None
    assert manifest["period_over"] is True
    assert manifest["manifest_version"] == 2
    raw = read(tmp_path / "out" / f"{NAME}.csv")
    amounts = [[int(r[side]) if r[side] else None for side in ("expected_idr", "actual_idr")] for r in raw]
    difference = Difference.of((expected, actual) for expected, actual in amounts)
    assert manifest["difference"] == difference.columns()
    assert difference.unknown_rows == 1
    assert f"{difference}." in outcome.out
    assert difference.variance_idr != sum(a or 0 for _, a in amounts) - sum(e or 0 for e, _ in amounts)
    assert {entry["name"] for entry in manifest["files"]} | {"manifest.json"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }
    for entry in manifest["files"]:
        path = tmp_path / "out" / entry["name"]
        rows = read(path)
        assert entry["rows"] == len(rows)
        assert entry["bytes"] == path.stat().st_size
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entry["totals"] == {
            column: sum(int(row[column] or 0) for row in rows)
            for column in rows[0]
            if column.endswith("_idr")
        }


def test_json_holds_the_same_rows(october: Home, export: Cli, tmp_path: Path) -> None:
    export(tmp_path / "csv")
    export(tmp_path / "json", "--format", "json")
    for suffix in ("", "_findings", "_summary"):
        objects = json.loads((tmp_path / "json" / f"{NAME}{suffix}.json").read_text())
        cells = [
            {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in o.items()}
            for o in objects
        ]
        assert cells == read(tmp_path / "csv" / f"{NAME}{suffix}.csv")
    row = json.loads((tmp_path / "json" / f"{NAME}.json").read_text())[1]
    assert row["variance_idr"] == -30_000
    assert row["rate"] == 0.3


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_period_without_rows_is_a_report_with_headers_and_zeros(
    october: Home, cli: Cli, tmp_path: Path, form: str
) -> None:
    words = ("export", "commissions", "--from", "2025-01-01", "--to", "2025-02-01", "--format", form, "--out")
    outcome = cli(*words, str(tmp_path / "out"), "--json")
    assert outcome.status == 0
    manifest = json.loads(outcome.out)["manifest"]
    assert manifest["files"][0]["rows"] == 0
    assert manifest["files"][0]["totals"] == dict.fromkeys(
        ("booking_amount_idr", "expected_idr", "actual_idr", "variance_idr"), 0
    )
    assert cli("verify", str(tmp_path / "out")).status == 0


def test_the_data_files_are_the_same_bytes_again(
    october: Home, export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Publish
) -> None:
    export(tmp_path / "one", "--by", "Rani")
    # Another moment, another default zone, a newer snapshot published: nothing of it may show in the data.
    publish(october, Contents(), "20261107T000000Z-000002")
    monkeypatch.setenv("BOOKWATCH_NOW", "2027-01-01T00:00:00Z")
    monkeypatch.setenv("BOOKWATCH_TIMEZONE", "Asia/Jayapura")
    export(tmp_path / "two", "--as-of", SNAPSHOT, "--by", "Budi")
    assert data_bytes(tmp_path / "one") == data_bytes(tmp_path / "two")
    assert len(data_bytes(tmp_path / "one")) == 6


def test_the_data_files_do_not_depend_on_the_order_of_the_snapshot_s_rows(
    home: Home, export: Cli, tmp_path: Path, publish: Publish
) -> None:
    publish(home, OCTOBER)
    export(tmp_path / "one")
    snapshot_path(home, SNAPSHOT).unlink()
    Ledger(home.ledger).drop_seals([SNAPSHOT])
    publish(
        home,
        Contents(
            rows=OCTOBER.rows[::-1],
            findings=OCTOBER.findings[::-1],
            providers=OCTOBER.providers[::-1],
            commissions=OCTOBER.commissions,
        ),
    )
    export(tmp_path / "two")
    assert data_bytes(tmp_path / "one") == data_bytes(tmp_path / "two")


def test_every_export_is_in_the_ledger_and_keeps_its_snapshot(
    october: Home, export: Cli, tmp_path: Path, publish: Publish
) -> None:
    export(tmp_path / "out", "--by", "Rani")
    digest = hashlib.sha256((tmp_path / "out" / "manifest.json").read_bytes()).hexdigest()
    ledger = Ledger(october.ledger)
    (entry,) = ledger.exports()
    assert (entry.made_by, entry.kind, entry.snapshot_id, entry.folder, entry.manifest_sha256) == (
        "Rani",
        "commissions",
        SNAPSHOT,
        str(tmp_path / "out"),
        digest,
    )
    assert json.loads(entry.filters) == {"from": "2026-10-01", "to": "2026-11-01", "format": "csv"}
    # Later ones of the same day: by age alone this one would go.
    for number in range(11):
        publish(october, Contents(), f"20261105T0101{number:02}Z-0001{number:02}")
    later = datetime.fromisoformat("2028-01-01T00:00:00Z")
    path = snapshot_path(october, SNAPSHOT)
    assert path in snapshots_to_drop(list(october.published.glob("*.duckdb")), now=later, cited=set())
    drop_old_snapshots(october, now=later, cited=ledger.cited_snapshots())
    assert path.exists()


def test_a_snapshot_being_read_is_kept_and_let_go_afterwards(october: Home) -> None:
    ledger = Ledger(october.ledger)
    with ledger.pinned("s1"):
        assert ledger.cited_snapshots() == {"s1"}
    assert ledger.cited_snapshots() == set()


def test_manifests_form_a_chain(october: Home, export: Cli, tmp_path: Path) -> None:
    hashes = [None]
    for name in ("one", "two", "three"):
        export(tmp_path / name)
        data = (tmp_path / name / "manifest.json").read_bytes()
        assert json.loads(data)["previous_manifest_sha256"] == hashes[-1]
        hashes.append(hashlib.sha256(data).hexdigest())
    assert [entry.manifest_sha256 for entry in Ledger(october.ledger).exports()] == hashes[1:]


def test_the_same_report_into_its_folder_again_restores_what_is_gone_and_enters_nothing(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / f"{NAME}.csv").unlink()
    assert "already there" in export(out).out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert len(Ledger(october.ledger).exports()) == 1


def test_only_this_user_may_read_a_report(october: Home, export: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_a_period_that_is_not_over_says_so(october: Home, cli: Cli, tmp_path: Path) -> None:
    words = (
        "export",
        "commissions",
        "--from",
        "2026-11-01",
        "--to",
        "2026-12-01",
        "--out",
        str(tmp_path / "out"),
    )
    assert "was not over when this snapshot was judged" in cli(*words).out


def test_rows_without_a_day_are_counted_aloud(
    home: Home, export: Cli, tmp_path: Path, publish: Publish
) -> None:
    undated = "UPDATE marts.commission_reconciliation SET local_date = NULL WHERE booking_id = 'b-last'"
    publish(home, OCTOBER, also=(undated,))
    assert "1 row(s) of the snapshot have no day" in export(tmp_path / "out").out


def test_amounts_too_large_to_sum_are_no_wrong_total(
    home: Home, cli: Cli, tmp_path: Path, publish: Publish
) -> None:
    large = 4_611_686_018_427_387_904
    publish(
        home,
        Contents(
            rows=tuple(
                Row(
                    datetime(2026, 10, 2),
                    f"0{n}",
                    "6281234567890123456",
                    booking_amount_idr=large,
                    expected_idr=0,
                    actual_idr=0,
                )
                for n in range(3)
            )
        ),
    )
    outcome = cli(*october_words(tmp_path / "out"))
    assert outcome.status == 1
    assert "too large" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--from", "2026-11-01", "--to", "2026-10-01"), 2, "is after --to"),
        (("--from", "2026-10-01", "--to", "2026-10-01"), 2, "the period is empty"),
        (("--from", "2026-13-01", "--to", "2026-10-01"), 2, "is not a day"),
        (("--from", "1 October", "--to", "2026-10-01"), 2, "is not a day"),
        (("--from", "2026-10-01", "--to", "2026-11-01", "--as-of", "nope"), 2, "There is no snapshot 'nope'"),
        (
            ("--from", "2026-10-01", "--to", "2026-11-01", "--as-of", "private"),
            2,
            "There is no snapshot 'private'",
        ),
        (
            ("--from", "2026-10-01", "--to", "2026-11-01", "--as-of", "../warehouse"),
            2,
            "There is no snapshot",
        ),
        (("--from", "2026-10-01", "--to", "2026-11-01", "--format", "pdf"), 2, "pdf"),
        (("--from", "2026-10-01", "--to", "2026-11-01", "--locale", "fr"), 2, "fr"),
        (
            ("--from", "2026-10-01", "--to", "2026-11-01", "--locale", "id", "--format", "json"),
            2,
            "no meaning for JSON",
        ),
        (("--from", "2026-10-01", "--to", "2026-11-01", "--by", " "), 2, "--by is empty"),
        (
            (
                "--from",
                "2026-10-01",
            ),
            2,
            "--to",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_leaves_nothing(
    october: Home, cli: Cli, tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    point_link(october.private, snapshot_path(october, SNAPSHOT))
    outcome = cli("export", "commissions", *words, "--out", str(tmp_path / "out"))
    assert outcome.status == status
    assert says in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_snapshot_is_one_sentence(home: Home, cli: Cli, tmp_path: Path) -> None:
    outcome = cli(
        "export", "commissions", "--from", "2026-10-01", "--to", "2026-11-01", "--out", str(tmp_path / "out")
    )
    assert outcome.status == 1
    assert "There is no published snapshot" in outcome.err


def october_words(out: Path) -> tuple[str, ...]:
    return ("export", "commissions", "--from", "2026-10-01", "--to", "2026-11-01", "--out", str(out))


def test_an_out_that_cannot_be_written_is_one_sentence(october: Home, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "under", Path("/proc/none/out")):
        outcome = cli(*october_words(out))
        assert outcome.status == 1
        assert len(outcome.err.strip().splitlines()) == 1
    assert Ledger(october.ledger).exports() == []


def test_a_folder_with_other_bytes_under_a_report_s_name_is_refused_untouched(
    october: Home, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f"{NAME}_findings.csv").write_text("mine")
    outcome = cli(*october_words(out))
    assert outcome.status == 1
    assert "already there with different bytes" in outcome.err
    assert [path.name for path in out.iterdir()] == [f"{NAME}_findings.csv"]
    assert Ledger(october.ledger).exports() == []


def test_a_folder_with_another_report_is_refused_untouched(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = cli("export", "commissions", "--from", "2026-09-01", "--to", "2026-10-01", "--out", str(out))
    assert other.status == 1
    assert "it holds the csv report of 2026-10-01 to 2026-11-01" in other.err
    assert cli(*october_words(out), "--format", "json").status == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_edited_manifest_is_never_written_over(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    manifest = out / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"made_by": "', b'"made_by": "x'))
    edited = manifest.read_bytes()
    outcome = cli(*october_words(out))
    assert outcome.status == 1
    assert "not in the ledger" in outcome.err
    assert manifest.read_bytes() == edited


def test_a_snapshot_of_another_version_is_one_sentence(
    home: Home, cli: Cli, tmp_path: Path, publish: Publish
) -> None:
    publish(home, OCTOBER, also=("ALTER TABLE marts.commission_reconciliation DROP COLUMN policy_version",))
    outcome = cli(*october_words(tmp_path / "out"))
    assert outcome.status == 1
    assert "has not all the tables and columns" in outcome.err
    assert not (tmp_path / "out").exists()


def test_an_export_the_ledger_cannot_take_leaves_no_manifest(october: Home, cli: Cli, tmp_path: Path) -> None:
    ledger = Ledger(october.ledger)
    ledger.drop_seals([])  # the first that writes makes the tables
    with sqlite3.connect(october.ledger) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON exports BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    outcome = cli(*october_words(tmp_path / "out"))
    assert outcome.status == 1
    assert "The ledger" in outcome.err
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert ledger.exports() == []


def test_no_finding_without_its_row_is_lost_between_periods(
    home: Home, cli: Cli, tmp_path: Path, publish: Publish
) -> None:
    """A record vanished from a booking that earns nothing: its finding goes by the booking's own day."""
    publish(
        home,
        Contents(
            findings=(Finding("vanished", "b-quiet", "c-unseen"),),
            bookings=(("b-quiet", None, datetime(2026, 10, 31, 16, 30), 480, "bookings"),),
        ),
    )
    assert cli(*october_words(tmp_path / "oct")).status == 0
    assert read(tmp_path / "oct" / f"{NAME}_findings.csv") == []
    words = (
        "export",
        "commissions",
        "--from",
        "2026-11-01",
        "--to",
        "2026-12-01",
        "--out",
        str(tmp_path / "nov"),
    )
    assert cli(*words).status == 0
    (row,) = read(tmp_path / "nov" / f"commissions_2026-11-01_2026-12-01_{SNAPSHOT}_findings.csv")
    assert row["finding_id"] == "vanished:c-unseen"


def test_a_finding_goes_with_the_booking_of_its_own_collection(
    home: Home, cli: Cli, tmp_path: Path, publish: Publish
) -> None:
    """One id in both collections: neither line is doubled, nor put on the other's day."""
    october, november = datetime(2026, 10, 20, 3), datetime(2026, 11, 5, 3)
    publish(
        home,
        Contents(
            rows=(
                Row(october, "b1", None, state="missing", actual_idr=0),
                Row(november, "b1", None, state="missing", actual_idr=0, origin="hotel_bookings"),
            ),
            findings=(
                Finding("missing", "b1"),
                Finding("missing", "b1", origin="hotel_bookings"),
                Finding("vanished", "b1", "c-gone", origin="hotel_bookings"),
                Finding("vanished", "b2", "c-gone-too", origin="hotel_bookings"),
            ),
            bookings=(
                ("b2", None, october, 480, "bookings"),
                ("b2", None, november, 480, "hotel_bookings"),
            ),
        ),
    )
    found = {}
    for first, until in (("2026-10-01", "2026-11-01"), ("2026-11-01", "2026-12-01")):
        out = tmp_path / first
        assert cli("export", "commissions", "--from", first, "--to", until, "--out", str(out)).status == 0
        file = out / f"commissions_{first}_{until}_{SNAPSHOT}_findings.csv"
        found[first] = [row["finding_id"] for row in read(file)]
    assert found == {
        "2026-10-01": ["missing:b1"],
        "2026-11-01": ["missing:b1:hotel_bookings", "vanished:c-gone", "vanished:c-gone-too"],
    }


def test_findings_of_a_snapshot_that_does_not_say_their_collection_are_exported(
    home: Home, export: Cli, tmp_path: Path, publish: Publish
) -> None:
    publish(home, OCTOBER, also=("ALTER TABLE marts.commission_findings DROP COLUMN origin",))
    export(tmp_path / "out")
    assert len(read(tmp_path / "out" / f"{NAME}_findings.csv")) == 4


def test_docs_list_the_columns_in_their_order() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
    tables = [
        [line.split("`")[1] for line in block.splitlines() if line.startswith("| `")]
        for block in text.split("\n### Columns of ")[1:]
    ]
    assert tables[:3] == [
        [column.name for column in columns] for columns in (ROW_COLUMNS, FINDING_COLUMNS, SUMMARY_COLUMNS)
    ]
