"""Any order of writes, scans, kills, sweeps and changes between two pages ends in a mirror equal to the server."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from resources.appwrite.sweep import sweep
from resources.progress import Quiet
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    reconciles,
    reject_word,
    run,
    server_rows,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

ROWS = 24
BAD = "not accepted"
which = st.integers(min_value=0, max_value=10**6)
titles = st.sampled_from(["a", "b", "c", BAD])


class Killed(BaseException):
    """Not an Exception: nothing may catch it on the way, as nothing catches a SIGKILL."""


class KillAt(Quiet):
    """Ends the process's work after so many commits."""

    def __init__(self, commits: int) -> None:
        self.left = commits

    def advance(self, collection: str, rows: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


class Mirroring(RuleBasedStateMachine):
    """The model: what the app wrote outside scans, by id. Steps between pages are modelled by what they may touch."""

    server: SandboxProcess

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.table = f"s{uuid4().hex[:10]}"
        self.model: dict[str, str] = {}
        self.uncertain: set[str] = set()
        self.made = self.scans = 0
        self.store: RawStore | None = None

    @initialize(size=st.sampled_from([1, 5, 8, 50]), flush=st.sampled_from([3, 8, None]))
    def a_table(self, size: int, flush: int | None) -> None:
        make_table(self.server, self.table)
        fill(self.server, self.table, ROWS)
        self.model = {f"r{n:05d}": f"title {n}" for n in range(1, ROWS + 1)}
        self.flush = flush
        chosen = settings_for(
            self.server,
            Path(self.folder.name),
            tables={"bookings": self.table},
            page_size=size,
            overlap=2,
        )
        self.gateway, _ = gateway_for(chosen)
        self.store = RawStore(chosen.home.raw)

    def teardown(self) -> None:
        try:
            if self.store is not None:
                self.server.between_pages()
                self.in_the_end()
        finally:
            if self.store is not None:
                self.gateway.close()
                self.store.close()
            self.folder.cleanup()

    def in_the_end(self) -> None:
        """One more scan and a sweep: the mirror is the server, and the server is the model."""
        assert self.store is not None
        self.server.faults()
        self.a_second_passes()
        self.scan()
        self.swept()
        assert_mirrors(self.store, self.server, self.table, "bookings")
        there = {identity: entry["title"] for identity, entry in server_rows(self.server, self.table).items()}
        certain = self.model.keys() - self.uncertain
        assert {i: there.get(i) for i in certain} == {i: self.model[i] for i in certain}
        assert there.keys() <= self.model.keys() | self.uncertain
        versions = self.store.connection.sql(
            "SELECT _id, _change FROM (FROM bookings UNION ALL BY NAME FROM bookings_history)"
            " GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        assert versions == []
        rejected = {i for i, title in there.items() if title == BAD}
        assert set(self.store.rejects.listed()["row_id"].to_list()) == rejected

    # -- the app writes --

    def pick(self, number: int) -> str | None:
        ids = sorted(self.model.keys() - self.uncertain)
        return ids[number % len(ids)] if ids else None

    @rule(title=titles)
    def created(self, title: str) -> None:
        self.made += 1
        identity = f"c{self.made:05d}"
        ask(self.server, "post", f"/tables/{self.table}/rows", rowId=identity, data={"title": title})
        self.model[identity] = title

    @rule(number=which, title=titles)
    def touched(self, number: int, title: str) -> None:
        if (identity := self.pick(number)) is not None:
            ask(self.server, "patch", f"/tables/{self.table}/rows/{identity}", data={"title": title})
            self.model[identity] = title

    @rule(number=which)
    def deleted(self, number: int) -> None:
        if (identity := self.pick(number)) is not None:
            ask(self.server, "delete", f"/tables/{self.table}/rows/{identity}")
            del self.model[identity]

    @rule(number=which, title=titles)
    def deleted_and_made_again(self, number: int, title: str) -> None:
        if (identity := self.pick(number)) is not None:
            ask(self.server, "delete", f"/tables/{self.table}/rows/{identity}")
            ask(self.server, "post", f"/tables/{self.table}/rows", rowId=identity, data={"title": title})
            self.model[identity] = title

    @rule(number=which, title=titles)
    def written_under_an_older_time(self, number: int, title: str) -> None:
        """No scan by time sees it; the sweep does, also where the mirror holds a newer version."""
        if (identity := self.pick(number)) is not None:
            self.made += 1
            older = f"2025-12-01T00:00:00.{self.made % 1000:03d}+00:00"
            data = {"title": title, "$updatedAt": older}
            ask(self.server, "patch", f"/tables/{self.table}/rows/{identity}", data=data)
            self.model[identity] = title

    @rule(
        kind=st.sampled_from(["status", "html", "empty", "reset", "truncate"]),
        count=st.integers(1, 3),
        skip=which,
    )
    def some_calls_will_fail(self, kind: str, count: int, skip: int) -> None:
        """No more in a row than one call is tried again: nothing of it shows in the end."""
        self.server.faults(
            {"kind": kind, "path": self.table, "count": count, "skip": skip % 6, "method": "GET"}
        )

    @rule()
    def a_second_passes(self) -> None:
        """The server's clock jumps: a test need not wait for it."""
        now = self.gateway.server_now() + timedelta(seconds=3)
        self.server.control("PUT", "clock", {"at": now.isoformat()})

    @rule(after=st.integers(1, 8), numbers=st.lists(which, min_size=3, max_size=3))
    def changes_between_two_pages(self, after: int, numbers: list[int]) -> None:
        """Some happen in the next scan, after its n-th page; which of them is the scan's length to decide."""
        touched, changed, gone = (self.pick(n) for n in numbers)
        self.made += 1
        fresh = f"n{self.made:05d}"
        step: dict[str, Any] = {
            "table": self.table,
            "after": after,
            "insert": [{"$id": fresh, "title": "new"}],
        }
        if touched and changed and gone:
            step |= {"touch": [touched], "update": [{"$id": changed, "title": "late"}], "delete": [gone]}
            self.uncertain |= {touched, changed, gone}
        self.uncertain.add(fresh)
        self.server.between_pages(step)

    # -- we read --

    def scan(self, **more: Any) -> None:
        assert self.store is not None
        self.scans += 1
        more.setdefault("reject_reasons", reject_word(BAD))
        outcomes = run(
            self.gateway, self.store, ["bookings"], run_id=f"run{self.scans}", flush_rows=self.flush, **more
        )
        assert outcomes["bookings"].outcome == "complete"
        assert reconciles(outcomes.values())

    @rule(full=st.booleans())
    def scanned(self, full: bool) -> None:
        self.scan(full=full)

    @rule(commits=st.integers(0, 4), close=st.booleans())
    def killed_in_a_scan(self, commits: int, close: bool) -> None:
        assert self.store is not None
        try:
            self.scan(progress=KillAt(commits))
        except Killed:
            if close:
                self.store.close()
                self.store = RawStore(self.gateway.settings.home.raw)

    @rule(at=st.integers(0, 3))
    def killed_in_a_merge(self, at: int) -> None:
        """Raised while a transaction is open: all of it must go."""
        left = at

        def judge(collection: str, rows: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return reject_word(BAD)(collection, rows)

        with contextlib.suppress(Killed):
            self.scan(reject_reasons=judge)

    @rule()
    def swept(self) -> None:
        assert self.store is not None
        if self.store.watermarks.of("bookings").watermark is None:
            return
        (outcome,) = sweep(
            self.gateway,
            self.store,
            ["bookings"],
            settings=self.gateway.settings,
            run_id=f"sweep{self.scans}",
            reject_reasons=reject_word(BAD),
            progress=Quiet(),
            guard=1.0,
        )
        assert outcome.outcome == "complete"

    @invariant()
    def no_id_stands_twice(self) -> None:
        if self.store is None or not self.store.columns.has_table("bookings"):
            return
        twice = self.store.connection.sql(
            "SELECT _id FROM bookings GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        assert twice == []


@pytest.fixture(scope="module")
def own_server() -> Iterator[SandboxProcess]:
    """Its clock is moved, so no other test may share it."""
    with SandboxProcess("--empty") as server:
        yield server


@pytest.mark.slow
def test_any_order_of_writes_scans_kills_and_sweeps_ends_equal(own_server: SandboxProcess) -> None:
    class Here(Mirroring):
        server = own_server

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=int(os.environ.get("BOOKWATCH_TEST_EXAMPLES", "10")),
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="BOOKWATCH_TEST_EXAMPLES" not in os.environ,
            print_blob=False,
        ),
    )
