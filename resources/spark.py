"""A session on a Spark cluster: what this machine needs for it, how it is set, and that it leaves nothing outside its
folder. Knows no table and no SQL; pyspark is imported when a session is asked for.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from resources.errors import BookwatchError
from resources.masters import addresses
from resources.own_hosts import is_loopback

#: Java 17 is what Spark 4.0 is made for; 21 does too.
JAVA: Final = (17, 21)
_VERSION: Final = re.compile(r'version "(?P<major>\d+)')
#: What the session's own Java writes to the error output of this process: nothing. Its failures are raised, and told
#: without their words, which may hold what stands in a row.
_LOG: Final = "log4j2.properties"
_SILENT: Final = """\
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
appender.none.type = Null
appender.none.name = none
"""
#: How long a master may take to answer a connection.
_PATIENCE_SECONDS: Final = 3.0
#: How long Java may take to end by itself.
_PATIENCE_FOR_JAVA: Final = 60.0


class SparkFailure(BookwatchError):
    """Spark is not there, cannot be reached, or failed amid its work."""


def java() -> str:
    """The path of a Java that Spark runs on: JAVA_HOME's, else the first of the PATH. Raises SparkFailure."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if program is None:
        raise SparkFailure.of("failure.spark_no_java")
    try:
        told = subprocess.run(
            [program, "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        raise SparkFailure.of("failure.spark_no_java") from None
    found = _VERSION.search(told)
    if found is None or int(found["major"]) < JAVA[0]:
        raise SparkFailure.of("failure.spark_no_java")
    return program


def ready(master: str) -> None:
    """Raise SparkFailure where a session could not be had: no pyspark, no Java, or nobody who answers at the master's
    address. A master that answers may still have no worker."""
    if not _is_installed():
        raise SparkFailure.of("failure.spark_no_extra")
    java()
    asked = addresses(master)
    for host, port in asked:
        try:
            with socket.create_connection((host, port), timeout=_PATIENCE_SECONDS):
                return
        except OSError:
            continue
    if asked:
        raise SparkFailure.of("failure.spark_unreached", master=master)


def _is_installed() -> bool:
    return find_spec("pyspark") is not None


def configuration(master: str, folder: Path) -> dict[str, str]:
    """How a session is set: no page and no port of it beside what executors call back on, nothing told to anyone, all
    files in ``folder``, and the meaning of what the engine writes (ANSI, UTC, timestamps without a zone)."""
    local = str(folder / "local")
    options = {"java.io.tmpdir": local, "log4j2.configurationFile": (folder / _LOG).absolute().as_uri()}
    here = all(is_loopback(host) for host, _ in addresses(master))
    return {
        "spark.master": master,
        "spark.app.name": "bookwatch",
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "false",
        "spark.local.dir": local,
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.driver.extraJavaOptions": " ".join(_java_option(*option) for option in options.items()),
        **({"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if here else {}),
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
        "spark.sql.parquet.compression.codec": "zstd",
        # What is small is put together again as it is read; 200 tasks of nothing took most of the time.
        "spark.sql.shuffle.partitions": "16",
        "spark.sql.adaptive.enabled": "true",
        # Two tasks that write the same file would be as bad as none.
        "spark.speculation": "false",
        "spark.ui.showConsoleProgress": "false",
        # Whatever shows it or not, a plan is written as text each time that a part of it is done: in its short form.
        "spark.sql.ui.explainMode": "simple",
    }


def _java_option(name: str, value: str) -> str:
    """In double quotes, as Spark reads them as a shell does: a folder may have a space in its name."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'-D{name}="{escaped}"'


@contextmanager
def session(master: str, folder: Path) -> Generator[Any]:
    """A Spark session of this process; ``folder`` is its own and gone afterwards. Raises SparkFailure."""
    ready(master)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "local").mkdir(parents=True, mode=0o700)
    (folder / _LOG).write_text(_SILENT, encoding="utf-8")
    # It writes every failed query to this process's error output, and a failure may name a value.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    try:
        made = _begin(configuration(master, folder))
        try:
            yield made
        except BaseException:
            # What ended it is what is told, also where Spark's own end fails after it.
            with suppress(SparkFailure):
                _stop(made)
            raise
        _stop(made)
    finally:
        _end_java()
        shutil.rmtree(folder, ignore_errors=True)


def _begin(settings: Mapping[str, str]) -> Any:
    # By its name: what is checked for types has no pyspark.
    sql: Any = import_module("pyspark.sql")
    with in_a_sentence():
        builder = sql.SparkSession.builder
        for name, value in settings.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


def _stop(made: Any) -> None:
    with in_a_sentence():
        made.stop()


def _end_java() -> None:
    """End the Java that pyspark keeps beside this process for a next session, one that never came to be included:
    pyspark has no public end of it."""
    context: Any = import_module("pyspark").SparkContext
    gateway = context._gateway
    if gateway is None:
        return
    context._gateway = context._jvm = None
    # It ends with its input, whether or not it can be told so.
    with suppress(SparkFailure), in_a_sentence():
        gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is None:
        return
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(timeout=_PATIENCE_FOR_JAVA)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def in_a_sentence() -> Generator[None]:
    """Say what Spark says in one sentence: its own words may hold rows and addresses."""
    try:
        yield
    except BookwatchError:
        raise
    except Exception as refused:  # noqa: BLE001 - py4j's, pyspark's and Java's failures, of many kinds
        kind = _kind(refused)
    else:
        return
    raise SparkFailure.of("failure.spark_failed", kind=kind)


def _kind(refused: Exception) -> str:
    """The word that Spark has for a failure, else its type."""
    with suppress(Exception):  # it is Java that is asked for the word, and Java may be gone
        if told := getattr(refused, "getCondition", lambda: None)():
            return str(told)
    return type(refused).__name__
