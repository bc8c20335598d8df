"""Rejecting a payment: an administrator looked at the proof and it is none; the record is unpaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import key_of, meaning, record_status
from marketplace.collections import RECORDS
from marketplace.operations import Operation
from marketplace.statuses import CommissionStatus
from marketplace.telling import Told
from marketplace.transitions import record_may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, changed, is_now, moved, no_way_back, now
from operations.orders import ordered_record, with_proof
from operations.port import Published
from operations.records import record_written
from operations.telling import Telling
from resources.appwrite.writing import Row, Write

_REJECTED = CommissionStatus.REJECTED.value


class RejectPayment:
    operation = Operation.REJECT_PAYMENT
    collection = RECORDS
    description = "Mark one commission record unpaid whose proof of payment is none."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = with_proof(
            ordered_record(published, self.operation, ordered), self.operation, _REJECTED, ordered
        )
        yield Proposed(
            RECORDS,
            row["commission_id"],
            before={"status": row["status"]},
            after={"status": _REJECTED},
            why=Message("acting.why_rejected", {"commission": row["commission_id"]}),
            rule="rejected with its proof, by an administrator: docs/acting_kinds.md",
            arguments=arguments(row, UPDATED_AT, "provider_id", "booking_ref", "commission_idr"),
        )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return ()

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at = action.proposed.arguments, now(moment)
        tell = Telling(action.action_id, at, ask)
        if (skip := moved(action, row)) is not None:
            return skip
        status = record_status(row)
        if not record_may_move(status, _REJECTED):
            return is_now(action, status)
        if not action.reason.strip():
            return Skip(Message("acting.reason_wanted", {"operation": self.operation.value}))
        amount = int(given["commission_idr"]) if "commission_idr" in given else None
        told = tell.provider(
            key_of(meaning(row, "commission.provider_id"), given.get("provider_id")),
            None,
            Told.PAYMENT_REJECTED,
            {"booking": given.get("booking_ref"), "amount": amount},
            row=row,
        )
        return [changed(action, row, record_written(row, _REJECTED, ask)), *told]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


KIND = RejectPayment()
