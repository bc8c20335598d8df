"""A disk that is full in the middle of a scan: one sentence, nothing half-written, and the next scan goes on."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.raw.file import StoreFailure
from resources.raw.store import RawStore
from tests.ingest.mirroring import assert_mirrors, fill, gateway_for, make_table, run, settings_for
from tests.sandbox_server import SandboxProcess


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """What a full disk is to a process that wants to write more: the write is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_sentence_and_the_next_scan_goes_on(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 3_000)
    settings = settings_for(server, home, tables={"bookings": table}, page_size=100)
    gateway, _ = gateway_for(settings)
    path = home / "raw.duckdb"
    full = pytest.raises(StoreFailure, match="The disk is full")
    with RawStore(path) as store, no_file_beyond(path.stat().st_size + 60_000), full as told:
        run(gateway, store, ["bookings"], flush_rows=100)
    assert "title" not in str(told.value)
    with RawStore(path) as store:
        kept = store.versions.count_living("bookings")
        assert kept % 100 == 0
        assert kept < 3_000
        outcome = run(gateway, store, ["bookings"], run_id="next")["bookings"]
        assert outcome.outcome == "complete"
        assert outcome.counts.inserted == 3_000 - kept
        assert_mirrors(store, server, table, "bookings")
