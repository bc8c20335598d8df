"""Starting and stopping: loopback only, what it tells, SIGTERM, the parent's end, the server's clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from tests.sandbox_server import ROOT, SandboxProcess


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_stops_cleanly_and_leaves_no_temporary_folder() -> None:
    server = SandboxProcess("--empty").start()
    assert server.data.is_dir()
    assert server.stop() == 0
    assert not server.data.exists()


def test_only_loopback_is_served() -> None:
    refused = run("serve", "--empty", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "loopback only" in refused.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxProcess]:
    """One whose clock nobody moved."""
    with SandboxProcess("--empty") as started:
        yield started


def test_a_taken_port_is_one_plain_sentence(server: SandboxProcess) -> None:
    port = server.origin.rsplit(":", 1)[1]
    refused = run("serve", "--empty", "--port", port)
    assert refused.returncode == 2
    assert "in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_only_its_own_host_names_are_answered(server: SandboxProcess) -> None:
    port = server.origin.rsplit(":", 1)[1]
    answers = {
        name: requests.get(
            f"{server.endpoint}/health/version", headers={"Host": f"{name}:{port}"}, timeout=5
        ).status_code
        for name in (
            "127.0.0.1",
            "localhost",
            "[::1]",
            "evil.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
        )
    }
    assert list(answers.values())[:3] == [answers["127.0.0.1"]] * 3
    assert answers["127.0.0.1"] != 400
    assert list(answers.values())[3:] == [400] * 3


def test_keys_and_rows_outlive_a_restart_on_the_same_folder(tmp_path: Path) -> None:
    with SandboxProcess("--empty", data=tmp_path) as server:
        key = server.key
        headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": key}
        body = {"databaseId": "d", "name": "D"}
        assert (
            requests.post(f"{server.endpoint}/tablesdb", json=body, headers=headers, timeout=5).status_code
            == 201
        )
    with SandboxProcess("--empty", data=tmp_path) as server:
        assert server.key == key
        assert requests.get(f"{server.endpoint}/tablesdb/d", headers=headers, timeout=5).status_code == 200


def test_it_ends_with_its_parent() -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'sandbox', 'serve', '--empty', '--json', "
        "'--die-with-parent'], stdout=subprocess.PIPE)\n"
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and _alive(child):
        time.sleep(0.1)  # a process that is no child ends: it is looked at
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().split()[2] == "Z")


def test_the_clock_is_real_time_in_an_empty_sandbox(server: SandboxProcess) -> None:
    told = parsedate_to_datetime(requests.get(server.endpoint + "/ping", timeout=5).headers["Date"])
    assert abs((told - datetime.now(UTC)).total_seconds()) < 3
