"""What a killed session of tests left in memory is cleared away by the next; what another one uses stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.places import clear_after_the_dead


def session(folder: Path, process: int | str | None) -> tuple[Path, Path]:
    """The compiled marts of a session and its tests' files; None: one that ended by itself and kept the latter."""
    compiled = folder / f"bookwatch-compiled-{process}-x_1"
    files = folder / "pytest-of-me" / f"pytest-{process}"
    for each in (compiled, files):
        each.mkdir(parents=True)
        (each / "file").touch()
    if process is not None:
        (files / ".lock").write_text(str(process))
    return compiled, files


def test_folders_of_the_dead_are_cleared_away_and_those_of_the_living_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    dead = session(tmp_path, ended.pid)
    stay = (*session(tmp_path, os.getpid()), *session(tmp_path, "no-id"), *session(tmp_path, None))
    clear_after_the_dead(tmp_path)
    assert [path for path in dead if path.exists()] == []
    assert [path for path in stay if not (path / "file").exists()] == []
