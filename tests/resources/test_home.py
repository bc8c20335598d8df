"""The home: another user's, one open to others, or one with links in it is refused; no link is written through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.environment import prepare
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.lock import run_lock
from resources.own_files import create, replace
from resources.settings import Settings, load_settings
from resources.status_file import read_status, write_status


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").create()
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    return home


def test_an_empty_folder_that_is_open_is_closed(tmp_path: Path) -> None:
    made = tmp_path / "just-made"
    made.mkdir()
    made.chmod(0o755)
    Home(made).check()
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777, 0o701, 0o770, 0o1777])
def test_a_home_open_to_others_is_refused_unless_it_is_a_volume(
    home: Home, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.root.chmod(mode)
    with pytest.raises(UsageError, match=r"open to other users \(mode .*chmod 700"):
        load_settings()
    monkeypatch.setenv("BOOKWATCH_HOME_SHARED", "1")
    assert load_settings().home == home
    monkeypatch.setenv("BOOKWATCH_HOME_SHARED", "0")
    home.root.chmod(0o700)
    assert load_settings().home == home


def test_the_home_of_another_user_is_refused_unless_it_is_a_volume(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: home.root.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        load_settings()
    monkeypatch.setenv("BOOKWATCH_HOME_SHARED", "1")
    assert load_settings().home == home


def test_a_home_that_is_not_there_yet_is_fine_and_a_file_is_none(home: Home, tmp_path: Path) -> None:
    assert Home(tmp_path / "absent").check().root.name == "absent"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        Home(tmp_path / "file").check()


PLANTED = [
    "raw.duckdb", "raw.duckdb.wal", "warehouse.duckdb", "warehouse.duckdb.making", "ledger.sqlite", "ledger.sqlite-wal",
    "run.lock", "alerts.lock", "phone.key", "published", "dagster", "exports", "reports", "backups", "demo-home",
    "published/status.json", "published/.status.json.partial", "published/20261101T000000Z-000001.duckdb",
    "published/.20261101T000000Z-000001.duckdb.partial", "dagster/dagster.yaml", "dagster/dashboards.log",
]  # fmt: skip


@pytest.mark.parametrize("shared", ["", "1"])
@pytest.mark.parametrize("name", PLANTED)
def test_a_link_in_the_place_of_a_file_is_refused_and_its_target_untouched(
    home: Home, name: str, shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    place = home.root / name
    if place.is_dir():
        place.rmdir()
    place.symlink_to(target)
    monkeypatch.setenv("BOOKWATCH_HOME_SHARED", shared)
    with pytest.raises(UsageError, match="is a link"):
        load_settings()
    assert target.read_text() == "mine"


def test_the_links_of_publishing_are_ours_where_they_stay_in_their_folder(home: Home) -> None:
    for name in ("current", ".current.new", "private.duckdb", ".private.duckdb.ab12"):
        (home.published / name).symlink_to("20261101T000000Z-000001.duckdb")
    home.check()
    for target in ("/etc/passwd", "../raw.duckdb", ".."):
        (home.published / "current").unlink()
        (home.published / "current").symlink_to(target)
        with pytest.raises(UsageError, match="is a link"):
            home.check()


def test_what_is_written_between_two_checks_follows_no_link(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")

    def plant(path: Path) -> Path:
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        return path

    plant(home.published / ".status.json.partial")
    plant(home.status)
    write_status(home, {"run": 1})
    assert read_status(home) == {"run": 1}
    assert not home.status.is_symlink()
    plant(home.dagster / "dagster.yaml")
    prepare(Settings(_env_file=None, home=home.root))  # pyright: ignore[reportCallIssue] - pydantic-settings
    assert not (home.dagster / "dagster.yaml").is_symlink()
    with create(plant(home.root / "new")) as file:
        file.write(b"ours")
    replace(plant(home.root / "other"), b"ours")
    plant(home.lock)
    with pytest.raises(BookwatchError, match="is a link"), run_lock(home):
        pass
    assert target.read_text() == "mine"
