"""Bad input: one plain sentence with the next step, the right exit status, the last good snapshot still served."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bookwatch_process import ROOT, Bookwatch, settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess


@dataclass
class Good:
    """A server with a small marketplace, and a home with one good snapshot of it."""

    server: SandboxProcess
    market: Marketplace
    home: Path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Good]:
    folder = tmp_path_factory.mktemp("bad-input")
    with SandboxProcess("--empty") as server:
        market = Marketplace(server)
        market.add(
            "bookings", "b1", status="completed", totalCost=100_000, userId="u", providerId="p", source="chat"
        )
        watch = Bookwatch(folder / "home", settings_for(server))
        watch.run()
        yield Good(server, market, folder / "home")


@pytest.fixture
def watch(good: Good, tmp_path: Path) -> Bookwatch:
    """bookwatch on a copy of the good home."""
    home = tmp_path / "home"
    shutil.copytree(good.home, home, symlinks=True)
    return Bookwatch(home, settings_for(good.server))


def one_sentence(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1]
    assert "Traceback" not in text
    assert last.rstrip().endswith("."), last
    return last


def still_served(watch: Bookwatch) -> None:
    assert [row["booking_id"] for row in watch.rows("SELECT booking_id FROM core.bookings")] == ["b1"]


def test_missing_settings_are_named(tmp_path: Path) -> None:
    done = Bookwatch(tmp_path / "home")("run")
    assert done.returncode == 2
    assert "APPWRITE_ENDPOINT" in one_sentence(done.stderr)


def test_an_unreachable_server_leaves_the_snapshot_and_judges_health_by_the_clock(tmp_path: Path) -> None:
    with SandboxProcess("--empty") as server:
        Marketplace(server).add(
            "bookings", "b1", status="completed", totalCost=100_000, userId="u", source="chat"
        )
        watch = Bookwatch(tmp_path / "home", settings_for(server))
        watch.run()
    done = watch("run")
    assert done.returncode == 11
    one_sentence(done.stderr)
    still_served(watch)
    status = watch.status()
    assert status["run"]["exit_status"] == 11
    assert status["run"]["outcome"] == "failed"
    later = watch("run", BOOKWATCH_NOW="2100-01-01T00:00:00Z")
    assert later.returncode == 11
    points = {point["point"]: point["status"] for point in watch.status()["health"]["points"]}
    assert points[1] == points[5] == "broken"


def test_a_mirror_whose_server_is_swapped_for_a_dead_one_is_refused_before_it_is_called(
    watch: Bookwatch,
) -> None:
    done = watch("run", APPWRITE_ENDPOINT="http://127.0.0.1:9/v1")
    assert done.returncode == 2
    still_served(watch)


def test_a_rejected_key_is_not_repeated(watch: Bookwatch) -> None:
    done = watch("run", APPWRITE_API_KEY="wrong-key-123456")
    assert done.returncode == 11
    assert "wrong-key" not in done.stderr + done.stdout
    assert "does not accept the API key" in one_sentence(done.stderr)
    still_served(watch)


def test_a_missing_required_collection(watch: Bookwatch) -> None:
    done = watch("run", BOOKWATCH_TABLES=json.dumps({"bookings": "nowhere"}))
    assert done.returncode == 11
    assert "bookings" in one_sentence(done.stderr)
    still_served(watch)


def test_a_missing_optional_collection_is_shown_and_stops_nothing(watch: Bookwatch) -> None:
    outcome = watch.run(status=10, BOOKWATCH_TABLES=json.dumps({"notifications": "nowhere"}))
    scans = {c["collection"]: c["outcome"] for c in outcome["collections"]}
    assert scans["notifications"] == "missing"
    assert scans["bookings"] == "complete"
    still_served(watch)


def test_only_the_required_collections_are_enough(empty_sandbox: SandboxProcess, tmp_path: Path) -> None:
    with empty_sandbox.own_database() as server:
        Marketplace(server, REQUIRED_TABLES).add("bookings", "b1", status="completed", totalCost=100_000)
        watch = Bookwatch(tmp_path / "home", settings_for(server))
        watch.run(status=10)
        still_served(watch)


def test_another_endpoint_than_the_one_mirrored_is_refused(
    watch: Bookwatch, empty_sandbox: SandboxProcess
) -> None:
    with empty_sandbox.own_database() as other:
        Marketplace(other, REQUIRED_TABLES)
        done = watch("run", APPWRITE_ENDPOINT=other.endpoint, APPWRITE_API_KEY=other.key)
    assert done.returncode == 2
    assert "mirror" in one_sentence(done.stderr)
    still_served(watch)


def test_a_second_run_at_the_same_time_says_so_and_leaves(watch: Bookwatch) -> None:
    hold = (
        "import sys,time;from pathlib import Path;from resources.home import Home;from resources.lock import run_lock\n"
        "with run_lock(Home(Path(sys.argv[1]))):\n  print('held',flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(watch.home)],
        stdout=subprocess.PIPE,
        text=True,
        env=watch.env(),
        cwd=ROOT,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        done = watch("run")
    finally:
        holder.kill()
        holder.wait()
    assert done.returncode == 12
    assert "active" in one_sentence(done.stderr)
    still_served(watch)


def test_a_missing_snapshot(tmp_path: Path) -> None:
    watch = Bookwatch(tmp_path / "home")
    for words in (("sql", "SELECT 1"), ("status",)):
        done = watch(*words)
        assert done.returncode == 1
        assert "bookwatch run" in one_sentence(done.stderr)


@pytest.mark.parametrize(
    "query",
    [
        "SELEKT 1",
        "SELECT * FROM core.nothing",
        "SELECT * FROM read_csv('/etc/passwd')",
        "DROP TABLE core.bookings",
    ],
)
def test_a_wrong_query(watch: Bookwatch, query: str) -> None:
    done = watch("sql", query)
    assert done.returncode == 2
    one_sentence(done.stderr)


@pytest.mark.parametrize(
    "words", [("flurb",), ("run", "--flurb"), ("sql",), ("sql", "SELECT 1", "--format", "xml")]
)
def test_wrong_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = Bookwatch(tmp_path / "home")(*words)
    assert done.returncode == 2
    assert "--help" in one_sentence(done.stderr)


def test_a_home_that_cannot_be_written(tmp_path: Path, good: Good) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    done = Bookwatch(blocker / "home", settings_for(good.server))
    answer = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "run"],
        env=done.env(), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 1
    assert "BOOKWATCH_HOME" in one_sentence(answer.stderr)


def test_a_row_with_a_broken_value_stays_with_its_reason(good: Good, watch: Bookwatch) -> None:
    good.market.add(
        "bookings", "broken", status="completed", totalCost=1, startTime="soon", userId="u", source="chat"
    )
    try:
        watch.run()
        (row,) = watch.rows("SELECT starts_at, status FROM core.bookings WHERE booking_id = 'broken'")
        assert row == {"starts_at": None, "status": "completed"}
        findings = watch.rows("SELECT attribute FROM marts.data_findings WHERE row_id = 'broken'")
        assert {"attribute": "startTime"} in findings
    finally:
        good.market.remove("bookings", "broken")


def test_debug_shows_the_details(watch: Bookwatch) -> None:
    done = watch("run", "--debug", APPWRITE_ENDPOINT="http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_demo_refuses_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    done = Bookwatch(home)("demo", "--once")
    assert done.returncode == 2
    assert (home / "thesis.txt").exists()


def test_a_run_that_is_stopped_says_so_and_the_next_one_goes_on(
    empty_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    with empty_sandbox.own_database() as server:
        market = Marketplace(server, REQUIRED_TABLES)
        market.add("bookings", "b1", status="completed", totalCost=100_000, userId="u", source="chat")
        server.faults({"kind": "stall", "table": "bookings", "path": "rows"})
        watch = Bookwatch(tmp_path / "home", settings_for(server))
        process = subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "run"],
            env=watch.env(), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr
        for line in process.stderr:
            if "rows" in line:
                break
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(60) == 1
        assert "stopped" in one_sentence(said)
        server.faults()
        watch.run(status=10)
        still_served(watch)
