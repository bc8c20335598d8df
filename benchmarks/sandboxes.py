"""A sandbox for a benchmark: in a process of its own, filled from here, its keys, its processor time. What is measured
on it is the benchmark's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
A_CALL: Final = 2_000


class Sandbox:
    """One that was told ``words`` (python -m sandbox serve) and keeps its data in a folder. ``environment``: what
    bookwatch has to be told to work on it."""

    def __init__(self, folder: Path, *words: str) -> None:
        words = ("serve", "--json", *words, "--data", str(folder), "--die-with-parent")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.endpoint, self.project, self.database = told["endpoint"], told["project"], told["database"]
        self.origin = self.endpoint.removesuffix("/v1")
        self.environment = {
            "APPWRITE_ENDPOINT": self.endpoint,
            "APPWRITE_PROJECT_ID": self.project,
            "APPWRITE_DATABASE_ID": self.database,
            "APPWRITE_API_KEY": told["read_only_key"],
            "APPWRITE_WRITE_KEY": told["key"],
        }
        import requests  # not by who is measured, and imports this module for its other things

        self.web = requests.Session()
        self.web.trust_env = False
        self.web.headers["Connection"] = "close"  # one that was idle for long may end while it is used again

    def cpu_s(self) -> float:
        return cpu_s(self.process.pid)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.web.request(method, f"{self.origin}/control/{path}", json=body, timeout=300)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def load(self, table: str, rows: Iterator[Mapping[str, Any]]) -> None:
        some: list[Mapping[str, Any]] = []
        for row in rows:
            some.append(row)
            if len(some) == A_CALL:
                self._bulk(table, some)
                some = []
        if some:
            self._bulk(table, some)

    def _bulk(self, table: str, rows: list[Mapping[str, Any]]) -> None:
        self.control("POST", "rows/bulk", {"database": self.database, "table": table, "rows": rows})


def cpu_s(pid: int) -> float:
    """Processor time a process has taken so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
