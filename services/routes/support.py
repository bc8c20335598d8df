"""The chat of members with administrators."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from marketplace.chatting import MESSAGES_A_PAGE
from services.chat.sending import Sent
from services.chat.showing import MessagePage
from services.chat.support import SupportWanted, ThreadPage, say, thread, threads
from services.context import Asked, AskedOnce
from services.routes.rooms import Cursor, Limit, hub_of

ROUTER: Final = APIRouter(tags=["support"])

MemberId = Annotated[str, Path(max_length=64)]


@ROUTER.get("/support/messages")
def own_messages(
    asked: Asked, before: Cursor = None, after: Cursor = None, limit: Limit = MESSAGES_A_PAGE
) -> MessagePage:
    """What the caller and the administrators wrote to each other."""
    return thread(hub_of(asked), asked.caller, None, before, after, limit)


@ROUTER.post("/support/messages", status_code=201, response_model=Sent)
def write_to_support(wanted: SupportWanted, asked: AskedOnce) -> JSONResponse:
    """Write to the administrators."""
    return asked.command(
        "write_to_support", lambda view: say(view, asked.caller, None, asked.key or "", wanted), status=201
    )


@ROUTER.get("/support/threads")
def all_threads(asked: Asked, before: Cursor = None, limit: Limit = MESSAGES_A_PAGE) -> ThreadPage:
    """Of an administrator: the threads of all members, by their newest message."""
    return threads(asked.gateway, asked.caller, before, limit)


@ROUTER.get("/support/threads/{member_id}/messages")
def thread_messages(
    member_id: MemberId,
    asked: Asked,
    before: Cursor = None,
    after: Cursor = None,
    limit: Limit = MESSAGES_A_PAGE,
) -> MessagePage:
    """Of an administrator: a member's thread."""
    return thread(hub_of(asked), asked.caller, member_id, before, after, limit)


@ROUTER.post("/support/threads/{member_id}/messages", status_code=201, response_model=Sent)
def answer_member(member_id: MemberId, wanted: SupportWanted, asked: AskedOnce) -> JSONResponse:
    """Of an administrator: write to a member."""
    return asked.command(
        "answer_member",
        lambda view: say(view, asked.caller, member_id, asked.key or "", wanted),
        status=201,
    )
