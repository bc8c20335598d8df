"""A booking from its request to its end, by the table of moves: what each writes, and who may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from marketplace.offers import offer_row
from marketplace.operations import acceptance_id, commission_id, room_id
from marketplace.transitions import Actor
from services import store
from services.booking.told import booking_told
from services.callers import Caller
from services.moving.accepting import accept
from services.problems import Problem
from services.queue.waiting import queue_of
from services.store import Contended, View
from tests.services.moves_desk import ADMIN, NOON, TERMS, Desk, customer, iso, provider
from tests.services.moves_held import held

MINUTE = timedelta(minutes=1)


def refusal(do: Callable[..., Any], *args: Any, **more: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        do(*args, **more)
    return raised.value


def test_an_acceptance_comes_with_all_that_belongs_to_it() -> None:
    desk = Desk()
    desk.book()
    moved = desk.accept("t1")
    assert (moved.status, moved.commission_idr) == ("accepted", 75_000)
    booking = desk.booking()
    assert (booking["status"], booking["acceptedAt"]) == ("accepted", iso(NOON))
    assert booking["respondedAt"] == iso(NOON)
    (record,) = desk.records()
    assert record["$id"] == commission_id("bookings", "b1")
    assert (record["commissionAmount"], record["commissionRate"], record["bookingAmount"]) == (
        75_000,
        0.3,
        250_000,
    )
    assert (record["paymentStatus"], record["source"]) == ("pending", "bookingButton")
    # The end of the service, and three hours.
    assert record["paymentDeadline"] == moved.commission_due == iso(NOON + timedelta(minutes=90, hours=3))
    assert desk.status_of() == "BUSY"
    assert desk.offers() == [("t1", "accepted")]
    (message,) = desk.rows("chat_messages").values()
    assert message["conversationId"] == room_id("bookings", "b1")
    assert message["message"].count("\n") == 1, "in both languages"
    assert desk.told() == ["booking_accepted", "commission_due"]
    guard = desk.rows("service_guards")[acceptance_id("bookings", "b1")]
    assert (guard["providerId"], guard["state"]) == ("t1", "settled")


def test_of_fifty_acceptances_at_once_one_wins() -> None:
    desk = Desk()
    desk.book()
    won: list[str] = []
    lost: list[Problem] = []

    def one() -> None:
        try:
            won.append(desk.accept("t1").status)
        except Problem as problem:
            lost.append(problem)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == ["accepted"]
    assert {(problem.status, problem.state) for problem in lost} == {(409, "accepted")}
    assert len(lost) == 49
    assert len(desk.records()) == 1
    assert len(desk.rows("chat_messages")) == 1


def test_a_service_later_on_makes_nobody_busy_now() -> None:
    desk = Desk()
    desk.book(starts=timedelta(hours=2, minutes=1), answers=timedelta(minutes=30))
    desk.accept("t1")
    assert desk.status_of() == "AVAILABLE"
    desk.book("b2", starts=timedelta(minutes=60))
    desk.accept("t1", "b2")
    assert desk.status_of() == "BUSY"


def test_only_who_is_asked_accepts_and_only_in_time() -> None:
    desk = Desk()
    desk.book()
    assert refusal(desk.accept, "t2").status == 404, "a booking that was never offered to them"
    assert refusal(desk.accept, "u1").code == "not_allowed"
    assert refusal(desk.accept, "u2").status == 404
    assert refusal(desk.accept, "t1", "b9").status == 404
    desk.passes(minutes=5)
    late = refusal(desk.accept, "t1")
    assert (late.status, late.code, late.state) == (409, "too_late", "pending")
    # An administrator, who spoke to the provider, may.
    assert desk.accept(ADMIN).provider_id == "t1"


def test_a_restricted_provider_accepts_nothing() -> None:
    desk = Desk()
    desk.book()
    desk.rows("therapists")["t1"]["status"] = "RESTRICTED"
    assert refusal(desk.accept, "t1").code == "provider_restricted"
    assert refusal(desk.accept, ADMIN).code == "provider_restricted"


@pytest.mark.parametrize(
    ("starts", "refused"), [(89, True), (90, False), (-30, False), (-29, True), (30, True), (45, True)]
)
def test_a_therapist_holds_no_two_overlapping_bookings(starts: int, refused: bool) -> None:
    desk = Desk()
    desk.book("b0", starts=timedelta(minutes=30))
    desk.accept("t1", "b0")
    desk.book(starts=timedelta(minutes=starts), answers=timedelta(minutes=30))
    if refused:
        assert (problem := refusal(desk.accept, "t1")).code == "time_taken"
        assert problem.state == "pending"
        assert desk.records() == []
    else:
        desk.accept("t1")


def test_two_overlapping_acceptances_at_once_are_one() -> None:
    desk = Desk()
    for number in range(4):
        desk.book(f"b{number}", starts=timedelta(minutes=30 + 10 * number), by=f"u{number}")
    states: list[str] = []

    def one(booking: str) -> None:
        try:
            states.append(desk.accept("t1", booking).status)
        except Problem as problem:
            states.append(problem.code)

    threads = [threading.Thread(target=one, args=(f"b{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["accepted", "time_taken", "time_taken", "time_taken"]


def test_an_acceptance_that_came_between_is_seen_by_who_accepts_on_behalf() -> None:
    desk = Desk()
    for booking in ("b1", "b2"):
        desk.book(booking, by=f"u-{booking}", starts=timedelta(hours=3))
    listed, seen = desk.server.rows, 0

    def rows(collection: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        nonlocal seen
        found = listed(collection, queries)
        if collection == "bookings" and "therapists" not in queries[0] and not seen:
            seen = 1
            desk.accept("t1", "b2")  # after the list of what is taken, before all else of the other one
        return found

    desk.server.rows = rows
    assert refusal(desk.accept, ADMIN).code == "time_taken"
    assert seen
    assert [desk.booking(b)["status"] for b in ("b1", "b2")] == ["pending", "accepted"]


def test_bare_times_are_of_the_providers_zone() -> None:
    desk = Desk(0)
    desk.provider("t1", timezone="Asia/Jakarta")
    desk.server.put(
        "bookings", "old", status="accepted", providerId="t1", duration=60, startTime="2026-03-15 19:30:00"
    )
    desk.book(starts=timedelta(minutes=75))  # 20:15 in Jakarta
    assert refusal(desk.accept, "t1").code == "time_taken"
    desk.book("b2", starts=timedelta(minutes=90))
    desk.accept("t1", "b2")


def test_the_policy_is_that_of_the_local_day_of_who_accepts() -> None:
    desk = Desk(0)
    desk.server.now = NOON + timedelta(hours=3, minutes=30)  # 22:30 in Jakarta, the next day in Jayapura
    (rule,) = TERMS.policy.rules
    days = (
        {"valid_to": date(2026, 3, 16)},
        {"valid_from": date(2026, 3, 16), "rate_ppm": 250_000, "version": "b"},
    )
    terms = replace(TERMS, policy=replace(TERMS.policy, rules=tuple(replace(rule, **one) for one in days)))
    desk.provider("t1", timezone="Asia/Jakarta")
    desk.provider("t2", timezone="Asia/Jayapura")
    desk.book()
    desk.decline("t1")
    desk.do(partial(accept, caller=provider("t2"), booking_id="b1", terms=terms))
    (record,) = desk.records()
    assert (record["commissionAmount"], record["bookingDate"]) == (62_500, "2026-03-16")


@pytest.mark.parametrize("transactions", [True, False])
@pytest.mark.parametrize("at", range(6))
def test_an_acceptance_in_the_middle_of_an_overlapping_one(
    at: int, transactions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later on, so that neither makes its provider busy: only the guard of their calendar tells."""
    for pause in ("_FIRST_PAUSE_S", "_LONGEST_PAUSE_S"):
        monkeypatch.setattr(store, pause, 0.0)
    desk = Desk(transactions=transactions)
    for number in (1, 2):
        desk.book(f"b{number}", by=f"u{number}", starts=timedelta(hours=5), answers=timedelta(minutes=30))
    calls = [0]
    states: list[str] = []

    def one(booking: str) -> None:
        try:
            states.append(desk.accept("t1", booking).status)
        except Problem as problem:
            states.append(problem.code)
        except Contended:
            assert not transactions, "only there does one wait for the other"

    def fail(call: str, before: bool) -> None:
        calls[0] += 1
        if calls[0] == at + 1:
            one("b2")

    desk.server.fail = fail
    one("b1")
    if len(states) == 1:
        one("b2")
    if not transactions:
        desk.passes(minutes=2)
        desk.sweep()
    assert sorted(states) == ["accepted", "time_taken"]
    held(desk)


