"""A reader's home follows a store: each newer snapshot is there soon, what stands in the way is said once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.following import Follower, become_reader, fetch_home, is_reader, require_own
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.objects import FolderObjects
from resources.settings import Settings
from tests.store.test_sharing import bring, name_of, publish


def test_a_follower_brings_each_newer_snapshot_and_says_a_trouble_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = FolderObjects(tmp_path / "store")
    settings = Settings(home=Home(tmp_path / "reader"), follow=str(objects.root))
    said: list[str] = []
    follower = Follower(lambda: fetch_home(settings), said.append, every_s=0.01)
    for _ in range(3):
        assert follower.look() is None
    assert len(said) == 1
    assert said[0].startswith(f"The store {objects.place} holds no snapshot yet.")
    bring(objects, publish(tmp_path / "home", 1, os.urandom(500)))
    follower.start()
    arrived = threading.Event()
    look = settings.home.current

    def wait_for(number: int) -> None:
        for _ in range(3000):
            if look.exists() and look.resolve().stem == name_of(number):
                return
            arrived.wait(0.01)
        raise AssertionError(said)

    wait_for(1)
    bring(objects, publish(tmp_path / "home", 2, os.urandom(500)))
    wait_for(2)
    follower.stop()
    for _ in range(3000):
        if len(said) == 4:  # the file is in its place before it is told
            break
        arrived.wait(0.01)
    assert said[1] == "The store answers again."
    assert [line.partition(":")[0] for line in said[2:]] == [
        f"Fetched {name_of(number)}" for number in (1, 2)
    ]


def test_a_home_is_a_readers_or_a_pipelines(tmp_path: Path) -> None:
    pipelines, readers = Home(tmp_path / "a").create(), Home(tmp_path / "b").create()
    pipelines.ledger.touch()
    objects = FolderObjects(tmp_path / "store")
    settings = Settings(home=pipelines, follow=str(objects.root))
    with pytest.raises(BookwatchError, match="has a pipeline of its own"):
        fetch_home(settings)
    assert not (pipelines.published / "fetched.json").exists()
    plain = Settings(home=readers)
    require_own(plain)
    become_reader(readers, objects)
    assert is_reader(plain)
    with pytest.raises(UsageError, match="Not possible here"):
        require_own(plain)
    with pytest.raises(UsageError, match="no store to fetch from"):
        fetch_home(plain)


def test_a_readers_home_without_pages_serves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"HOME": str(tmp_path / "reader"), "FOLLOW": str(tmp_path / "store")}.items():
        monkeypatch.setenv(f"BOOKWATCH_{name}", value)
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--no-dashboards", "--host", "0.0.0.0"])
    assert ended.value.code == 2
    assert "has nothing to serve but its dashboards" in capsys.readouterr().err
