"""Whatever is booked through services, the pipeline reads as it was meant, and finds nothing odd in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.core.batch import Batch, Derived
from assets.core.bookings import derive_bookings
from assets.core.chat_rooms import derive_chat_rooms
from assets.core.messages import derive_messages
from assets.core.notifications import derive_notifications
from checks.derived_rows import violations
from marketplace.discounts import Discount, discounted
from marketplace.entries import Entry
from marketplace.operations import discount_id
from marketplace.pseudonyms import Pseudonyms
from marketplace.transitions import Actor
from marketplace.zones import ProviderZones
from services.callers import Caller
from services.problems import Problem
from tests.services.booking_world import asked, make, marketplace
from tests.services.memory import Memory

DERIVE: dict[str, tuple[str, Callable[[Batch], Derived]]] = {
    "bookings": ("bookings", derive_bookings),
    "chat_rooms": ("chat_rooms", derive_chat_rooms),
    "chat_messages": ("messages", derive_messages),
    "notifications": ("notifications", derive_notifications),
}
MENU = {60: 250_000, 90: 350_000, 120: 450_000}
CODES = {
    "A": Discount("A", percent=33),
    "FREE": Discount("FREE", percent=100),
    "C": Discount("C", idr=40_500),
}


def read(server: Memory, collection: str) -> Derived:
    """Rows as core has them; a row as Appwrite lists it."""

    def at(written: str) -> datetime:
        return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)

    rows = [
        {
            "_id": row["$id"],
            "_created_at": at(row["$createdAt"]),
            "_updated_at": at(row["$updatedAt"]),
            "_change": n,
        }
        | {name: value for name, value in row.items() if name[0] != "$"}
        for n, row in enumerate(server.tables[collection].values())
    ]
    table, function = DERIVE[collection]
    batch = Batch(
        collection,
        pl.DataFrame(rows, infer_schema_length=None),
        ProviderZones(480, {}, {}),
        names=Pseudonyms(b"k", lambda words: words),
    )
    derived = function(batch)
    assert violations(table, derived.rows) == []
    return derived


REQUESTS = st.fixed_dictionaries(
    {
        "entry": st.sampled_from([entry.value for entry in Entry]),
        "minutes": st.sampled_from([60, 90, 120]),
        "providerId": st.sampled_from(["t1", "t2", "p1"]),
        "startsAt": st.none() | st.integers(0, 60 * 24 * 20).map(
            lambda minutes: (datetime(2026, 3, 15, 20) + timedelta(minutes=minutes)).isoformat()
        ),
        "discountCode": st.none() | st.sampled_from(sorted(CODES)),
        "name": st.text(min_size=1, max_size=40),
        "whatsapp": st.sampled_from(["0812 3456 7890", "+62 812-3456-7891", "wa.me/6281234567892", "+1 202 555 0123"]),
        "location": st.none() | st.text(max_size=30),
        "roomNumber": st.none() | st.just("12A"),
    }
)  # fmt: skip


@settings(max_examples=5, deadline=None)
@given(st.lists(REQUESTS, min_size=5, max_size=12))
def test_every_booking_is_read_as_it_was_meant_and_nothing_is_found(requests: list[dict[str, Any]]) -> None:
    server = marketplace()
    for code in CODES.values():
        server.put(
            "discount_codes", discount_id(code.code), code=code.code, percent=code.percent, idr=code.idr
        )
    made: dict[str, dict[str, Any]] = {}
    refused: set[int] = set()
    for n, given_ in enumerate(requests):
        request = given_ | ({"hotelId": "hotel-9"} if given_["roomNumber"] else {})
        server.now += timedelta(minutes=1)
        try:
            told = make(server, asked(**request), by=Caller(f"user{n % 4}", Actor.CUSTOMER), key=f"k{n}")
        except Problem as problem:
            refused.add(problem.status)
            continue
        if told.duplicate is None:
            made[told.booking_id] = request
            price = MENU[request["minutes"]]
            code = CODES.get(request["discountCode"])
            assert told.amount_idr == (discounted(price, code) if code else price)
    assert refused <= {409, 422, 429}
    if not made:
        return
    bookings = read(server, "bookings")
    assert bookings.findings.height == 0, bookings.findings
    for row in bookings.rows.iter_rows(named=True):
        asked_for, written = made[row["booking_id"]], server.tables["bookings"][row["booking_id"]]
        price, code = MENU[asked_for["minutes"]], CODES.get(asked_for["discountCode"])
        assert row["amount_idr"] == (discounted(price, code) if code else price)
        assert row["amount_rule"] == (
            "totalCost" if code is None else "discounted" if row["amount_idr"] else "free"
        )
        assert (row["source_rule"], row["mode_rule"], row["deadline_rule"]) == (
            "explicit",
            "mode",
            "explicit",
        )
        assert (row["source"], row["mode"]) == (written["source"], written["mode"])
        assert row["service_minutes"] == asked_for["minutes"]
        assert row["ends_at"] - row["starts_at"] == timedelta(minutes=asked_for["minutes"])
        assert row["customer_key"] == f"c:{written['userId']}"
        assert row["created_rule"] == "createdAt"
        if asked_for["startsAt"] is not None:
            assert row["starts_at"] == datetime.fromisoformat(asked_for["startsAt"]) - timedelta(hours=8)
    for collection in ("chat_rooms", "chat_messages", "notifications"):
        derived = read(server, collection)
        assert derived.findings.height == 0, derived.findings
    by_customer = bookings.rows.group_by("customer_key", "provider_id").agg(
        pl.col("created_at").sort().diff().min()
    )
    assert not (by_customer["created_at"] <= timedelta(minutes=5)).any()
