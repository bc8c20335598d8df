"""A request is answered by its key as long as that is promised, and forgotten then; never one that is under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from marketplace.app_rows import instant_like
from marketplace.services import REQUESTS_KEPT
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.writing import Create, WritingGateway
from services.commands import Command, perform
from services.store import Decision, View
from services.sweeping.requests import MOST_PAGES, sweep_requests
from services.tables import GUARDS, REQUESTS
from tests.services.conftest import Api
from tests.services.memory import EPOCH, Memory

MINUTE = timedelta(minutes=1)


class Told(BaseModel):
    n: int


def _request(server: Memory, name: str, age: timedelta) -> None:
    server.put(REQUESTS, name, what="w", digest="d", status=200, at=instant_like(None, server.now - age))


def test_what_is_old_is_deleted_a_bounded_number_at_a_time() -> None:
    server = Memory()
    most = MOST_PAGES * 100
    for number in range(most + 30):
        _request(server, f"old{number}", REQUESTS_KEPT + MINUTE)
    _request(server, "young", REQUESTS_KEPT - MINUTE)
    assert sweep_requests(server, server.clock) == most
    assert sweep_requests(server, server.clock) == 30
    assert sweep_requests(server, server.clock) == 0
    assert list(server.tables[REQUESTS]) == ["young"]


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(days=-400)])
def test_of_two_clocks_the_one_that_forgets_later_judges(ahead: timedelta) -> None:
    server = Memory()
    _request(server, "young", timedelta(days=1))
    assert sweep_requests(server, lambda: server.now + ahead) == 0


@pytest.mark.parametrize("transactions", [True, False])
def test_a_request_is_done_once_whatever_is_swept_while_it_is_under_way(transactions: bool) -> None:
    server = Memory(transactions=transactions, now=EPOCH)
    done = [0]

    def decide(view: View) -> Decision[Told]:
        done[0] += 1
        return Decision(Told(n=done[0]), [Create(GUARDS, f"g{done[0]}", {"kind": "count"})])

    def ask() -> Any:
        return perform(server, server.clock, Command("count", "ann", "k"), decide).body

    server.fail = lambda call, before: None if call == "remove" else _swept(server)
    assert ask() == {"n": 1}
    server.now += REQUESTS_KEPT - MINUTE
    assert ask() == {"n": 1}, "as long as it is promised"
    server.now += 2 * MINUTE
    sweep_requests(server, server.clock)
    assert ask()["n"] > 1, "a new one"


def _swept(server: Memory) -> None:
    assert sweep_requests(server, server.clock) == 0


@pytest.mark.parametrize("many", [True, False])
def test_a_real_server_deletes_them(api: Api, many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = api.services.gateway
    assert isinstance(gateway, WritingGateway)
    now = api.services.now()
    for name, age in (("rq_old", REQUESTS_KEPT + MINUTE), ("rq_young", REQUESTS_KEPT - MINUTE)):
        data = {"what": "w", "digest": "d", "status": 200, "at": instant_like(None, now - age)}
        gateway.create(Create(REQUESTS, name, data))
    call = gateway._call  # pyright: ignore[reportPrivateUsage] - an older server is made of this one

    def older(operation: str, *words: Any) -> Any:
        if operation == "delete_rows":
            raise PermanentFailure(operation, "not_found", status=404, error_type="general_route_not_found")
        return call(operation, *words)

    if not many:
        monkeypatch.setattr(gateway, "_call", older)
    gateway.remove(REQUESTS, ["nobody"])
    assert sweep_requests(gateway, lambda: now) == 1
    assert [row["$id"] for row in api.rows(REQUESTS)] == ["rq_young"]
