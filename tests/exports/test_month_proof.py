"""`bookwatch verify` of a month's package: its files held to each other, and made once more from the kept snapshot.

Each kind of tampering is tried by one who can also write a manifest that agrees with what was tampered with.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.exports.digests import mart_digests
from pipelines.exports.maker import maker
from pipelines.exports.manifest import read_manifest, sha256_of_bytes
from pipelines.exports.month.package import export_month
from pipelines.exports.month.proof import check_rows
from pipelines.exports.notes import Notes
from pipelines.exports.signature import SIGNATURE
from pipelines.exports.verify import Trust, Verdict, verify_export
from resources.clock import Clock
from resources.errors import UsageError
from resources.home import Home
from resources.report_keys import make_keys
from resources.snapshots import require_snapshot
from tests.published import copied_home

Edit = Callable[[dict[str, Any]], None]
MADE_AT = datetime(2026, 12, 3, 1, 2, 3, tzinfo=UTC)


class Standing:
    """One package made once, and copies of it to change."""

    def __init__(self, home: Home, folder: Path, trial: Path) -> None:
        self.home, self.folder, self.trial = home, folder, trial
        self.edited = Home(trial / "home")

    def copy(self) -> Path:
        shutil.rmtree(self.trial, ignore_errors=True)
        return Path(shutil.copytree(self.folder, self.trial / "out"))

    def verify(self, folder: Path | None = None) -> Verdict:
        return verify_export(folder or self.folder, self.home.ledger, alone=True)

    def file(self, folder: Path, end: str) -> Path:
        (found,) = (path for path in folder.iterdir() if path.name.endswith(end))
        return found

    def forge(self, folder: Path, edit: Edit | None = None, *, names_its_key: bool = False) -> Verdict:
        """As one who owns folder and ledger would: the manifest agrees with the files, the ledger with the manifest,
        and the snapshot is what it was. What is left to see it by are the files' own words and the snapshot."""
        path = folder / "manifest.json"
        content = json.loads(path.read_bytes())
        for entry in content["files"]:
            data = (folder / entry["name"]).read_bytes()
            entry["bytes"], entry["sha256"] = len(data), sha256(data).hexdigest()
        if edit is not None:
            edit(content)
        if not names_its_key:
            content["signed_with"] = None
        (folder / SIGNATURE).unlink(missing_ok=True)
        text = json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
        before = sha256_of_bytes(path.read_bytes())
        path.write_bytes(read_manifest(text).to_bytes())
        home = Home(self.trial / "home")
        home.root.mkdir()
        home.published.symlink_to(self.home.published)
        shutil.copy(self.home.ledger, home.ledger)
        with sqlite3.connect(home.ledger) as db:
            db.execute(
                "UPDATE exports SET manifest_sha256 = ? WHERE manifest_sha256 = ?",
                (sha256_of_bytes(path.read_bytes()), before),
            )
        return verify_export(folder, home.ledger, alone=True)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, publication: Path) -> Standing:
    base = tmp_path_factory.mktemp("standing")
    home = copied_home(publication, base / "home")
    make_keys(home)
    exported = export_month(
        home,
        Clock(MADE_AT),
        first=date(2026, 11, 20),
        until=date(2026, 11, 21),
        out=base / "out",
        made_by="Rani",
        time_zone="Asia/Makassar",
    )
    return Standing(home, exported.folder, base / "trial")


def test_an_untouched_package_holds_and_says_what_is_proven_and_what_is_not(standing: Standing) -> None:
    verdict = standing.verify()
    assert verdict.differences == ()
    proven = " ".join(verdict.proven)
    for what in (
        "signed with the key",
        "marts of the snapshot",
        "figures are those",
        "are, row by row, what",
    ):
        assert what in proven
    who, when = verdict.not_checked
    assert who.startswith("made by Rani under the account ")
    assert "self-declared" in who
    assert "the clock was stopped" in when


def test_who_was_signed_in_is_believed_and_a_running_clock_is_not_marked(
    standing: Standing, tmp_path: Path
) -> None:
    exported = export_month(
        standing.home,
        Clock(),
        first=date(2026, 11, 3),
        until=date(2026, 11, 4),  # nothing happened on it
        out=tmp_path / "out",
        made_by="rani@example.test",
        made_by_how="signed-in",
        time_zone="Asia/Makassar",
    )
    verdict = standing.verify(exported.folder)
    assert verdict.differences == verdict.not_checked == ()
    assert any("made by rani@example.test" in said and "signed in" in said for said in verdict.proven)


