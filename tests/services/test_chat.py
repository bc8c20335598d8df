"""Sending, receipts, pictures, support: who may, once, as often as is let, and what stands then."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.chatting import TEXT_MOST
from marketplace.services import ANOMALY_LIMITS
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.files import Upload
from sandbox.simulator.schema import TABLES
from services.chat.hub import Hub
from services.tables import TABLES as OWN
from tests.services.memory import Memory, no_answer
from tests.services.told import Client, on_memory

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
SECRET = "Villa Bougainville, room 12, +628123456789"


class Bucket:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], tuple[bytes, str, list[str]]] = {}

    def put(self, one: Upload) -> None:
        file = one.content, one.content_type, list(one.permissions)
        if self.files.setdefault((one.bucket, one.file_id), file)[0] != one.content:
            raise PermanentFailure("create_file", "bad_request", status=409)

    def content(self, bucket: str, file_id: str) -> bytes:
        if (bucket, file_id) not in self.files:
            raise PermanentFailure("get_file", "bad_request", status=404)
        return self.files[bucket, file_id][0]

    def close(self) -> None:
        """Nothing is open."""


class Chat:
    """The API on an Appwrite in memory with one open room of Ann and the therapist t1."""

    def __init__(self, *, transactions: bool = True) -> None:
        self.server = Memory(transactions=transactions)
        for name, columns in TABLES.items():
            self.server.columns[name] = frozenset(column.key for column in columns)
        for table in OWN:
            self.server.columns[table.name] = frozenset(column.key for column in table.columns)
        self.api: Client = on_memory(self.server)
        self.bucket = Bucket()
        self.hub = self.api.services.one(Hub, lambda services: Hub(services.gateway, self.bucket, every=0.02))
        self.room("r1")
        self.server.put("therapists", "t1", name="Ayu", userId="acc-t1")
        self.server.put("bookings", "b1", userId="ann", status="accepted")

    def room(self, room_id: str, **values: Any) -> None:
        told = {"customerId": "ann", "customerName": "Ann", "therapistId": "t1", "therapistName": "Ayu"}
        self.server.put(
            "chat_rooms",
            room_id,
            **told
            | {"bookingId": "b1", "status": "active", "expiresAt": "2026-03-16T12:00:00.000+00:00"}
            | values,
        )

    def say(
        self, who: str = "customer", text: str = "hello", room: str = "r1", key: str | None = None
    ) -> Any:
        return self.api.post(f"/rooms/{room}/messages", who, {"text": text}, key)

    def page(self, who: str = "customer", room: str = "r1", **params: Any) -> Any:
        return self.api.get(f"/rooms/{room}/messages", who, params=params).json()

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return self.server.tables.get("chat_messages", {})


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.api.services.close()


def test_a_message_stands_in_its_canonical_shape_and_both_read_it(chat: Chat) -> None:
    told = chat.say(text="  hello\x00 there ")
    assert told.status_code == 201, told.text
    (row,) = chat.rows.values()
    assert {name: value for name, value in row.items() if not name.startswith("$")} == {
        "conversationId": "r1", "senderId": "ann", "senderName": "Ann", "senderRole": "customer",
        "receiverId": "t1", "receiverRole": "therapist", "message": "hello there", "messageType": "text",
        "bookingId": "b1", "isRead": False, "timestamp": "2026-03-15T12:00:00.000Z",
    }  # fmt: skip
    assert chat.api.post("/rooms/r1/messages", "therapist", {"content": "hi"}).status_code == 201
    assert chat.say("admin", "help").status_code == 201
    for who, mine in (("customer", [True, False, False]), ("therapist", [False, True, False])):
        page = chat.page(who)
        assert [(m["text"], m["senderRole"]) for m in page["messages"]] == [
            ("hello there", "customer"), ("hi", "therapist"), ("help", "admin"),
        ]  # fmt: skip
        assert [m["mine"] for m in page["messages"]] == mine
    times = [row["timestamp"] for row in chat.rows.values()]
    assert times == sorted(set(times)), "each stands after the one before, also within a millisecond"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/rooms/r1/messages", None),
        ("POST", "/rooms/r1/messages", {"text": "x"}),
        ("POST", "/rooms/r1/read", {}),
        ("GET", "/rooms/r1/search?q=x", None),
        ("GET", "/rooms/r1/events", None),
        ("GET", "/rooms/r1/attachments/m1", None),
    ],
)
def test_a_room_is_its_two_sides_and_administrators(
    chat: Chat, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """Nobody else is told whether there is one."""
    for who in ("other_customer", "other_therapist", "place"):
        here = chat.api.ask(method, path, who, json=body)
        nowhere = chat.api.ask(method, path.replace("r1", "r9"), who, json=body)
        assert here.status_code == nowhere.status_code == 404
        assert here.json()["code"] == nowhere.json()["code"] == "not_found"
    assert chat.api.ask(method, path, None, json=body).status_code == 401


def test_a_word_for_a_role_is_nobody(chat: Chat) -> None:
    chat.room("r2", customerId="guest")
    for who in ("customer", "other_customer"):
        assert chat.say(who, room="r2").status_code == 404


@pytest.mark.parametrize(
    "values",
    [{"status": "completed"}, {"status": "canceled"}, {"expiresAt": "2026-03-15T12:00:00.000+00:00"}],
)
def test_a_room_that_is_over_takes_no_message_and_is_still_read(chat: Chat, values: dict[str, str]) -> None:
    chat.say()
    chat.room("r1", **values)
    for who in ("customer", "therapist", "admin"):
        told = chat.say(who)
        assert (told.status_code, told.json()["code"]) == (409, "room_closed")
    assert len(chat.page()["messages"]) == 1


def test_the_same_request_is_one_message(chat: Chat) -> None:
    first, second = chat.say(key="k"), chat.say(key="k")
    assert first.json() == second.json()
    assert len(chat.rows) == 1
    assert chat.say(text="other", key="k").status_code == 422
    assert chat.say("therapist", key="k").status_code == 201, "a key is its caller's"


@pytest.mark.parametrize("transactions", [True, False])
@pytest.mark.parametrize("call", ["commit", "create", "change"])
def test_a_lost_answer_makes_no_second_message(transactions: bool, call: str) -> None:
    chat = Chat(transactions=transactions)
    lost = [True]

    def fail(name: str, before: bool) -> None:
        if name == call and not before and lost:
            lost.pop()
            raise no_answer(name)

    chat.server.fail = fail
    chat.say(key="k")
    assert chat.say(key="k").status_code == 201
    assert len(chat.rows) == 1


@settings(max_examples=12, deadline=None)
@given(
    transactions=st.booleans(),
    fails=st.lists(st.integers(0, 3), max_size=60),
    who=st.lists(st.sampled_from(["customer", "therapist", "admin"]), min_size=1, max_size=5),
)
def test_whatever_fails_each_request_is_one_message(
    transactions: bool, fails: list[int], who: list[str]
) -> None:
    """Asked again with its key until it is told; as it was told the first time."""
    chat = Chat(transactions=transactions)
    faults = iter(fails)

    def fail(name: str, before: bool) -> None:
        if next(faults, 3) == 0:
            raise no_answer(name)

    chat.server.fail = fail
    told: list[str] = []
    for number, one in enumerate(who):
        answer = None
        for _ in range(80):
            answer = chat.say(one, text=str(number), key=f"k{number}")
            if answer.status_code == 201:
                break
            assert answer.status_code == 503, answer.text
        assert answer is not None
        assert answer.json() == chat.say(one, text=str(number), key=f"k{number}").json()
        told.append(answer.json()["sentAt"])
    rows = sorted(chat.rows.values(), key=lambda row: row["message"])
    assert [row["message"] for row in rows] == [str(number) for number in range(len(who))]
    assert [row["timestamp"].replace("Z", "+00:00") for row in rows] == told == sorted(set(told))


def test_no_more_than_the_rate_and_it_is_told_when_again(chat: Chat) -> None:
    for number in range(ANOMALY_LIMITS.messages):
        assert chat.say(text=str(number)).status_code == 201
    told = chat.say()
    assert (told.status_code, told.json()["code"]) == (429, "too_many_messages")
    assert int(told.headers["Retry-After"]) > 0
    assert chat.say("therapist").status_code == 201
    assert chat.say("admin").status_code == 201
    chat.server.now += timedelta(seconds=int(told.headers["Retry-After"]))
    assert chat.say().status_code == 201
    assert len(chat.rows) == ANOMALY_LIMITS.messages + 3


def test_many_at_once_each_stand_once_and_after_one_another(chat: Chat) -> None:
    told: list[int] = []
    threads = [
        threading.Thread(target=lambda who=who: told.append(chat.say(who).status_code))
        for who in ("customer", "therapist") * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(201) == len(chat.rows)
    assert told.count(201) + told.count(503) == 8
    times = [row["timestamp"] for row in chat.rows.values()]
    assert times == sorted(set(times))


def test_a_place_is_told_and_its_numbers_are_looked_at(chat: Chat) -> None:
    told = chat.api.post(
        "/rooms/r1/messages", "customer", {"location": {"lat": -8.65, "lng": 115.2, "label": " Villa "}}
    )
    assert told.status_code == 201, told.text
    (message,) = chat.page()["messages"]
    assert message["location"] == {"lat": -8.65, "lng": 115.2, "label": "Villa"}
    assert message["text"] == "Villa"
    for wrong in (
        {"lat": 91, "lng": 0},
        {"lat": 0, "lng": -181},
        {"lat": 0},
        {"lat": 0, "lng": 0, "label": "x" * 121},
    ):
        told = chat.api.post("/rooms/r1/messages", "customer", {"location": wrong})
        assert told.status_code == 422, told.text
    for body in ({}, {"text": " \n"}, {"text": "x" * (TEXT_MOST + 1)}, {"text": "x", "more": 1}):
        assert chat.api.post("/rooms/r1/messages", "customer", body).status_code == 422
    assert len(chat.rows) == 1


def test_who_is_away_is_told_once_that_there_is_something_and_not_what(chat: Chat) -> None:
    chat.say(text=SECRET)
    chat.say(text=SECRET)
    (row,) = chat.server.tables["notifications"].values()
    assert (row["recipientId"], row["recipientType"], row["type"]) == ("t1", "therapist", "new_message")
    assert SECRET not in json.dumps(row)
    chat.say("therapist", "I am here")
    chat.say(text="good")
    assert len(chat.server.tables["notifications"]) == 1, "both were there just now"
    chat.server.now += timedelta(minutes=30)
    chat.say("therapist", "are you there?")
    told = chat.server.tables["notifications"].values()
    assert [row["recipientId"] for row in told] == ["t1", "ann"]


# Receipts -------------------------------------------------------------------------------------------------


def test_what_the_others_wrote_is_read_up_to_a_message_once(chat: Chat) -> None:
    for who in ("customer", "therapist", "therapist", "admin", "customer"):
        chat.say(who)
    chat.server.put(
        "chat_messages", "sys", roomId="r1", senderId="system", senderType="system", message="…", isRead=False,
        timestamp="2026-03-15T12:00:00.500+00:00",
    )  # fmt: skip
    place = chat.page()["messages"][1]["cursor"]
    told = chat.api.post("/rooms/r1/read", "customer", {"upTo": place})
    assert told.json() == {"read": 1, "more": False}
    assert chat.api.post("/rooms/r1/read", "customer", {"upTo": place}).json()["read"] == 0
    assert chat.api.post("/rooms/r1/read", "customer").json()["read"] == 3
    unread = [row["senderId"] for row in chat.rows.values() if not row["isRead"]]
    assert unread == ["ann", "ann"]
    versions = {row_id: row["$updatedAt"] for row_id, row in chat.rows.items()}
    assert chat.api.post("/rooms/r1/read", "customer").json()["read"] == 0
    assert versions == {row_id: row["$updatedAt"] for row_id, row in chat.rows.items()}
    assert chat.api.ask("POST", "/rooms/r1/read", "therapist").json()["read"] == 2
    assert chat.api.post("/rooms/r1/read", "admin").status_code == 403
    assert chat.api.post("/rooms/r1/read", "customer", {"upTo": "?"}).status_code == 422


def test_any_number_of_messages_is_read(chat: Chat) -> None:
    for number in range(200):
        chat.server.put(
            "chat_messages", f"m{number}", conversationId="r1", senderId="t1", receiverId="ann", isRead=False,
            timestamp="2026-03-15T12:00:00.000+00:00",
        )  # fmt: skip
    assert chat.api.post("/rooms/r1/read", "customer").json() == {"read": 200, "more": False}
    assert all(row["isRead"] for row in chat.rows.values())


# Pictures -------------------------------------------------------------------------------------------------


def attach(chat: Chat, content: bytes, who: str = "customer", key: str | None = None, text: str = "") -> Any:
    return chat.api.ask(
        "POST", "/rooms/r1/attachments", who, key, files={"file": ("../../etc/x.html", content, "text/html")},
        data={"text": text},
    )  # fmt: skip


def test_a_picture_is_what_its_bytes_are_and_the_two_alone_may_read_it(chat: Chat) -> None:
    told = attach(chat, PNG, text="here")
    assert told.status_code == 201, told.text
    assert attach(chat, PNG, key="key-1", text="here").json() == told.json()
    ((where, kept),) = chat.bucket.files.items()
    identity = told.json()["attachmentId"]
    assert where == ("chat_attachments", identity)
    assert kept[1:] == ("image/png", ['read("user:ann")', 'read("user:acc-t1")'])
    (message,) = chat.page("therapist")["messages"]
    assert message["attachment"] == {"attachmentId": identity, "contentType": "image/png", "bytes": len(PNG)}
    path = f"/rooms/r1/attachments/{identity}"
    for who in ("customer", "therapist", "admin"):
        got = chat.api.get(path, who)
        assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
    for who in ("other_customer", "other_therapist"):
        assert chat.api.get(path, who).status_code == 404
    chat.room("r2")
    assert chat.api.get(f"/rooms/r2/attachments/{identity}", "customer").status_code == 404


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"%PDF-1.4 %%EOF", PNG[:20], b"GIF89a;"])
def test_what_is_no_picture_is_not_kept(chat: Chat, content: bytes) -> None:
    told = attach(chat, content)
    assert told.status_code == 422, told.text
    assert told.json()["errors"][0]["code"] == "not_a_picture"
    assert (chat.bucket.files, chat.rows) == ({}, {})


def test_a_picture_that_is_too_large_or_one_too_many_is_not_kept(chat: Chat) -> None:
    assert attach(chat, PNG[:8] + b"\0" * 5_000_000 + PNG[8:]).status_code == 413
    for _ in range(ANOMALY_LIMITS.messages):
        chat.say()
    assert attach(chat, PNG).status_code == 429
    assert not chat.bucket.files


# Rooms and support ------------------------------------------------------------------------------------------


def test_each_has_their_rooms_newest_first_page_by_page(chat: Chat) -> None:
    for number in range(2, 6):
        chat.room(f"r{number}", **({"customerId": "cid"} if number == 4 else {}))
    first = chat.api.get("/rooms", "customer", params={"limit": 3}).json()
    assert [room["roomId"] for room in first["rooms"]] == ["r5", "r3", "r2"]
    assert {(room["withName"], room["state"]) for room in first["rooms"]} == {("Ayu", "open")}
    rest = chat.api.get("/rooms", "customer", params={"before": first["before"]}).json()
    assert ([room["roomId"] for room in rest["rooms"]], rest.get("before")) == (["r1"], None)
    assert len(chat.api.get("/rooms", "therapist").json()["rooms"]) == 5
    assert len(chat.api.get("/rooms", "admin").json()["rooms"]) == 5
    assert [room["roomId"] for room in chat.api.get("/rooms", "other_customer").json()["rooms"]] == ["r4"]
    assert chat.api.get("/rooms", "other_therapist").json()["rooms"] == []
    # A row that names two is of the first: so a room says whose it is, and a list of rooms.
    chat.server.columns["chat_rooms"] |= {"userId", "providerId"}
    chat.room("r6", userId="cid", providerId="t2")
    for who in ("other_customer", "other_therapist"):
        assert chat.api.get("/rooms/r6/messages", who).status_code == 404
        assert "r6" not in chat.api.get("/rooms", who).text


def test_a_member_and_the_administrators_write_to_each_other(chat: Chat) -> None:
    say = "/support/messages"
    assert chat.api.post(say, "customer", {"text": "help me"}).status_code == 201
    assert chat.api.post(say, "therapist", {"text": "my fee"}).status_code == 201
    assert chat.api.post(say, "admin", {"text": "x"}).status_code == 403
    chat.server.put(
        "admin_messages", "old", senderId="t1", receiverId="admin", senderName="Ayu", message="before"
    )
    threads = chat.api.get("/support/threads", "admin").json()["threads"]
    assert [(t["memberId"], t["last"]["text"], t["unanswered"]) for t in threads] == [
        ("t1", "before", True), ("ann", "help me", True),
    ]  # fmt: skip
    assert chat.api.post("/support/threads/ann/messages", "admin", {"text": "how?"}).status_code == 201
    threads = chat.api.get("/support/threads", "admin", params={"limit": 1}).json()
    assert [(t["memberId"], t["unanswered"]) for t in threads["threads"]] == [("ann", False)]
    rest = chat.api.get("/support/threads", "admin", params={"limit": 1, "before": threads["before"]}).json()
    assert [t["memberId"] for t in rest["threads"]] == ["t1"]
    assert rest.get("before") is None
    page = chat.api.get(say, "customer").json()["messages"]
    assert [(m["text"], m["mine"]) for m in page] == [("help me", True), ("how?", False)]
    for path in ("/support/threads", "/support/threads/ann/messages"):
        assert chat.api.get(path, "customer").status_code == 403
    assert chat.api.post("/support/threads/ann/messages", "other_customer", {"text": "x"}).status_code == 403
    assert chat.api.get("/support/threads/ann/messages", "admin").json()["messages"][1]["mine"]
    assert chat.api.get(say, "other_customer").json()["messages"] == []


def test_nothing_of_a_message_is_in_an_error_a_log_or_what_is_remembered(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    notes: list[str] = []
    object.__setattr__(
        chat.api.services.notes, "note", lambda *told, **more: notes.append(repr((told, more)))
    )
    told = [
        chat.say(text=SECRET),
        chat.say(text=SECRET * 100),
        chat.api.get("/rooms/r1/search", "customer", params={"q": SECRET}),
        chat.api.get("/rooms/r1/messages", "customer", params={"before": SECRET}),
        chat.api.post("/rooms/r1/read", "customer", {"upTo": SECRET}),
        attach(chat, SECRET.encode()),
    ]
    assert [one.status_code for one in told] == [201, 422, 200, 422, 422, 422]
    said = [one.text for n, one in enumerate(told) if n != 2]
    held = [
        json.dumps(chat.server.tables[name])
        for name in ("service_requests", "service_guards", "service_counters")
    ]
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    for text in (*said, *held, *notes, *logged):
        assert "Bougainville" not in text
        assert "8123456789" not in text
