"""Repairing an amount: one record that a person names is set to what its booking owes by the policy. Nothing does this
by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from marketplace.app_rows import record_status
from marketplace.collections import RECORDS
from marketplace.commission import PAID_STATUS, RowState
from marketplace.findings import AmountFinding
from marketplace.new_records import amounts_written
from marketplace.operations import Operation
from marketplace.statuses import values
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import UPDATED_AT, arguments, changed, is_now, moved, no_way_back, not_earning
from operations.orders import ordered_record
from operations.port import Published
from resources.appwrite.writing import Row, Write
from resources.errors import UsageError

FINDING = """
SELECT finding FROM marts.commission_findings
WHERE commission_id = $commission AND list_contains($amounts, finding)
"""


class RepairAmount:
    operation = Operation.REPAIR_AMOUNT
    collection = RECORDS
    description = "Set one commission record to what its booking owes by the policy."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = ordered_record(published, self.operation, ordered)
        given = {"commission": row["commission_id"], "amounts": [*values(*AmountFinding)]}
        findings = [found["finding"] for found in published.rows(FINDING, given)]
        if (
            row["state"] != RowState.MISMATCHED.value
            or not findings
            or None in (row["expected_idr"], row["owed_on_idr"], row["policy_rate_ppm"], row["updated_at"])
        ):
            raise UsageError.of("failure.nothing_to_repair", row=row["commission_id"])
        if row["status"] == PAID_STATUS and findings[0] != AmountFinding.UNIT_ERROR.value:
            # What came in is what it says; the rest is a record of its own, or a refund.
            raise UsageError.of("failure.repair_of_paid", row=row["commission_id"])
        if ordered.get("amount", str(row["expected_idr"])) != str(row["expected_idr"]):
            # Whoever ordered it was shown another amount: it is theirs to say yes to this one.
            raise UsageError.of(
                "failure.repair_of_another_amount",
                row=row["commission_id"],
                expected=row["expected_idr"],
            )
        yield Proposed(
            RECORDS,
            row["commission_id"],
            before={
                "booking_amount_idr": row["booking_amount_idr"],
                "commission_idr": row["commission_idr"],
                "rate_ppm": row["rate_ppm"],
                "written_commission": row["written_commission"],
            },
            after={
                "booking_amount_idr": row["owed_on_idr"],
                "commission_idr": row["expected_idr"],
                "rate_ppm": row["policy_rate_ppm"],
            },
            why=Message(
                "acting.why_repaired",
                {
                    "commission": row["commission_id"],
                    "actual": row["commission_idr"],
                    "expected": row["expected_idr"],
                },
            ),
            rule=f"commission policy {row['policy_version']}, accrued {row['local_date']}: {findings[0]}",
            arguments=arguments(
                row,
                UPDATED_AT,
                "booking_id",
                "origin",
                "status",
                "owed_on_idr",
                "expected_idr",
                "policy_rate_ppm",
                fee_idr=row["fee_idr"] or 0,
            ),
        )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        given = action.proposed.arguments
        return [(given["origin"], given["booking_id"])]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given = action.proposed.arguments
        booking = ask.row(given["origin"], given["booking_id"])
        if (skip := moved(action, row) or not_earning(booking, given["booking_id"])) is not None:
            return skip
        if (status := record_status(row)) != given["status"]:
            return is_now(action, status)
        charge = {
            "base": int(given["owed_on_idr"]),
            "commission": int(given["expected_idr"]),
            "rate_ppm": int(given["policy_rate_ppm"]),
        }
        fee = int(given["fee_idr"])
        return [changed(action, row, amounts_written(row, charge, partial(ask.has, RECORDS), fee))]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


KIND = RepairAmount()
