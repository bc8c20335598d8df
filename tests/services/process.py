"""A `bookwatch services serve` of its own, for tests: started, asked, ended by its pid. Holds no test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from resources.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_MODULES = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules)))"
_MAIN = "from pipelines.cli import main; main(sys.argv[1:])"


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "APPWRITE_ENDPOINT": settings.appwrite_endpoint,
        "APPWRITE_PROJECT_ID": settings.appwrite_project_id,
        "APPWRITE_DATABASE_ID": settings.appwrite_database_id,
        "APPWRITE_API_KEY": settings.appwrite_api_key.get_secret_value(),
        "APPWRITE_WRITE_KEY": settings.appwrite_write_key.get_secret_value(),
        "BOOKWATCH_HOME": str(settings.home.root),
    }


class Serving:
    """``endpoint`` once it is started. ``modules``: what it had loaded, once it has ended."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.endpoint = ""
        self.modules: list[str] = []
        self.errors = ""

    def __enter__(self) -> Serving:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{_MODULES}; {_MAIN}", "services", "serve", "--json", "--port", "0"],
            env={**os.environ, **environment_of(self.settings), "PYTHONPATH": str(ROOT)},
            cwd=self.settings.home.root.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(self._process.communicate(timeout=30)[1])
        self.endpoint = json.loads(line)["endpoint"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()

    def end(self, signum: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        self._process.send_signal(signum)
        told, self.errors = self._process.communicate(timeout=30)
        self.modules = told.split()
        return self._process.returncode

    def kill(self) -> None:
        self.end(signal.SIGKILL)
