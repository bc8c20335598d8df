"""What is there before anybody asks: a booking, its room and a commission of the first customer with the first
therapist; more people; and whether what was booked is whole. Holds no test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.services.conftest import PROVIDER, Api


@dataclass
class Known:
    """Ids by what a path calls them."""

    ids: dict[str, str] = field(default_factory=dict)

    def put(self, case: Any) -> None:
        """In the place of made-up ids in a path, those that are there."""
        for name in case.path_parameters or {}:
            if name in self.ids:
                case.path_parameters[name] = self.ids[name]

    def path(self, template: str) -> str:
        return template.format(**self.ids)


def known_rows(api: Api) -> Known:
    """Book by the API, and put a commission record beside it."""
    booked = api.post("/bookings", "customer", wanted(api.ids["therapist"]))
    assert booked.status_code == 201, booked.text
    told = booked.json()
    at = datetime.now(UTC)
    api.row(
        "commission_records",
        "cm_known",
        bookingId=told["bookingId"],
        therapistId=api.ids["therapist"],
        providerId=api.ids["therapist"],
        bookingAmount=350_000,
        adminCommission=105_000,
        commissionRate=0.3,
        paymentStatus="pending",
        paymentDeadline=(at + timedelta(hours=3)).isoformat(),
        createdAt=at.isoformat(),
    )
    return Known(
        {
            "booking_id": told["bookingId"],
            "room_id": told["roomId"],
            "provider_id": api.ids["therapist"],
            "commission_id": "cm_known",
            "member_id": api.ids["customer"],
            "attachment_id": "none",
        }
    )


def wanted(provider: str, **more: Any) -> dict[str, Any]:
    """A booking of an hour, for now."""
    return {
        "entry": "bookNow",
        "providerId": provider,
        "minutes": 60,
        "customer": {"name": "Ann", "whatsapp": "+61 412 345 678"},
        "location": "Jl. Kayu Aya 1",
        **more,
    }


def people(api: Api, number: int) -> list[tuple[str, str]]:
    """So many customers, each with a provider of their own: (JWT, provider)."""
    found: list[tuple[str, str]] = []
    for n in range(number):
        customer, provider = f"c{n}-{api.server.database}", f"p{n}-{api.server.database}"
        api.row("therapists", provider, **PROVIDER, name=f"Ni {n}", whatsappNumber=f"+6281100{n:04}")
        api.appwrite("POST", "/users", {"userId": customer})
        found.append((api.appwrite("POST", f"/users/{customer}/jwts", {"duration": 3600})["jwt"], provider))
    return found


def assert_whole(api: Api, answers: dict[str, dict[str, Any]], bookings: int) -> None:
    """So many bookings stand, each with one room, its messages, one offer and one count, and no others."""
    ids = {told["bookingId"] for told in answers.values()}
    assert len(ids) == bookings
    assert {row["$id"] for row in api.rows("bookings")} == ids
    assert Counter(row["bookingId"] for row in api.rows("chat_rooms")) == dict.fromkeys(ids, 1)
    assert Counter(row["bookingId"] for row in api.rows("booking_offers")) == dict.fromkeys(ids, 1)
    messages = Counter(row["bookingId"] for row in api.rows("chat_messages"))
    assert messages.keys() == ids
    assert len(set(messages.values())) == 1
    counted = Counter(row["userId"] for row in api.rows("service_counters") if row["kind"] == "bookings")
    assert set(counted.values()) == {1}
    assert len(api.rows("service_requests")) == len(answers)