def test_a_place_takes_as_many_as_it_says() -> None:
    desk = Desk(0)
    desk.provider("p1", "places", capacity=2)
    for number in range(3):
        desk.book(f"b{number}", "p1", kind="place", by=f"u{number}")
    desk.accept("p1", "b0")
    assert desk.rows("places")["p1"]["status"] == "AVAILABLE", "there is a bed left"
    desk.accept("p1", "b1")
    assert desk.rows("places")["p1"]["status"] == "BUSY"
    assert refusal(desk.accept, "p1", "b2").code == "time_taken"


def test_bookings_of_older_apps_take_time_too() -> None:
    desk = Desk()
    desk.server.columns["bookings"] |= {"bookingStatus", "therapistId"}
    desk.book()
    desk.server.put(
        "bookings",
        "old",
        bookingStatus="on_the_way",
        therapistId="t1",
        duration=60,
        startTime=iso(NOON + 60 * MINUTE),
    )
    assert refusal(desk.accept, "t1").code == "time_taken"


def test_a_booking_without_an_offer_is_its_providers() -> None:
    desk = Desk()
    desk.book(offered=False)
    assert refusal(desk.accept, "t2").status == 404
    desk.accept("t1")
    assert len(desk.records()) == 1


def test_what_an_operation_handed_back_is_theirs_to_accept_again() -> None:
    desk = Desk()
    desk.book()
    desk.decline("t1")
    desk.passes(minutes=1)
    for offer in desk.rows("booking_offers").values():
        offer["state"] = "withdrawn" if offer["state"] == "offered" else offer["state"]
    assert refusal(desk.accept, "t1").code == "not_offered"
    # operations/kinds/reassign_booking.py: another deadline, and no offer.
    desk.booking()["responseDeadline"] = iso(desk.server.now + 5 * MINUTE)
    assert desk.accept("t1").status == "accepted"


