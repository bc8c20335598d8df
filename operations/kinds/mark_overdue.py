"""Overdue: a record that is unpaid past its deadline is marked so, and its provider is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import record_status
from marketplace.collections import RECORDS
from marketplace.commission import OVERDUE_STATUS
from marketplace.operations import Operation
from marketplace.telling import Told
from marketplace.transitions import record_may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    changed,
    instant,
    instant_in,
    is_now,
    is_unpaid,
    now,
)
from operations.late_records import late_records
from operations.on_records import OnRecords, late_booking, news, not_late_yet, of_late
from operations.port import Published
from operations.records import local, record_written
from resources.appwrite.writing import Row, Write


class MarkOverdue(OnRecords):
    operation = Operation.MARK_OVERDUE
    description = "Mark commission records overdue that are unpaid past their deadline."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        late = late_records(published, now(moment), "overdue_unmarked", ("wrong_provider",))
        for row, rule in late:
            if not record_may_move(row["status"], OVERDUE_STATUS):
                continue
            yield Proposed(
                RECORDS,
                row["commission_id"],
                before={"status": row["status"], "deadline_at": instant(row["deadline_at"])},
                after={"status": OVERDUE_STATUS},
                why=Message(
                    "acting.why_overdue",
                    {"commission": row["commission_id"], "deadline": instant(row["deadline_at"])[:16] + "Z"},
                ),
                rule=f"commission policy {rule.version}: {rule.deadline_hours} h after the end of the service",
                arguments=of_late(
                    row,
                    "utc_offset_minutes",
                    fee_idr=rule.fee_idr,
                    minutes=rule.restriction_minutes,
                ),
            )

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, booking = action.proposed.arguments, late_booking(action, row, ask)
        if isinstance(booking, Skip):
            return booking
        status = record_status(row)
        if not record_may_move(status, OVERDUE_STATUS) or not is_unpaid(row):
            return is_now(action, status)
        if (skip := not_late_yet(action, moment)) is not None:
            return skip
        said = {
            "booking": given["booking_id"],
            "amount": int(given["owed_idr"]) if "owed_idr" in given else None,
            "deadline": local(instant_in(given["deadline_at"]), int(given["utc_offset_minutes"])),
            "fee": int(given["fee_idr"]),
            "length": int(given["minutes"]) * 60,
        }
        told = news(action, row, ask, moment, Told.OVERDUE, said, booking)
        return [changed(action, row, record_written(row, OVERDUE_STATUS, ask)), *told]


KIND = MarkOverdue()
