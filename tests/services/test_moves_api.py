"""Moves through the API on the sandbox: as in memory, over a network, with permissions and types of columns."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from marketplace.operations import room_id
from services.loops.dispatch import LOOP
from tests.services.conftest import PROVIDER, Api


def _booked(api: Api, who: str = "customer") -> str:
    answer = api.post(
        "/bookings",
        who,
        {
            "entry": "bookNow",
            "providerId": api.ids["therapist"],
            "minutes": 60,
            "customer": {"name": "Ann Lee", "whatsapp": "+6281234567890"},
        },
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["bookingId"])


def _one(api: Api, table: str, row_id: str) -> Any:
    return next(row for row in api.rows(table) if row["$id"] == row_id)


def test_a_booking_goes_its_way_over_the_network(api: Api) -> None:
    booking = _booked(api)
    waiting = api.get(f"/providers/{api.ids['therapist']}/queue", "customer").json()
    assert [(one["bookingId"], one["position"]) for one in waiting["requests"]] == [(booking, 1)]
    assert api.get(f"/providers/{api.ids['therapist']}/queue", "other_customer").json()["requests"] == []
    assert api.post(f"/bookings/{booking}/accept", "other_therapist").status_code == 404
    assert api.post(f"/bookings/{booking}/accept", "customer").status_code == 403

    # Declined it goes to the other one, who is of the same city, service and price.
    declined = api.post(f"/bookings/{booking}/decline", "therapist", {"reason": "ill"})
    assert (declined.status_code, declined.json()["providerId"]) == (200, api.ids["other_therapist"])
    answers: list[Any] = []

    def accept() -> None:
        answers.append(api.post(f"/bookings/{booking}/accept", "other_therapist"))

    threads = [threading.Thread(target=accept) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    (lost,) = {
        (answer.json()["code"], answer.json()["state"], answer.json()["detail"])
        for answer in answers
        if answer.status_code == 409
    }
    assert lost == (
        "booking_is",
        "accepted",
        "Ini tidak dapat dilakukan lagi: status pesanan adalah accepted.",
    )
    won = next(answer for answer in answers if answer.status_code == 200).json()
    assert (won["status"], won["commissionIdr"]) == ("accepted", 105_000)

    row = _one(api, "bookings", booking)
    (record,) = api.rows("commission_records")
    assert (row["status"], row["providerId"]) == ("accepted", api.ids["other_therapist"])
    assert row["$permissions"] == [
        f'read("user:{api.ids["customer"]}")',
        f'read("user:{api.ids["other_therapist"]}")',
    ]
    assert (record["therapistId"], record["commissionAmount"], record["bookingId"]) == (
        api.ids["other_therapist"],
        105_000,
        booking,
    )
    assert _one(api, "therapists", api.ids["other_therapist"])["status"] == "BUSY"
    assert _one(api, "chat_rooms", room_id("bookings", booking))["therapistId"] == api.ids["other_therapist"]

    assert api.post(f"/bookings/{booking}/confirm", "customer").json()["status"] == "confirmed"
    done = api.post(f"/bookings/{booking}/complete", "other_therapist")
    assert done.json()["commissionDue"] == _one(api, "commission_records", record["$id"])["paymentDeadline"]
    assert _one(api, "therapists", api.ids["other_therapist"])["status"] == "AVAILABLE"
    assert api.post(f"/bookings/{booking}/cancel", "admin", {"reason": "no"}).json()["state"] == "completed"


def test_the_loop_passes_on_what_nobody_answered(api: Api) -> None:
    booking = _booked(api)
    api.row("therapists", "spare", **PROVIDER, name="Wayan")
    (offer,) = api.rows("booking_offers")
    api.appwrite(
        "PATCH",
        f"/tablesdb/{api.server.database}/tables/booking_offers/rows/{offer['$id']}",
        {"data": {"deadline": "2026-01-01T00:00:00.000Z"}},
    )
    LOOP.step(api.services)
    LOOP.step(api.services)
    offers = sorted((row["round"], row["state"]) for row in api.rows("booking_offers"))
    assert offers == [(1, "expired"), (2, "offered")]
    moved = api.post(f"/bookings/{booking}/reassign", "admin", {"providerId": api.ids["place"]})
    assert (moved.status_code, moved.json()["providerId"]) == (200, api.ids["place"])
    assert api.post(f"/bookings/{booking}/reassign", "admin", {}).status_code == 422
    assert api.post(f"/bookings/{booking}/accept", "place").status_code == 200
    cancelled = api.post(f"/bookings/{booking}/cancel", "customer", {"reason": "rain"})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert [row["paymentStatus"] for row in api.rows("commission_records")] == ["cancelled"]
