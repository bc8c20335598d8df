"""One conversation, and searching in what people wrote. No SQL and no HTML of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import streamlit as st

from dashboards import reveal
from dashboards.kit import address, links, parts
from dashboards.kit import talk as look
from dashboards.kit.address import Choice, chosen, of_id
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.talk import Bubble, Side
from dashboards.queries import talks, words
from dashboards.queries.private import PrivateUnreadable
from dashboards.queries.talks import LATEST, SPOT_FORM, Part, Room, Spot
from dashboards.queries.words import Hits
from dashboards.wording import NOTHING, count
from marketplace.roles import Right
from marketplace.searching import asked, excerpt
from marketplace.statuses import MessageKind, Role

ROOM: Final = of_id("room")
MESSAGE: Final = of_id("message")
BEFORE: Final = Choice("before", form=SPOT_FORM)
AFTER: Final = Choice("after", form=SPOT_FORM)
FIND: Final = Choice("find", needs=Right.READ)
OLDER: Final = Choice("older", form=SPOT_FORM, needs=Right.READ)
FIND_HERE: Final = Choice("find_here", needs=Right.READ)
OLDER_HERE: Final = Choice("older_here", form=SPOT_FORM, needs=Right.READ)
OF_A_ROOM: Final = (ROOM, MESSAGE, BEFORE, AFTER, FIND_HERE, OLDER_HERE)
"""What is chosen of the room that is opened: left behind on the way back to the list."""
CHOICES: Final = (*OF_A_ROOM, FIND, OLDER)

LONGEST_SHOWN: Final = 2_000
"""Letters of a message that are shown."""
_SIDES: Final[dict[str, Side]] = {Role.CUSTOMER.value: "left", Role.THERAPIST.value: "right"}
_NOWHERE: Final = dict.fromkeys(("message", "before", "after"))
"""The newest messages of a conversation: what leads elsewhere is left out of the address."""


def conversation(screen: Screen) -> None:
    """The room that is opened, if any: what it is, what is searched for in it, and some of its messages."""
    room_id = chosen(ROOM)
    if not room_id:
        return
    say = screen.text
    back = links.back(say("chat.back"), *(choice.name for choice in OF_A_ROOM))
    room = talks.room(screen.snapshot, room_id)
    if room is None:
        show(back, parts.note("none", say("chat.no_room", room=room_id), say("chat.no_room_text")))
        return
    show(back, parts.section(say("chat.one")))
    show(parts.terms_card(_facts(screen, room), _standing(screen, room)))
    if not room.talk.messages:
        show(parts.note("none", say("chat.silent"), say("chat.silent_text")))
        return
    _search_in(screen, room)
    part, missing = _part(screen, room)
    if missing:
        show(parts.banner("none", say("chat.no_message"), say("chat.no_message_text")))
    _messages(screen, room, part)


def _facts(screen: Screen, room: Room) -> Iterator[tuple[str, Child]]:
    say = screen.text
    yield say("chat.room"), room.room_id
    booking = NOTHING if room.booking_ref is None else room.booking_ref
    yield (
        say("chat.booking"),
        booking if room.booking_id is None else links.to_record("booking", room.booking_id),
    )
    yield say("chat.customer"), links.to_record("customer", room.customer_id)
    yield say("chat.provider"), links.to_record("provider", room.provider_id, room.provider_name)
    yield say("chat.room_status"), say.word("chat_room", room.status)
    yield say("chat.opened"), say.time(room.created_at, screen.now)
    told = say("chat.counted", n=count(room.talk.messages), unread=count(room.talk.unread))
    yield say("chat.messages"), told


def _standing(screen: Screen, room: Room) -> str:
    """What is unusual about a room, in a sentence."""
    say = screen.text
    said: list[str] = []
    if not room.known:
        said.append(say("chat.unknown_room"))
    if room.deleted_at is not None:
        said.append(say("chat.deleted", time=say.time(room.deleted_at, screen.now)))
    if room.waiting_for is not None:
        role = say.word("chat_role", room.waiting_for)
        said.append(say("chat.waits", role=role, time=say.time(room.waiting_since, screen.now)))
    return " ".join(said)


def _part(screen: Screen, room: Room) -> tuple[Part, bool]:
    """The messages that the address asks for, else the newest; whether it asks for one that is not there."""
    path, talk = screen.snapshot, room.talk
    missing = False
    if message := chosen(MESSAGE):
        found = talks.around(path, talk, message)
        if found is not None:
            return found, False
        missing = True
    for choice, of in ((BEFORE, talks.before), (AFTER, talks.after)):
        spot = _spot(choice)
        if spot is not None and (some := of(path, talk, spot)).messages.height:
            return some, missing
    return talks.newest(path, talk), missing


def _messages(screen: Screen, room: Room, part: Part) -> None:
    say = screen.text
    rows = part.messages.to_dicts()
    ids = [row["message_id"] for row in rows]
    texts = reveal.texts(screen, room.room_id, ids)
    # Where all words are shown nothing is masked: the file is not opened a second time.
    letters = reveal.lengths(screen, room.room_id, ids) if len(texts) < len(ids) else {}
    bubbles = [
        (say.local(row["said_at"]), _bubble(screen, row, texts.get(row["message_id"]), letters))
        for row in rows
    ]
    days = (
        (say.weekday(day), [bubble for _, bubble in some])
        for day, some in groupby(
            bubbles, key=lambda one: one[0].date() if one[0] is not None else screen.now.date()
        )
    )
    older = links.here(**{**_NOWHERE, "before": part.first.code})
    newer = links.here(**{**_NOWHERE, "after": part.last.code})
    newest = links.here(**_NOWHERE)
    above = look.way(older, say("chat.older")) if part.older else say("chat.begins")
    below: Child = ""
    if part.newer:
        below = joined(look.way(newer, say("chat.newer")), look.way(newest, say("chat.newest")), by=" · ")
    show(look.conversation(days, say("chat.one"), above, below))


def _bubble(
    screen: Screen, row: dict[str, Any], text: str | None, letters: dict[str, int | None] | None
) -> Bubble:
    say = screen.text
    told = [_clock(screen, row)]
    if row["kind"] != MessageKind.TEXT.value:
        told.append(say.word("chat_kind", row["kind"]))
    if row["is_read"] is not None:
        told.append(say("chat.read" if row["is_read"] else "chat.not_read"))
    long = None if letters is None else letters.get(row["message_id"], 0)
    if text is not None:
        left = len(text) - LONGEST_SHOWN
        said: Child = look.words(text, LONGEST_SHOWN, say("chat.more_letters", n=count(left)))
    elif letters is None:
        said = say("chat.hidden")
    elif long is None:
        said = say("chat.not_yet")
    elif not long:
        said = say("chat.no_words")
    else:
        said = say("chat.letters", n=count(long))
    return Bubble(
        side=_SIDES.get(row["sender_role"], "middle"),
        who=say.word("chat_role", row["sender_role"]),
        told=" · ".join(told),
        said=said,
        masked=text is None,
        looked_for=row["message_id"] == chosen(MESSAGE),
    )


def _clock(screen: Screen, row: dict[str, Any]) -> str:
    """When a message was sent; of one of which that is not known, when it was made, and that it is so."""
    moment = screen.text.local(row["said_at"])
    said = NOTHING if moment is None else f"{moment:%H:%M} {screen.text.zone_name(moment)}"
    return said if row["timed"] else screen.text("chat.untimed", time=said)


# Searching ------------------------------------------------------------------------------------------


def search(screen: Screen) -> None:
    """Searching in what was written in all rooms, where none is opened."""
    if chosen(ROOM):
        return
    say = screen.text
    show(parts.section(say("chat.find"), say("chat.find_text", days=words.DAYS)))
    if not _may(screen):
        return
    st.text_input(
        say("chat.find_all"), placeholder=say("chat.find_hint"), **address.widget(FIND, back_to=OLDER)
    )
    sought = asked(chosen(FIND))
    if not sought:
        return
    path, spot = screen.snapshot, _spot(OLDER)
    now = screen.now.astimezone(UTC).replace(tzinfo=None)
    try:
        with reveal.search(screen, Right.READ, sought) as connection:
            hits = words.found(connection, path, sought, now, spot)
            texts = words.excerpts(connection, path, hits)
    except (reveal.NotShown, PrivateUnreadable) as failure:
        _refused(screen, failure)
        return
    show(_found(screen, hits, texts, sought, _foot_of_all(screen, hits)))


def _search_in(screen: Screen, room: Room) -> None:
    """Searching in one conversation, for who may read it."""
    say = screen.text
    if not screen.may(Right.READ):
        if chosen(FIND_HERE):
            _may(screen)
        return
    st.text_input(
        say("chat.find_here"),
        placeholder=say("chat.find_hint"),
        **address.widget(FIND_HERE, back_to=OLDER_HERE),
    )
    sought = asked(chosen(FIND_HERE))
    if not sought:
        return
    path, talk = screen.snapshot, room.talk
    try:
        with reveal.search(screen, Right.READ, sought, of_kind="room", of_id=room.room_id) as connection:
            hits = words.found_in(connection, path, talk, sought, _spot(OLDER_HERE))
            texts = words.excerpts(connection, path, hits)
    except (reveal.NotShown, PrivateUnreadable) as failure:
        _refused(screen, failure)
        return
    foot = look.way(links.here(older_here=hits.last.code), say("chat.older_hits")) if hits.more else ""
    show(_found(screen, hits, texts, sought, foot, here=True))


def _may(screen: Screen) -> bool:
    """Whether words may be searched in; where not, it is said."""
    if screen.may(Right.READ):
        return True
    show(parts.note("none", screen.text("chat.not_yours"), screen.text("chat.not_yours_text")))
    return False


def _refused(screen: Screen, failure: Exception) -> None:
    """Why a search could not be made."""
    name = "unreadable" if isinstance(failure, PrivateUnreadable) else "not_written"
    show(parts.banner("bad", screen.text(f"reveal.{name}"), screen.text(f"reveal.{name}_text")))


def _spot(choice: Choice) -> Spot | None:
    code = chosen(choice)
    return Spot.of(code) if code else None


def _foot_of_all(screen: Screen, hits: Hits) -> Child:
    """On to older hits, else to the days before those that were searched."""
    say = screen.text
    if hits.more:
        return look.way(links.here(older=hits.last.code), say("chat.older_hits"))
    first = talks.first_said(screen.snapshot)
    if hits.since is None or first is None or first >= hits.since:
        return say("chat.all_searched")
    further = links.here(older=Spot(hits.since, "").code)
    return look.way(further, say("chat.further", day=_day(screen, hits.since), days=words.DAYS))


def _found(
    screen: Screen, hits: Hits, texts: dict[str, str], sought: str, foot: Child, *, here: bool = False
) -> Child:
    say = screen.text
    rows = hits.messages.to_dicts()
    if not rows:
        since = _day(screen, hits.since) if hits.since is not None else ""
        said = say("chat.nothing_since", day=since) if since else say("chat.nothing_here")
        return joined(parts.note("none", said, say("chat.nothing_text")), parts.paragraph(foot, "bw-below"))
    items: list[tuple[Child, str, Child]] = []
    for row in rows:
        cut = excerpt(texts.get(row["message_id"], ""), sought)
        where = {"room": row["conversation_id"], "message": row["message_id"]}
        link = (
            look.way(
                links.here(**{**_NOWHERE, "message": row["message_id"]}), say.time(row["said_at"], screen.now)
            )
            if here
            else links.to_page("chat", say.time(row["said_at"], screen.now), **where)
        )
        said = look.marked(cut.before, cut.hit, cut.after, cut_before=cut.cut_before, cut_after=cut.cut_after)
        items.append((link, say.word("chat_role", row["sender_role"]), said))
    return look.hits(items, say("chat.found"), parts.paragraph(foot, "bw-below"))


def _day(screen: Screen, at: datetime) -> str:
    moment = screen.text.local(min(at, LATEST))
    return NOTHING if moment is None else screen.text.day(moment.date())
