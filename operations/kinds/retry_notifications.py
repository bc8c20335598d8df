"""Notifications: one that failed, or of which nobody heard that it arrived, is sent again and marked as delivered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from marketplace.app_rows import instant_like, meaning, names_somebody, text_at
from marketplace.health import DAY, DELIVERY_ALLOWANCE
from marketplace.operations import Operation
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip, Unsent
from operations.fresh import arguments, changed, instant, no_way_back, now
from operations.outbox import deliver
from operations.port import Published
from operations.telling import NOTIFICATIONS
from resources.appwrite.writing import Row, Write
from resources.ledger.outbox import LetterState, Outbox
from resources.settings import Settings

DELIVERED, FAILED = "deliveredAt", "failedAt"
RULE: Final = "what health point 6 counts as not delivered: docs/outbox.md"
SENT: Final = "sent"

# The rows that point 6 judges and does not count as delivered (assets/marts/steps/health_measures.py).
UNDELIVERED = """
WITH told AS (
    SELECT *, coalesce(sent_at, created_at) AS moment FROM core.notifications
    WHERE deleted_at IS NULL AND delivered_at IS NULL AND recipient_id IS NOT NULL AND NOT coalesce(is_read, false)
)
SELECT notification_id, kind, failed_at, moment FROM told
WHERE moment BETWEEN $now - $day AND $now - $allowance
ORDER BY moment, notification_id
"""
# What a person has sent again is sent however old it is.
ASKED_AGAIN = """
SELECT notification_id, kind, failed_at, coalesce(sent_at, created_at) AS moment FROM core.notifications
WHERE deleted_at IS NULL AND delivered_at IS NULL AND NOT coalesce(is_read, false)
  AND list_contains($ids, notification_id)
ORDER BY moment, notification_id
"""
# Dead letters that reached somebody in another way, or are gone.
OVER = """
SELECT unnest($ids) AS notification_id
EXCEPT
SELECT notification_id FROM core.notifications
WHERE deleted_at IS NULL AND delivered_at IS NULL AND NOT coalesce(is_read, false)
"""


class RetryNotifications:
    operation = Operation.RETRY_NOTIFICATIONS
    collection = NOTIFICATIONS
    description = "Send notifications again that failed or did not arrive."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        given = {"now": now(moment), "day": DAY, "allowance": DELIVERY_ALLOWANCE}
        for row in published.rows(UNDELIVERED, given):
            yield _proposed(row)

    def still_due(
        self, settings: Settings, published: Published, proposals: Sequence[Proposed]
    ) -> Sequence[Proposed]:
        """Without dead letters, and with those that a person has sent again, first."""
        book = Outbox(settings.home.ledger)
        dead = book.letters(state=LetterState.DEAD)
        over = published.rows(OVER, {"ids": [*dead]}) if dead else ()
        if over:
            book.take_out(row["notification_id"] for row in over)
        again = {
            one: letter.again_at
            for one, letter in book.letters(state=LetterState.WAITING).items()
            if letter.again_at is not None
        }
        asked = [
            _proposed(row, asked_again=instant(again[row["notification_id"]]))
            for row in (published.rows(ASKED_AGAIN, {"ids": [*again]}) if again else ())
        ]
        return [*asked, *(one for one in proposals if one.row_id not in dead and one.row_id not in again)]

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return ()

    def send(
        self, settings: Settings, rows: Mapping[str, tuple[Action, Row]], ask: Asking
    ) -> Mapping[str, Unsent]:
        """Send those that are still undelivered, where the collection can say that one was."""
        if not ask.has(NOTIFICATIONS, DELIVERED):
            return {action: ("skipped", Message("outbox.no_mark")) for action in rows}
        unsent: dict[str, Unsent] = {}
        due: dict[str, Row] = {}
        for action_id, (action, row) in rows.items():
            if (skip := _needs_none(action, row)) is not None:
                unsent[action_id] = ("skipped", skip.why)
            else:
                due[action.proposed.row_id] = row
        letters = deliver(settings, due) if due else {}
        for action_id, (action, _) in rows.items():
            row_id = action.proposed.row_id
            if row_id not in due:
                continue
            letter = letters.get(row_id)
            if letter is None or letter.state is LetterState.WAITING:
                unsent[action_id] = ("skipped", Message("outbox.silent", {"row": row_id}))
            elif letter.state is LetterState.DEAD:
                told = {"row": row_id, "n": letter.tries, "answer": letter.answer}
                unsent[action_id] = ("failed", Message("outbox.dead", told))
        return unsent

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """Mark one that was sent. A failure that was written before it is over with it."""
        if (skip := _needs_none(action, row)) is not None:
            return skip
        data: dict[str, Any] = {DELIVERED: instant_like(text_at(row, "sentAt"), now(moment))}
        if row.get(FAILED) is not None:
            data[FAILED] = None
        return [changed(action, row, data)]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


def _needs_none(action: Action, row: Row) -> Skip | None:
    """Why a notification is not to be sent by now."""
    named = {"row": action.proposed.row_id}
    if text_at(row, DELIVERED) is not None:
        return Skip(Message("outbox.arrived", named))
    if row.get("read") is True or row.get("isRead") is True:
        return Skip(Message("outbox.read", named))
    if not names_somebody(meaning(row, "notification.recipient_id")):
        return Skip(Message("outbox.nobody", named))
    if text_at(row, "title") is None and text_at(row, "message") is None:
        return Skip(Message("outbox.no_text", named))
    return None


def _proposed(row: Mapping[str, Any], *, asked_again: str = "") -> Proposed:
    failed = row["failed_at"]
    told = "outbox.why_again" if asked_again else "outbox.why_failed" if failed else "outbox.why_unheard"
    before = {DELIVERED: None, **({FAILED: instant(failed)} if failed else {})}
    return Proposed(
        NOTIFICATIONS,
        row["notification_id"],
        # Asked again it is another action than the one that failed, so no pause after that one holds it up.
        before={**before, **({"askedAgain": asked_again} if asked_again else {})},
        after={DELIVERED: SENT},
        why=Message(told, {"row": row["notification_id"], "at": instant(row["moment"])[:16] + "Z"}),
        rule=RULE,
        arguments=arguments(row, "kind"),
    )


KIND = RetryNotifications()
