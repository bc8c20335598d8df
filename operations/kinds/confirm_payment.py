"""Confirming a payment: an administrator saw the proof, so the record is paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, first_of, instant_like, record_status
from marketplace.collections import RECORDS
from marketplace.commission import PAID_STATUS
from marketplace.operations import Operation
from marketplace.telling import Told
from marketplace.transitions import record_may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    UPDATED_AT,
    arguments,
    changed,
    instant,
    instant_in,
    is_now,
    moved,
    now,
)
from operations.on_records import OnRecords, decided, news
from operations.orders import ordered_record, with_proof
from operations.port import Published
from operations.records import record_written
from resources.appwrite.writing import Row, Write


class ConfirmPayment(OnRecords):
    operation = Operation.CONFIRM_PAYMENT
    description = "Mark one commission record paid whose proof of payment was seen."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = with_proof(
            ordered_record(published, self.operation, ordered), self.operation, PAID_STATUS, ordered
        )
        # The instant that the record says stays. Else it came in by the time its proof did; without one that says when,
        # at the latest when it was seen.
        paid = instant(row["paid_at"]) or instant(row["proof_at"]) or None
        yield Proposed(
            RECORDS,
            row["commission_id"],
            before={"status": row["status"], "paid_at": instant(row["paid_at"]) or None},
            after={"status": PAID_STATUS, "paid_at": paid},
            why=Message("acting.why_confirmed", {"commission": row["commission_id"]}),
            rule="paid with proof, by an administrator: docs/acting_kinds.md",
            arguments=arguments(
                row, UPDATED_AT, "proof_at", "provider_id", "offset_minutes", "booking_ref", "commission_idr"
            ),
        )

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at = action.proposed.arguments, now(moment)
        if (skip := moved(action, row)) is not None:
            return skip
        status = record_status(row)
        if not record_may_move(status, PAID_STATUS):
            return is_now(action, status)
        if first_of(row, ALIASES["commission.proof"]) is None:
            return Skip(Message("acting.no_proof", {"commission": action.proposed.row_id}))

        has = partial(ask.has, RECORDS)
        data: dict[str, object] = {}
        data |= record_written(row, PAID_STATUS, ask)
        offset = int(given["offset_minutes"]) if "offset_minutes" in given else None
        paid = None if action.proposed.before.get("paid_at") else instant_in(given.get("proof_at", ""))
        for name, moment_of in (("paidAt", paid), ("verifiedAt", at)):
            if moment_of is not None and has(name):
                data[name] = instant_like(row.get(name), moment_of, offset)
        if (verifier := attribute(ALIASES["commission.verified_by"], has)) is not None:
            data[verifier] = action.by
        told = news(action, row, ask, moment, Told.PAYMENT_CONFIRMED, decided(action))
        return [changed(action, row, data), *told]


KIND = ConfirmPayment()
