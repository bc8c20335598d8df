"""Rows touched, inserted and deleted between any two pages, in random orders: scan and sweep end up equal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite.sweep import sweep
from resources.progress import Quiet
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    accept_all,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    run,
    settings_for,
)
from tests.sandbox_server import SandboxProcess


def random_steps(chance: random.Random, table: str, lists: int) -> list[dict[str, Any]]:
    """One change after each list of the table: of rows already read, being read and still to come."""
    steps: list[dict[str, Any]] = []
    for after in range(1, lists + 1):
        ids = [f"r{n:05d}" for n in chance.sample(range(1, 81), 4)]
        fresh = f"n{chance.randrange(10**9)}"
        steps.append(
            {
                "table": table,
                "after": after,
                "touch": ids[:1],
                "update": [{"$id": ids[1], "title": f"changed {after}"}],
                "delete": ids[2:3] if chance.random() < 0.4 else [],
                "insert": [{"$id": fresh, "title": "new"}],
            }
        )
    return steps


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_changes_between_pages_ends_equal(
    server: SandboxProcess, home: Path, table: str, seed: int
) -> None:
    chance = random.Random(seed)
    make_table(server, table)
    fill(server, table, 80)
    gateway, _ = gateway_for(
        settings_for(server, home, tables={"bookings": table}, page_size=chance.choice([1, 7, 16]))
    )
    with RawStore(home / "raw.duckdb") as store:
        for n in range(3):
            server.between_pages(*random_steps(chance, table, 6))
            run(gateway, store, ["bookings"], run_id=f"run{n}", flush_rows=chance.choice([5, 40, 1000]))
        server.between_pages()
        server.a_second_passes()
        run(gateway, store, ["bookings"], run_id="last")
        (outcome,) = sweep(
            gateway,
            store,
            ["bookings"],
            settings=gateway.settings,
            run_id="sweep",
            reject_reasons=accept_all,
            progress=Quiet(),
            guard=1.0,
        )
        assert outcome.outcome == "complete"
        # Everything but the deletes was already right after the scan.
        assert outcome.counts.fetched == 0
        assert outcome.server_rows == outcome.mirror_rows
        assert_mirrors(store, server, table, "bookings")
