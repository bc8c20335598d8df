"""A process that has loaded bookwatch's libraries and forks a child for each command that a test runs. Holds no test.

Loading Dagster, Polars, Ibis, Pandera and DuckDB, and compiling the marts, is most of a command on a test's few rows;
a hundred tests that run commands would do it three hundred times. A child is a process like any other: its own
environment, folder, output and end. What has to start cold is started by `subprocess`: processes that are killed,
`serve`, and the first run of a home in tests/pipelines/test_first_light.py.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def serve() -> None:
    """Load everything, then fork a child for each order read; never returns in the parent before its input ends."""
    orders, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    _load()
    for order in orders:
        child = os.fork()
        if child == 0:
            orders.close()
            answers.close()
            try:
                _obey(json.loads(order))
            finally:
                os._exit(1)
        print(child, file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _load() -> None:
    import gc
    import importlib
    import pkgutil

    import assets.marts
    import pipelines.cli
    from assets.marts.sql_cache import compile_marts
    from resources.policy_file import load_policy

    for package in (assets.marts, pipelines.cli):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in ("pandas", "pyarrow.dataset", "pipelines.definitions", "pipelines.run"):
        importlib.import_module(name)
    compile_marts(load_policy())
    if threading.active_count() > 1:
        raise AssertionError("a process with threads must not fork")
    gc.collect()
    gc.freeze()


def _obey(order: dict[str, Any]) -> None:
    """Become the process that was ordered, do its work and end."""
    for descriptor, path in ((1, order["out"]), (2, order["err"])):
        opened = os.open(path, os.O_WRONLY)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv[:] = ["-c", *order["words"]]
    from pipelines.cli import main

    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not by the interpreter's own end: libraries would join threads that are only the parent's.
        os._exit(ended.code if isinstance(ended.code, int) else 1)


class WarmProcess:
    """Runs commands in forks of one warm process; one at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            outer = {
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_"))
            }
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from tests.warm_process import serve; serve()"],
                env={**outer, "PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "yes"},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            atexit.register(self._process.kill)
        return self._process

    def run(
        self, words: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Like subprocess.run of `bookwatch WORDS` with captured text. Raises TimeoutExpired, the child killed."""
        with self._turn, tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            order = {"words": list(words), "environment": dict(environment), "folder": str(folder)}
            print(json.dumps(order | {"out": out.name, "err": err.name}), file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            late = threading.Event()

            def insist() -> None:
                late.set()
                os.kill(child, 9)

            patience = threading.Timer(timeout, insist)
            patience.start()
            try:
                status = int(process.stdout.readline())
            finally:
                patience.cancel()
            if late.is_set():
                raise subprocess.TimeoutExpired(list(words), timeout, out.read(), err.read())
            return subprocess.CompletedProcess(list(words), status, out.read(), err.read())


WARM = WarmProcess()
