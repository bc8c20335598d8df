"""One call in ten fails, in every way a call can: every row arrives, and nearly every operation within four seconds.

And the breaker, from a scan's side: it opens, lets nothing out, tries once, and closes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.errors import SourceUnavailable
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    reconciles,
    run,
    settings_for,
)
from tests.ingest.test_gateway import Waits
from tests.sandbox_server import SandboxProcess

ROWS = 1_200
FAILURES = (
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429},
    {"kind": "html", "status": 500},
    {"kind": "reset"},
    {"kind": "truncate", "keep": 0.5},
    {"kind": "empty"},
)


@pytest.mark.slow
def test_every_row_arrives_and_999_of_1000_operations_within_four_seconds(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    fill(server, table, ROWS)
    # One row a page: as many operations as rows.
    settings = settings_for(server, home, tables={"bookings": table}, page_size=1)
    waits = Waits()
    gateway, recorder = gateway_for(settings, sleep=waits.sleep, monotonic=waits.monotonic)
    share = 0.1 / len(FAILURES)
    server.faults(*({"rate": share, "path": table, **failure} for failure in FAILURES), seed=3)
    with RawStore(home / "raw.duckdb") as store:
        for n in range(5):
            outcome = run(gateway, store, ["bookings"], run_id=f"run{n}")["bookings"]
            assert reconciles([outcome])
            if outcome.outcome == "complete":
                break
        injected = sum(server.control("GET", "faults")["injected"].values())
        server.faults()
        assert_mirrors(store, server, table, "bookings")
    asked = [event for event in recorder.events if event.operation == "list_rows"]
    tries = sum(event.attempts for event in asked)
    assert len(asked) >= ROWS
    assert 0.08 < injected / tries < 0.12
    assert sum(event.outcome == "ok" for event in asked) / len(asked) >= 0.999
    # Three waits at most (patience.py holds each within its bounds), so none took longer than this in all.
    assert max(event.attempts for event in asked) <= 4
    assert max(waits.slept) <= 1.4
    assert sum(sorted(waits.slept)[-3:]) < 4


def test_the_breaker_opens_tries_once_and_closes_and_no_scan_is_lost(
    server: SandboxProcess, home: Path, table: str
) -> None:
    collections = [f"part{n}" for n in range(8)]
    ids = {collection: f"{table}{n}" for n, collection in enumerate(collections)}
    for identity in ids.values():
        make_table(server, identity)
        fill(server, identity, 3)
    waits = Waits()
    settings = settings_for(server, home, tables=ids, workers=1)
    gateway, recorder = gateway_for(settings, sleep=waits.sleep, monotonic=waits.monotonic)

    def requests() -> int:
        return sum(server.control("GET", "faults")["injected"].values())

    with RawStore(home / "raw.duckdb") as store:
        # Closed: five collections fail after all their retries; the others are not asked for any more.
        server.faults({"kind": "status", "status": 503, "path": "/columns"})
        outcomes = run(gateway, store, collections)
        assert gateway.breaker.state == "open"
        assert requests() == 5 * 4
        assert [outcomes[c].outcome for c in collections] == ["failed"] * 8
        assert [e.outcome for e in recorder.events if e.operation == "list_columns"] == (
            ["transient"] * 5 + ["open"] * 3
        )
        # Open: nothing leaves the house, and the run says in one sentence that the source is away.
        server.faults({"kind": "status", "status": 503})
        with pytest.raises(SourceUnavailable, match="cannot be reached"):
            run(gateway, store, collections, run_id="run2")
        assert requests() == 0
        # Half-open: one trial, which fails and opens it again.
        waits.now += 30.001  # floats: what was added may come out a hair less
        assert gateway.breaker.state == "half-open"
        with pytest.raises(SourceUnavailable):
            run(gateway, store, collections, run_id="run3")
        assert requests() == 4
        assert gateway.breaker.state == "open"
        # Half-open, and the trial succeeds: closed, and every collection is read.
        server.faults()
        waits.now += 30.001  # floats: what was added may come out a hair less
        assert gateway.breaker.state == "half-open"
        outcomes = run(gateway, store, collections, run_id="run4")
        assert gateway.breaker.state == "closed"
        assert {outcomes[c].outcome for c in collections} == {"complete"}
        for collection in collections:
            assert_mirrors(store, server, ids[collection], collection)
