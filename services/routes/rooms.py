"""Chat rooms: pages both ways, search, sending, receipts, pictures, and what is new as it comes."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Body, File, Form, Header, Path, Query, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from marketplace.chatting import (
    IMAGE_MOST_BYTES,
    MESSAGES_A_PAGE,
    MESSAGES_A_PAGE_MOST,
    SEARCH_MOST,
    TEXT_MOST,
)
from resources.appwrite.failures import CallFailure
from services.chat.attachments import attach, attached
from services.chat.conversation import of_room
from services.chat.events import Stream, TooManyStreams
from services.chat.hub import Hub
from services.chat.reading import found_in, mine, page
from services.chat.receipts import ReadTold, ReadWanted, mark_read
from services.chat.rooms import MESSAGES, rooms_of, seat
from services.chat.searching import SearchPage
from services.chat.sending import MessageWanted, Sent, send, words_wanted
from services.chat.showing import MessagePage, MessageShown, RoomPage, shown
from services.context import Asked, AskedOnce, Asking, Services
from services.patience import answered_within
from services.problems import Problem, Wrong

ROUTER: Final = APIRouter(tags=["chat"])

STREAM_S: Final = 600.0
"""So long a stream lasts: who goes on is proven again."""
HEARTBEAT_S: Final = 15.0
SEAT_COUNTS_FOR_S: Final = 1.0
"""So long after it was asked whether a reader has a place in the room news are told without asking again."""
COME_AGAIN_S: Final = 3

RoomId = Annotated[str, Path(max_length=64)]
Cursor = Annotated[str | None, Query(max_length=2_000, description="A cursor of an earlier answer.")]
Limit = Annotated[int, Query(ge=1, le=MESSAGES_A_PAGE_MOST)]


def hub_of(asked: Asking) -> Hub:
    """The chats of this process."""

    def made(services: Services) -> Hub:
        return Hub(services.gateway, services.files())

    return asked.services.one(Hub, made)


@ROUTER.get("/rooms")
def rooms(asked: Asked, before: Cursor = None, limit: Limit = MESSAGES_A_PAGE) -> RoomPage:
    """The caller's rooms, newest first; of an administrator all."""
    return rooms_of(asked.gateway, asked.caller, asked.now(), before, limit)


@ROUTER.get("/rooms/{room_id}/messages")
def messages(
    room_id: RoomId, asked: Asked, before: Cursor = None, after: Cursor = None, limit: Limit = MESSAGES_A_PAGE
) -> MessagePage:
    """The newest messages of a room, those before a cursor, or those after one; oldest first. To poll, ask with the
    ``after`` of the last answer."""
    return page(hub_of(asked), asked.view(), asked.caller, room_id, before, after, limit)


@ROUTER.post("/rooms/{room_id}/messages", status_code=201, response_model=Sent)
def send_message(room_id: RoomId, wanted: MessageWanted, asked: AskedOnce) -> JSONResponse:
    """Send a text or a place."""
    words, hub = words_wanted(wanted), hub_of(asked)
    return asked.command(
        "send_message",
        lambda view: send(view, asked.caller, room_id, asked.key or "", words, hub.watch.present),
        status=201,
    )


@ROUTER.post("/rooms/{room_id}/read")
def read(room_id: RoomId, asked: AskedOnce, wanted: Annotated[ReadWanted | None, Body()] = None) -> ReadTold:
    """The caller has read a room up to a message, without a body all of it: what the others wrote to them counts as
    read. It may be said any number of times."""
    told = mark_read(asked.gateway, asked.now, asked.caller, room_id, wanted or ReadWanted())
    if told.read:
        hub_of(asked).forget(of_room(room_id, MESSAGES))
    return told


@ROUTER.get("/rooms/{room_id}/search")
def search_room(
    room_id: RoomId,
    asked: Asked,
    q: Annotated[str, Query(max_length=SEARCH_MOST, description="Words, all of which a message holds.")],
    before: Cursor = None,
    limit: Limit = MESSAGES_A_PAGE,
) -> SearchPage:
    """Messages of a room by their words, the newest first."""
    return found_in(hub_of(asked), asked.view(), asked.caller, room_id, q, before, limit)


# Pictures -------------------------------------------------------------------------------------------------


@ROUTER.post("/rooms/{room_id}/attachments", status_code=201, response_model=Sent)
def attach_picture(
    room_id: RoomId,
    asked: AskedOnce,
    file: Annotated[UploadFile, File(description="A picture: JPEG, PNG or WebP by its bytes.")],
    text: Annotated[str, Form(max_length=TEXT_MOST)] = "",
) -> JSONResponse:
    """Send a picture, perhaps with a text."""
    content, hub = file.file.read(IMAGE_MOST_BYTES + 1), hub_of(asked)
    key = asked.key or ""
    return asked.command(
        "attach_picture",
        lambda view: send(
            view,
            asked.caller,
            room_id,
            key,
            attach(view, hub.files, asked.caller, room_id, key, content, text),
            hub.watch.present,
        ),
        status=201,
        body=hashlib.sha256(content).digest() + text.encode("utf-8", "surrogatepass"),
    )


