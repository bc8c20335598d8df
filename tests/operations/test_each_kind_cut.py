"""Each kind of operation, cut at every point of its run, on servers with transactions and without: what is there in the
end is what an uncut run leaves, each row written once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from marketplace.operations import ActionState, Mode, Operation, action_id
from operations import applying, every, planning, steps
from operations.action import Proposed
from operations.port import Published
from resources.home import Home
from resources.ledger.actions import Actions, NewAction, Plan
from resources.settings import Settings
from tests.operations.app import NOW, App
from tests.operations.desk import FewRows
from tests.operations.memory_server import MemoryServer
from tests.operations.test_kinds import KINDS, NAME, PHONE, plan, world

AT = NOW.replace(tzinfo=UTC)
ROWS = {
    Operation.EXPIRE_BOOKINGS: {},
    Operation.COMPLETE_BOOKINGS: {},
    Operation.RECORD_MISSING_COMMISSIONS: {},
    Operation.MARK_OVERDUE: {},
    Operation.CHARGE_FEES: {},
    Operation.RESTRICT_ACCOUNTS: {},
    Operation.RESTORE_ACCOUNTS: {},
    Operation.CLOSE_ROOMS: {},
    Operation.CONFIRM_PAYMENT: {"row": "c-o5"},
    Operation.REJECT_PAYMENT: {"row": "c-o5"},
    Operation.REPAIR_AMOUNT: {"row": "c-w1"},
    Operation.REASSIGN_BOOKING: {"row": "a2", "provider": "p4"},
    Operation.CANCEL_BOOKING: {"row": "a1"},
    Operation.ACCEPT_BOOKING: {"row": "a1"},
}


class Cut(BaseException):
    """The process is no more."""


def cutting(monkeypatch: pytest.MonkeyPatch, at: int | None) -> list[str]:
    """Cut at the n-th point (None: nowhere); the points that were reached."""
    reached: list[str] = []

    def count(point: str) -> None:
        reached.append(point)
        if len(reached) - 1 == at:
            raise Cut

    monkeypatch.setattr(steps, "reached", count)
    return reached


@contextmanager
def few_rows(home: Home) -> Iterator[FewRows]:
    yield FewRows(AT, 10_000)


def enter(home: Home, operation: Operation, proposals: list[Proposed]) -> None:
    made = Plan("plan", operation, Mode.ENFORCE, "s", AT, {}, "Komang", "", 200, len(proposals), 0)
    home.create()
    Actions(home.ledger).enter_plan(
        made,
        [
            NewAction(
                action_id(operation, "plan", p.collection, p.row_id),
                *(p.collection, p.row_id, p.before, p.after, p.why, p.rule, p.arguments),
            )
            for p in proposals
        ],
    )


class Attempt:
    """A server, and a home whose ledger has one plan, on which it is applied."""

    def __init__(self, home: Home, entered: Home, operation: Operation, *, transactions: bool) -> None:
        self.app: App = world(home.root / "world")
        self.server = MemoryServer(self.app, transactions=transactions)
        self.settings = Settings(home=home, now=AT, operations={operation: Mode.ENFORCE})
        home.create()
        shutil.copy(entered.ledger, home.ledger)
        self.ledger = Actions(home.ledger)

    def apply(self) -> applying.Applied:
        return applying.apply_plan(self.settings, "plan", by="Komang", reason="the customer called")

    def left(self) -> dict[str, Any]:
        return {name: {row["$id"]: row for row in rows.values()} for name, rows in self.app.tables.items()}


@pytest.mark.parametrize("transactions", [True, False], ids=["together", "one_by_one"])
@pytest.mark.parametrize("operation", sorted(KINDS))
def test_cut_anywhere_it_is_finished_as_if_it_had_not_been(
    operation: Operation,
    transactions: bool,
    planned: tuple[App, Published],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposals = [*plan(planned, operation, **ROWS[operation]).values()][:2]
    assert proposals
    entered = Home(tmp_path / "entered")
    enter(entered, operation, proposals)
    for module in (planning, applying):
        monkeypatch.setattr(module, "published", few_rows)
    monkeypatch.setattr(every, "every_kind", lambda: KINDS)

    whole = Attempt(Home(tmp_path / "whole"), entered, operation, transactions=transactions)
    monkeypatch.setattr(applying, "ActingGateway", whole.server)
    points = cutting(monkeypatch, None)
    assert whole.apply().counts == {**dict.fromkeys(ActionState, 0), "done": len(proposals)}
    assert set(whole.server.writes.values()) == {1}
    kept = whole.settings.home.ledger.read_bytes()
    assert not any(said in kept for said in (NAME.encode(), PHONE[-9:].encode(), b"files.example"))
    total = len(points)
    assert total >= 4
    for at in range(total):
        cut = Attempt(Home(tmp_path / str(at)), entered, operation, transactions=transactions)
        monkeypatch.setattr(applying, "ActingGateway", cut.server)
        cutting(monkeypatch, at)
        with pytest.raises(Cut):
            cut.apply()
        cutting(monkeypatch, None)
        told = {a.row_id: (a.state.value, a.said and a.said.code) for a in cut.apply().actions}
        assert {state for state, _ in told.values()} == {"done"}, (points[at], told)
        assert cut.left() == whole.left(), points[at]
        assert cut.server.writes == whole.server.writes, points[at]
        assert cut.ledger.open_calls() == []
