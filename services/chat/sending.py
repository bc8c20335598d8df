"""A message is sent: by the room's two sides and by administrators, each once, as often as the rate allows, one after
the other. Whether it is a text, a place or a picture is said by what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, readers, text_at
from marketplace.chatting import LABEL_MOST, TEXT_MOST, Extra, place_text, tells
from marketplace.collections import PROVIDER_TYPES
from marketplace.operations import conversation_guard_id, message_id
from marketplace.rates import Rate
from marketplace.statuses import MessageKind, Role
from marketplace.telling import Told
from operations.telling import Telling, provider_row
from resources.appwrite.writing import Change, Create, Row, Write
from services.callers import Caller
from services.chat.conversation import of_room, placed
from services.chat.place import milliseconds, moment_of, stamp
from services.chat.rooms import MESSAGES, Seat, must_be_open, seat
from services.chat.showing import Attachment, Location, extras
from services.problems import Problem, Wrong
from services.rates import counted, to_ms
from services.store import Decision, View

GUARDS: Final = "service_guards"
CONVERSATION: Final = "conversation"
_MS: Final = timedelta(milliseconds=1)
_TOLD: Final = "told:"

Present = Callable[[str, str], bool]
"""Whether an id is looking at a room right now, as far as this process knows."""


Text = Annotated[
    str,
    Field(
        max_length=TEXT_MOST,
        validation_alias=AliasChoices("text", *ALIASES["message.text"]),
        description="What is said; message and content, as clients of the app call it, are taken for it.",
    ),
]


class PlaceWanted(BaseModel):
    """A place to be told to the other side."""

    model_config = ConfigDict(extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")]
    lng: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")]
    label: Annotated[str, Field(max_length=LABEL_MOST)] = ""


class MessageWanted(BaseModel):
    """What is to be sent: a text, a place, or both."""

    model_config = ConfigDict(extra="forbid")

    text: Text = ""
    location: PlaceWanted | None = None


class Sent(BaseModel):
    """A message that was sent. ``sentAt``: where it stands among the others."""

    messageId: str
    roomId: str
    sentAt: str
    attachmentId: str | None = None


@dataclass(frozen=True)
class Words:
    """What a message says and holds beside."""

    text: str
    extra: Mapping[str, Any]


def words_wanted(wanted: MessageWanted) -> Words:
    """Raises Problem (422) where nothing is said."""
    text = cleaned(wanted.text)
    place = wanted.location
    if place is None:
        if not text:
            raise Problem(422, "not_valid", [Wrong("message_empty", "/text")])
        return Words(text, {})
    label = cleaned(place.label)
    location = Location(lat=place.lat, lng=place.lng, label=label)
    return Words(
        text or place_text(place.lat, place.lng, label), {Extra.LOCATION.value: location.model_dump()}
    )


def cleaned(text: str) -> str:
    """Without what cannot be seen: control characters but for line breaks and tabs, half pairs, blanks around."""
    kept = "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f"))
    return kept.encode("utf-16", "surrogatepass").decode("utf-16", "ignore").strip()


def send(
    view: View,
    caller: Caller,
    room_id: str,
    key: str,
    words: Words,
    present: Present = lambda who, room: False,
) -> Decision[Sent]:
    """A message of the caller's in a room. ``key``: of the request. Raises Problem (404, 409 closed, 429) and
    CallFailure."""
    there = seat(view, caller, room_id, watched=True)
    identity = message_id(caller.user_id, key)
    if (before := sent_before(view, MESSAGES, identity, there.room_id)) is not None:
        return Decision(before)
    must_be_open(there.room, view.now)
    guard = Guard.of(view, there.room_id)
    at = guard.next(view.now)
    count: list[Write] = []
    if there.role is not Role.ADMIN:
        count.append(counted(view, there.sender_id, Rate.MESSAGES, at))
    told: list[Create] = []
    seen, last_told = guard.seen(there.other_id), guard.told(there.other_id)
    away = there.other_id is not None and not present(there.other_id, there.room_id)
    if away and tells(seen, last_told, at):
        told = _news(view, there, identity, at)
    # The guard first: it is what two who write at once meet at, and the first write decides where there are no
    # transactions. None is there that was not counted.
    writes = [
        guard.changed(at, seen=there.sender_id, told=there.other_id if told else None),
        *count,
        Create(MESSAGES, identity, attributes(view, there, words, at), readers(there.room)),
        *told,
    ]
    answer = Sent(
        messageId=identity,
        roomId=there.room_id,
        sentAt=stamp(milliseconds(at)),
        attachmentId=_attachment_of(words.extra),
    )
    return Decision(answer, writes)


def sent_before(view: View, collection: str, identity: str, room_id: str) -> Sent | None:
    """The message that a request made before whose end was not told, on a server where rows are not written together:
    it stands without the row that remembers the request. Raises CallFailure."""
    row = None if view.gateway.has_transactions else view.glance(collection, identity)
    if row is None:
        return None
    (entry,) = placed(view.gateway, of_room(room_id, collection), [row])
    held = _attachment_of(extras(row))
    return Sent(messageId=identity, roomId=room_id, sentAt=stamp(entry.place.at), attachmentId=held)


def _attachment_of(extra: Mapping[str, Any]) -> str | None:
    held = extra.get(Extra.ATTACHMENT.value)
    return Attachment.model_validate(held).attachmentId if held else None


def attributes(view: View, there: Seat, words: Words, at: datetime) -> dict[str, Any]:
    """A message in its canonical shape, those attributes only that the collection has. Raises Problem (503) where it
    has none for what a message cannot be without."""
    has = partial(view.has, MESSAGES)
    data: dict[str, Any] = {}
    for meant, value in (
        ("message.room", there.room_id),
        ("message.text", words.text),
        ("message.sender_role", there.role.value),
        ("message.sent_at", instant_like(None, at)),
    ):
        name = attribute(ALIASES[meant], has)
        if name is None:
            raise Problem(503, "marketplace_refused")
        data[name] = value
    more = {
        "senderId": there.sender_id,
        "senderName": there.name,
        "receiverId": there.other_id,
        "receiverRole": there.other_role.value if there.other_id is not None else None,
        "messageType": MessageKind.TEXT.value,
        "bookingId": text_at(there.room, "bookingId"),
        "isRead": False,
        "metadata": json.dumps(dict(words.extra), ensure_ascii=False) if words.extra else None,
    }
    return data | {name: value for name, value in more.items() if value is not None and has(name)}


def _news(view: View, there: Seat, identity: str, at: datetime) -> list[Create]:
    """Tell the other side, who is away, that there is something to read; not what."""
    telling = Telling(identity, at, view)
    booking_id = text_at(there.room, "bookingId")
    if booking_id is None:
        return []
    said = {"booking": booking_id}
    booking: Row = {**(view.glance("bookings", booking_id) or {}), "$id": booking_id}
    if there.other_role is Role.CUSTOMER:
        return telling.customer({**booking, "userId": there.other_id}, Told.MESSAGE, said)
    found = provider_row(there.other_id, None, _Glancing(view))
    what = PROVIDER_TYPES[found[0]] if found else None
    return telling.provider(there.other_id, what, Told.MESSAGE, said, booking=booking, row=there.room)


@dataclass(frozen=True)
class _Glancing:
    """Rows that may change without a message being another one."""

    view: View

    def row(self, collection: str, row_id: str) -> Row | None:
        return self.view.glance(collection, row_id)

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        return self.view.rows(collection, queries)

    def has(self, collection: str, attribute: str) -> bool:
        return self.view.has(collection, attribute)


# One after the other --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """The row that every message of a conversation changes: so each is sent at a later instant than the one that stood
    before it, and whoever asks for what came after a message misses none. It knows, too, when each side was last seen
    in it and last told."""

    row_id: str
    row: Row | None

    @classmethod
    def of(cls, view: View, conversation: str) -> Guard:
        """Watched. Raises CallFailure."""
        row_id = conversation_guard_id(conversation)
        return cls(row_id, view.row(GUARDS, row_id))

    def next(self, now: datetime) -> datetime:
        """When a message of now is sent: naive UTC, whole milliseconds."""
        last = moment_of(self.row.get("at")) if self.row is not None else None
        at = to_ms(now)
        return at if last is None or last < at else to_ms(last) + _MS

    def seen(self, who: str | None) -> datetime | None:
        return moment_of(self._people.get(who.lower())) if who else None

    def told(self, who: str | None) -> datetime | None:
        return moment_of(self._people.get(f"{_TOLD}{who.lower()}")) if who else None

    def changed(self, at: datetime, *, seen: str, told: str | None = None, message: bool = True) -> Write:
        """The guard after one side was seen at an instant, by a message of theirs or reading, and the other perhaps
        told."""
        moment = instant_like(None, at)
        people = {**self._people, seen.lower(): moment}
        if told is not None:
            people[f"{_TOLD}{told.lower()}"] = moment
        data: dict[str, Any] = {"seen": json.dumps(people, separators=(",", ":"))}
        if message:
            data["at"] = moment
        if self.row is None:
            return Create(GUARDS, self.row_id, {"kind": CONVERSATION, "version": 1, **data})
        version = self.row.get("version")
        data["version"] = (version if isinstance(version, int) else 0) + 1
        return Change(GUARDS, self.row_id, data, str(self.row["$updatedAt"]))

    @property
    def _people(self) -> dict[str, Any]:
        try:
            told: object = json.loads(str((self.row or {}).get("seen") or "{}"))
        except ValueError:
            return {}
        return cast("dict[str, Any]", told) if isinstance(told, dict) else {}
