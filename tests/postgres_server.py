"""Debian's PostgreSQL, for the tests that need one: made and started by them in a folder of its own, on a free port of
127.0.0.1, stopped by its process. Holds no test.

Where there is none the tests are skipped with what to install, and fail under BOOKWATCH_REQUIRE_POSTGRES=1.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.processes import own_port
from resources.errors import BookwatchError, UsageError
from resources.postgres import opened

USER, PASSWORD = "watcher", "pass word/1"
PASSWORD_IN_URL = "pass%20word%2F1"
#: Nothing is kept over a crash of the machine: a test's database lives for seconds.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


@dataclass(frozen=True)
class PostgresServer:
    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str = "postgres", *, user: str = USER, password: str = PASSWORD_IN_URL) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str) -> str:
        """A database of its own; its URL."""
        with opened(self.url()) as con, con.cursor() as ask:
            ask.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return self.url(name)

    def drop_sessions(self) -> None:
        """As if every connection were lost."""
        with opened(self.url()) as con, con.cursor() as ask:
            ask.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    programs = _programs()
    user = "postgres" if os.geteuid() == 0 else None  # initdb refuses root
    folder = Path(tempfile.mkdtemp(prefix="bw-postgres-", dir="/tmp"))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = folder / "data"
        words = ("-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "-N", "-E", "UTF8")
        subprocess.run(
            [programs / "initdb", *words, "--locale=C", "--no-instructions"],
            cwd=folder, user=user, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        port = own_port(0, "")
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={port}",
            f"unix_socket_directories={folder}",
            *_QUICK,
        )
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(word for one in settings for word in ("-c", one))],
            cwd=folder, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        server = PostgresServer(port, process)
        try:
            _wait_for(server)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once, whoever is connected
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait_for(server: PostgresServer) -> None:
    while True:
        try:
            with opened(server.url()):
                return
        except UsageError:
            raise  # the extra is not installed: no waiting helps
        except BookwatchError:
            assert server.process.poll() is None, "PostgreSQL ended by itself"
            # a server that starts or stops; asking oftener would take the time it needs
            time.sleep(0.05)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    reason = "No PostgreSQL on this machine: install the package postgresql to run these tests."
    if os.environ.get("BOOKWATCH_REQUIRE_POSTGRES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
