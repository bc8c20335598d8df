"""Rejecting a payment: an administrator looked at the proof and it is none; the record is unpaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import record_status
from marketplace.collections import RECORDS
from marketplace.operations import Operation
from marketplace.statuses import CommissionStatus
from marketplace.telling import Told
from marketplace.transitions import record_may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, changed, is_now, moved
from operations.on_records import OnRecords, decided, news
from operations.orders import ordered_record, with_proof
from operations.port import Published
from operations.records import record_written
from resources.appwrite.writing import Row, Write

_REJECTED = CommissionStatus.REJECTED.value


class RejectPayment(OnRecords):
    operation = Operation.REJECT_PAYMENT
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

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        if (skip := moved(action, row)) is not None:
            return skip
        status = record_status(row)
        if not record_may_move(status, _REJECTED):
            return is_now(action, status)
        if not action.reason.strip():
            return Skip(Message("acting.reason_wanted", {"operation": self.operation.value}))
        told = news(action, row, ask, moment, Told.PAYMENT_REJECTED, decided(action))
        return [changed(action, row, record_written(row, _REJECTED, ask)), *told]


KIND = RejectPayment()
