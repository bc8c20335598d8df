"""The simulated people as clients of the booking services: what they do, what they count, what they outlive."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.clients.market import Giver, Market, Person
from sandbox.clients.pace import Pace
from sandbox.clients.plans import ENTRIES, visit
from sandbox.clients.run import write
from sandbox.clients.server import Server
from sandbox.clients.service import Service
from tests.sandbox.service_stub import StubServices
from tests.sandbox_server import SandboxProcess

PEOPLE = [Person(f"customer{n}", "Anna Müller", f"+62812000000{n}") for n in range(8)]
GIVERS = [Giver(f"provider{n}", {60: 200_000, 90: 280_000, 120: 360_000}) for n in range(4)]


@pytest.fixture
def server(empty_sandbox: SandboxProcess) -> Server:
    made = Server(empty_sandbox.endpoint, empty_sandbox.project, "none")
    made.enter()
    return made


def _market(server: Server, endpoint: str, visits: int, seed: int = 7) -> tuple[Market, Service, Pace]:
    stop = threading.Event()
    pace, service = Pace(stop, hurry=100), Service(endpoint, server, stop)
    return (
        Market(service, server, pace, PEOPLE, lambda: GIVERS, seed=seed, gap_s=5, visits=visits),
        service,
        pace,
    )


def test_what_they_have_in_mind_is_of_the_seed_alone() -> None:
    assert [visit(7, n) for n in range(50)] == [visit(7, n) for n in range(50)]
    assert [visit(7, n) for n in range(50)] != [visit(8, n) for n in range(50)]
    drawn = [visit(7, n) for n in range(300)]
    assert {plan.entry for plan in drawn} == {entry for entry, _ in ENTRIES}
    assert {plan.answer(0) for plan in drawn} == {"accept", "decline", "ignore"}
    assert any(plan.twice for plan in drawn)
    assert any(plan.cancelled for plan in drawn)
    handed_on = replace(drawn[0], answers=("decline", "accept"))
    assert [handed_on.answer(asked) for asked in range(3)] == ["decline", "accept", "accept"]


def test_they_book_answer_and_talk_over_http_as_accounts_of_their_own(server: Server, tmp_path: Path) -> None:
    def went_through() -> bool:
        done = any(booking["status"] == "completed" for booking in stub.bookings.values())
        return (done and stub.calls["POST proof"] and len(stub.bookings) >= 8) or time.monotonic() > latest

    with StubServices() as stub:
        market, service, pace = _market(server, stub.endpoint, visits=12)
        latest = time.monotonic() + 20
        market.open()
        pace.run(went_through, lambda: None)
    write(tmp_path, {"bookings": market.bookings, "answers": service.counted()})
    written = (tmp_path / "clients.json").read_text()
    assert json.loads(written)["bookings"] == sorted(stub.bookings)
    assert len(stub.bookings) >= 8
    assert "Anna" not in written
    assert "+62" not in written
    assert {booking["status"] for booking in stub.bookings.values()} >= {"completed"}
    assert stub.calls["POST accept"]
    assert stub.calls["POST messages"]
    assert stub.calls["POST read"]
    proofs = stub.calls["POST proof"]
    assert 0 < proofs <= len(stub.bookings), "of their own bookings, and of no other record"
    assert stub.authorized <= {person.id for person in (*PEOPLE, *GIVERS)}
    assert not pace.failed
    assert not [what for what in service.counted() if "Error" in what]


def test_refusals_are_normal_and_what_should_not_be_is_told_without_a_name(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with StubServices() as stub:
        service = Service(stub.endpoint, server, threading.Event())
        stub.refuse = [429, 409, 503, 422]
        given = {"customer": {"name": "Anna Müller", "whatsapp": "+628120000001"}}
        for _ in range(4):
            assert not service.call("customer0", "POST", "/bookings", given).done
    assert capsys.readouterr().err.splitlines() == [
        "POST /bookings answered 503 refused",
        "POST /bookings answered 422 refused",
    ]
    assert service.counted() == {f"POST /bookings {status} refused": 1 for status in (409, 422, 429, 503)}


def test_they_outlive_services_that_die_and_come_back_and_ask_with_the_same_key(server: Server) -> None:
    with StubServices() as stub:
        port = stub.port
    stop = threading.Event()
    service = Service(f"http://127.0.0.1:{port}", server, stop)
    told = []
    given = {"providerId": "provider0"}
    asking = threading.Thread(
        target=lambda: told.append(service.call("customer0", "POST", "/bookings", given, key="k"))
    )
    asking.start()
    while not service.counted():  # it has met nobody once
        time.sleep(0.01)  # a thread asks in vain: what it counted is looked at
    with StubServices(port) as again:
        asking.join(20)
        assert told[0].status == 201
        assert [key for _, key in again.answered] == ["k"]
    stop.set()
    assert service.call("customer0", "GET", "/me/requests").status == 0  # told to stop: not tried for minutes


def test_what_is_sent_of_their_bookings_comes_to_the_phones_and_nothing_else_is_touched(
    empty_sandbox: SandboxProcess,
) -> None:
    columns = [{"key": "bookingId", "kind": "varchar", "size": 64}]
    columns += [{"key": key, "kind": "datetime"} for key in ("deliveredAt", "failedAt")]
    with empty_sandbox.own_database() as own:
        own.control(
            "POST", "tables", {"database": own.database, "table": "notifications", "columns": columns}
        )
        now = own.now().isoformat(timespec="milliseconds")
        rows = [("ours", "b1", None), ("theirs", "b2", None), ("failed", "b1", now)]
        own.load_rows(
            "notifications",
            [
                {"$id": name, "$createdAt": now, "bookingId": booking, "failedAt": failed}
                for name, booking, failed in rows
            ],
        )
        made = Server(own.endpoint, own.project, own.database)
        made.enter()
        assert made.deliver({"b1"}) == 1
        assert made.deliver({"b1"}) == 0
        held = {row["$id"]: row["deliveredAt"] for row in made.rows("notifications", 10)}
    assert held["ours"] is not None
    assert (held["theirs"], held["failed"]) == (None, None)


def test_an_account_is_made_once_and_a_token_is_kept(server: Server, empty_sandbox: SandboxProcess) -> None:
    empty_sandbox.forget_writes()
    first = server.token("customer77")
    assert server.token("customer77") == first
    assert empty_sandbox.writes()["calls"] == 3  # the account, a session, a token
    other = Server(empty_sandbox.endpoint, empty_sandbox.project, "none")
    other.enter()
    assert other.token("customer77")  # an account that is there is taken