def test_with_an_acceptance_every_other_offer_is_withdrawn() -> None:
    desk = Desk()
    desk.book()
    row_id, offer = offer_row("b1", "t2", "therapist", 2, NOON, NOON + 5 * MINUTE)
    desk.server.put("booking_offers", row_id, **offer)
    desk.accept("t1")
    assert desk.offers() == [("t1", "accepted"), ("t2", "withdrawn")]


def test_an_old_record_is_found_before_one_is_made() -> None:
    desk = Desk()
    desk.book()
    desk.server.put("commission_records", "old", bookingId="b1", therapistId="t1", paymentStatus="pending")
    desk.accept("t1")
    assert [record["$id"] for record in desk.records()] == ["old"]


@pytest.mark.parametrize(("status", "after"), [("pending", "cancelled"), ("paid", "reversed")])
def test_a_record_of_who_declined_is_not_that_of_who_accepts(status: str, after: str) -> None:
    desk = Desk()
    desk.book()
    desk.server.put("commission_records", "old", bookingId="b1", therapistId="t1", paymentStatus=status)
    desk.decline("t1")
    desk.accept("t2")
    states = {record["therapistId"]: record["paymentStatus"] for record in desk.records()}
    assert states == {"t1": after, "t2": "pending"}


def test_a_free_and_a_test_booking_owe_nothing() -> None:
    desk = Desk()
    desk.book(totalCost=0, discountCode="FREE")
    desk.book("b2", "t2", isTest=True)
    assert desk.accept("t1").commission_idr == 0
    assert desk.accept("t2", "b2").commission_idr == 0
    assert desk.rows("commission_records") == {}


# Confirmed, completed -----------------------------------------------------------------------------------


