"""What a person sees while collections are read.

A bar on a terminal, plain lines otherwise. Counts rows, shows none.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBars

from marketplace.events import ScanOutcome


class Progress(Protocol):
    """Told by a scan or a sweep, from one thread."""

    def start(self, collection: str) -> None:
        """A collection is being read."""

    def advance(self, collection: str, rows: int) -> None:
        """``rows`` more are safely stored."""

    def finish(self, collection: str, outcome: str, detail: str = "") -> None:
        """It ended: complete, partial, forbidden, missing or failed."""


class Quiet:
    """Shows nothing."""

    def start(self, collection: str) -> None:
        del collection

    def advance(self, collection: str, rows: int) -> None:
        del collection, rows

    def finish(self, collection: str, outcome: str, detail: str = "") -> None:
        del collection, outcome, detail


class PlainLines:
    """One line when a collection ends, and one every ``every`` seconds while a long one is read."""

    def __init__(self, out: TextIO | None = None, every: float = 10.0) -> None:
        self._out = out or sys.stderr
        self._every = every
        self._rows: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.flush()

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def start(self, collection: str) -> None:
        self._rows[collection] = 0
        self._told[collection] = time.monotonic()

    def advance(self, collection: str, rows: int) -> None:
        self._rows[collection] = self._rows.get(collection, 0) + rows
        if time.monotonic() - self._told.get(collection, 0.0) >= self._every:
            self._told[collection] = time.monotonic()
            self._line(f"{collection}: {self._rows[collection]:,} rows so far")

    def finish(self, collection: str, outcome: str, detail: str = "") -> None:
        tail = "" if outcome == ScanOutcome.COMPLETE else f", {outcome}"
        self._line(
            f"{collection}: {self._rows.get(collection, 0):,} rows{tail}{f' ({detail})' if detail else ''}"
        )


class Bars:
    """A rich bar a collection. The whole is not known beforehand (Appwrite counts to 5,000), so it pulses."""

    def __init__(self, console: Console | None = None) -> None:
        self._bars = RichBars(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>11,.0f} rows"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[outcome]}"),
            console=console or Console(stderr=True),
            transient=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def start(self, collection: str) -> None:
        with self._lock:
            self._tasks[collection] = self._bars.add_task(collection, total=None, outcome="")

    def advance(self, collection: str, rows: int) -> None:
        self._bars.advance(self._tasks[collection], rows)

    def finish(self, collection: str, outcome: str, detail: str = "") -> None:
        if collection not in self._tasks:
            self.start(collection)
        told = "" if outcome == ScanOutcome.COMPLETE else f"{outcome} {detail}".strip()
        self._bars.update(self._tasks[collection], outcome=told or "done")
        self._bars.stop_task(self._tasks[collection])


def progress_for(stream: TextIO | None = None) -> PlainLines | Bars:
    """Bars if the stream (standard error) is a terminal, plain lines otherwise. Both are context managers."""
    out = stream or sys.stderr
    return Bars(Console(file=out)) if out.isatty() else PlainLines(out)
