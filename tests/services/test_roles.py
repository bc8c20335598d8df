"""Who may what: every path of the API by everybody, from one table; and that nobody is told of somebody else's. On the
sandbox."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.services.conftest import WHO, Api
from tests.services.known import known_rows, wanted

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 64 + b"IEND\xaeB`\x82"
PROVIDERS = ("therapist", "other_therapist", "place")
CUSTOMERS = ("customer", "other_customer")
ALL = (*CUSTOMERS, *PROVIDERS, "admin")


@dataclass(frozen=True)
class Asked:
    """A path, and who is answered what. The booking, its room and the commission are those of ``customer`` and
    ``therapist``. ``may``: in this order, status by caller; everybody else gets ``others``; nobody 401."""

    method: str
    path: str
    may: dict[str, int]
    others: int = 404
    body: Any = None
    parts: dict[str, Any] = field(default_factory=dict)


def each(*who: str, status: int = 200) -> dict[str, int]:
    return dict.fromkeys(who, status)


SIDES = each("customer", "therapist", "admin")
UPLOAD = {"files": {"file": ("a.png", PICTURE, "image/png")}}
TABLE = (
    # A provider books as anybody does, but not themselves; an administrator is no customer.
    Asked(
        "POST",
        "/bookings",
        {**each("other_customer", "other_therapist", "place", status=201), "customer": 200, "therapist": 422},
        403,
        {},
    ),
    Asked("GET", "/bookings/{booking_id}", SIDES),
    # Whether a booking is there is told to its sides alone (404); what a side may not is 403.
    Asked("POST", "/bookings/{booking_id}/accept", {"customer": 403, "therapist": 200, "admin": 409}),
    Asked("POST", "/bookings/{booking_id}/decline", {"customer": 403, "therapist": 409, "admin": 403}),
    Asked("POST", "/bookings/{booking_id}/confirm", {"customer": 200, "therapist": 409, "admin": 403}),
    Asked("POST", "/bookings/{booking_id}/complete", {"customer": 403, "therapist": 200, "admin": 403}),
    Asked("POST", "/bookings/{booking_id}/cancel", each("customer", "therapist", "admin", status=409)),
    Asked("POST", "/bookings/{booking_id}/reassign", {**each("customer", "therapist", status=403), "admin": 409},
          body={"providerId": "{other}"}),
    Asked("GET", "/providers/{provider_id}/queue", each(*CUSTOMERS, "therapist", "admin")),
    Asked("GET", "/providers/{provider_id}/slots?minutes=60", each(*ALL)),
    Asked("GET", "/rooms", each(*ALL)),
    Asked("GET", "/rooms/{room_id}/messages", SIDES),
    Asked("POST", "/rooms/{room_id}/messages", each(*SIDES, status=201), body={"text": "halo"}),
    Asked("POST", "/rooms/{room_id}/attachments", each(*SIDES, status=201), parts=UPLOAD),
    Asked("GET", "/rooms/{room_id}/attachments/{attachment_id}", SIDES),
    Asked("GET", "/rooms/{room_id}/search?q=halo", SIDES),
    Asked("POST", "/rooms/{room_id}/read", {**each("customer", "therapist"), "admin": 403}, body={}),
    # A stream that begins is tried with the chat; here, who is refused one.
    Asked("GET", "/rooms/{room_id}/events", {}),
    Asked("GET", "/me/requests", each(*ALL)),
    Asked("GET", "/me/notifications", each(*ALL)),
    Asked("POST", "/me/notifications/read", each(*ALL, status=422), body={"ids": []}),
    Asked("PUT", "/me/notifications", each(*PROVIDERS), 403, {"soundEnabled": False}),
    Asked("GET", "/me/calendar", each(*PROVIDERS), 403),
    Asked("GET", "/me/earnings", each(*PROVIDERS), 403),
    Asked("PUT", "/me/status", each(*PROVIDERS), 403, {"status": "AVAILABLE"}),
    Asked("GET", "/me/profile", each(*PROVIDERS), 403),
    Asked("PUT", "/me/profile", each(*PROVIDERS), 403, {"city": "Ubud"}),
    Asked("POST", "/me/commissions/{commission_id}/proof", {**each(*CUSTOMERS, "admin", status=403), "therapist": 200},
          parts=UPLOAD),
    Asked("GET", "/support/messages", each(*CUSTOMERS, *PROVIDERS), 403),
    Asked("POST", "/support/messages", each(*CUSTOMERS, *PROVIDERS, status=201), 403, {"text": "halo"}),
    Asked("GET", "/support/threads", each("admin"), 403),
    Asked("GET", "/support/threads/{member_id}/messages", each("admin"), 403),
    Asked("POST", "/support/threads/{member_id}/messages", each("admin", status=201), 403, {"text": "halo"}),
    Asked("GET", "/healthz", each(*ALL)),
)  # fmt: skip
OPEN = ("/healthz",)
"""Paths that nobody has to be known for."""
SIDE = {"customer", "therapist", "admin"}


def test_every_path_by_everybody(api: Api) -> None:
    known = known_rows(api)
    told = api.get("/openapi.json", None).json()
    declared = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert {(one.method, one.path.partition("?")[0]) for one in TABLE} == declared
    secrets = [*known.ids.values(), "Ann", "412345678", "412 345", "Kayu Aya"]
    public = {known.ids["provider_id"]}
    wrong: list[tuple[Any, ...]] = []
    for one in TABLE:
        body = wanted(api.ids["therapist"]) if one.path == "/bookings" else one.body
        if one.body and "providerId" in one.body:
            body = {"providerId": api.ids["other_therapist"]}
        given = dict(one.parts) if one.parts else {} if body is None else {"json": body}
        turns = [*(who for who in WHO if who not in one.may), *one.may]
        for who in turns:
            if not one.may and who in SIDE:
                continue
            path = known.path(one.path)
            answer = api.ask(one.method, path, who, **given)
            expected = one.may.get(who, one.others)
            if answer.status_code != expected:
                wrong.append((one.method, one.path, who, answer.status_code, expected, answer.text[:200]))
            if one.path.endswith("/attachments") and answer.status_code == 201:
                known.ids["attachment_id"] = answer.json()["messageId"]
            if who not in SIDE and one.path != "/bookings":
                seen = [
                    text for text in secrets if text not in public and re.search(rf"\b{text}", answer.text)
                ]
                if seen:
                    wrong.append((one.method, one.path, who, "is told", seen))
        nobody = api.ask(one.method, known.path(one.path), None, **given)
        if nobody.status_code != (200 if one.path in OPEN else 401):
            wrong.append((one.method, one.path, None, nobody.status_code))
    assert wrong == [], json.dumps(wrong, indent=1)
