"""The booking API on the sandbox, through the gateway it has in production: transactions, permissions, columns, the
indexes of its lists."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from marketplace.operations import discount_id
from resources.appwrite.writing import Create
from services.context import open_services
from tests.services.conftest import Api
from tests.services.told import Client


def _wanted(api: Api, who: str = "therapist", **given: Any) -> dict[str, Any]:
    customer = {"name": "Ann Lee", "whatsapp": "0812 3456 7890"}
    return {"entry": "bookNow", "providerId": api.ids[who], "minutes": 60, "customer": customer, **given}


def test_bookings_are_made_once_and_in_line_and_discounted_as_often_as_a_code_may(api: Api) -> None:
    code = {"code": "ONCE", "percent": 10, "uses": 1, "perCustomer": 1}
    api.services.gateway.create(Create("discount_codes", discount_id("ONCE"), code))
    with ThreadPoolExecutor(6) as pool:
        told = list(
            pool.map(
                lambda n: api.post("/bookings", "customer", _wanted(api), key=f"double-{n % 3}"), range(6)
            )
        )
    assert {one.status_code for one in told} <= {200, 201}, [one.text for one in told]
    assert len({one.json()["bookingId"] for one in told}) == 1
    first = told[0].json()
    (row,) = api.rows("bookings")
    assert row["$id"] == first["bookingId"]
    assert sorted(row["$permissions"]) == sorted(
        f'read("user:{api.ids[who]}")' for who in ("customer", "therapist")
    )
    assert [
        len(api.rows(name)) for name in ("chat_rooms", "chat_messages", "booking_offers", "notifications")
    ] == [
        *(1, 3, 1),
        1,
    ]
    second = api.post("/bookings", "other_customer", _wanted(api, discountCode="once"))
    assert (second.status_code, second.json()["amountIdr"], second.json()["queuePosition"]) == (
        201,
        315_000,
        2,
    )
    used_up = api.post("/bookings", "customer", _wanted(api, "place", discountCode="ONCE"))
    assert [one["code"] for one in used_up.json()["errors"]] == ["discount_used_up"]
    assert api.rows("discount_codes")[0]["used"] == 1
    scheduled = _wanted(
        api,
        "place",
        entry="schedule",
        startsAt="2099-01-01T10:00",
        hotelId="hotel-1",
        roomNumber="7",
        location="Jl. 1",
    )
    assert [one["code"] for one in api.post("/bookings", "customer", scheduled).json()["errors"]] == [
        "start_too_far"
    ]
    slots = api.get(f"/providers/{api.ids['place']}/slots?days=2", "customer").json()["slots"]
    scheduled["startsAt"] = slots[-1]["startsAt"]
    made = api.post("/bookings", "customer", scheduled)
    assert made.status_code == 201, made.text
    assert api.get(f"/bookings/{made.json()['bookingId']}", "place").json()["mode"] == "scheduled"
    assert api.get(f"/bookings/{made.json()['bookingId']}", "therapist").status_code == 404
    assert api.get(f"/bookings/{second.json()['bookingId']}", "therapist").json()["queuePosition"] == 2


def test_on_a_server_without_transactions_two_clicks_are_one_booking_too(api: Api) -> None:
    api.server.settings(transactions=False)
    services = open_services(api.settings)
    client = Client(services, api.tokens)
    try:
        with ThreadPoolExecutor(3) as pool:
            told = list(
                pool.map(lambda n: client.post("/bookings", "customer", _wanted(api), key=f"k{n}"), range(3))
            )
    finally:
        services.close()
    assert {one.status_code for one in told} <= {200, 201}, [one.text for one in told]
    assert len({one.json()["bookingId"] for one in told}) == 1
    counts = [len(api.rows(name)) for name in ("bookings", "chat_rooms", "chat_messages", "booking_offers")]
    assert counts == [1, 1, 3, 1]
