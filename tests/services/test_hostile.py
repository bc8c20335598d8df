"""Bodies that no client of ours sends: none is a failure of ours, none comes back in an answer. On the sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.conftest import Api
from tests.services.known import known_rows, wanted
from tests.services.test_roles import TABLE

VALUES: tuple[Any, ...] = (
    "\ud800", "\x00", "a\x00b", "‮evil", "x" * 5_000, "", " ", "💆" * 200, "../../account", "'; DROP TABLE",
    float("nan"), float("inf"), -1, 10**400, 2**63, 0.1 + 0.2, True, None, [], {}, [[]], {"$id": "x"},
)  # fmt: skip
BODIES = (
    b"",
    b"null",
    b"[]",
    b'""',
    b"{",
    b"[" * 60_000,
    b"\xff\xfe{}",
    b'{"a":1}{"b":2}',
    b'{"entry":1,"entry":2}',
    b"NaN",
)


def bodies() -> list[dict[str, Any]]:
    return [
        wanted(
            "t", discountCode="x", price=350_000.0, startsAt="2030-01-01T10:00", hotelId="h", roomNumber="1"
        ),
        {"text": "halo"},
        {"latitude": -8.6, "longitude": 115.1},
        {"upTo": "x"},
        {"ids": ["x"]},
        {"reason": "x"},
        {"providerId": "x"},
        {"status": "AVAILABLE"},
        {"name": "x", "city": "x", "languages": ["en"], "prices": {"60": 1}},
        {"soundEnabled": True},
    ]


def _said(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.long)])
def test_nothing_that_is_sent_makes_it_fail(api: Api, step: int) -> None:
    known = known_rows(api)
    failed: list[tuple[Any, ...]] = []
    for one in TABLE:
        if one.method == "GET" or one.parts:
            continue
        who = next(iter(one.may))
        sent: list[bytes] = list(BODIES)
        for body in bodies():
            if not set(one.body or ("entry",)) & set(body):
                continue
            for name in body:
                # One after the other: all at once, the first to be wrong would hide the others.
                sent += [_said({**body, name: value}) for value in VALUES[len(sent) % step :: step]]
        for content in sent:
            answer = api.ask(
                one.method,
                known.path(one.path),
                who,
                content=content,
                headers={"Content-Type": "application/json"},
            )
            if answer.status_code >= 500:
                failed.append((one.method, one.path, content[:200], answer.status_code, answer.text[:300]))
    assert failed == []


@pytest.mark.parametrize(
    "content",
    [b"[" * 60_000, b'{"a":' * 101 + b"1" + b"}" * 101, b"[" * 101 + b'"'],
    ids=["never closed", "an object", "with a text that is open"],
)
def test_a_body_that_is_nested_deep_is_not_read(api: Api, content: bytes) -> None:
    answer = api.ask(
        "POST", "/bookings", "customer", content=content, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")


def test_brackets_in_a_text_are_no_levels(api: Api) -> None:
    content = json.dumps({"text": '[{"' * 200, "a": [[[]]]}).encode()
    answer = api.ask(
        "POST", "/bookings", "customer", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422


def test_another_kind_of_body_is_refused(api: Api) -> None:
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""):
        for path in ("/bookings", "/support/messages", "/rooms/x/attachments"):
            answer = api.ask("POST", path, "customer", content=b"a=1", headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (kind, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