@ROUTER.get(
    "/rooms/{room_id}/attachments/{attachment_id}",
    response_class=Response,
    responses={200: {"description": "The picture.", "content": {"image/*": {}}}},
)
def picture_of(room_id: RoomId, attachment_id: Annotated[str, Path(max_length=64)], asked: Asked) -> Response:
    """A picture of a room."""
    content, kind = attached(asked.view(), hub_of(asked).files, asked.caller, room_id, attachment_id)
    headers = {"Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(content, media_type=kind, headers=headers)


# As it comes ----------------------------------------------------------------------------------------------


@ROUTER.get(
    "/rooms/{room_id}/events",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
)
async def events(
    room_id: RoomId,
    asked: Asked,
    since: Annotated[
        str | None,
        Query(max_length=4_000, description="The `events` of a page, or an event's id: from there on."),
    ] = None,
    last_event_id: Annotated[str | None, Header(max_length=4_000)] = None,
) -> StreamingResponse:
    """Messages that are new or were changed, as events `message` whose data are as in a page; `reset` where too much
    happened since: read the page again. It ends by itself after some minutes; go on with the last event's id. Where no
    stream comes through, poll the page with `after`."""
    hub, began = hub_of(asked), last_event_id or since
    loop, came = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(came.set)

    def begin() -> tuple[Stream, frozenset[str]]:
        there = seat(asked.view(), asked.caller, room_id)
        conversation = of_room(there.room_id, MESSAGES)
        try:
            stream = hub.watch.open(conversation, asked.caller.user_id, there.sender_id, began, wake)
        except TooManyStreams:
            raise Problem(429, "too_many_streams", retry_after=COME_AGAIN_S) from None
        except ValueError:
            raise Problem(422, "not_valid", [Wrong("event_wrong", "since")]) from None
        return stream, mine(there)

    def sits() -> bool:
        try:
            seat(asked.view(), asked.caller, room_id)
        except Problem:
            return False
        return True

    stream, whose = await run_in_threadpool(begin)
    return StreamingResponse(
        told(hub, stream, whose, came, began is not None, sits),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def told(
    hub: Hub,
    stream: Stream,
    whose: frozenset[str],
    came: asyncio.Event,
    goes_on: bool,
    sits: Callable[[], bool] = lambda: True,
    *,
    lasts: float = STREAM_S,
    heartbeat: float = HEARTBEAT_S,
    counts_for: float = SEAT_COUNTS_FOR_S,
) -> AsyncIterator[str]:
    """A stream in the form of server-sent events. ``sits``: whether its reader still has a place in the room, for it
    may have gone to another provider: asked before news are told."""
    stream.begun = True
    try:
        yield f"retry: {COME_AGAIN_S * 1000}\n\n"
        if goes_on:
            try:
                reset = await run_in_threadpool(_caught_up, hub, stream)
            except CallFailure:
                return  # whoever reads comes again, with the same id
            if reset:
                yield f"id: {stream.mark.event_id}\nevent: reset\ndata: {{}}\n\n"
        ends, seated_at = time.monotonic() + lasts, 0.0
        while not stream.over and time.monotonic() < ends:
            came.clear()
            while (entry := hub.watch.next(stream)) is not None:
                if time.monotonic() - seated_at > counts_for:
                    if not await run_in_threadpool(_still, sits):
                        return
                    seated_at = time.monotonic()
                message = shown(entry, whose)
                yield _event(stream, message)
            try:
                await asyncio.wait_for(came.wait(), min(heartbeat, max(ends - time.monotonic(), 0.01)))
            except TimeoutError:
                # No data: it is no event to the reader, but where to go on is told.
                yield f"id: {hub.watch.quiet(stream)}\n\n"
    finally:
        hub.watch.close(stream)


def _event(stream: Stream, message: MessageShown) -> str:
    data = message.model_dump_json(exclude_none=True)
    return f"id: {stream.mark.event_id}\nevent: message\ndata: {data}\n\n"


def _still(sits: Callable[[], bool]) -> bool:
    """Whether news may be told; what cannot be found out is told to nobody: whoever reads comes again."""
    try:
        with answered_within():
            return sits()
    except CallFailure:
        return False


def _caught_up(hub: Hub, stream: Stream) -> bool:
    """Bring a stream to now; whether the pages are to be read anew instead. Raises CallFailure."""
    with answered_within():
        if hub.watch.too_old(stream):
            hub.watch.restart(stream)
            return True
        hub.watch.catch_up(stream)
        return False
