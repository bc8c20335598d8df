"""Pictures that go with messages: what they are is told by their bytes, they lie in a bucket of Appwrite Storage that
only the room's two sides may read, and are given to whoever sits in the room."""

from __future__ import annotations

from typing import Final, Protocol

from marketplace.app_rows import Row, meaning, names_somebody, text_at
from marketplace.chatting import ATTACHMENTS, IMAGE_MOST_BYTES, TEXT_MOST, Extra
from marketplace.collections import PROVIDER_COLLECTIONS
from marketplace.operations import message_id
from marketplace.rates import Rate
from marketplace.statuses import Role
from marketplace.uploads import IMAGES, UploadKind, kind_of
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.files import Upload
from services.callers import Caller
from services.chat.conversation import of_room
from services.chat.rooms import MESSAGES, is_id, must_be_open, seat
from services.chat.sending import Words, cleaned
from services.chat.showing import Attachment, extras
from services.problems import Problem, Wrong
from services.rates import counted, to_ms
from services.store import View

PROVIDER_ACCOUNT: Final = ("userId", "accountId")
"""Which attributes of a provider name the account it signs in with."""


class Files(Protocol):
    """What a chat needs of Appwrite Storage. ``put`` and ``content`` raise CallFailure."""

    def put(self, one: Upload) -> None: ...
    def content(self, bucket: str, file_id: str) -> bytes: ...
    def close(self) -> None: ...


def picture(content: bytes) -> UploadKind:
    """What a picture is. Raises Problem (413 too large, 422 no picture that is taken, or broken off)."""
    if len(content) > IMAGE_MOST_BYTES:
        raise Problem(413, "too_large")
    kind = kind_of(content)
    if kind is None or kind not in IMAGES:
        raise Problem(422, "not_valid", [Wrong("not_a_picture", "/file")])
    return kind


def attach(
    view: View, files: Files, caller: Caller, room_id: str, key: str, content: bytes, text: str
) -> Words:
    """Put a picture into the bucket; what the message that goes with it says. The file's id is the message's, derived
    of the request: a second try finds it there, and one without a message is nobody's to see. Raises Problem,
    CallFailure."""
    kind = picture(content)
    said = cleaned(text)
    if len(said) > TEXT_MOST:
        raise Problem(422, "not_valid", [Wrong("too_long", "/text", {"limit": TEXT_MOST})])
    there = seat(view, caller, room_id)
    must_be_open(there.room, view.now)
    if there.role is not Role.ADMIN:
        counted(
            view, there.sender_id, Rate.MESSAGES, to_ms(view.now)
        )  # too many is told before anything is kept
    identity = message_id(caller.user_id, key)
    try:
        files.put(
            Upload(
                ATTACHMENTS,
                identity,
                f"picture.{kind.extension}",
                content,
                kind.content_type,
                readers_of(view, there.room),
            )
        )
    except PermanentFailure as refused:
        if refused.status == 409:
            raise Problem(422, "idempotency_key_reused") from None
        raise
    held = Attachment(attachmentId=identity, contentType=kind.content_type, bytes=len(content))
    return Words(said, {Extra.ATTACHMENT.value: held.model_dump()})


def readers_of(view: View, room: Row) -> list[str]:
    """The permissions of a picture: the accounts of the room's two sides read it, nobody else, and nobody changes
    it."""
    customer, provider = meaning(room, "room.customer_id"), meaning(room, "room.provider_id")
    accounts = [customer] if names_somebody(customer) else []
    if provider is not None and names_somebody(provider):
        accounts.append(account_of(view, provider))
    return [f'read("user:{account}")' for account in dict.fromkeys(accounts)]


def account_of(view: View, provider_id: str) -> str:
    """The account that a provider signs in with; of anybody else the id itself. Raises CallFailure."""
    for collection in PROVIDER_COLLECTIONS:
        row = view.glance(collection, provider_id)
        if row is not None:
            return next(
                (account for name in PROVIDER_ACCOUNT if (account := text_at(row, name)) is not None),
                provider_id,
            )
    return provider_id


def attached(view: View, files: Files, caller: Caller, room_id: str, attachment_id: str) -> tuple[bytes, str]:
    """A picture of a room, and its content type. Raises Problem (404), CallFailure."""
    there = seat(view, caller, room_id)
    row = view.glance(MESSAGES, attachment_id) if is_id(attachment_id) else None
    if row is None or not of_room(there.room_id, MESSAGES).holds(row):
        raise Problem(404, "not_found")
    told = extras(row).get(Extra.ATTACHMENT.value)
    if not isinstance(told, dict):
        raise Problem(404, "not_found")
    try:
        content = files.content(ATTACHMENTS, attachment_id)
    except PermanentFailure as refused:
        if refused.status == 404:
            raise Problem(404, "not_found") from None
        raise
    kind = kind_of(content)
    if kind is None or kind not in IMAGES:
        raise Problem(404, "not_found")
    return content, kind.content_type
