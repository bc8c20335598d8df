"""How a booking stands with its answer, and whether its chat is open, at an instant."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from marketplace.answers import Answer, answer_of
from marketplace.chats import Chat, chat_of, room_at

AT = datetime(2026, 11, 22, 6, 5)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("booking", "expected"),
    [
        ({"status": "pending", "response_deadline": AT + SECOND}, Answer.WAITING),
        ({"status": "pending", "response_deadline": AT}, Answer.WAITING),
        ({"status": "pending", "response_deadline": AT - SECOND}, Answer.PAST),
        ({"status": "pending"}, Answer.OPEN),
        ({"status": "pending", "responded_at": AT, "response_deadline": AT - SECOND}, Answer.ANSWERED),
        ({"status": "pending", "accepted_at": AT, "response_deadline": AT - SECOND}, Answer.ANSWERED),
        ({"status": "accepted"}, Answer.ANSWERED),
        ({"status": "completed"}, Answer.ANSWERED),
        ({"status": "declined"}, Answer.ANSWERED),
        ({"status": "expired", "response_deadline": AT - SECOND}, Answer.EXPIRED),
        ({"status": "expired", "responded_at": AT}, Answer.ANSWERED),
        ({"status": "cancelled"}, Answer.ENDED),
        ({"status": "cancelled", "accepted_at": AT}, Answer.ANSWERED),
        ({"status": "reassigned"}, Answer.ENDED),
        ({"status": "unknown"}, Answer.UNKNOWN),
        ({"status": "a word of a later version"}, Answer.UNKNOWN),
    ],
)
def test_an_answer_is_told_by_the_row_and_the_clock(booking: dict[str, object], expected: Answer) -> None:
    nothing = dict.fromkeys(("accepted_at", "responded_at", "response_deadline"))
    assert answer_of(nothing | booking, AT) is expected


@pytest.mark.parametrize(
    ("status", "expires_at", "expected"),
    [
        ("active", None, Chat.OPEN),
        ("active", AT + SECOND, Chat.OPEN),
        ("active", AT, Chat.CLOSED),
        ("completed", AT + SECOND, Chat.CLOSED),
        ("cancelled", None, Chat.CLOSED),
        ("unknown", AT + SECOND, Chat.UNKNOWN),
        ("unknown", AT - SECOND, Chat.CLOSED),
    ],
)
def test_a_room_is_open_until_its_end(status: str, expires_at: datetime | None, expected: Chat) -> None:
    assert room_at(status, expires_at, AT) is expected


@pytest.mark.parametrize(
    ("rooms", "read", "expected"),
    [
        ([], True, Chat.NONE),
        ([], False, Chat.UNKNOWN),
        ([Chat.CLOSED], True, Chat.CLOSED),
        ([Chat.CLOSED], False, Chat.UNKNOWN),
        ([Chat.CLOSED, Chat.UNKNOWN], True, Chat.UNKNOWN),
        ([Chat.CLOSED, Chat.OPEN], False, Chat.OPEN),
    ],
)
def test_a_chat_is_closed_only_where_every_room_is_known(
    rooms: list[Chat], read: bool, expected: Chat
) -> None:
    assert chat_of(rooms, read=read) is expected
