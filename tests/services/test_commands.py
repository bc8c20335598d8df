"""A request with its key is done once and answered the same, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from resources.appwrite.failures import TransientFailure
from resources.appwrite.writing import Change, Create
from services.commands import Command, Reply, perform
from services.problems import Problem
from services.store import Decision, Doubtful, View
from services.tables import COUNTERS, REQUESTS
from tests.services.memory import Memory, no_answer

COMMAND = Command("count", "ann", "key-1", "/counts", b'{"name": "Ann"}')


class Counted(BaseModel):
    n: int


def one_more(view: View) -> Decision[Counted]:
    row = view.row(COUNTERS, "n")
    if row is None:
        return Decision(Counted(n=1), (Create(COUNTERS, "n", {"n": 1}),))
    if row["n"] >= 3:
        raise Problem(409, "not_allowed", state="full")
    n = row["n"] + 1
    return Decision(Counted(n=n), (Change(COUNTERS, "n", {"n": n}, row["$updatedAt"]),))


def run(server: Memory, command: Command = COMMAND, decide: Any = one_more) -> Reply:
    return perform(server, server.clock, command, decide, status=lambda counted: 200 + counted.n)


@pytest.mark.parametrize("transactions", [True, False])
def test_the_same_key_is_answered_the_same_and_done_once(transactions: bool) -> None:
    server = Memory(transactions=transactions)
    first = run(server)
    assert first == Reply(201, {"n": 1}) == run(server)
    assert run(server, replace(COMMAND, key="key-2")) == Reply(202, {"n": 2})
    assert run(server) == first
    assert run(server, replace(COMMAND, user_id="cid")).body == {"n": 3}
    assert server.tables[COUNTERS]["n"]["n"] == 3
    # What cannot be done now, and was done then, is answered as then; and what was not is a problem.
    assert run(server) == first
    with pytest.raises(Problem, match="not_allowed"):
        run(server, replace(COMMAND, key="key-3"))
    assert len(server.tables[REQUESTS]) == 3


def test_a_key_of_another_request_is_refused() -> None:
    server = Memory()
    first = run(server)
    assert run(server, replace(COMMAND, body=b'{ "name":"Ann" }')) == first  # the same, written otherwise
    for other in ({"body": b"{}"}, {"where": "/elsewhere"}, {"what": "other"}):
        with pytest.raises(Problem) as refused:
            run(server, replace(COMMAND, **other))
        assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert server.tables[COUNTERS]["n"]["n"] == 1


def test_nothing_of_the_request_is_kept() -> None:
    server = Memory()
    run(server)
    assert "Ann" not in str(server.tables)
    assert "key-1" not in str(server.tables)


def test_an_answer_that_wrote_nothing_is_remembered_too() -> None:
    server = Memory()
    answers = iter([5, 6])

    def decide(view: View) -> Decision[Counted]:
        return Decision(Counted(n=next(answers)))

    assert run(server, decide=decide) == run(server, decide=decide) == Reply(205, {"n": 5})


def test_twenty_at_once_with_one_key_are_one() -> None:
    server = Memory()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: run(server), range(20)))
    assert {reply.body["n"] for reply in replies} == {1}
    assert server.tables[COUNTERS]["n"]["n"] == 1


@pytest.mark.parametrize("call", ["stage", "commit"])
@pytest.mark.parametrize("before", [True, False])
def test_a_call_without_an_answer_is_found_out_or_begun_anew(call: str, before: bool) -> None:
    server = Memory()
    left = [2]

    def fail(name: str, is_before: bool) -> None:
        if (name, is_before) == (call, before) and left[0]:
            left[0] -= 1
            raise no_answer(name)

    server.fail = fail
    assert run(server) == Reply(201, {"n": 1})
    assert server.tables[COUNTERS]["n"]["n"] == 1


def test_what_stays_doubtful_is_told_by_the_same_key_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.store.time.sleep", lambda seconds: None)
    server = Memory()

    def fail(call: str, before: bool) -> None:
        if call == "commit" and not before:
            raise no_answer(call)

    def unheard(transaction: str) -> str:
        raise no_answer("transaction")

    status_of, glance = server.status_of, server.row
    server.fail, server.status_of = fail, unheard  # type: ignore[method-assign] - one server of one test
    server.row = lambda collection, row_id: unheard("")  # type: ignore[method-assign, assignment] - the same server
    with pytest.raises((Doubtful, TransientFailure)):
        run(server)
    server.status_of, server.row = status_of, glance  # type: ignore[method-assign] - the same server
    server.fail = lambda call, before: None
    assert run(server) == Reply(201, {"n": 1})
    assert server.tables[COUNTERS]["n"]["n"] == 1
