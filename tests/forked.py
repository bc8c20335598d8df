"""Where the workers of a session of pytest come from: copies of one process that has imported what all of them need.
Holds no test.

A worker that starts by itself imports Dagster, Polars, Ibis, Streamlit and all modules of tests, 11 s of processor
time; a copy has them at once, and the memory they take is there once. Asked for with TESTS_COPY, as who is copied may
have no threads and not all modules of tests keep to that (docs/decisions.md 310). Only Linux copies a process with
these libraries at all.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

#: Stands where an interpreter would, in the specification of a worker: hands its pipes to the process that is copied,
#: and lives as long as the copy does.
_STAND_IN = Path(__file__).with_name("forked_stand_in.py")


def can_copy() -> bool:
    return sys.platform == "linux"


class Original:
    """The process that is copied, a child of this one. ``worker``: the specification of a copy for pytest-xdist
    (``--tx``). It ends with ``end``, or when this process does."""

    def __init__(self, folder: Path, prepare: Callable[[], None]) -> None:
        address = folder / "original"
        self.worker = f"popen//python={sys.executable} -S -E {_STAND_IN} {address}"
        # Who is copied has to be alone in its process: a lock that another thread holds is held in the copy for ever.
        assert threading.active_count() == 1, threading.enumerate()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(address))
        listening.listen(64)
        ours, theirs = socket.socketpair()
        self._life: socket.socket | None = ours
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _exit_after(_be_copied, listening, theirs, prepare)
        theirs.close()
        listening.close()

    def end(self) -> None:
        """Wait for it and its copies; the time they took is then this process' children's."""
        if self._life is not None:
            self._life.close()
            self._life = None
            os.waitpid(self._pid, 0)


def import_modules_of(arguments: Iterable[Path], root: Path) -> None:
    """Import the modules of tests that these arguments of pytest name, under its rewritten assertions. What cannot be
    imported is told where tests are collected."""
    found: set[Path] = set()
    for argument in arguments:
        found.update(argument.rglob("test_*.py") if argument.is_dir() else [argument])
    for path in sorted(found):
        if path.suffix == ".py" and path.is_relative_to(root):
            with contextlib.suppress(Exception):
                importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


def _exit_after(work: Callable[..., None], *args: object) -> NoReturn:
    """End this copy with its work: what stands above it on the stack is the original's."""
    status = 1
    try:
        work(*args)
        status = 0
    except BaseException:  # noqa: BLE001 - told as Python tells it; nothing may get past the end
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _be_copied(listening: socket.socket, life: socket.socket, prepare: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group: the workers and who started them
    prepare()
    # What every copy has is looked through for cycles in none of them: it would be written to, and so be there again.
    gc.collect()
    gc.freeze()
    with listening, life:
        while _asked(listening, life):
            connection, _ = listening.accept()
            with connection:
                _, pipes, _, _ = socket.recv_fds(connection, 1, 3)
                if os.fork() == 0:
                    listening.close()
                    life.close()
                    _exit_after(_work, connection, pipes)
            for pipe in pipes:
                os.close(pipe)
            _reap(os.WNOHANG)
    _reap(0)


def _asked(listening: socket.socket, life: socket.socket) -> bool:
    """Wait until a copy is asked for; false: whoever may ask has ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(life, selectors.EVENT_READ)
        return all(key.fileobj is not life for key, _ in selector.select())


def _reap(how: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _work(connection: socket.socket, pipes: list[int]) -> None:
    """Be a worker of pytest-xdist: what `python -u -c` would do with these pipes. Its connection is open to its end."""
    for own, given in enumerate(pipes):
        os.dup2(given, own)
        os.close(given)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering=1, closefd=False, errors=errors)
        for number, mode, errors in ((0, "r", None), (1, "w", None), (2, "w", "backslashreplace"))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    signal.signal(signal.SIGINT, signal.default_int_handler)
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
    connection.close()
