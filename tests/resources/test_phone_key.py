"""The key of a home: whole from the instant it is there, and one for all who ask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from resources.errors import BookwatchError
from resources.phone_key import read_phone_key


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = read_phone_key(tmp_path / "raw.duckdb")
    assert len(key) == 32
    assert read_phone_key(tmp_path / "raw.duckdb") == key
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("phone.key", 0o600)]


def test_of_two_that_make_it_at_once_both_have_the_firsts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, firsts = os.link, list[bytes]()

    def overtaken(source: Path, target: Path, **how: Any) -> None:
        assert not target.exists(), "a key is there before it is whole"
        monkeypatch.setattr(os, "link", link)
        firsts.append(read_phone_key(tmp_path / "raw.duckdb"))
        link(source, target, **how)

    monkeypatch.setattr(os, "link", overtaken)
    assert read_phone_key(tmp_path / "raw.duckdb") == firsts[0]
    assert [path.name for path in tmp_path.iterdir()] == ["phone.key"]


def test_nothing_is_hashed_with_an_empty_key(tmp_path: Path) -> None:
    (tmp_path / "phone.key").touch()
    with pytest.raises(BookwatchError, match="is empty"):
        read_phone_key(tmp_path / "raw.duckdb")
