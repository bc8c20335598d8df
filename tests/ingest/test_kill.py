"""An ingest process killed by SIGKILL at random instants while the app writes on: raw ends as the server."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.raw_store import RawStore
from tests.ingest.mirroring import (
    DATABASE,
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    run,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

KILLS = int(os.environ.get("BOOKWATCH_TEST_KILLS", "6"))
ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from resources.raw_store import RawStore
from tests.ingest.mirroring import accept_all, gateway_for, run
from resources.progress import Quiet
from resources.settings import Settings
settings = Settings(_env_file=None)
gateway, _ = gateway_for(settings)
store = RawStore(settings.home.raw)
class Told(Quiet):
    def advance(self, collection, rows):
        print("committed", flush=True)
print("ready", flush=True)
n = 0
while True:
    n += 1
    run(gateway, store, ["bookings"], run_id=f"child-{sys.argv[1]}-{n}", flush_rows=20, progress=Told())
"""


@pytest.mark.slow
def test_killed_at_random_instants_and_run_again_raw_equals_the_server(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 1500)
    settings = settings_for(server, home, bookwatch_tables={"bookings": table}, bookwatch_page_size=10)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "APPWRITE_ENDPOINT": server.endpoint,
        "APPWRITE_PROJECT_ID": server.project,
        "APPWRITE_API_KEY": server.key,
        "APPWRITE_DATABASE_ID": DATABASE,
        "BOOKWATCH_HOME": str(home),
        "BOOKWATCH_TABLES": f'{{"bookings": "{table}"}}',
        "BOOKWATCH_PAGE_SIZE": "10",
        "BOOKWATCH_SAFETY_LAG": "0",
        "BOOKWATCH_OVERLAP": "5",
    }
    chance = random.Random(11)
    stored: list[int] = []
    for n in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(n)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        # Counted in commits, not in seconds: a busy machine must not move all kills to before the first.
        for _ in range(chance.choice([0, 1, 3, 8, 15])):
            assert child.stdout.readline() == "committed\n"
        time.sleep(chance.uniform(0, 0.05))
        for _ in range(3):
            ask(
                server,
                "patch",
                f"/tables/{table}/rows/r{chance.randint(1, 1500):05d}",
                data={"amount": chance.randint(0, 999)},
            )
        ask(server, "post", f"/tables/{table}/rows", rowId=f"new{n}", data={"title": "new"})
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        child.wait()
        with RawStore(home / "raw.duckdb") as store:
            stored.append(store.count_living("bookings") if store.has_table("bookings") else 0)
    time.sleep(1.05 - time.time() % 1)
    gateway, _ = gateway_for(settings)
    with RawStore(home / "raw.duckdb") as store:
        run(gateway, store, ["bookings"], run_id="last")
        assert_mirrors(store, server, table, "bookings")
        changes = store.connection.sql(
            "SELECT _id, _change FROM (FROM bookings UNION ALL BY NAME FROM bookings_history)"
            " GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        assert changes == []
    assert stored == sorted(stored)
    assert any(0 < count < 1500 for count in stored), stored
