"""The collector: what is late is marked overdue, charged a fee; its provider restricted until it is paid."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.actor import Actor
from sandbox.simulator.shapes import commissions as record_shapes
from sandbox.simulator.stage import Stage
from sandbox.simulator.terms import FEE_IDR, RESTRICTION_DELAY
from sandbox.simulator.times import SECOND, appwrite
from sandbox.simulator.world import Record


class Collector(Actor):
    """Keeps the debts: provider -> ids of the records it is late with."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._debts: dict[str, set[str]] = {}

    def remind(self, at: int, record: Record) -> None:
        """The deadline has passed: mark it overdue, charge the fee, restrict half an hour later."""
        rng, marks = self.rng, record.marks
        if at < record.due:
            self.agenda.at(record.due + rng.between(2 * SECOND, 20 * SECOND), self.remind, record)
            return
        if record.deleted is not None or record.status not in ("pending", "rejected", "overdue"):
            return
        data: dict[str, Any] = {}
        if "overdue_unmarked" not in marks and record.status != "overdue":
            data = record_shapes.record_status(rng, record, "overdue")
        if "fee_missing" not in marks:
            fee = int(marks["fee_wrong"].split(":")[0]) if "fee_wrong" in marks else FEE_IDR
            data |= record_shapes.fee_attributes(record, fee)
        if data:
            self.records.change(at, record, data)
        self._debts.setdefault(record.provider.id, set()).add(record.id)
        self.happenings.overdue.now(at, record)
        self.agenda.at(max(at, record.due + RESTRICTION_DELAY - 5 * SECOND), self._restrict, record)

    def _restrict(self, at: int, record: Record) -> None:
        provider = record.provider
        if record.id not in self._debts[provider.id] or provider.role == "overlooked":
            return
        record.restricted = at
        self.records.change(at, record, {"restrictedAt": appwrite(at)})
        if provider.status != "RESTRICTED":
            provider.turn(at, "RESTRICTED")
            self.journal.change(at, provider.table, provider.id, {"status": "RESTRICTED"})

    def release(self, at: int, record: Record) -> None:
        """Nothing is due on it any more; who owes nothing else may work again."""
        provider = record.provider
        debts = self._debts.get(provider.id, set())
        debts.discard(record.id)
        if provider.status == "RESTRICTED" and not debts and provider.role != "idle":
            provider.turn(at, "AVAILABLE")
            self.journal.change(at, provider.table, provider.id, {"status": "AVAILABLE"})
