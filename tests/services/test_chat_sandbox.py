"""The chat over Appwrite: queries it understands, rows it takes, pictures that only the two may get."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from tests.services.conftest import Api
from tests.services.test_chat import PNG


def test_a_conversation_of_two_on_appwrite(api: Api) -> None:
    ids = api.ids
    api.row(
        "chat_rooms", "r1", customerId=ids["customer"], customerName="Ann", therapistId=ids["therapist"],
        therapistName="Ayu", bookingId="b1", status="active", expiresAt="2099-01-01T00:00:00.000+00:00",
    )  # fmt: skip
    for number in range(7):
        instant = None if number == 6 else f"2026-03-15T12:00:0{number // 3}.000+00:00"
        api.row(
            "chat_messages", f"old{number}", **{("conversationId", "roomId")[number % 2]: "r1"},
            senderId=ids["customer"], content=f"before {number}", timestamp=instant, isRead=False,
        )  # fmt: skip
    path = "/rooms/r1/messages"
    first = api.get(path, "therapist", params={"limit": 3}).json()
    assert api.post(path, "customer", {"text": "a villa by the sea"}, key="k").status_code == 201
    told = api.post(path, "customer", {"text": "a villa by the sea"}, key="k")
    assert told.status_code == 201, told.text
    seen, before = [m["text"] for m in first["messages"]][::-1], first["before"]
    while before is not None:
        page = api.get(path, "therapist", params={"limit": 3, "before": before}).json()
        seen += [m["text"] for m in page["messages"]][::-1]
        before = page.get("before")
    assert seen[0] == "before 6", "without an instant it was sent when it was made"
    assert seen[1:] == [f"before {number}" for number in range(5, -1, -1)]
    after = api.get(path, "therapist", params={"after": first["after"]}).json()
    assert [m["text"] for m in after["messages"]] == ["a villa by the sea"]
    found = api.get("/rooms/r1/search", "therapist", params={"q": "VILLA sea"}).json()
    assert [m["messageId"] for m in found["messages"]] == [told.json()["messageId"]]
    assert api.post("/rooms/r1/read", "therapist").json() == {"read": 8, "more": False}
    assert all(row["isRead"] for row in api.rows("chat_messages"))
    picture = api.ask("POST", "/rooms/r1/attachments", "customer", files={"file": ("x", PNG)})
    assert picture.status_code == 201, picture.text
    identity = picture.json()["attachmentId"]
    got = api.get(f"/rooms/r1/attachments/{identity}", "therapist")
    assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
    assert api.get(f"/rooms/r1/attachments/{identity}", "other_therapist").status_code == 404
    # By Appwrite itself, too.
    assert api.tokens is not None
    for who, status in (("customer", 200), ("therapist", 200), ("other_customer", 404), ("admin", 404)):
        request = urllib.request.Request(
            f"{api.server.endpoint}/storage/buckets/chat_attachments/files/{identity}/view",
            headers={"X-Appwrite-Project": api.server.project, "X-Appwrite-JWT": api.tokens[who]},
        )
        if status == 200:
            assert urllib.request.urlopen(request).read() == PNG
        else:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            assert refused.value.code == status
    (room,) = api.get("/rooms", "customer").json()["rooms"]
    assert (room["roomId"], room["withName"], room["state"]) == ("r1", "Ayu", "open")
    assert api.post("/support/messages", "therapist", {"text": "my fee"}).status_code == 201
    assert (
        api.post(f"/support/threads/{ids['therapist']}/messages", "admin", {"text": "?"}).status_code == 201
    )
    assert len(api.get("/support/messages", "therapist").json()["messages"]) == 2
    (thread,) = api.get("/support/threads", "admin").json()["threads"]
    assert not thread["unanswered"]
