"""Fees: a record that is overdue is charged the policy's late fee, once, and its provider is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import first_of, record_status, text_at, word
from marketplace.collections import RECORDS
from marketplace.findings import AmountFinding
from marketplace.new_records import fee_written
from marketplace.operations import Operation
from marketplace.statuses import FLAG, values
from marketplace.telling import Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    changed,
    instant,
    is_now,
    is_unpaid,
    now,
)
from operations.late_records import late_records, was_told_lately
from operations.on_records import OnRecords, late_booking, news, not_late_yet, of_late
from operations.port import Published
from resources.appwrite.writing import Row, Write

_FIRST = ("wrong_provider", "duplicate", *values(*AmountFinding))
"""What is to be put right before anything is added to what a record says is due."""


class ChargeFees(OnRecords):
    operation = Operation.CHARGE_FEES
    description = "Add the late fee to commission records that are unpaid past their deadline and have none."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        at = now(moment)
        for row, rule in late_records(published, at, "fee_missing", _FIRST):
            charged = row["fee_idr"] or row["fee_required"]
            if charged or row["fee_state"] == "absent" or rule.fee_idr == 0 or row["owed_idr"] is None:
                continue
            if was_told_lately(row, rule, at):
                continue
            yield Proposed(
                RECORDS,
                row["commission_id"],
                before={"fee_idr": None, "due_idr": row["owed_idr"]},
                after={"fee_idr": rule.fee_idr, "due_idr": row["owed_idr"] + rule.fee_idr},
                why=Message(
                    "acting.why_fee",
                    {
                        "commission": row["commission_id"],
                        "deadline": instant(row["deadline_at"])[:16] + "Z",
                        "fee": rule.fee_idr,
                    },
                ),
                rule=f"commission policy {rule.version}: late fee",
                arguments=of_late(row, fee_idr=rule.fee_idr),
            )

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, booking = action.proposed.arguments, late_booking(action, row, ask)
        if isinstance(booking, Skip):
            return booking
        status = record_status(row)
        if not is_unpaid(row):
            return is_now(action, status)
        said = first_of(row, ALIASES["commission.fee"])
        if (said is not None and said[1] != "0") or word(
            text_at(row, "reactivationFeeRequired"), FLAG
        ) == "true":
            return Skip(Message("acting.has_fee", {"commission": action.proposed.row_id}))
        if (skip := not_late_yet(action, moment)) is not None:
            return skip
        fee, owed = int(given["fee_idr"]), int(given["owed_idr"])
        data = fee_written(row, fee, owed, partial(ask.has, RECORDS))
        said = {"booking": given["booking_id"], "fee": fee, "amount": owed + fee}
        return [changed(action, row, data), *news(action, row, ask, moment, Told.LATE_FEE, said, booking)]


KIND = ChargeFees()
