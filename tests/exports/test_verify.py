"""`bookwatch verify` sees any changed byte, a removed or added file, an edited manifest, a missing link."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.exports.commissions import export_commissions
from pipelines.exports.verify import verify_export
from resources.clock import Clock
from resources.home import Home
from resources.snapshots import snapshot_path
from tests.exports.conftest import Outcome
from tests.exports.published import OCTOBER, SNAPSHOT

Publish = Callable[..., Path]

NAME = f"commissions_2026-10-01_2026-11-01_{SNAPSHOT}"
Cli = Callable[..., Outcome]


@dataclass(frozen=True)
class Standing:
    """One report made once for many tries at changing it."""

    ledger: Path
    folder: Path
    trial: Path

    def fresh_copy(self) -> Path:
        shutil.rmtree(self.trial, ignore_errors=True)
        return Path(shutil.copytree(self.folder, self.trial))


@pytest.fixture(scope="module", params=["csv", "json", "xlsx"])
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, publish: Publish
) -> Standing:
    from datetime import date

    base = tmp_path_factory.mktemp("standing")
    home = Home(base / "home").create()
    publish(home, OCTOBER)
    exported = export_commissions(
        home,
        Clock(),
        first=date(2026, 10, 1),
        until=date(2026, 11, 1),
        out=base / "out",
        made_by="Rani",
        time_zone="Asia/Makassar",
        form=request.param,
    )
    return Standing(home.ledger, exported.folder, base / "trial")


def test_an_untouched_report_holds(standing: Standing) -> None:
    verdict = verify_export(standing.folder, standing.ledger)
    assert verdict.holds
    assert verdict.not_checked == ()
    assert verify_export(standing.fresh_copy(), standing.ledger).holds


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_one_changed_byte_is_seen(standing: Standing, data: st.DataObject) -> None:
    folder = standing.fresh_copy()
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    verdict = verify_export(folder, standing.ledger)
    assert not verdict.holds
    assert any(path.name in difference for difference in verdict.differences)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_byte_cut_or_added_is_seen(standing: Standing, data: st.DataObject) -> None:
    folder = standing.fresh_copy()
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = path.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    added = data.draw(st.binary(max_size=2))
    path.write_bytes(content[:position] + added + content[position + (not added) :])
    assert not verify_export(folder, standing.ledger).holds


def test_any_removed_file_is_seen(standing: Standing) -> None:
    for name in sorted(path.name for path in standing.folder.iterdir()):
        folder = standing.fresh_copy()
        (folder / name).unlink()
        verdict = verify_export(folder, standing.ledger)
        assert any(name in difference and "gone" in difference for difference in verdict.differences)


def test_files_that_changed_places_are_seen(standing: Standing) -> None:
    folder = standing.fresh_copy()
    one, two = sorted(folder.iterdir())[:2]
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert not verify_export(folder, standing.ledger).holds


def test_a_file_that_does_not_belong_is_seen(standing: Standing) -> None:
    folder = standing.fresh_copy()
    (folder / "extra.csv").write_text("x")
    assert verify_export(folder, standing.ledger).differences == (
        "extra.csv does not belong to this report.",
    )


def test_a_link_in_a_file_s_place_is_seen(standing: Standing) -> None:
    folder = standing.fresh_copy()
    path = sorted(folder.glob("commissions_*"))[0]
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")
    assert not verify_export(folder, standing.ledger).holds


def test_a_link_in_the_manifest_s_place_is_seen(standing: Standing) -> None:
    folder = standing.fresh_copy()
    path = folder / "manifest.json"
    path.rename(folder.parent / "elsewhere.json")
    path.symlink_to(folder.parent / "elsewhere.json")
    assert verify_export(folder, standing.ledger).differences == ("manifest.json is not a plain file.",)


def edit(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest, indent=2) + "\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(made_by="Someone"),
        lambda m: m.update(previous_manifest_sha256="0" * 64),
        lambda m: m["filters"].update({"from": "2026-10-02"}),
        lambda m: m["files"].pop(),
        lambda m: m["files"][0].update(rows=6),
        lambda m: m["files"][0]["totals"].update(actual_idr=1),
        lambda m: m["files"][0].update(name="../home/ledger.sqlite"),
        lambda m: m.pop("snapshot"),
        lambda m: m.update(extra=1),
        lambda m: m.update(format="pdf"),
    ],
)
def test_an_edited_manifest_is_seen_by_the_ledger(standing: Standing, change: Callable[[dict], None]) -> None:
    folder = standing.fresh_copy()
    edit(folder, change)
    verdict = verify_export(folder, standing.ledger)
    assert any("the ledger" in difference for difference in verdict.differences)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m["files"].pop(), "must list"),
        (lambda m: m["files"][0].update(rows=6), "has 7 rows, not 6"),
        (lambda m: m["files"][0]["totals"].update(actual_idr=1), "actual_idr sums to 435,000, not 1"),
        (lambda m: m["files"][0]["totals"].pop("actual_idr"), "actual_idr sums to 435,000, not nothing"),
        (lambda m: m["files"][0].update(name="../home/ledger.sqlite"), "no file name of a report"),
        (lambda m: m.update(extra=1), "does not belong there"),
        (
            lambda m: m["difference"].update(unknown_rows=0),
            "the difference's unknown_rows is 0; of the rows it is 1",
        ),
        (lambda m: m["difference"].update(variance_idr=7), "the difference's variance_idr is 7"),
        (lambda m: m["difference"].pop("unknown_rows"), "its difference is not one"),
        (lambda m: m.pop("difference"), "difference is missing"),
        (lambda m: m["filters"].update({"to": "2026-12-01"}), "must list"),
    ],
)
def test_a_manifest_that_belies_its_files_is_seen_without_a_ledger(
    standing: Standing, change: Callable[[dict], None], says: str, tmp_path: Path
) -> None:
    folder = standing.fresh_copy()
    edit(folder, change)
    verdict = verify_export(folder, tmp_path / "none.sqlite")
    assert any(says in difference for difference in verdict.differences), verdict
    assert not (tmp_path / "none.sqlite").exists()


def test_without_a_ledger_a_good_report_holds_and_says_what_was_not_checked(
    standing: Standing, tmp_path: Path
) -> None:
    verdict = verify_export(standing.folder, tmp_path / "none.sqlite")
    assert verdict.holds
    assert "cannot be told" in verdict.not_checked[0]


def three(export: Cli, cli: Cli, base: Path) -> tuple[Path, Path, Path]:
    """September, October and November, each in its folder."""
    folders = []
    for month in (9, 10, 11):
        out = base / f"{month:02}"
        first, until = f"2026-{month:02}-01", f"2026-{month + 1:02}-01"
        assert cli("export", "commissions", "--from", first, "--to", until, "--out", str(out)).status == 0
        folders.append(out)
    return folders[0], folders[1], folders[2]


def test_a_whole_chain_holds(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    for folder in three(export, cli, tmp_path / "reports"):
        outcome = cli("verify", str(folder))
        assert outcome.status == 0, outcome
        assert "the ledger and the chain" in outcome.out


def test_a_report_taken_out_of_the_chain_shows_in_the_next(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    _, second, third = three(export, cli, tmp_path / "reports")
    shutil.rmtree(second)
    outcome = cli("verify", str(third))
    assert outcome.status == 1
    assert "a link of the chain is missing" in outcome.out
    assert cli("verify", str(third), "--alone").status == 0


def test_a_report_that_was_moved_is_found_where_one_says(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    _, second, third = three(export, cli, tmp_path / "reports")
    (tmp_path / "archive").mkdir()
    second.rename(tmp_path / "archive" / "october")
    assert cli("verify", str(third)).status == 1
    assert cli("verify", str(third), "--previous", str(tmp_path / "archive" / "october")).status == 0


def test_a_changed_report_shows_in_the_next(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    _, second, third = three(export, cli, tmp_path / "reports")
    edit(second, lambda manifest: manifest.update(made_by="Someone"))
    outcome = cli("verify", str(third))
    assert outcome.status == 1
    assert "was changed in" in outcome.out


def test_a_report_exported_again_takes_the_place_of_the_old(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    export(tmp_path / "out")
    outcome = cli("verify", str(tmp_path / "out"))
    assert outcome.status == 0
    assert "exported again" in outcome.out


def test_an_entry_taken_out_of_the_ledger_shows(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    _, second, third = three(export, cli, tmp_path / "reports")
    with sqlite3.connect(october.ledger) as db:
        db.execute("DELETE FROM exports WHERE folder = ?", (str(second),))
    db.close()
    outcome = cli("verify", str(third))
    assert outcome.status == 1
    assert "a link of the chain is missing" in outcome.out
    assert cli("verify", str(second)).status == 1


def test_an_entry_edited_in_the_ledger_shows(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    with sqlite3.connect(october.ledger) as db:
        db.execute("UPDATE exports SET made_by = 'nobody'")
    db.close()
    outcome = cli("verify", str(tmp_path / "out"))
    assert outcome.status == 1
    assert "the ledger was edited" in outcome.out


def test_a_folder_that_is_no_export_is_wrong_usage(october: Home, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        outcome = cli("verify", str(folder))
        assert outcome.status == 2
        assert len(outcome.err.strip().splitlines()) == 1


def test_an_export_whose_manifest_is_gone_differs(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    export(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    assert cli("verify", str(tmp_path / "out")).status == 1
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    # Emptied: the ledger still knows what was there.
    assert cli("verify", str(tmp_path / "out")).status == 1


def test_json_says_the_same(october: Home, export: Cli, cli: Cli, tmp_path: Path) -> None:
    export(tmp_path / "out")
    good = json.loads(cli("verify", str(tmp_path / "out"), "--json").out)
    assert (good["holds"], good["files"], good["differences"]) == (True, 6, [])
    (tmp_path / "out" / f"{NAME}.csv").write_text("x")
    bad = cli("verify", str(tmp_path / "out"), "--json")
    assert bad.status == 1
    assert json.loads(bad.out)["holds"] is False


def test_a_report_whose_snapshot_was_changed_or_is_gone_is_told(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    report = tmp_path / "out"
    export(report)
    path = snapshot_path(october, SNAPSHOT)
    assert verify_export(report, october.ledger).not_checked == ()
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (difference,) = verify_export(report, october.ledger).differences
    assert "changed after it was published" in difference
    path.unlink()
    verdict = verify_export(report, october.ledger)
    assert verdict.holds
    assert f"the snapshot {SNAPSHOT}, which the report was made from, is not in" in verdict.not_checked[0]
