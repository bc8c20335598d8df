"""A running sandbox for tests: a process on a free port, its keys, the calls outside /v1. Holds no test."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from appwrite.services.tables_db import TablesDB

from resources.appwrite import server_clock

ROOT = Path(__file__).resolve().parents[1]


class SandboxProcess:
    """``python -m sandbox serve`` with the given arguments; use as a context manager or start/stop.

    After start: endpoint (…/v1), project, key, read_only_key, database, data (Path), pid.
    """

    def __init__(self, *arguments: str, data: Path | None = None) -> None:
        self.arguments = [*arguments, *(["--data", str(data)] if data else [])]
        self.endpoint = self.project = self.key = self.read_only_key = self.database = ""
        self.data = Path()
        self._moved = 0.0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> SandboxProcess:
        port = [] if "--port" in self.arguments else ["--port", "0"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "serve", "--json", "--die-with-parent", *port, *self.arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The sandbox did not start (exit status {self._process.wait(30)}).")
        told = json.loads(line)
        self.endpoint, self.project, self.key = told["endpoint"], told["project"], told["key"]
        self.read_only_key, self.database = told["read_only_key"], told["database"]
        self.data = Path(told["data"])
        return self

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(20)
        self._process.kill()
        return self._process.wait(20)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def origin(self) -> str:
        """http://127.0.0.1:PORT, without /v1."""
        return self.endpoint.removesuffix("/v1")

    def __enter__(self) -> SandboxProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- the control routes (docs/sandbox.md) --

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call /control/…; the decoded JSON answer (None if empty)."""
        request = urllib.request.Request(
            f"{self.origin}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def new_key(self, *scopes: str) -> str:
        """A key with exactly these scopes."""
        return self.control("POST", "keys", {"scopes": list(scopes)})["key"]

    def faults(self, *rules: Mapping[str, Any], seed: int = 1) -> None:
        """Put these fault rules in force (none: end all faults)."""
        self.control("PUT", "faults", {"seed": seed, "rules": list(rules)})

    def between_pages(self, *steps: Mapping[str, Any]) -> None:
        """Put in force what is done to rows after the n-th list of a table (none: nothing)."""
        self.control("PUT", "between-pages", {"steps": list(steps)})

    def writes(self) -> dict[str, Any]:
        """What calls wrote since it started or ``forget_writes``: writes (rows), calls, by_route, by_table."""
        return self.control("GET", "writes")

    def forget_writes(self) -> None:
        self.control("DELETE", "writes")

    def settings(self, **given: Any) -> None:
        """transactions, index_seconds, index_error; what is not given is as at the start."""
        self.control("PUT", "settings", given)

    def a_second_passes(self) -> None:
        """Move the server's clock behind the second of all that was written: without a safety lag a scan ends at the
        latest whole second it was told, so what was just written would be the next one's."""
        self._moved += 1.05
        self.control("PUT", "clock", {"by": 1.05})

    def as_it_was(self) -> None:
        """End what a test ordered: faults, changes between pages, a clock that was let pass."""
        self.faults()
        self.between_pages()
        self.settings()
        if self._moved:
            self.control("PUT", "clock", {"by": -self._moved})
            self._moved = 0.0
            # A server's clock that goes back is noticed by and by; the next test's is known from no answer yet.
            server_clock._CLOCKS.pop(self.endpoint, None)  # pyright: ignore[reportPrivateUsage]

    def now(self) -> datetime:
        """Its clock: aware, UTC."""
        return datetime.fromisoformat(self.control("GET", "clock")["now"])

    @contextlib.contextmanager
    def own_database(self) -> Iterator[SandboxProcess]:
        """This server with a new database as its ``database``, gone after the block; and the server as it was."""
        service = TablesDB(self.client())
        own = copy.copy(self)
        own.database, own._moved = f"d{uuid4().hex[:10]}", 0.0
        service.create(own.database, "Marketplace")
        yield own
        own.as_it_was()
        service.delete(own.database)

    def load_rows(self, table: str, rows: Iterable[Mapping[str, Any]], database: str | None = None) -> int:
        """Load trusted rows ($id, $createdAt, $updatedAt, attributes) past all validation; how many."""
        body = {"database": database or self.database, "table": table, "rows": list(rows)}
        return self.control("POST", "rows/bulk", body)["loaded"]

    def client(self, key: str | None = None) -> Any:
        """The real SDK's client, set up for this server."""
        from appwrite.client import Client

        client = Client()
        client.set_endpoint(self.endpoint).set_project(self.project).set_key(key or self.key)
        client.add_header("X-Appwrite-Response-Format", "1.9.6")
        return client


@pytest.fixture(scope="session")
def empty_sandbox() -> Iterator[SandboxProcess]:
    """One sandbox that was started empty, for all tests that make a database or tables of their own and leave it
    ``as_it_was``."""
    with SandboxProcess("--empty") as server:
        yield server
