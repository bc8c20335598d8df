"""A server that fails, resets, hangs and answers too late: nothing is done twice, nothing is lost, and who asks is
answered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel

from resources.appwrite.failures import CallFailure
from resources.appwrite.writing import Change, Create
from services import context, patience
from services.commands import Command, perform
from services.context import Services, open_services
from services.patience import answered_within
from services.store import Contended, Decision, Doubtful, View
from services.tables import GUARDS
from tests.services.conftest import Api
from tests.services.known import assert_whole, people, wanted

EVERY_TENTH = (
    {"kind": "status", "rate": 0.04, "status": 503, "path": "/tablesdb"},
    {"kind": "reset", "rate": 0.03, "path": "/tablesdb"},
    {"kind": "after", "rate": 0.1, "path": "/transactions", "method": "PATCH", "death": "reset"},
    {"kind": "after", "rate": 0.03, "path": "/rows", "method": "POST", "death": "reset"},
)


class Counted(BaseModel):
    n: int


def one_more(view: View) -> Decision[Counted]:
    row = view.row(GUARDS, "count")
    if row is None:
        return Decision(Counted(n=1), (Create(GUARDS, "count", {"kind": "count", "version": 1}),))
    n = int(row["version"]) + 1
    return Decision(Counted(n=n), (Change(GUARDS, "count", {"version": n}, str(row["$updatedAt"])),))


def done(services: Services, key: str) -> int:
    """Ask with a key until it is answered, as a client does."""
    for _ in range(30):
        try:
            with answered_within():
                command = Command("count", "ann", key)
                return perform(services.gateway, services.now, command, one_more).body["n"]
        except (CallFailure, Contended, Doubtful):
            time.sleep(0.02)  # as a client does that asks again
    raise AssertionError("never answered")


def test_every_key_is_done_once_whatever_the_server_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # The breaker is tried elsewhere: here it would only make the test wait.
    monkeypatch.setattr("resources.appwrite.patience.BREAKER_FAILURES", 10_000)
    monkeypatch.setattr("resources.appwrite.patience.FIRST_DELAY", 0.01)
    api.server.faults(*EVERY_TENTH, seed=4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda key: done(api.services, key), [f"k{n % 20}" for n in range(40)]))
    injected = api.server.control("GET", "faults")["injected"]
    api.server.faults()
    assert set(injected) == {"status", "reset", "after"}
    assert sorted(set(found)) == list(range(1, 21))
    assert api.rows(GUARDS)[0]["version"] == 20
    assert [done(api.services, f"k{n}") for n in range(20)] == [found[n] for n in range(20)]


def test_bookings_are_made_once_and_whole_whatever_the_server_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.appwrite.patience.BREAKER_FAILURES", 10_000)
    monkeypatch.setattr("resources.appwrite.patience.FIRST_DELAY", 0.01)
    folk = people(api, 5)
    api.tokens = {f"key-{n}": jwt for n, (jwt, _) in enumerate(folk)}
    api.server.faults(*EVERY_TENTH, seed=7)
    answers: dict[str, dict[str, Any]] = {}
    statuses: set[int] = set()
    for n, (_, provider) in enumerate(folk):
        body = wanted(provider, customer={"name": "Ann", "whatsapp": f"+6141234{n:04}"})
        for _ in range(30):
            answer = api.post("/bookings", f"key-{n}", body, key=f"key-{n}")
            statuses.add(answer.status_code)
            if answer.status_code == 201:
                answers[f"key-{n}"] = answer.json()
                break
    api.server.faults()
    assert statuses <= {201, 503}
    assert_whole(api, answers, len(folk))


def test_a_server_that_hangs_does_not_keep_who_asks_waiting(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a hundredth of the times that stand: what is shown is that they hold."""
    monkeypatch.setattr(context, "READ_S", 0.1)
    monkeypatch.setattr(context, "LONGEST_WAIT_S", 0.02)
    monkeypatch.setattr("resources.appwrite.gateway.RETRY_BUDGET", 0.2)
    monkeypatch.setattr("resources.appwrite.patience.FIRST_DELAY", 0.01)
    services = open_services(api.settings)
    # (Nobody's key is asked for: the caller is known.)
    for rule in (
        {"kind": "stall", "path": "/tablesdb", "seconds": 0},
        {"kind": "status", "path": "/tablesdb", "status": 429, "retry_after": 3600},
    ):
        api.server.faults(rule)
        with pytest.raises(CallFailure) as failed, answered_within(1.5):
            perform(services.gateway, services.now, Command("count", "ann", "k"), one_more)
        assert failed.value.retried
        api.server.faults()
    services.close()
    # And no call begins when the time is over.
    with pytest.raises(CallFailure, match="time"), answered_within(0):
        api.services.gateway.row(GUARDS, "x")
    assert patience.seconds_left() == patience.ANSWERED_WITHIN_S