def test_a_digest_is_taken_again_with_duckdb_alone(standing: Standing, tmp_path: Path) -> None:
    snapshot = require_snapshot(standing.home)
    mart, digest = "marts.commission_entries", mart_digests(snapshot)["marts.commission_entries"]
    with duckdb.connect(str(snapshot), read_only=True) as con:
        con.execute(f"COPY {mart} TO '{tmp_path / 'rows.csv'}' (FORMAT csv, HEADER)")
    assert sha256((tmp_path / "rows.csv").read_bytes()).hexdigest() == digest
    manifest = json.loads((standing.folder / "manifest.json").read_bytes())
    assert manifest["mart_digests"][mart] == digest
    assert manifest["snapshot_sha256"] == sha256(snapshot.read_bytes()).hexdigest()


def test_a_file_that_was_changed_is_named(standing: Standing) -> None:
    folder = standing.copy()
    names = sorted(path.name for path in folder.iterdir() if path.name not in ("manifest.json", SIGNATURE))
    for name in names:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
    differences = _files_alone(standing, folder).differences
    assert len(names) > 20
    for name in names:
        assert any(said.startswith(f"{name} was changed") for said in differences), name


@pytest.mark.parametrize("name", ["manifest.json", SIGNATURE])
def test_a_changed_byte_of_manifest_or_signature_is_seen(standing: Standing, name: str) -> None:
    folder = standing.copy()
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert any(name in said for said in _files_alone(standing, folder).differences)


def test_a_file_that_is_gone_or_added_is_named(standing: Standing) -> None:
    folder = standing.copy()
    gone = standing.file(folder, "_ledger.csv")
    gone.unlink()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "rows.csv").write_text("x")
    (folder / ".swp").write_text("x")
    differences = _files_alone(standing, folder).differences
    for said in (f"{gone.name} is gone.", ".hidden/ does not belong", ".swp does not belong"):
        assert any(said in difference for difference in differences)


def _files_alone(standing: Standing, folder: Path) -> Verdict:
    """Without the snapshot, for tries that the files alone must show."""
    home = Home(standing.trial / "alone")
    home.root.mkdir()
    shutil.copy(standing.home.ledger, home.ledger)
    shutil.copytree(standing.home.keys, home.keys)
    return verify_export(folder, home.ledger, alone=True)


