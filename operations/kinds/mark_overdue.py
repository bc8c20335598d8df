"""Overdue: a record that is unpaid past its deadline is marked so, and its provider is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import key_of, meaning, record_status
from marketplace.collections import RECORDS
from marketplace.commission import OVERDUE_STATUS
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
    is_unpaid,
    moved,
    no_way_back,
    not_earning,
    now,
)
from operations.late_records import late_records
from operations.port import Published
from operations.records import local, record_written
from operations.telling import Telling
from resources.appwrite.writing import Row, Write


class MarkOverdue:
    operation = Operation.MARK_OVERDUE
    collection = RECORDS
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
                arguments=arguments(
                    row,
                    UPDATED_AT,
                    "booking_id",
                    "origin",
                    "provider_id",
                    "provider_type",
                    "deadline_at",
                    "utc_offset_minutes",
                    "owed_idr",
                    fee_idr=rule.fee_idr,
                    minutes=rule.restriction_minutes,
                ),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        given = action.proposed.arguments
        return [(given["origin"], given["booking_id"])]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at = action.proposed.arguments, now(moment)
        tell = Telling(action.action_id, at, ask)
        booking = ask.row(given["origin"], given["booking_id"])
        if (skip := moved(action, row) or not_earning(booking, given["booking_id"])) is not None:
            return skip
        status = record_status(row)
        if not record_may_move(status, OVERDUE_STATUS) or not is_unpaid(row):
            return is_now(action, status)
        deadline = instant_in(given["deadline_at"])
        if deadline is None or deadline >= at:
            return Skip(Message("acting.not_yet", {"row": action.proposed.row_id}))
        said = {
            "booking": given["booking_id"],
            "amount": int(given["owed_idr"]) if "owed_idr" in given else None,
            "deadline": local(deadline, int(given["utc_offset_minutes"])),
            "fee": int(given["fee_idr"]),
            "length": int(given["minutes"]) * 60,
        }
        told = tell.provider(
            key_of(meaning(row, "commission.provider_id"), given.get("provider_id")),
            given.get("provider_type"),
            Told.OVERDUE,
            said,
            booking=booking,
            row=row,
        )
        return [changed(action, row, record_written(row, OVERDUE_STATUS, ask)), *told]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


KIND = MarkOverdue()
