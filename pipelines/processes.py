"""Child processes of `serve` and `demo`: started, watched, stopped by their own pid."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resources.errors import BookwatchError, UsageError
from resources.own_files import no_link

STOP_PATIENCE_S = 10


@dataclass(frozen=True)
class Child:
    """A started program and what people call it."""

    name: str
    process: subprocess.Popen[bytes]


def own_port(asked: int, option: str) -> int:
    """``asked`` if this process may serve on it on 127.0.0.1; one that is free for 0. Never another than asked for:
    what is kept open, linked and monitored there is that one. ``option`` sets it. Raises UsageError.
    """
    with socket.socket() as probe:
        # As servers do: connections of one that has just ended are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", asked))
        except OSError as refused:
            why = "is in use" if refused.errno == errno.EADDRINUSE else f"cannot be used ({refused.strerror})"
            raise UsageError(
                f"Port {asked} on 127.0.0.1 {why}.",
                f"Stop what serves there, or choose another with {option} (0 takes a free one).",
            ) from None
        except OverflowError:
            raise UsageError(
                f"{asked} is no port.", f"Give {option} one from 0 (a free one) to 65535."
            ) from None
        return int(probe.getsockname()[1])


def start(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path | None = None,
) -> Child:
    """Start a program in a session of its own, so that Ctrl-C reaches it through us alone."""
    output = open(log, "ab", opener=no_link) if log else None  # noqa: SIM115 - handed to the child, closed below
    try:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output or None,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()
    return Child(name, process)


def stop(children: Sequence[Child]) -> None:
    """Ask each to stop, then insist. Only processes we started, by their own pid."""
    for child in reversed(children):
        if child.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE_S
    for child in reversed(children):
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def wait_for_port(child: Child, port: int, seconds: float = 60, *, host: str = "127.0.0.1") -> None:
    """Until the child answers where it listens. Raises BookwatchError if it ends first or takes too long."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    family = socket.AF_INET6 if ":" in reached else socket.AF_INET
    _wait_for(child, family, (reached, port), f"port {port}", seconds)


def wait_for_socket(child: Child, path: Path, seconds: float = 180) -> None:
    """Until the child answers on a socket file. Raises BookwatchError if it ends first or takes too long."""
    _wait_for(child, socket.AF_UNIX, str(path), "its socket", seconds)


def _wait_for(
    child: Child, family: socket.AddressFamily, address: str | tuple[str, int], place: str, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            raise BookwatchError(
                f"{child.name} ended at once (exit status {child.process.returncode}).",
                "Its log is in BOOKWATCH_HOME/dagster.",
            )
        with socket.socket(family) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(address) == 0:
                return
        time.sleep(0.1)  # nobody tells when a port is open: it is tried
    raise BookwatchError(f"{child.name} did not answer on {place}.", "Its log is in BOOKWATCH_HOME/dagster.")


def end_with(parent: int) -> None:
    """Have this process told to end (SIGTERM) once the one that started it is gone, however that ended: one that is
    killed stops no child."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)  # a parent that dies tells nobody: its number is looked at
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextlib.contextmanager
def stopping(children: list[Child]) -> Generator[None]:
    """Stop every child when the block is left, by SIGTERM as by Ctrl-C."""

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before: Callable[..., object] | int | None = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        stop(children)
        signal.signal(signal.SIGTERM, before)


def watch_over(
    children: Sequence[Child], look: Callable[[], object] = lambda: None, every: float = 30
) -> None:
    """Wait until one ends by itself, which is a failure; ``look`` at once and then ``every`` so many seconds. Ctrl-C
    raises KeyboardInterrupt.
    """
    due = time.monotonic()
    while True:
        for child in children:
            if child.process.poll() is not None:
                raise BookwatchError(
                    f"{child.name} stopped by itself (exit status {child.process.returncode}).",
                    "The others were stopped too; its log is in BOOKWATCH_HOME/dagster.",
                )
        if time.monotonic() >= due:
            look()
            due = time.monotonic() + every
        time.sleep(0.5)  # how soon it is seen that a child ended
