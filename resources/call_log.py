"""The calls of one run on their way to the ledger: kept in memory, written down every few seconds.

What becomes of them afterwards is assets/ops.py's; how a call is made is appwrite/gateway.py's.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from types import TracebackType

from resources.appwrite.failures import CallEvent
from resources.errors import BookwatchError
from resources.ledger import Ledger, LedgerCall, LedgerTooNew

WRITE_SECONDS = 2.0
"""A run that is killed loses the calls of this long at most."""


class CallLog:
    """Give it as a Gateway's ``on_call``; use it as a context manager. Safe to call from several threads.

    Leaving writes down what is left, also when an exception passes through; raises BookwatchError if that
    cannot be done and nothing else is being raised.
    """

    def __init__(self, ledger: Ledger, run_id: str, keep: list[CallEvent]) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._keep = keep
        self._lock = threading.Lock()
        self._written = len(keep)
        self._due = time.monotonic() + WRITE_SECONDS

    def __call__(self, event: CallEvent) -> None:
        self._keep.append(event)
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return
        try:
            self._due = time.monotonic() + WRITE_SECONDS
            self._write()
        except sqlite3.Error:
            # A full disk or a busy ledger: they stay in memory and are tried again, at the latest at the end,
            # where a failure is raised. A scan is not stopped for its statistics.
            return
        finally:
            self._lock.release()

    def __enter__(self) -> CallLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._lock:
                self._write()
        except sqlite3.Error as refused:
            if error is None and isinstance(refused, LedgerTooNew):
                raise
            if error is None:
                raise BookwatchError.of("failure.ledger_unwritten") from None

    def _write(self) -> None:
        upto = len(self._keep)
        if upto > self._written:
            self._ledger.record_calls(
                [
                    LedgerCall(
                        self._run_id,
                        number,
                        event.at,
                        event.operation,
                        event.collection,
                        event.seconds,
                        event.outcome.value,
                        event.status,
                        event.category.value,
                        event.severity.value,
                        event.attempts,
                        event.reason,
                        event.slow,
                        event.error_type,
                        event.host,
                    )
                    for number, event in enumerate(self._keep[self._written : upto], self._written + 1)
                ]
            )
        self._written = upto
