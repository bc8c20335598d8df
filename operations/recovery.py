"""Finding out what became of calls that were begun and never settled, whose process died or got no answer: by the
server's word on their transaction, else by their rows. On a server without transactions the rest of an action of which
a part is written is written here, where its row still fits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from messages.message import Message
from operations import steps
from operations.action import Action, Moment, Proposed, Skip
from operations.every import kind_of
from operations.settling import Effect, effect_of, row_before, together
from operations.writing import ActingGateway
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.writing import Create, Row, Write, answer_of
from resources.ledger.actions import ActionEntry, Actions, OpenCall, Settled
from resources.settings import Settings

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""From here on two clocks are two opinions: what is past has to be past by both."""


class Settler:
    """Finds out what became of open calls."""

    def __init__(self, settings: Settings, ledger: Actions, gateway: ActingGateway) -> None:
        self._settings, self._ledger, self._gateway = settings, ledger, gateway

    def settle(self) -> int:
        """Settle every open call that can be; how many stay open. Raises CallFailure, ActingStopped."""
        calls = self._ledger.open_calls()
        by_transaction: dict[str, list[OpenCall]] = {}
        left = 0
        for call in calls:
            if call.transaction_id:
                by_transaction.setdefault(call.transaction_id, []).append(call)
            else:
                left += not self._one_by_one(call)
        for transaction, some in by_transaction.items():
            left += len(some) * (not self._transaction(transaction, some))
        return left

    def _transaction(self, transaction: str, calls: Sequence[OpenCall]) -> bool:
        status = self._gateway.status_of(transaction)
        if status == "pending" and self._gateway.roll_back(transaction):
            status = "failed"
        if status in ("committed", "failed"):
            self._enter([_settled(call, status == "committed") for call in calls])
            return True
        if status:  # the server is at it
            return False
        # It forgot it: the rows tell.
        rows = self._rows(calls)
        self._enter([self._judged(call, rows) for call in calls])
        return True

    def _judged(self, call: OpenCall, rows: Mapping[tuple[str, str], Mapping[str, object] | None]) -> Settled:
        effects = [
            effect_of(write, rows[write["collection"], write["row_id"]], call.action_id)
            for write in call.writes
        ]
        there = together(effects)
        if there is None:
            return Settled(call.call_id, call.action_id, "failed", Message("operations.unknown_whether"))
        return _settled(call, there)

    def _one_by_one(self, call: OpenCall) -> bool:
        """Of a server without transactions: what is there of an action, and the rest of it written."""
        rows = self._rows([call])
        effects = [
            effect_of(write, rows[write["collection"], write["row_id"]], call.action_id)
            for write in call.writes
        ]
        if all(effect is Effect.THERE for effect in effects):
            self._enter([_settled(call, True)])
        elif Effect.THERE not in effects and effects[0] is Effect.NOT_THERE:
            self._enter([_settled(call, False)])
        elif Effect.THERE not in effects:
            self._enter(
                [Settled(call.call_id, call.action_id, "failed", Message("operations.unknown_whether"))]
            )
        else:
            self._enter([self._finished(call)])
        return True

    def _finished(self, call: OpenCall) -> Settled:
        """The rest of an action of which a part is written, where its row still fits."""
        left = Message("operations.partly", {"answer": "found by reading"})
        partly = Settled(call.call_id, call.action_id, "failed", left)
        entry = self._ledger.action(call.action_id)
        if entry is None:
            return partly
        wrote = self._ledger.rows_written(entry.action_id) if call.purpose == "undo" else ()
        kind, action = kind_of(entry.operation), action_of(entry, call.by, call.reason, wrote)
        row = self._gateway.row(entry.collection, entry.row_id)
        if row is None:
            return partly
        own = [w for w in call.writes if (w["collection"], w["row_id"]) == (entry.collection, entry.row_id)]
        for record in own:
            if record["kind"] == "change":
                row = row_before(record, row)
        moment = moment_of(self._settings, self._gateway)
        ask = kind.writes if call.purpose == "apply" else kind.undo
        made = {(w["collection"], w["row_id"]) for w in call.writes if w["kind"] == "create"}
        wanted = ask(action, row, _Before(self._gateway, made), moment)
        if isinstance(wanted, Skip):
            return partly
        known = {(w["kind"], w["collection"], w["row_id"]): w for w in call.writes}
        for write in wanted:
            record = known.get(_key(write))
            if record is None:
                return partly
            there = self._gateway.fresh([(write.collection, write.row_id)])[write.collection, write.row_id]
            effect = effect_of(record, there, call.action_id)
            if effect is Effect.THERE:
                continue
            if effect is Effect.OTHER:
                return partly
            try:
                write_one(self._gateway, write)
                steps.reached("wrote_the_rest")
            except PermanentFailure as refused:
                return Settled(
                    call.call_id,
                    call.action_id,
                    "failed",
                    Message("operations.partly", {"answer": answer_of(refused)}),
                    answer_of(refused),
                )
        return _settled(call, True)

    def _rows(self, calls: Sequence[OpenCall]) -> dict[tuple[str, str], Mapping[str, object] | None]:
        return dict(
            self._gateway.fresh(
                (write["collection"], write["row_id"]) for call in calls for write in call.writes
            )
        )

    def _enter(self, settled: Sequence[Settled]) -> None:
        steps.reached("found_out")
        self._ledger.settle_calls(settled, at=self._settings.clock.now())


class _Before:
    """Rows as they were before an action made some of its own."""

    def __init__(self, gateway: ActingGateway, made: Collection[tuple[str, str]]) -> None:
        self._gateway, self._made = gateway, made

    def row(self, collection: str, row_id: str) -> Row | None:
        return None if (collection, row_id) in self._made else self._gateway.row(collection, row_id)

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        found = self._gateway.rows(collection, queries)
        return [row for row in found if (collection, str(row.get("$id"))) not in self._made]

    def has(self, collection: str, attribute: str) -> bool:
        return self._gateway.has(collection, attribute)


def _settled(call: OpenCall, there: bool) -> Settled:
    said = Message("operations.found_done") if there else Message("operations.found_not_done")
    return Settled(call.call_id, call.action_id, "done" if there else "not_done", said, "found by reading")


def _key(write: Write) -> tuple[str, str, str]:
    return "create" if isinstance(write, Create) else "change", write.collection, write.row_id


def write_one(gateway: ActingGateway, write: Write) -> None:
    """Make one write by itself. Raises CallFailure."""
    if isinstance(write, Create):
        gateway.create(write)
    else:
        gateway.change(write)


def action_of(
    entry: ActionEntry, by: str, reason: str, wrote: Collection[tuple[str, str]] = frozenset()
) -> Action:
    """An action of the ledger as kinds take it."""
    proposed = Proposed(
        entry.collection, entry.row_id, entry.before, entry.after, entry.why, entry.rule, entry.arguments
    )
    return Action(
        entry.action_id,
        entry.plan_id,
        entry.operation,
        proposed,
        entry.planned_at,
        by,
        reason,
        frozenset(wrote),
    )


def moment_of(settings: Settings, gateway: ActingGateway) -> Moment:
    """The instant to judge by. Raises CallFailure."""
    ours, servers = settings.clock.now(), gateway.server_now()
    now = min(ours, servers) if abs(ours - servers) > CLOCKS_DIFFER else ours
    return Moment(now, settings.timezone)
