"""Restoring: the account of a provider who is restricted and owes nothing past a deadline is let work again, and they
are told."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import instant_of, text_at, word
from marketplace.collections import PROVIDER_TYPES, RECORDS
from marketplace.commission import RestrictionVerdict
from marketplace.operations import Operation
from marketplace.statuses import PROVIDER_STATUS, ProviderStatus
from marketplace.telling import Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import arguments, changed, is_now, is_unpaid, no_way_back, now
from operations.port import Published
from operations.telling import Telling
from resources.appwrite.writing import Row, Write

_RESTRICTED = ProviderStatus.RESTRICTED.value
_AVAILABLE = ProviderStatus.AVAILABLE.value
_OFFLINE = ProviderStatus.OFFLINE.value
_COLLECTIONS = {kind: collection for collection, kind in PROVIDER_TYPES.items()}
_MOST = 100

RESTRICTED = """
SELECT r.provider_id, p.provider_type, p.status, p.utc_offset_minutes,
       (SELECT max_by(s.status, s.change) FROM core.provider_states s
        WHERE s.provider_id = p.provider_id AND s.provider_type = p.provider_type AND s.status <> $restricted) AS held,
       (SELECT min(watermark) FROM ops.scans WHERE collection = $records) AS read_until
FROM marts.commission_restrictions r JOIN core.providers p USING (provider_id)
WHERE r.verdict = $verdict AND p.deleted_at IS NULL AND p.status = $restricted AND r.overdue_records = 0
  AND NOT EXISTS (SELECT 1 FROM marts.commission_open o
                  WHERE o.provider_id = r.provider_id AND o.is_unpaid AND coalesce(o.is_due, true)
                    AND coalesce(o.deadline_at < $now, true))
  AND NOT EXISTS (SELECT 1 FROM marts.commission_findings f
                  WHERE f.finding = 'restriction_mismatch' AND f.provider_id = r.provider_id AND f.waived)
ORDER BY r.provider_id, p.provider_type
"""


class RestoreAccounts:
    operation = Operation.RESTORE_ACCOUNTS
    collection = "therapists"
    description = "Lift the restriction of providers who owe nothing past a deadline any more."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        given = {
            "now": now(moment),
            "verdict": RestrictionVerdict.RESTRICTED_WRONGLY.value,
            "restricted": _RESTRICTED,
            "records": RECORDS,
        }
        for row in published.rows(RESTRICTED, given):
            # Busy was of a booking long past; who was away comes back by themselves.
            status = _OFFLINE if row["held"] == _OFFLINE else _AVAILABLE
            yield Proposed(
                _COLLECTIONS[row["provider_type"]],
                row["provider_id"],
                before={"status": _RESTRICTED},
                after={"status": status},
                why=Message("acting.why_restored", {"provider": row["provider_id"]}),
                rule="restricted until paid: docs/commission.md, Who owes what now",
                arguments=arguments(
                    row,
                    "provider_type",
                    "utc_offset_minutes",
                    since=row["read_until"] or published.at.replace(tzinfo=None),
                ),
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return ()

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at = action.proposed.arguments, now(moment)
        tell = Telling(action.action_id, at, ask)
        status = word(text_at(row, "status"), PROVIDER_STATUS)
        if status != _RESTRICTED:
            return is_now(action, status)
        if self._owes_by_now(action, ask, at):
            return Skip(Message("acting.owes_again", {"provider": action.proposed.row_id}))
        told = tell.provider(action.proposed.row_id, given["provider_type"], Told.RESTORED, row=row)
        return [changed(action, row, {"status": str(action.proposed.after["status"])}), *told]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)

    @staticmethod
    def _owes_by_now(action: Action, ask: Asking, at: datetime) -> bool:
        """Whether a record of theirs that was written since it was read is unpaid past its deadline. What is more than
        one page is not looked through: then it may be."""
        given = action.proposed.arguments
        for name in ALIASES["commission.provider_id"]:
            if not ask.has(RECORDS, name):
                continue
            since = Query.greater_than("$updatedAt", given["since"])
            rows = ask.rows(RECORDS, [Query.equal(name, [action.proposed.row_id]), since, Query.limit(_MOST)])
            if len(rows) >= _MOST:
                return True
            for record in rows:
                deadline = instant_of(record.get("paymentDeadline"), int(given["utc_offset_minutes"]))
                if is_unpaid(record) and (deadline is None or deadline < at):
                    return True
        return False


KIND = RestoreAccounts()
