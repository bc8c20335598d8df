"""Workers that are copies: they have what the original prepared, run what pytest-xdist sends, end as they should."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import can_copy

pytestmark = pytest.mark.skipif(not can_copy(), reason="only Linux copies processes")

ROOT = Path(__file__).resolve().parents[1]
#: Begins an original and asks for copies as pytest-xdist does, which sends each a line to run; prints what they said.
_SESSION = """
import json, os, shlex, subprocess, sys
from pathlib import Path
from tests.forked import Original

made = []
original = Original(Path(sys.argv[1]), lambda: made.append(os.getpid()))
words = shlex.split(original.worker.partition("python=")[2])

def copy(line):
    asked = subprocess.Popen([*words, "-u", "-c", "x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    asked.stdin.write(repr(line) + chr(10))
    asked.stdin.flush()
    return asked

TELL = (
    "import os, sys, json;"
    " print(json.dumps([sys.modules['__main__'].made, os.getpid(), os.getppid(), __name__]), flush=True)"
)
first, second = copy(TELL), copy(TELL)
told = [json.loads(each.communicate(timeout=60)[0]) for each in (first, second)]
waiting = copy(TELL + "; sys.stdin.read()")
told.append(json.loads(waiting.stdout.readline()))
print(json.dumps(told), flush=True)
if sys.argv[2] == "stays":
    sys.stdin.read()
waiting.stdin.close()
print(waiting.wait(60), flush=True)
original.end()
"""


def session(folder: Path, stays: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SESSION, str(folder), stays],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_copies_have_what_was_prepared_once_and_end_with_their_pipes(tmp_path: Path) -> None:
    said, errors = session(tmp_path, "ends").communicate(timeout=120)
    told, status = (json.loads(line) for line in said.splitlines())
    assert errors == ""
    ((prepared, *_), *_) = told
    assert len(prepared) == 1
    assert [(made, parent, name) for made, _, parent, name in told] == [(prepared, *prepared, "__main__")] * 3
    assert len({pid for _, pid, _, _ in told}) == 3
    assert status == 0
    assert not Path(f"/proc/{prepared[0]}").exists()


def test_a_session_that_is_killed_leaves_no_copy(tmp_path: Path) -> None:
    with session(tmp_path, "stays") as started:
        assert started.stdout is not None
        told = json.loads(started.stdout.readline())
        copy = told[-1][1]
        assert Path(f"/proc/{copy}").exists()
        started.send_signal(signal.SIGKILL)
    for pid in (copy, *told[-1][0]):
        ended(pid)


def ended(pid: int) -> None:
    """Wait until a process that is nobody's here is gone."""
    with contextlib.suppress(ProcessLookupError):
        number = os.pidfd_open(pid)
        try:
            readable, _, _ = select.select([number], [], [], 60)
        finally:
            os.close(number)
        assert readable, f"{pid} goes on"
