"""A command's writes stand whole or not at all, decided on rows as they are."""

from __future__ import annotations

import threading

import pytest

from resources.appwrite.writing import Change, Create
from services.store import Decision, Doubtful, Underway, View, carry_out
from tests.services.memory import Memory, no_answer


def _one_more(view: View) -> Decision[int]:
    row = view.row("service_counters", "n")
    if row is None:
        return Decision(1, [Create("service_counters", "n", {"n": 1})])
    return Decision(row["n"] + 1, [Change("service_counters", "n", {"n": row["n"] + 1}, row["$updatedAt"])])


@pytest.mark.parametrize("transactions", [True, False])
def test_of_many_at_once_each_counts_once(transactions: bool) -> None:
    server = Memory(transactions=transactions)
    told: list[int] = []
    threads = [
        threading.Thread(target=lambda: told.append(carry_out(server, server.clock, _one_more)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(1, 9))
    assert server.tables["service_counters"]["n"]["n"] == 8


def test_a_row_that_changed_between_reading_and_staging_is_read_again() -> None:
    server = Memory()
    server.put("service_counters", "n", n=1)
    seen: list[int] = []

    def decide(view: View) -> Decision[int]:
        decision = _one_more(view)
        if not seen:
            server.tables["service_counters"]["n"] |= {"n": 5, "$updatedAt": server._stamp()}
        seen.append(decision.answer)
        return decision

    assert carry_out(server, server.clock, decide) == 6
    assert seen == [2, 6]


@pytest.mark.parametrize("before", [True, False])
def test_a_commit_without_an_answer_is_found_out(before: bool) -> None:
    server = Memory()
    left = [1]

    def fail(call: str, is_before: bool) -> None:
        if call == "commit" and is_before == before and left:
            left.clear()
            raise no_answer(call)

    server.fail = fail
    assert carry_out(server, server.clock, _one_more) == 1
    assert server.tables["service_counters"]["n"]["n"] == 1


def test_what_cannot_be_found_out_is_doubtful() -> None:
    server = Memory()

    def fail(call: str, before: bool) -> None:
        if call == "commit" and not before:
            raise no_answer(call)

    def unreachable(transaction: str) -> str:
        raise no_answer("transaction")

    server.fail, server.status_of = fail, unreachable  # type: ignore[method-assign] - one server of one test
    with pytest.raises(Doubtful):
        carry_out(server, server.clock, _one_more)


def test_what_another_is_about_to_write_is_waited_for() -> None:
    server, seen = Memory(transactions=False), []

    def decide(view: View) -> Decision[int]:
        seen.append(1)
        if len(seen) < 3:
            raise Underway
        return Decision(len(seen))

    assert carry_out(server, server.clock, decide) == 3


def test_a_row_that_another_makes_meanwhile_is_found_by_the_commit_and_decided_on_anew() -> None:
    server, seen = Memory(), []

    def decide(view: View) -> Decision[int]:
        decision = _one_more(view)
        if not seen:
            server.create(Create("service_counters", "n", {"n": 7}))
        seen.append(decision.answer)
        return decision

    assert carry_out(server, server.clock, decide) == 8
    assert seen == [1, 8]
    assert server.tables["service_counters"]["n"]["n"] == 8
