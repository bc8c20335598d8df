"""Restriction: the account of a provider who is unpaid past the deadline and the policy's delay is restricted, until
paid, and they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from marketplace.app_rows import record_status, text_at, word
from marketplace.collections import PROVIDER_TYPES, RECORDS
from marketplace.commission import SUBMITTED_STATUS, RestrictionVerdict
from marketplace.operations import Operation
from marketplace.statuses import FLAG, PROVIDER_STATUS, ProviderStatus
from marketplace.telling import Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import arguments, changed, instant_in, is_now, is_unpaid, now
from operations.late_records import late_records, was_told_lately
from operations.port import Published
from operations.telling import Telling
from resources.appwrite.writing import Row, Write

_RESTRICTED = ProviderStatus.RESTRICTED.value
_COLLECTIONS = {kind: collection for collection, kind in PROVIDER_TYPES.items()}

UNRESTRICTED = """
SELECT r.provider_id, r.overdue_idr, p.provider_type, p.status
FROM marts.commission_restrictions r JOIN core.providers p USING (provider_id)
WHERE r.verdict = $verdict AND p.deleted_at IS NULL AND p.status IS NOT NULL AND p.status <> $restricted
  AND NOT EXISTS (SELECT 1 FROM marts.commission_findings f
                  WHERE f.finding = 'restriction_mismatch' AND f.provider_id = r.provider_id AND f.waived)
ORDER BY r.provider_id, p.provider_type
"""


class RestrictAccounts:
    operation = Operation.RESTRICT_ACCOUNTS
    collection = "therapists"
    description = "Restrict the accounts of providers who have not paid past deadline and delay."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        at = now(moment)
        causes: dict[str, dict[str, object]] = {}
        for row, rule in late_records(published, at, "restriction_mismatch", ("wrong_provider",)):
            if row["restriction_at"] is None or was_told_lately(row, rule, at):
                continue
            if row["restriction_at"] < at:
                causes.setdefault(row["provider_id"], row)
        given = {"verdict": RestrictionVerdict.NOT_RESTRICTED.value, "restricted": _RESTRICTED}
        for row in published.rows(UNRESTRICTED, given):
            cause = causes.get(row["provider_id"])
            if cause is None:
                continue
            yield Proposed(
                _COLLECTIONS[row["provider_type"]],
                row["provider_id"],
                before={"status": row["status"]},
                after={"status": _RESTRICTED},
                why=Message(
                    "acting.why_restricted",
                    {
                        "provider": row["provider_id"],
                        "amount": row["overdue_idr"],
                        "commission": str(cause["commission_id"]),
                    },
                ),
                rule="unpaid past deadline and restriction delay: docs/commission.md, Who owes what now",
                arguments=arguments(
                    cause,
                    "commission_id",
                    "restriction_at",
                    record_status=cause["status"],
                    provider_type=row["provider_type"],
                    overdue_idr=row["overdue_idr"],
                ),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return [(RECORDS, action.proposed.arguments["commission_id"])]

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at, account = action.proposed.arguments, now(moment), action.proposed.row_id
        tell = Telling(action.action_id, at, ask)
        status = word(text_at(row, "status"), PROVIDER_STATUS)
        if status != action.proposed.before["status"]:
            return is_now(action, status)
        if word(text_at(row, "isTest"), FLAG) == "true":
            return Skip(Message("acting.is_test", {"row": account}))
        record = ask.row(RECORDS, given["commission_id"])
        if record is None or not is_unpaid(record) or _was_submitted(record, given["record_status"]):
            return Skip(Message("acting.debt_settled", {"commission": given["commission_id"]}))
        from_when = instant_in(given["restriction_at"])
        if from_when is None or from_when >= at:
            return Skip(Message("acting.not_yet", {"row": account}))
        told = tell.provider(
            account, given["provider_type"], Told.RESTRICTED, {"amount": int(given["overdue_idr"])}, row=row
        )
        return [changed(action, row, {"status": _RESTRICTED}), *told]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """Back to the status before."""
        status = word(text_at(row, "status"), PROVIDER_STATUS)
        if status != _RESTRICTED:
            return is_now(action, status)
        told = Telling(action.action_id, now(moment), ask).provider(
            action.proposed.row_id, action.proposed.arguments["provider_type"], Told.RESTORED, {}, row=row
        )
        return [changed(action, row, {"status": str(action.proposed.before["status"])}), *told]


def _was_submitted(record: Row, status: str) -> bool:
    """Whether a proof came since: somebody has to look at it first."""
    return record_status(record) == SUBMITTED_STATUS and status != SUBMITTED_STATUS


KIND = RestrictAccounts()
