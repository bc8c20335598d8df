"""The command line as people run it, with a home and an environment of its own. Holds no test.

Loading Dagster, Polars, Ibis, Pandera and DuckDB is most of a command on a test's few rows, so it runs in this process
unless a test asks for one of its own. What has to start cold does: processes that are killed or stopped, `serve`,
`demo`, and the first run of a home in tests/pipelines/test_first_light.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.cli import main
from pipelines.cli.query import as_json
from resources.home import Home
from resources.questions import answer
from resources.snapshots import open_snapshot, require_snapshot
from tests.server_second import settled

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
        self, *words: str, cold: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; ``cold``: in a process of its own, as a person starts it."""
        if words and words[0] in ("run", "sweep", "watch"):
            settled(self.env(**environment).get("APPWRITE_ENDPOINT", ""))
        if not cold:
            return _inside(words, self.env(**environment), self.home.parent)
        return subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            env=self.env(**environment),
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=240,
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


def _inside(
    words: Sequence[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run of `bookwatch WORDS` with captured text, in this process."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        _as_started(environment, folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status: object = None
        try:
            main(list(words))
        except SystemExit as ended:
            status = ended.code
        assert isinstance(status, int), "a command ends with a status"
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read())
        return subprocess.CompletedProcess(list(words), status, *said)


@contextmanager
def _as_started(environment: Mapping[str, str], folder: Path) -> Generator[None]:
    """This process with another environment and folder, until the end of the block."""
    outer, place, mask = dict(os.environ), Path.cwd(), os.umask(0o077)
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(outer)
        os.umask(mask)


def settings_for(server: Any, *, key: str | None = None) -> dict[str, str]:
    """The Appwrite settings for a running sandbox: its read-only key by default."""
    return {
        "APPWRITE_ENDPOINT": server.endpoint,
        "APPWRITE_PROJECT_ID": server.project,
        "APPWRITE_API_KEY": key or server.read_only_key,
        "APPWRITE_DATABASE_ID": server.database,
    }