def test_either_side_confirms_and_the_provider_completes() -> None:
    desk = Desk()
    desk.book()
    assert refusal(desk.confirm, "u1").state == "pending"
    desk.accept("t1")
    assert desk.confirm("u1").status == "confirmed"
    assert refusal(desk.confirm, "t1").state == "confirmed"
    assert refusal(desk.complete, "u1").code == "not_allowed"
    desk.passes(minutes=100)
    assert desk.complete("t1").status == "completed"
    booking, (record,) = desk.booking(), desk.records()
    assert booking["completedAt"] == iso(NOON + 100 * MINUTE)
    assert record["paymentDeadline"] == iso(NOON + 100 * MINUTE + timedelta(hours=3))
    assert desk.status_of() == "AVAILABLE"
    for move in (desk.accept, desk.decline, desk.complete, desk.confirm):
        assert refusal(move, "t1").state == "completed"
    assert refusal(desk.cancel, ADMIN, reason="x").state == "completed"
    assert refusal(desk.reassign, "t2").state == "completed"


def test_a_paid_record_keeps_its_deadline() -> None:
    desk = Desk()
    desk.book()
    desk.accept("t1")
    (record,) = desk.records()
    record |= {"paymentStatus": "paid", "paidAt": iso(NOON)}
    before = record["paymentDeadline"]
    desk.passes(minutes=200)
    desk.complete("t1")
    assert desk.records()[0]["paymentDeadline"] == before


def test_a_late_completion_does_not_run_into_the_next_service() -> None:
    desk = Desk()
    desk.book("b1")
    desk.book("b2", by="u2", starts=timedelta(minutes=90))
    desk.accept("t1", "b1")
    desk.accept("t1", "b2")
    desk.passes(minutes=120)
    desk.complete("t1", "b1")
    assert desk.booking()["completedAt"] == iso(NOON + 90 * MINUTE), "when it was to end"
    assert desk.status_of() == "BUSY", "with the next one"
    desk.complete("t1", "b2")
    assert desk.status_of() == "AVAILABLE"


# Cancelled, handed over ---------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["u1", "t1", "boss"])
def test_an_accepted_booking_is_cancelled_with_a_reason_and_its_charge_taken_back(who: str) -> None:
    desk = Desk()
    desk.book()
    desk.accept("t1")
    caller = ADMIN if who == "boss" else who
    missing = refusal(desk.cancel, caller)
    assert (missing.status, missing.errors[0].code, missing.errors[0].at) == (422, "reason_wanted", "/reason")
    desk.cancel(caller, reason="ill")
    booking = desk.booking()
    assert (booking["status"], booking["cancelReason"]) == ("cancelled", "ill")
    assert booking["cancelledBy"] == {"u1": "customer", "t1": "provider", "boss": "admin"}[who]
    assert [record["paymentStatus"] for record in desk.records()] == ["cancelled"]
    assert desk.status_of() == "AVAILABLE"
    assert refusal(desk.accept, "t1").state == "cancelled"


def test_what_was_paid_is_reversed_and_what_is_being_looked_at_waits() -> None:
    desk = Desk()
    desk.book()
    desk.accept("t1")
    (record,) = desk.records()
    record["paymentStatus"] = "awaiting_verification"
    assert refusal(desk.cancel, "u1", reason="ill").code == "payment_waits"
    assert desk.booking()["status"] == "accepted"
    record |= {"paymentStatus": "paid", "paidAt": iso(NOON)}
    desk.cancel("u1", reason="ill")
    assert desk.records()[0]["paymentStatus"] == "reversed"


def test_a_request_is_cancelled_by_its_customer_alone() -> None:
    desk = Desk()
    desk.book()
    assert refusal(desk.cancel, "u2").status == 404
    assert refusal(desk.cancel, "t1", reason="x").state == "pending"
    desk.cancel("u1")
    assert desk.offers() == [("t1", "withdrawn")]
    assert refusal(desk.accept, "t1").state == "cancelled"


def test_who_was_asked_before_does_not_answer_for_who_accepted() -> None:
    desk = Desk()
    desk.book()
    desk.decline("t1")
    desk.accept("t2")
    assert refusal(desk.cancel, "t1", reason="x").code == "not_offered"
    assert refusal(desk.complete, "t1").code == "not_offered"


