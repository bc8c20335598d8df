"""Reports are signed with the home's key, and who knows its public half can prove them without bookwatch's word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.exports.signature import SIGNATURE
from resources.home import Home
from resources.report_keys import known_keys, make_keys, public_key
from tests.exports.conftest import Outcome
from tests.exports.time_stamping_authority import Authority

Cli = Callable[..., Outcome]


@pytest.fixture
def signed(october: Home, export: Cli, tmp_path: Path) -> Path:
    make_keys(october)
    export(tmp_path / "out")
    return tmp_path / "out"


def said(outcome: Outcome, word: str) -> list[str]:
    return [line for line in outcome.out.splitlines() if line.startswith(f"{word}: ")]


def test_a_report_is_signed_with_the_key_of_its_home(signed: Path, october: Home, cli: Cli) -> None:
    key = public_key(october)
    assert key is not None
    outcome = cli("verify", str(signed))
    assert outcome.status == 0
    (line,) = said(outcome, "Proven")
    # BOOKWATCH_NOW stands still in these tests, and the signature says so.
    assert key.text in line
    assert "clock:frozen" in line
    assert (signed / SIGNATURE).stat().st_mode & 0o777 == 0o600


def test_the_secret_key_is_for_its_owner_alone_and_stands_in_no_output(home: Home, cli: Cli) -> None:
    made = cli("keys", "make")
    secret = home.keys / "report.key"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    told = made.out + cli("keys", "show").out + cli("keys", "export").out + cli("keys", "show", "--json").out
    assert secret.read_text().splitlines()[1] not in told
    key = public_key(home)
    assert key is not None
    assert key.text in made.out
    assert json.loads(cli("keys", "show", "--json").out)["key"] == {
        "key_id": key.key_id,
        "public_key": key.text,
    }


def test_a_key_is_not_replaced_unless_asked_for_and_a_retired_one_still_proves(
    signed: Path, october: Home, cli: Cli
) -> None:
    first = public_key(october)
    assert cli("keys", "make").status == 2
    assert public_key(october) == first
    assert cli("keys", "make", "--replace").status == 0
    assert first is not None
    assert first in known_keys(october)
    assert public_key(october) != first
    outcome = cli("verify", str(signed))
    assert outcome.status == 0
    assert first.text in said(outcome, "Proven")[0]


def test_who_got_a_report_proves_it_by_the_public_key_alone(
    signed: Path, october: Home, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, file = public_key(october), tmp_path / "key.pub"
    assert key is not None
    assert cli("keys", "export", "--out", str(file)).status == 0
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "elsewhere"))
    for given in (key.text, str(file)):
        outcome = cli("verify", str(signed), "--key", given)
        assert outcome.status == 0, outcome
        assert said(outcome, "Proven")
    (signed / "manifest.json").write_bytes((signed / "manifest.json").read_bytes() + b" ")
    outcome = cli("verify", str(signed), "--key", key.text)
    assert outcome.status == 1
    assert any(SIGNATURE in line for line in said(outcome, "Differs"))


def test_another_key_than_the_one_trusted_is_said(
    signed: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_keys(Home(tmp_path / "other"))
    outcome = cli("verify", str(signed), "--key", other.text)
    assert outcome.status == 1
    assert "not the one given" in outcome.out
    (signed / SIGNATURE).unlink()
    outcome = cli("verify", str(signed), "--key", other.text)
    assert outcome.status == 1
    assert "not signed" in outcome.out
    assert cli("verify", str(signed), "--key", "RWnonsense").status == 2


@pytest.mark.parametrize("place", range(4))
def test_any_line_of_a_signature_that_was_edited_is_seen(signed: Path, cli: Cli, place: int) -> None:
    """But for the first, which minisign itself calls untrusted."""
    path = signed / SIGNATURE
    lines = path.read_text().split("\n")
    middle = len(lines[place]) // 2
    lines[place] = (
        lines[place][:middle] + ("A" if lines[place][middle] != "A" else "B") + lines[place][middle + 1 :]
    )
    path.write_text("\n".join(lines))
    assert cli("verify", str(signed)).status == (0 if place == 0 else 1)


def test_a_key_that_cannot_be_used_stops_the_report_before_it_is_written(
    october: Home, cli: Cli, tmp_path: Path
) -> None:
    make_keys(october)
    (october.keys / "report.key").write_text("no key\n")
    days = ("--from", "2026-10-01", "--to", "2026-11-01")
    outcome = cli("export", "commissions", *days, "--out", str(tmp_path / "out"))
    assert outcome.status == 1
    assert "cannot be used" in outcome.err
    assert not (tmp_path / "out").exists()


def test_exporting_again_signs_what_was_not_and_moves_nothing(
    october: Home, export: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    make_keys(october)
    export(out)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after.pop(SIGNATURE)
    assert after == before


def test_a_standing_report_is_signed_and_stamped_by_command(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    assert cli("keys", "sign", str(out)).status == 2  # there is no key
    cli("keys", "make")
    assert cli("keys", "sign", str(out)).status == 0
    assert cli("keys", "sign", str(out)).status == 2  # it is signed
    authority = Authority()
    (tmp_path / "root.pem").write_bytes(authority.root)
    with authority.serving() as url:
        assert cli("keys", "stamp", str(out), "--url", url).status == 0
    outcome = cli("verify", str(out), "--tsa-root", str(tmp_path / "root.pem"))
    assert outcome.status == 0
    assert [line.split()[1] for line in said(outcome, "Proven")] == ["signed", "time-stamped"]
    assert said(cli("verify", str(out)), "Not checked")


def test_what_does_not_hold_is_neither_signed_nor_stamped(
    october: Home, export: Cli, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    cli("keys", "make")
    next(out.glob("*_summary.csv")).unlink()
    assert cli("keys", "sign", str(out)).status == 2
    assert cli("keys", "stamp", str(out), "--url", "http://127.0.0.1:9/").status == 2
    assert not (out / SIGNATURE).exists()


def test_hidden_files_and_folders_are_seen(signed: Path, cli: Cli) -> None:
    (signed / ".hidden").write_text("x")
    (signed / "folder").mkdir()
    (signed / ".bookwatch-partial-x").mkdir()
    (signed / "link").symlink_to("/nowhere")
    outcome = cli("verify", str(signed))
    assert outcome.status == 1
    assert said(outcome, "Differs") == [
        f"Differs: {name} does not belong to this report."
        for name in (".bookwatch-partial-x/", ".hidden", "folder/", "link")
    ]


class TestEvery:
    def test_every_report_that_stands_holds(
        self, october: Home, export: Cli, cli: Cli, tmp_path: Path
    ) -> None:
        assert "No report was ever exported" in cli("verify", "--all").out
        for name in ("one", "two"):
            export(tmp_path / name, "--format", "csv" if name == "one" else "json")
        outcome = cli("verify", "--all")
        assert outcome.status == 0
        assert "2 reports of this home: none is gone, each holds." in outcome.out

    def test_one_that_is_gone_is_missed_where_it_was(
        self, october: Home, export: Cli, cli: Cli, tmp_path: Path
    ) -> None:
        """Also the newest, which no later report names."""
        for name in ("one", "two"):
            export(tmp_path / name, "--format", "csv" if name == "one" else "json")
        shutil.rmtree(tmp_path / "two")
        outcome = cli("verify", "--all")
        assert outcome.status == 1
        (line,) = said(outcome, "Gone")
        assert str(tmp_path / "two") in line
        told = json.loads(cli("verify", "--all", "--json").out)
        assert [one["holds"] for one in told["reports"]] == [True, False]
        assert told["reports"][1]["was_in"] == str(tmp_path / "two")

    def test_one_that_was_moved_is_found_where_it_is_looked_for(
        self, october: Home, export: Cli, cli: Cli, tmp_path: Path
    ) -> None:
        export(tmp_path / "one")
        (tmp_path / "archive" / "2026").mkdir(parents=True)
        (tmp_path / "one").rename(tmp_path / "archive" / "2026" / "one")
        assert cli("verify", "--all").status == 1
        assert cli("verify", "--all", "--under", str(tmp_path / "archive")).status == 0

    def test_one_whose_manifest_was_edited_or_replaced_does_not_hold(
        self, october: Home, export: Cli, cli: Cli, tmp_path: Path
    ) -> None:
        export(tmp_path / "one")
        path = tmp_path / "one" / "manifest.json"
        path.write_bytes(path.read_bytes().replace(b"en", b"id", 1))
        outcome = cli("verify", "--all")
        assert outcome.status == 1
        assert said(outcome, "Differs")

    def test_the_same_report_exported_again_makes_up_for_it_and_a_table_is_not_missed(
        self, october: Home, export: Cli, cli: Cli, tmp_path: Path
    ) -> None:
        export(tmp_path / "one")
        export(tmp_path / "again")
        assert cli("export", "table", "core.providers", "--out", str(tmp_path / "table")).status == 0
        shutil.rmtree(tmp_path / "one")
        shutil.rmtree(tmp_path / "table")
        outcome = cli("verify", "--all")
        assert outcome.status == 0
        assert len(said(outcome, "Not checked")) == 2

    def test_without_a_ledger_nothing_is_called_fine(self, home: Home, cli: Cli) -> None:
        outcome = cli("verify", "--all")
        assert outcome.status == 1
        assert "cannot be told" in outcome.err

    def test_it_is_one_report_or_all(self, home: Home, cli: Cli, tmp_path: Path) -> None:
        assert cli("verify").status == 2
        assert cli("verify", str(tmp_path), "--all").status == 2
        assert cli("verify", "--all", "--alone").status == 2
        assert cli("verify", str(tmp_path), "--under", str(tmp_path)).status == 2
