"""What doctor says of publishing: tried in the home, nothing left there, and no room is a warning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resources import snapshot_space
from resources.home import Home
from resources.snapshot_space import examine_space


def test_a_home_that_is_not_there_is_not_spoken_of(tmp_path: Path) -> None:
    assert examine_space(Home(tmp_path / "home")) == []
    assert os.listdir(tmp_path) == []


def test_what_publishing_does_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home").create()
    before = sorted(home.root.rglob("*"))
    (tried,) = examine_space(home)
    assert tried.verdict == "ok"
    assert sorted(home.root.rglob("*")) == before

    with monkeypatch.context() as patched:
        patched.setattr(snapshot_space, "shares_blocks", lambda source, target: True)
        (told,) = examine_space(home)
        assert (told.topic, told.verdict) == ("publishing", "ok")
        assert "as much as has changed" in told.sentence

    monkeypatch.setattr(snapshot_space, "shares_blocks", lambda source, target: False)
    with home.warehouse.open("wb") as file:
        file.truncate(200_000_000)
    (told,) = examine_space(home)
    assert told.verdict == "ok"
    assert "shares no blocks" in told.sentence
    assert "a whole file of 200 MB, 8.4 GB with one for each of 30 days" in told.sentence
    with home.warehouse.open("wb") as file:
        file.truncate(1 << 42)  # a hole: no disk of a test is that large
    (told,) = examine_space(home)
    assert told.verdict == "warning"
    assert "may not fit" in told.sentence
    assert str(home.root) in told.what_to_do


def test_what_cannot_be_tried_is_not_called_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home").create()

    def refused(source: Path, target: Path) -> bool:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(snapshot_space, "shares_blocks", refused)
    (told,) = examine_space(home)
    assert told.verdict == "could not tell"
    assert "Permission denied" in told.sentence
