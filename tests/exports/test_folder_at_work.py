"""What an export leaves in its folder while it writes, and what a killed one left, as `verify` and the next export see
it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pipelines.exports.folder import strangers_in


def test_the_workshop_of_a_living_export_is_no_stranger_and_a_dead_ones_is(tmp_path: Path) -> None:
    for name in (".bookwatch-partial-dead", ".bookwatch-partial-alive"):
        (tmp_path / name).mkdir()
    (tmp_path / ".bookwatch-partial-file").write_text("x")
    (tmp_path / ".bookwatch-partial-link").symlink_to(tmp_path)
    lock = os.open(tmp_path / ".bookwatch-partial-alive", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    dead = [".bookwatch-partial-dead/", ".bookwatch-partial-file", ".bookwatch-partial-link"]
    assert strangers_in(tmp_path, set()) == dead
    os.close(lock)
    assert strangers_in(tmp_path, set()) == [".bookwatch-partial-alive/", *dead]