class TestWhoCanWriteTheManifestToo:
    """The manifest and the ledger were made to agree: the files speak against each other, and the snapshot against
    them."""

    def test_nothing_but_the_signature_is_missed_where_nothing_was_changed(self, standing: Standing) -> None:
        verdict = standing.forge(standing.copy())
        (difference,) = verdict.differences
        assert "_cover.pdf is not what is made" in difference  # it names the key
        assert any("the report is not signed" in said for said in verdict.not_checked)

    def test_the_signature_shows_it_to_who_knows_the_key(self, standing: Standing) -> None:
        folder = standing.copy()
        standing.forge(folder)
        key = make_keys(Home(standing.trial / "other"))
        verdict = verify_export(folder, standing.trial / "none.sqlite", alone=True, trust=Trust(key=key))
        assert any("is not signed" in said for said in verdict.differences)

    def test_a_cell_of_one_form_or_of_every_form(self, standing: Standing) -> None:
        """Of one the others tell, of every form only the snapshot can."""
        folder = standing.copy()

        def put(end: str, before: str, after: str) -> None:
            path = standing.file(folder, end)
            text = path.read_text(encoding="utf-8")
            assert before in text
            path.write_text(text.replace(before, after, 1), encoding="utf-8", newline="")

        put("_commissions_spreadsheet.csv", "matched", "missing")
        put("_statements.json", "accrual", "payment")
        for form in (".csv", "_spreadsheet.csv", ".json"):
            put(f"_findings{form}", "high", "low")
        differences = standing.forge(folder).differences
        for end, told in (
            ("_commissions_spreadsheet.csv", "does not say what the raw file says: row"),
            ("_statements.json", "does not say what the raw file says: row"),
            ("_findings.csv", "does not say what the snapshot"),
            ("", "sheet findings does not say what"),
        ):
            assert any(end in said and told in said for said in differences), (end, differences)

    def test_what_the_manifest_says_of_the_snapshot_the_bridges_and_its_maker(
        self, standing: Standing
    ) -> None:
        def edit(content: dict[str, Any]) -> None:
            content["figures"]["matched"] += 1
            lines = next(iter(content["bridges"].values()))
            lines[next(iter(lines))] += 1
            content["mart_digests"]["marts.commission_entries"] = "0" * 64
            content["snapshot_sha256"] = "0" * 64
            content["made_by_how"] = "sworn"
            never = dict.fromkeys(("snapshot", "made_at", "made_by"), "x") | {"manifest_sha256": "0" * 64}
            content["supersedes"] = never
            content["open"] = not content["open"]
            content["ageing_at"] = "2026-11-20T00:00:00Z"
            content["created_at"] = "2026-12-01T00:00:00Z"
            content["rows_without_day"] += 1
            content["signed_off"] = [{"month": "2026-11", "by": "Ayu", "at": "2026-12-02T00:00:00Z"}]

        differences = standing.forge(standing.copy(), edit).differences
        for told in (
            "the figure matched is",
            "repeats other lines of the bridges",
            "the rows of marts.commission_entries have other digests",
            f"names the SHA-256 {'0' * 64} of the snapshot",
            "'sworn' of how its maker is known",
            "supersedes names",
            "says open",
            "says ageing_at 2026-11-20T00:00:00Z",
            "the ledger says made_at 2026-12-03T01:02:03Z",
            "says rows_without_day",
            "Ayu signed off 2026-11",
        ):
            assert any(told in said for said in differences), (told, differences)

    def test_a_cover_with_another_figure(self, standing: Standing) -> None:
        """What is read first and signed on paper: one glyph of one page, packed again as it was."""
        folder = standing.copy()
        path = standing.file(folder, "_cover.pdf")
        data, page = path.read_bytes(), _page_of(path.read_bytes())
        told = zlib.decompress(page)
        digit = told.index(b") Tj", len(told) // 2) - 1
        other = zlib.compress(told[:digit] + bytes([told[digit] ^ 1]) + told[digit + 1 :])
        path.write_bytes(data.replace(page, other))
        assert any(
            f"{path.name} is not what is made" in said and "other words or figures" in said
            for said in standing.forge(folder).differences
        )

    def test_a_cover_that_is_packed_otherwise_says_the_same(self, standing: Standing) -> None:
        folder = standing.copy()
        path = standing.file(folder, "_cover.pdf")
        page = _page_of(path.read_bytes())
        path.write_bytes(path.read_bytes().replace(page, zlib.compress(zlib.decompress(page), 1)))
        verdict = standing.forge(folder, names_its_key=True)
        (difference,) = verdict.differences
        assert difference.startswith(f"{SIGNATURE} is gone")
        assert not any(path.name in said for said in verdict.not_checked)

    def test_a_cover_that_is_none(self, standing: Standing) -> None:
        folder = standing.copy()
        standing.file(folder, "_cover.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
        assert any("not drawn as bookwatch draws" in said for said in standing.forge(folder).differences)

    def test_a_file_left_out_of_the_manifest(self, standing: Standing) -> None:
        folder = standing.copy()
        name = standing.file(folder, "_waivers.csv").name
        (folder / name).unlink()
        path = folder / "manifest.json"
        content = json.loads(path.read_bytes())
        content["files"] = [entry for entry in content["files"] if entry["name"] != name]
        digest = sha256_of_bytes(path.read_bytes())
        path.write_bytes(read_manifest(json.dumps(content).encode()).to_bytes())
        home = Home(standing.trial / "home")
        home.root.mkdir()
        shutil.copy(standing.home.ledger, home.ledger)
        with sqlite3.connect(home.ledger) as db:
            after = sha256_of_bytes(path.read_bytes())
            db.execute("UPDATE exports SET manifest_sha256 = ? WHERE manifest_sha256 = ?", (after, digest))
        assert any(
            "where it must list" in said
            for said in verify_export(folder, home.ledger, alone=True).differences
        )


def _page_of(pdf: bytes) -> bytes:
    """The first page's packed content."""
    return pdf[pdf.index(b"stream\n") + 7 : pdf.index(b"\nendstream")]


def test_without_home_and_snapshot_it_says_plainly_what_it_could_not_check(
    standing: Standing, tmp_path: Path
) -> None:
    verdict = verify_export(standing.copy(), tmp_path / "ledger.sqlite", alone=True)
    assert verdict.differences == ()
    told = " ".join(verdict.not_checked)
    for what in ("the key that manifest.json itself names", "no ledger with exports", "without the snapshot"):
        assert what in told


def test_who_got_it_proves_it_with_the_public_key_alone(standing: Standing, tmp_path: Path) -> None:
    from resources.report_keys import public_key

    trust = Trust(key=public_key(standing.home))
    verdict = verify_export(standing.copy(), tmp_path / "ledger.sqlite", alone=True, trust=trust)
    assert verdict.differences == ()
    assert any("signed with the key" in said for said in verdict.proven)
    assert not any("no ledger" in said for said in verdict.not_checked)


def test_a_name_says_nothing_in_the_place_of_what_was_proven() -> None:
    with pytest.raises(UsageError, match="one line"):
        maker("Rani\nProven: everything")
    assert maker(" Ni Luh Ayu ").name == "Ni Luh Ayu"


def test_rows_that_are_neither_in_nor_out_are_a_difference() -> None:
    def told(**figures: int | None) -> Notes:
        notes = Notes()
        check_rows(figures, notes)
        return notes

    assert told(rows_unaccounted=0, collections_not_read=0) == Notes()
    lost = told(rows_unaccounted=5, collections_not_read=2)
    assert "5 rows of the mirror are neither" in lost.differences[0]
    assert "2 collections" in lost.not_checked[0]
    assert "not counted" in told(rows_unaccounted=None).not_checked[0]
