"""GET /me/notifications, POST /me/notifications/read, PUT /me/notifications: what a member was told, what of it was
read, and whether the app may tell them, with a sound."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_of, meaning, text_at
from marketplace.statuses import FLAG, normalised
from resources.appwrite.writing import Change, Row
from services.callers import Caller
from services.members.own import Member, Rules, member_of
from services.members.shown import ShownNotification, ShownNotifications, ShownRead, ShownSwitches, z
from services.problems import Problem, Wrong
from services.store import Decision, View

NOTIFICATIONS: Final = "notifications"
MOST_AT_ONCE: Final = 100
ENABLED: Final = "notificationsEnabled"
SOUND: Final = "soundEnabled"


def notifications(
    view: View, caller: Caller, rules: Rules, *, after: str | None = None, limit: int = 50
) -> ShownNotifications:
    """Those for the caller, the newest first. ``after``: the last one of the page before. Raises Problem,
    CallFailure."""
    member = member_of(view, caller, rules) if caller.provider_id is not None else None
    ids = _recipients(caller)
    names = [n for n in ALIASES["notification.recipient_id"] if view.has(NOTIFICATIONS, n)]
    rows: list[Row] = []
    if names and ids:
        asked = [Query.equal(name, ids) for name in names]
        if after is not None and not _is_for(view.glance(NOTIFICATIONS, after), ids):
            raise Problem(422, "not_valid", [Wrong("after_unknown", "after")])
        rows = view.rows(
            NOTIFICATIONS,
            [
                Query.or_queries(asked) if len(asked) > 1 else asked[0],
                Query.order_desc("$createdAt"),
                Query.limit(limit),
                *([Query.cursor_after(after)] if after is not None else []),
            ],
        )
    items = [_shown(row, member) for row in rows if _is_for(row, ids)]
    return ShownNotifications(
        notifications_enabled=flag(member, ENABLED),
        sound_enabled=flag(member, SOUND),
        unread=sum(one.is_read is False for one in items),
        items=items,
        next=str(rows[-1]["$id"]) if len(rows) == limit else None,
    )


def mark_read(view: View, caller: Caller, ids: Sequence[str]) -> Decision[ShownRead]:
    """Mark notifications of the caller's own read, all of them or none; how many were unread. Raises Problem,
    CallFailure."""
    if not 0 < len(ids) <= MOST_AT_ONCE:
        raise Problem(422, "not_valid", [Wrong("ids_count", "/ids", {"most": MOST_AT_ONCE})])
    view.read([(NOTIFICATIONS, one) for one in ids])
    theirs = _recipients(caller)
    rows = {one: view.row(NOTIFICATIONS, one) for one in dict.fromkeys(ids)}
    wrong = [
        Wrong("no_such_notification", f"/ids/{place}")
        for place, one in enumerate(ids)
        if not _is_for(rows[one], theirs)
    ]
    if wrong:
        raise Problem(404, "no_such_notification", wrong)
    has = partial(view.has, NOTIFICATIONS)
    changes: list[Change] = []
    for one, row in rows.items():
        if row is None or _flag(row, ALIASES["notification.read"]):
            continue
        name = attribute(ALIASES["notification.read"], has, row)
        if name is not None:
            changes.append(Change(NOTIFICATIONS, one, {name: True}, str(row["$updatedAt"])))
    return Decision(ShownRead(read=len(changes)), changes)


def switch(
    view: View, caller: Caller, rules: Rules, enabled: bool | None, sound: bool | None
) -> Decision[ShownSwitches]:
    """Switch a provider's notifications, or their sound. None: as it is. Raises Problem, CallFailure."""
    member = member_of(view, caller, rules)
    wanted = {name: value for name, value in ((ENABLED, enabled), (SOUND, sound)) if value is not None}
    if not wanted:
        raise Problem(422, "not_valid", [Wrong("nothing_to_change")])
    wrong = [Wrong("no_place", f"/{name}") for name in wanted if not view.has(member.collection, name)]
    if wrong:
        raise Problem(409, "no_place", wrong)
    answer = ShownSwitches(
        notifications_enabled=wanted.get(ENABLED, flag(member, ENABLED)),
        sound_enabled=wanted.get(SOUND, flag(member, SOUND)),
    )
    return Decision(
        answer, [Change(member.collection, member.provider_id, wanted, str(member.row["$updatedAt"]))]
    )


def flag(member: Member | None, name: str) -> bool | None:
    """A switch of a provider; None where the app never said."""
    return None if member is None else _flag(member.row, (name,))


def _flag(row: Row, names: Sequence[str]) -> bool | None:
    said = next((text for name in names if (text := text_at(row, name)) is not None), None)
    known = FLAG.get(normalised(said)) if said is not None else None
    return None if known is None else known == "true"


def _recipients(caller: Caller) -> list[str]:
    """Whom the app means by this caller: the account, and the provider it is."""
    account = None if caller.is_nobody else caller.user_id
    return list(dict.fromkeys(one for one in (caller.provider_id, account) if one is not None))


def _is_for(row: Row | None, ids: Sequence[str]) -> bool:
    said = None if row is None else meaning(row, "notification.recipient_id")
    return said is not None and said.lower() in {one.lower() for one in ids}


def _shown(row: Row, member: Member | None) -> ShownNotification:
    sent = row.get("sentAt") or row.get("$createdAt")
    return ShownNotification(
        notification_id=str(row["$id"]),
        type=text_at(row, "type"),
        title=text_at(row, "title"),
        message=text_at(row, "message"),
        booking_id=meaning(row, "notification.booking"),
        sent_at=z(instant_of(sent, member.offset if member is not None else 0)),
        is_read=_flag(row, ALIASES["notification.read"]),
    )
