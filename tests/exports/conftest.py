"""A home with October published, and the command line in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines.cli import main
from resources.home import Home
from tests.exports import published
from tests.exports.published import OCTOBER


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    umask = os.umask(0o022)
    home = Home(tmp_path / "home").create()
    os.umask(umask)
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", "2026-11-06T01:02:03Z")
    monkeypatch.delenv("BOOKWATCH_TIMEZONE", raising=False)
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(scope="session")
def publish(publication: Path) -> Callable[..., Path]:
    """Publish rows made by hand in a home: published.publish on this session's tables."""
    return partial(published.publish, publication)


@pytest.fixture
def october(home: Home, publish: Callable[..., Path]) -> Home:
    publish(home, OCTOBER)
    return home


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(*words: str) -> Outcome:
        capsys.readouterr()
        before = os.umask(0o022)
        try:
            with pytest.raises(SystemExit) as stopped:
                main(list(words))
        finally:
            os.umask(before)
        out, err = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Outcome(code, out, err)

    return run


@pytest.fixture
def export(cli: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """October's report into a folder, which must succeed."""

    def run(out: Path, *more: str) -> Outcome:
        outcome = cli(
            "export", "commissions", "--from", "2026-10-01", "--to", "2026-11-01", "--out", str(out), *more
        )
        assert outcome.status == 0, outcome
        return outcome

    return run
