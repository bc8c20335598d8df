"""One booking from however many tries: double clicks, a bucket's edge, many at once, processes that die in between,
with transactions and without; so many an hour and no more.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from itertools import count

import pytest

from marketplace.operations import counter_id, discount_id
from marketplace.rates import Rate
from marketplace.transitions import Actor
from resources.appwrite.failures import TransientFailure
from resources.appwrite.writing import Change
from services.booking.duplicates import moved_to, standing_with
from services.booking.shapes import Booked
from services.callers import Caller
from services.problems import Problem
from services.rates import counted
from services.store import Contended, Decision, Doubtful, View, carry_out
from services.sweeping.bookings import sweep
from tests.services.booking_world import ANN, make, marketplace, refusal
from tests.services.memory import Memory, no_answer

BESIDE = {"bookings": 1, "chat_rooms": 1, "chat_messages": 3, "booking_offers": 1, "notifications": 1}
BOTH = pytest.mark.parametrize("transactions", [True, False])


def standing(server: Memory) -> dict[str, int]:
    return {name: len(server.tables.get(name, {})) for name in BESIDE}


class _Died(BaseException):
    """A process ends."""


# again --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "accepted", "confirmed", "on_the_way"])
def test_a_second_one_within_the_limit_is_the_first(status: str) -> None:
    server = marketplace()
    first = make(server)
    server.tables["bookings"][first.booking_id]["status"] = status
    # 4:59.999 and 5:00.000 later, so on both sides of any edge of a bucket
    began = server.now
    for later in (timedelta(minutes=4, seconds=59, milliseconds=999), timedelta(minutes=5)):
        server.now = began + later
        again = make(server, key=f"{later}", minutes=90)
        assert (again.booking_id, again.duplicate, again.amount_idr) == (first.booking_id, True, 250_000)
    server.now += timedelta(milliseconds=1)
    assert make(server, key="later").duplicate is None
    assert len(server.tables["bookings"]) == 2


@pytest.mark.parametrize("status", ["declined", "expired", "completed"])
def test_after_one_that_came_to_nothing_another_waits_until_it_is_no_duplicate(status: str) -> None:
    server = marketplace()
    first = make(server)
    server.tables["bookings"][first.booking_id]["status"] = status
    problem = refusal(server, key="k2")
    assert (problem.status, problem.state, problem.retry_after) == (409, status, 301)
    server.now += timedelta(seconds=problem.retry_after or 0)
    assert make(server, key="k2").duplicate is None


def test_after_one_that_was_cancelled_another_is_made_at_once() -> None:
    server = marketplace()
    first = make(server)
    server.tables["bookings"][first.booking_id]["status"] = "cancelled"
    assert make(server, key="k2").booking_id != first.booking_id


def test_another_customer_or_provider_is_no_duplicate_and_another_writer_is() -> None:
    server = marketplace()
    make(server)
    assert make(server, providerId="t2", key="k2").duplicate is None
    assert make(server, by=Caller("bob", Actor.CUSTOMER), key="k3").duplicate is None
    server.put(
        "bookings",
        "app1",
        userId="cid",
        providerId="t1",
        bookingStatus="Waiting",
        createdAt="2026-03-15T11:57:00Z",
    )
    assert make(server, by=Caller("cid", Actor.CUSTOMER), key="k4").booking_id == "app1"


def test_a_clock_of_ours_that_is_another_one_than_the_servers_changes_nothing() -> None:
    server = marketplace()
    first = make(server)
    for row in server.tables["bookings"].values():
        row["$createdAt"] = "2026-03-01T00:00:00.000+00:00"
    assert make(server, key="k2").booking_id == first.booking_id


def test_a_role_word_is_nobody_and_the_phone_counts() -> None:
    server, guest = marketplace(), Caller("guest", Actor.CUSTOMER)
    first = make(server, by=guest)
    assert server.tables["bookings"][first.booking_id]["$permissions"] == ['read("user:t1")']
    assert make(server, by=guest, key="k2", whatsapp="0812 3456 7890").booking_id == first.booking_id
    assert make(server, by=guest, key="k3", whatsapp="+6281234567891").duplicate is None
    # Somebody who has an account is not the guest who has their phone: nothing of theirs is told.
    assert (
        make(server, by=Caller("dan9", Actor.CUSTOMER), key="k4", whatsapp="+6281234567892").duplicate is None
    )
    assert make(server, by=guest, key="k5", whatsapp="+6281234567892").duplicate is None
    # No phone stands in a row of ours, and none is told by an id that can be tried out without a key of the server.
    assert "8123456789" not in str(server.tables["service_counters"])


# at once ------------------------------------------------------------------------------------------------------


def _at_once(server: Memory, tries: list[dict[str, object]]) -> list[Booked | Exception]:
    told: list[Booked | Exception] = []

    def one(given: dict[str, object]) -> None:
        try:
            told.append(make(server, **given))
        except (Problem, Contended, Doubtful) as failure:
            told.append(failure)

    threads = [threading.Thread(target=one, args=(given,)) for given in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


@BOTH
def test_of_many_clicks_at_once_one_booking_comes_to_stand(transactions: bool) -> None:
    server = marketplace(transactions=transactions)
    told = _at_once(server, [{"key": f"k{n}"} for n in range(8)])
    assert not [one for one in told if isinstance(one, Exception)]
    assert len({one.booking_id for one in told if isinstance(one, Booked)}) == 1
    assert [one.duplicate for one in told if isinstance(one, Booked)].count(None) == 1
    assert standing(server) == BESIDE


@BOTH
def test_of_many_at_once_no_more_than_the_rate_stand(transactions: bool) -> None:
    server = marketplace(transactions=transactions)
    for n in range(8):
        server.put("therapists", f"x{n}", status="AVAILABLE", pricing='{"60": 250}', name=f"X{n}")
    tries = [{"key": f"k{n}", "providerId": f"x{n}"} for n in range(8)]
    told = _at_once(server, tries)
    for again in range(5):  # who was told to ask again does, with the same key
        busy = [
            given for given, one in zip(tries, told, strict=False) if isinstance(one, Contended | Doubtful)
        ]
        if not any(isinstance(one, Contended | Doubtful) for one in told):
            break
        told = [
            *[one for one in told if not isinstance(one, Contended | Doubtful)],
            *_at_once(server, busy or tries),
        ]
        assert again < 4
    assert len(server.tables["bookings"]) == 5
    assert {one.status for one in told if isinstance(one, Problem)} == {429}


@BOTH
def test_ten_customers_of_one_provider_at_once_each_have_one(transactions: bool) -> None:
    server = marketplace(transactions=transactions)
    told = _at_once(server, [{"key": "k", "by": Caller(f"user{n}", Actor.CUSTOMER)} for n in range(10)])
    assert all(isinstance(one, Booked) for one in told)
    assert standing(server) == {name: 10 * n for name, n in BESIDE.items()}


@BOTH
def test_the_last_use_of_a_code_is_one_customers(transactions: bool) -> None:
    server = marketplace(transactions=transactions)
    server.put("discount_codes", discount_id("ONE"), code="ONE", percent=10, uses=1)
    told = _at_once(
        server,
        [{"key": "k", "by": Caller(f"user{n}", Actor.CUSTOMER), "discountCode": "ONE"} for n in range(4)],
    )
    assert [one.amount_idr for one in told if isinstance(one, Booked)] == [225_000]
    assert {one.status for one in told if isinstance(one, Problem)} <= {409}
    assert server.tables["discount_codes"][discount_id("ONE")]["used"] == 1


# rates --------------------------------------------------------------------------------------------------------


def test_the_sixth_is_taken_an_hour_after_the_first_and_not_a_moment_before() -> None:
    server = marketplace()
    for n in range(7):
        server.put("therapists", f"x{n}", status="AVAILABLE", pricing='{"60": 250}', name=f"X{n}")
    began = server.now
    for n in range(5):
        server.now = began + timedelta(minutes=n)
        make(server, providerId=f"x{n}", key=f"k{n}")
    server.now = began + timedelta(minutes=59, seconds=59, milliseconds=999)
    problem = refusal(server, providerId="x5", key="k8")
    assert (problem.status, problem.retry_after) == (429, 1)
    server.now = began + timedelta(hours=1)
    assert make(server, providerId="x5", key="k5").booking_id
    assert refusal(server, providerId="x6", key="k9").retry_after == 60


def test_bookings_that_another_writer_made_count_too() -> None:
    server = marketplace()
    for n in range(5):
        server.put(
            "bookings",
            f"app{n}",
            userId="ann1",
            providerId=f"y{n}",
            status="cancelled",
            createdAt="2026-03-15T11:30:00Z",
        )
    assert refusal(server).retry_after == 1800


def test_messages_have_a_rate_of_their_own() -> None:
    server = marketplace()

    def send(view: View) -> Decision[None]:
        return Decision(None, [counted(view, "ann1", Rate.MESSAGES, view.now)])

    for _ in range(30):
        carry_out(server, server.clock, send)
        server.now += timedelta(seconds=1)
    with pytest.raises(Problem) as told:
        carry_out(server, server.clock, send)
    assert (told.value.code, told.value.retry_after) == ("too_many_messages", 3570)
    assert make(server).booking_id


# a hand-over --------------------------------------------------------------------------------------------------


def test_a_booking_does_not_go_to_a_provider_whom_its_customer_asked_at_the_same_time() -> None:
    server = marketplace()
    first = make(server)
    second = make(server, providerId="t2", key="k2")
    view = View(server, server.now)
    row = view.row("bookings", first.booking_id)
    assert row is not None
    found = standing_with(view, row, "t2")
    assert found is not None
    assert found.booking_id == second.booking_id
    assert standing_with(view, row, "p1") is None
    (write,) = moved_to(view, row, "p1", server.now)
    assert isinstance(write, Change)
    assert write.row_id == counter_id("bookings", "c:ann1")
    server.change(write)
    assert moved_to(View(server, server.now), row, "p1", server.now) == []


# who dies in between ------------------------------------------------------------------------------------------


def _dying_at(server: Memory, nth: int, failure: BaseException, *, before: bool = True) -> None:
    """The nth call that writes fails, before or after it is done."""
    calls = count()

    def fail(call: str, is_before: bool) -> None:
        if is_before == before and next(calls) == nth:
            raise failure

    server.fail = fail


def _well(server: Memory) -> None:
    server.fail = lambda call, before: None


@pytest.mark.parametrize(("transactions", "nth"), [(True, 0), (True, 1), *((False, n) for n in range(9))])
@pytest.mark.parametrize("then", ["same key", "another key", "nobody"])
def test_whoever_dies_in_between_leaves_one_booking_or_none(transactions: bool, nth: int, then: str) -> None:
    server = marketplace(transactions=transactions)
    server.put("discount_codes", discount_id("TEN"), code="TEN", percent=10, uses=1, latest=None)
    _dying_at(server, nth, _Died())
    with pytest.raises(_Died):
        make(server, discountCode="TEN")
    _well(server)
    if transactions:
        assert standing(server) in (BESIDE, dict.fromkeys(BESIDE, 0))
    server.now += timedelta(seconds=30)
    if then == "nobody":
        server.now += timedelta(minutes=1)
        sweep(server, server.clock, "Asia/Makassar")
        assert sweep(server, server.clock, "Asia/Makassar").done == 0
    else:
        told = make(server, discountCode="TEN", key="k1" if then == "same key" else "k2")
        assert told.amount_idr == 225_000
        assert (told.duplicate is None) or then == "another key"
        server.now += timedelta(minutes=1)
        sweep(server, server.clock, "Asia/Makassar")
    made = standing(server)
    assert made in (BESIDE, dict.fromkeys(BESIDE, 0))
    assert then == "nobody" or made == BESIDE
    counter = server.tables.get("service_counters", {}).get(counter_id("bookings", "c:ann1"), {})
    assert str(counter.get("instants", "")).count("bk_") == made["bookings"]
    assert (server.tables["discount_codes"][discount_id("TEN")].get("used") or 0) == made["bookings"]


@pytest.mark.parametrize("nth", range(8))
def test_without_transactions_an_answer_that_is_lost_is_no_second_booking(nth: int) -> None:
    server = marketplace(transactions=False)
    _dying_at(server, nth, no_answer("create"), before=False)
    with pytest.raises(TransientFailure):
        make(server)
    _well(server)
    make(server)
    assert standing(server) == BESIDE


def test_who_is_only_slow_and_who_takes_over_make_one_booking() -> None:
    server = marketplace(transactions=False)
    slow: list[int] = []

    def fail(call: str, before: bool) -> None:
        if call == "create" and before and len(server.tables.get("service_counters", {})) == 1 and not slow:
            slow.append(1)
            # Another asks ten seconds later, takes the first for dead and makes its booking; then the first goes on.
            server.now += timedelta(seconds=10)
            assert make(server, key="k2").booking_id
            server.now -= timedelta(seconds=10)

    server.fail = fail
    make(server)
    assert slow
    assert standing(server) == BESIDE


def test_with_transactions_a_booking_takes_few_calls() -> None:
    server = marketplace()
    make(server)
    server.calls = Counter()
    make(server, by=Caller("bob", Actor.CUSTOMER), key="k2")
    # Said in docs/services.md: rows read, lists, what stages, and what commits.
    assert sum(server.calls.values()) <= 13
    assert ANN.user_id