def test_handed_over_it_waits_for_the_new_one_and_nothing_is_owed_of_the_old() -> None:
    desk = Desk()
    desk.book()
    desk.accept("t1")
    assert refusal(desk.reassign, "t2", who="t1").code == "not_allowed"
    assert refusal(desk.reassign, "nobody").errors[0].code == "no_such_provider"
    assert refusal(desk.reassign, "t1").errors[0].code == "same_provider"
    moved = desk.reassign("t2")
    assert (moved.status, moved.provider_id) == ("pending", "t2")
    booking = desk.booking()
    assert (booking["status"], booking["providerId"], booking["acceptedAt"]) == ("pending", "t2", None)
    assert desk.status_of("t1") == "AVAILABLE"
    assert desk.rows("chat_rooms")[room_id("bookings", "b1")]["therapistId"] == "t2"
    assert refusal(desk.accept, "t1").code == "not_offered"
    desk.accept("t2")
    assert sorted((r["therapistId"], r["paymentStatus"]) for r in desk.records()) == [
        ("t1", "cancelled"),
        ("t2", "pending"),
    ]
    # And back again: what was taken back stays so, what is owed now is owed by a record of its own.
    desk.reassign("t1")
    desk.accept("t1")
    assert sorted((r["therapistId"], r["paymentStatus"]) for r in desk.records()) == [
        ("t1", "cancelled"),
        ("t1", "pending"),
        ("t2", "cancelled"),
    ]


def test_an_account_that_is_called_guest_is_not_every_guest() -> None:
    desk = Desk()
    desk.book(by="guest")
    guest = customer("guest")
    assert refusal(desk.cancel, guest).status == 404
    with pytest.raises(Problem):
        booking_told(View(desk.server, NOON), guest, "b1", "Asia/Makassar")
    assert queue_of(View(desk.server, NOON), guest, "t1").requests == []
    desk.cancel(ADMIN)


def test_a_provider_who_booked_another_one_is_its_customer() -> None:
    desk = Desk()
    desk.book(by="owner")
    desk.book("b2", "t2", by="owner", starts=timedelta(hours=3))
    desk.accept("t2", "b2")
    owner = Caller("owner", Actor.PROVIDER, "id", "t3", "therapists")
    assert refusal(desk.accept, owner).status == 404
    desk.confirm(owner, "b2")
    desk.cancel(owner)
    assert [desk.booking(b)["status"] for b in ("b1", "b2")] == ["cancelled", "confirmed"]
    assert desk.booking()["cancelledBy"] == "customer"


def test_an_account_whose_id_begins_as_the_customers_does_reads_no_more() -> None:
    desk = Desk()
    desk.provider("t10", userId="u10")
    desk.book(whose="t10")
    desk.booking()["$permissions"] = ['read("user:u1")', 'read("user:u10")', 'read("user:u1/verified")']
    desk.reassign("t2")
    kept = ['read("user:u1")', 'read("user:u1/verified")', 'read("user:t2")']
    assert desk.booking()["$permissions"] == kept


def test_a_phone_in_a_name_is_shown_to_nobody_with_the_booking() -> None:
    desk = Desk(2)
    desk.rows("therapists")["t2"]["name"] = "Ayu 0812 3456 7890"
    desk.book(providerName="Name t1")
    (room,) = desk.rows("chat_rooms").values()
    room["therapistName"] = "Name t1"
    desk.decline("t1")
    desk.accept("t2")
    (room,) = desk.rows("chat_rooms").values()
    assert (desk.booking()["providerName"], room["therapistName"]) == ("", "")


def test_who_may_read_it_goes_with_the_booking() -> None:
    desk = Desk()
    desk.book()
    desk.booking()["$permissions"] = ['read("user:u1")', 'read("user:t1")']
    desk.reassign("t2")
    assert desk.booking()["$permissions"] == ['read("user:u1")', 'read("user:t2")']
    assert [
        row["$permissions"] for row in desk.rows("booking_offers").values() if row["providerId"] == "t2"
    ] == [['read("user:u1")', 'read("user:t2")']]
