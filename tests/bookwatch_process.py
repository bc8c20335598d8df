"""The command line as people run it: a process with its own home. Holds no test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.cli.query import as_json
from resources.home import Home
from resources.questions import answer
from resources.snapshots import open_snapshot, require_snapshot
from tests.server_second import settled
from tests.warm_process import WARM

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Bookwatch:
    """``bookwatch`` on one home. ``environment``: settings; none of the outer ones is taken."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self, **more: str) -> dict[str, str]:
        outer = {
            k: v for k, v in os.environ.items() if not k.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_"))
        }
        own = {"BOOKWATCH_HOME": str(self.home), "PYTHONPATH": str(ROOT), "BOOKWATCH_SAFETY_LAG": "0"}
        return {**outer, **own, **self.environment, **more}

    def __call__(
        self, *words: str, timeout: float = 240, cold: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as a child of a warm process; ``cold``: started as a person starts it."""
        if words and words[0] in ("run", "sweep", "watch"):
            settled()
        if not cold:
            return WARM.run(
                words, environment=self.env(**environment), folder=self.home.parent, timeout=timeout
            )
        return subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            env=self.env(**environment),
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(
        self, *words: str, status: int | tuple[int, ...] = (0, 10), cold: bool = False, **environment: str
    ) -> dict[str, Any]:
        """``bookwatch run --json``; its JSON. Asserts the exit status."""
        done = self("run", "--json", *words, cold=cold, **environment)
        expected = (status,) if isinstance(status, int) else status
        assert done.returncode in expected, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What ``bookwatch sql --format json`` prints, without the second a process takes to start."""
        with open_snapshot(require_snapshot(Home(self.home))) as con:
            return json.loads(as_json(*answer(con, query)))

    def status(self) -> dict[str, Any]:
        """What status.json says."""
        return json.loads((self.home / "published" / "status.json").read_text())


def settings_for(server: Any, *, key: str | None = None) -> dict[str, str]:
    """The Appwrite settings for a running sandbox: its read-only key by default."""
    return {
        "APPWRITE_ENDPOINT": server.endpoint,
        "APPWRITE_PROJECT_ID": server.project,
        "APPWRITE_API_KEY": key or server.read_only_key,
        "APPWRITE_DATABASE_ID": server.database,
    }
