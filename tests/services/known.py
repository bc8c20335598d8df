"""What is there before anybody asks: a booking, its room and a commission of the first customer with the first
therapist. Holds no test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.services.conftest import Api


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
