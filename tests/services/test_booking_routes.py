"""The booking API over an Appwrite in memory: statuses, the form of answers, who sees what, free slots."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.booking_world import asked, marketplace
from tests.services.memory import Memory
from tests.services.told import Client, on_memory

ANSWERED = {"bookingId", "roomId", "amountIdr", "source", "mode", "responseDeadline", "queuePosition"}


@pytest.fixture
def server() -> Memory:
    return marketplace()


@pytest.fixture
def client(server: Memory) -> Client:
    return on_memory(server)


def test_a_booking_is_made_told_again_and_answered_by_its_key(client: Client, server: Memory) -> None:
    first = client.post("/bookings", "customer", asked(), key="a")
    assert first.status_code == 201
    assert first.json().keys() == ANSWERED
    assert client.post("/bookings", "customer", asked(), key="a").json() == first.json()
    again = client.post("/bookings", "customer", asked(), key="b")
    assert (again.status_code, again.json()) == (200, {**first.json(), "duplicate": True})
    assert client.post("/bookings", "customer", asked(minutes=90), key="a").status_code == 422
    assert len(server.tables["bookings"]) == 1
    assert client.post("/bookings", "customer", asked(), key="").status_code == 400
    assert client.post("/bookings", None, asked()).status_code == 401
    assert client.post("/bookings", "admin", asked()).status_code == 403


def test_what_is_wrong_is_said_in_the_callers_language(client: Client) -> None:
    told = client.post(
        "/bookings", "customer", asked(minutes=61, startsAt="x"), headers={"Accept-Language": "id"}
    )
    assert told.status_code == 422
    assert [(one["code"], one["at"]) for one in told.json()["errors"]] == [
        ("not_one_of", "/minutes"),
        ("start_unreadable", "/startsAt"),
    ]
    assert "penyedia" in told.text
    assert client.post("/bookings", "customer", content=b"{", json=None).status_code == 422


def test_too_many_are_refused_with_when_to_try_again(client: Client, server: Memory) -> None:
    for n in range(5):
        server.put(
            "therapists",
            f"x{n}",
            **{k: v for k, v in server.tables["therapists"]["t2"].items() if k[0] != "$"},
        )
        assert client.post("/bookings", "customer", asked(providerId=f"x{n}")).status_code == 201
    told = client.post("/bookings", "customer", asked())
    assert (told.status_code, told.headers["Retry-After"]) == (429, "3600")
    assert told.json()["code"] == "too_many_bookings"
    assert "1 hour" in told.json()["detail"]


def test_a_booking_is_told_to_those_it_is_of(client: Client) -> None:
    made = client.post("/bookings", "customer", asked()).json()
    path = f"/bookings/{made['bookingId']}"
    told = client.get(path, "customer").json()
    assert (told["status"], told["amountIdr"], told["queuePosition"]) == ("pending", 250_000, 1)
    assert told["endsAt"] > told["startsAt"] > told["createdAt"]
    statuses = {
        who: client.get(path, who).status_code
        for who in ("therapist", "admin", "other_therapist", "other_customer")
    }
    assert statuses == {"therapist": 200, "admin": 200, "other_therapist": 404, "other_customer": 404}
    assert client.get("/bookings/ghost", "customer").status_code == 404


def test_a_slot_that_is_shown_can_be_booked_and_one_that_is_taken_is_not_shown(
    client: Client, server: Memory
) -> None:
    server.put(
        "bookings", "old", providerId="t1", status="accepted", startTime="2026-03-16T02:00:00Z", duration=60,
        createdAt="2026-03-15T09:00:00Z",
    )  # fmt: skip
    told: Any = client.get("/providers/t1/slots?minutes=90&day=2026-03-16&days=1", "customer").json()
    starts = [slot["startsAt"] for slot in told["slots"]]
    assert told["timezone"] == "Asia/Makassar"
    assert told["slots"][0] == {"startsAt": "2026-03-15T16:00:00.000Z", "local": "2026-03-16T00:00+08:00"}
    assert "2026-03-16T00:30:00.000Z" in starts
    assert not {f"2026-03-16T{at}:00.000Z" for at in ("01:00", "01:30", "02:00", "02:30")} & set(starts)
    assert "2026-03-16T03:00:00.000Z" in starts
    today = client.get("/providers/t1/slots", "customer").json()["slots"]
    assert today[0]["startsAt"] == "2026-03-15T12:00:00.000Z"
    body = asked(entry="schedule", startsAt=starts[-1], minutes=90)
    assert client.post("/bookings", "customer", body).status_code == 201
    assert client.get("/providers/ghost/slots", "customer").status_code == 404
    assert client.get("/providers/t1/slots?day=2020-01-01", "customer").status_code == 422
    assert client.get("/providers/t1/slots?minutes=45", "customer").status_code == 422
