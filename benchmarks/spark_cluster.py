"""A Spark cluster of this machine for tests and benchmarks: the standalone master and workers that pyspark brings,
each a process of its own on loopback, on free ports, stopped by its own id. Needs Java and the extra `spark`."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

_MASTER: Final = re.compile(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
_WORKER: Final = re.compile(r"Successfully registered with master")
#: Java options for work of seconds: what would be made quicker later is not worth being compiled twice. (Its
#: cache of code would be 48 MB, which all marts fill.)
QUICK: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=192m"
#: A busy machine takes minutes for what a quiet one does in three seconds.
_PATIENCE_SECONDS: Final = 600.0
_STEP_SECONDS: Final = 0.2


@contextmanager
def cluster(folder: Path, *, workers: int, cores: int = 1, memory: str = "1g") -> Generator[str]:
    """The address of a master whose workers have registered; logs and all other files lie in ``folder``. Raises
    RuntimeError with the end of a log where one does not start."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        master = _start(
            started, folder / "master.log", _MASTER, "master.Master", "--port", "0", folder=folder
        )
        for number in range(1, workers + 1):
            of_worker = folder / f"worker-{number}"
            of_worker.mkdir(exist_ok=True)
            _start(
                started,
                folder / f"worker-{number}.log",
                _WORKER,
                "worker.Worker",
                *(
                    "--port",
                    "0",
                    "--cores",
                    str(cores),
                    "--memory",
                    memory,
                    "--work-dir",
                    str(of_worker),
                    master,
                ),
                folder=of_worker,
            )
        yield master


def _start(
    started: ExitStack, log: Path, ready: re.Pattern[str], program: str, *words: str, folder: Path
) -> str:
    """Start one of Spark's daemons and wait until its log says that it is ready; what it says of it."""
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": f"-Djava.io.tmpdir={folder}",
    }
    with log.open("w", encoding="utf-8") as out:
        # It replaces itself by Java: its id is the one to stop.
        process = subprocess.Popen(
            [
                str(home / "bin" / "spark-class"),
                f"org.apache.spark.deploy.{program}",
                *("--host", "127.0.0.1", "--webui-port", "0"),
                *words,
            ],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    started.callback(_stop, process)
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := ready.search(log.read_text(encoding="utf-8", errors="replace")):
            return found[found.lastindex or 0]
        time.sleep(_STEP_SECONDS)  # a log has nobody to tell that it grew
    raise RuntimeError(
        f"{program} did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
