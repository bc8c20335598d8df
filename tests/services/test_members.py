"""What a member is told of their own rows and may change of them: requests, days, earnings, notifications, status,
profile, proofs. On an Appwrite in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from marketplace.collections import OFFERS
from marketplace.offers import OfferState, answered, offer_row
from marketplace.transitions import Actor
from marketplace.uploads import LARGEST_PROOF_BYTES, PROOF_BUCKET
from messages.catalogue import LANGUAGES, say
from resources.appwrite.files import Upload
from resources.policy_file import load_policy
from services.callers import Caller
from services.chat import support
from services.members import account, earnings, notifications, proofs, requests
from services.members.account import ProfileChange
from services.members.own import Rules
from services.problems import Problem
from services.store import Decision, View, carry_out
from tests.marketplace.test_uploads import PAPER, PICTURE
from tests.services.memory import EPOCH, Memory

RULES = Rules(load_policy())
THERAPIST = Caller("u1", Actor.PROVIDER, "id", "t1", "therapists")
OTHER = Caller("u2", Actor.PROVIDER, "id", "t2", "therapists")
CUSTOMER = Caller("ann", Actor.CUSTOMER)


def at(**length: float) -> str:
    return (EPOCH + timedelta(**length)).isoformat(timespec="milliseconds") + "Z"


@pytest.fixture
def server() -> Memory:
    found = Memory()
    for one in ("t1", "t2"):
        found.put(
            "therapists",
            one,
            name=f"Spa {one}",
            whatsappNumber="+628111222333",
            status="AVAILABLE",
            city="Ubud",
            timezone="Asia/Makassar",
            pricing='{"60": 150, "90": 210}',
            languages=["id"],
            notificationsEnabled=True,
            soundEnabled=False,
            lastSeenAt=None,
        )
    return found


def booked(server: Memory, row_id: str, status: str, provider: str = "t1", **more: Any) -> None:
    given = {
        "userId": "ann",
        "providerId": provider,
        "status": status,
        "duration": 60,
        "totalCost": 200_000,
        "createdAt": at(minutes=-30),
        "mode": "immediate",
    }
    server.put("bookings", row_id, **(given | more))


def charged(server: Memory, row_id: str, booking: str, provider: str = "t1", **more: Any) -> None:
    given = {
        "bookingId": booking,
        "therapistId": provider,
        "bookingAmount": 200_000,
        "commissionAmount": 60_000,
        "commissionRate": 0.3,
        "paymentStatus": "pending",
        "createdAt": at(minutes=-20),
    }
    server.put("commission_records", row_id, **(given | more))


def view(server: Memory) -> View:
    return View(server, server.now)


def done(server: Memory, decide: Callable[[View], Decision[Any]]) -> Any:
    return carry_out(server, server.clock, decide)


def refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as found:
        call()
    for said in (found.value, *found.value.errors):  # it is told in every language
        assert all(say(said.message, language) for language in LANGUAGES)
    return found.value


# Requests and days --------------------------------------------------------------------------------


def test_requests_are_those_offered_and_those_never_offered_in_the_order_they_came(server: Memory) -> None:
    booked(
        server, "old", "waiting_for_location", createdAt=at(minutes=-2)
    )  # of the app itself: five minutes to answer
    booked(server, "moved", "pending", responseDeadline=at(minutes=9))  # t1 declined it; it is t2's now
    booked(server, "come", "pending", provider="t2")
    booked(server, "gone", "pending", provider="t2")
    for booking, provider, number, state in (
        ("moved", "t1", 1, OfferState.DECLINED),
        ("moved", "t2", 2, None),
        ("come", "t2", 1, OfferState.EXPIRED),
        ("come", "t1", 2, None),
        ("gone", "t1", 1, OfferState.WITHDRAWN),
    ):
        offered, deadline = EPOCH - timedelta(minutes=3), EPOCH + timedelta(minutes=2)
        row_id, data = offer_row(booking, provider, "therapist", number, offered, deadline)
        server.put(OFFERS, row_id, **(data if state is None else data | answered(state, EPOCH)))
    told = requests.requests(view(server), THERAPIST, RULES)
    assert [(one.booking_id, one.position, one.round, one.seconds_left) for one in told.requests] == [
        ("come", 1, 2, 120),
        ("old", 2, None, 180),
    ]
    assert told.requests[0].deadline == at(minutes=2)
    assert told.requests[0].is_past_deadline is False
    (theirs,) = requests.requests(view(server), OTHER, RULES).requests
    assert (theirs.booking_id, theirs.round) == ("moved", 2)


def test_a_deadline_that_passed_is_none_left_and_one_nobody_knows_is_not_told(server: Memory) -> None:
    booked(server, "late", "pending", createdAt=at(minutes=-9))
    booked(server, "odd", "pending", mode="", createdAt=at(minutes=-8))
    told = requests.requests(view(server), THERAPIST, RULES).requests
    assert [(one.seconds_left, one.is_past_deadline) for one in told] == [(0, True), (None, None)]


def test_what_was_taken_stands_in_one_list_and_its_pages_neither_skip_nor_repeat(server: Memory) -> None:
    booked(server, "now", "on the way")
    booked(server, "later", "confirmed", mode="scheduled", startTime=at(days=1))
    booked(server, "begun", "confirmed", mode="scheduled", startTime=at(hours=-1))
    booked(server, "other", "completed", provider="t2")
    for number in range(5):
        booked(server, f"done{number}", "completed", completedAt=at(hours=-1))
    told = requests.requests(view(server), THERAPIST, RULES, limit=2)
    assert sorted(one.booking_id for one in told.accepted.items) == ["begun", "now"]
    assert [one.booking_id for one in told.scheduled.items] == ["later"]
    seen: list[str] = []
    after: str | None = None
    for page in range(3):
        told = requests.requests(view(server), THERAPIST, RULES, show="completed", after=after, limit=2)
        seen += [one.booking_id for one in told.completed.items]
        after = told.completed.next
        booked(server, f"new{page}", "completed")  # one more, while pages are turned
    assert seen == ["done4", "done3", "done2", "done1", "done0"]
    assert after is None
    assert refused(lambda: requests.requests(view(server), THERAPIST, RULES, show="all")).status == 422
    odd = refused(lambda: requests.requests(view(server), THERAPIST, RULES, show="completed", after="x"))
    assert [one.code for one in odd.errors] == ["after_unknown"]


def test_a_customer_sees_their_own_bookings_alone(server: Memory) -> None:
    booked(server, "mine", "pending")
    booked(server, "other", "pending", userId="bob")
    told = requests.own_bookings(view(server), CUSTOMER, RULES)
    assert [one.booking_id for one in told.bookings.items] == ["mine"]
    problem = refused(lambda: requests.requests(view(server), CUSTOMER, RULES))
    assert (problem.status, problem.code) == (403, "providers_only")


def test_a_calendar_has_local_days_and_says_what_has_none(server: Memory) -> None:
    # 23:30 and 00:30 of Makassar, an hour apart: two local days.
    booked(server, "late", "accepted", startTime="23:30", scheduledDate="2026-03-15", duration="90")
    booked(server, "early", "confirmed", startTime="2026-03-15T16:30:00Z")
    booked(server, "asked", "pending", startTime=at(hours=1))
    booked(server, "dateless", "accepted", startTime="09:00")
    told = requests.calendar(view(server), THERAPIST, RULES, date(2026, 3, 15), date(2026, 3, 16))
    assert [[one.booking_id for one in day.bookings] for day in told.days] == [["late"], ["early"]]
    assert [day.booked_minutes for day in told.days] == [90, 60]
    assert told.days[0].bookings[0].local_start == "2026-03-15T23:30"
    assert [one.booking_id for one in told.undated] == ["dateless"]
    assert len(requests.calendar(view(server), THERAPIST, RULES, None, None).days) == 7
    days = (date(2026, 3, 2), date(2026, 3, 1)), (date(2026, 1, 1), date(2026, 4, 1))
    codes = [
        refused(lambda d=d: requests.calendar(view(server), THERAPIST, RULES, *d)).errors[0].code
        for d in days
    ]
    assert codes == ["days_turned", "days_too_many"]


# Earnings -----------------------------------------------------------------------------------------


def test_earnings_are_what_the_records_say_and_the_policy_where_there_is_none(server: Memory) -> None:
    booked(server, "paid", "completed", acceptedAt=at(hours=-2), completedAt=at(hours=-1))
    booked(
        server, "owed", "completed", price=203, totalCost=None, totalPrice="202.500", completedAt=at(hours=-4)
    )
    booked(server, "none", "accepted", startTime=at(hours=1), totalCost=250_000)
    booked(server, "odd", "accepted", totalCost=25_000_000_000)
    booked(server, "test", "completed", isTest=True)
    booked(server, "ended", "cancelled")
    booked(server, "theirs", "completed", provider="t2")
    booked(server, "before", "completed", createdAt="2026-02-28T15:59:00Z")
    charged(server, "c1", "paid", paymentStatus="paid", paidAt=at(minutes=-5))
    charged(server, "c2", "owed", bookingAmount=None, commissionAmount=60.75, paymentStatus="overdue")
    charged(server, "c3", "ended")
    charged(server, "c4", "theirs", provider="t2")
    told = earnings.earnings(view(server), THERAPIST, RULES)
    assert told.month == "2026-03"
    by_id = {one.booking_id: one for one in told.bookings}
    assert {
        name: (one.gross_idr, one.commission_idr, one.net_idr, one.commission_from)
        for name, one in by_id.items()
    } == {
        "paid": (200_000, 60_000, 140_000, "record"),
        "owed": (202_500, 60_750, 141_750, "record"),  # in thousands, as its booking tells
        "none": (250_000, 75_000, 175_000, "policy"),
        "odd": (None, None, None, None),
    }
    assert told.sums.model_dump() == {
        "bookings": 4, "gross_idr": 652_500, "commission_idr": 195_750, "net_idr": 456_750, "untold": 1,
    }  # fmt: skip
    assert by_id["none"].due_at == at(hours=5)  # it ends an hour after its start, and three hours more
    owed = told.owed
    assert (owed.commission_idr, owed.overdue_idr, owed.not_due_idr) == (120_750, 60_750, 60_000)
    assert [(one.commission_id, one.is_due, one.is_overdue) for one in owed.records] == [
        ("c2", True, True),
        ("c3", False, False),
    ]
    (before,) = earnings.earnings(view(server), THERAPIST, RULES, "2026-02").bookings
    assert before.local_date == "2026-02-28"
    assert refused(lambda: earnings.earnings(view(server), THERAPIST, RULES, "2026-13")).status == 422


def test_fees_duplicates_and_proofs_count_as_in_the_marts(server: Memory) -> None:
    booked(server, "b1", "completed", completedAt=at(hours=-4))
    booked(server, "b2", "completed", completedAt=at(hours=-1))
    charged(server, "c1", "b1", paymentStatus="overdue", reactivationFeeAmount=25_000)
    charged(server, "c2", "b2", paymentStatus="awaiting_verification", paymentProofUploadedAt=at(minutes=-10))
    charged(server, "c3", "b2", paymentStatus="paid", paidAt=at(minutes=-9))  # its own: c2 is needless now
    charged(server, "c4", "nowhere")
    charged(server, "c5", "b1", paymentStatus="refunded", commissionAmount=-60_000)
    told = earnings.earnings(view(server), THERAPIST, RULES)
    assert {one.booking_id: one.commission_id for one in told.bookings} == {"b1": "c1", "b2": "c3"}
    found = {
        one.commission_id: (one.owed_idr, one.fee_idr, one.is_due, one.is_overdue)
        for one in told.owed.records
    }
    assert found == {
        "c1": (60_000, 25_000, True, True),
        "c2": (60_000, 0, False, False),
        "c4": (60_000, 0, False, False),
    }
    assert (told.owed.total_idr, told.owed.fees_idr, told.owed.overdue_idr) == (205_000, 25_000, 85_000)


def test_an_account_that_is_called_as_a_role_has_nothing_of_the_word(server: Memory) -> None:
    booked(server, "theirs", "pending", userId="guest")
    server.put("notifications", "n1", recipientId="admin", read=False, type="booking", sentAt=at())
    server.put("admin_messages", "m1", senderId="u1", receiverId="admin", message="help")
    for word in ("guest", "admin"):
        nobody = Caller(word, Actor.CUSTOMER)
        assert requests.own_bookings(view(server), nobody, RULES).bookings.items == []
        assert notifications.notifications(view(server), nobody, RULES).items == []
        assert refused(lambda nobody=nobody: support.member_of(nobody)).status == 403


# Notifications, status, profile -------------------------------------------------------------------


def test_notifications_are_ones_own_and_are_read_all_or_none(server: Memory) -> None:
    for number, who in enumerate(("t1", "u1", "t2", "t1")):
        server.put(
            "notifications", f"n{number}", recipientId=who, read=number == 3, type="booking", sentAt=at()
        )
    told = notifications.notifications(view(server), THERAPIST, RULES, limit=2)
    assert [one.notification_id for one in told.items] == ["n3", "n1"]
    assert (told.notifications_enabled, told.sound_enabled, told.unread) == (True, False, 1)
    rest = notifications.notifications(view(server), THERAPIST, RULES, after=told.next, limit=2)
    assert [one.notification_id for one in rest.items] == ["n0"]
    problem = refused(lambda: notifications.mark_read(view(server), THERAPIST, ["n0", "n2", "n9"]))
    assert (problem.status, [one.at for one in problem.errors]) == (404, ["/ids/1", "/ids/2"])
    assert done(server, lambda v: notifications.mark_read(v, THERAPIST, ["n0", "n1", "n3"])).read == 2
    assert [server.tables["notifications"][f"n{n}"]["read"] for n in range(4)] == [True, True, False, True]


def test_switches_and_status_are_a_providers_own_but_not_the_restriction(server: Memory) -> None:
    told = done(server, lambda v: notifications.switch(v, THERAPIST, RULES, None, True))
    assert (told.notifications_enabled, told.sound_enabled) == (True, True)
    assert server.tables["therapists"]["t1"]["soundEnabled"] is True
    assert server.tables["therapists"]["t2"]["soundEnabled"] is False
    assert done(server, lambda v: account.set_status(v, THERAPIST, RULES, "OFFLINE")).last_seen_at == at()
    row = server.tables["therapists"]["t1"]
    assert (row["status"], row["lastSeenAt"]) == ("OFFLINE", at())
    for said, online, status in (("busy", True, "BUSY"), (None, True, "AVAILABLE"), (None, False, "OFFLINE")):
        told = done(server, lambda v, s=said, o=online: account.set_status(v, THERAPIST, RULES, s, o))
        assert told.status == server.tables["therapists"]["t1"]["status"] == status
    for word in ("RESTRICTED", "there", "", None):
        assert refused(lambda w=word: account.set_status(view(server), THERAPIST, RULES, w)).status == 422
    row["status"] = "Restricted"
    problem = refused(lambda: account.set_status(view(server), THERAPIST, RULES, "AVAILABLE"))
    assert (problem.status, problem.state) == (409, "RESTRICTED")


def test_a_profile_is_changed_whole_or_not_at_all_and_holds_no_phone(server: Memory) -> None:
    told = account.profile(view(server), THERAPIST, RULES)
    assert told.prices == {"60": 150_000, "90": 210_000}
    assert "628111222333" not in told.model_dump_json()
    wanted = ProfileChange(
        name="Spa +62 811 222 333", city=" ", languages=["english"], prices={45: 1, 60: 19_999}
    )
    problem = refused(lambda: account.change_profile(view(server), THERAPIST, RULES, wanted))
    assert [one.at for one in problem.errors] == [
        "/name",
        "/city",
        "/languages/0",
        "/prices/45",
        "/prices/60",
    ]
    wanted = ProfileChange(name="Spa Satu", languages=["id", "en"], prices={60: 160_000, 120: 300_000})
    told = done(server, lambda v: account.change_profile(v, THERAPIST, RULES, wanted))
    assert (told.name, told.prices, told.languages) == (
        "Spa Satu",
        {"60": 160_000, "120": 300_000},
        ["id", "en"],
    )
    row = server.tables["therapists"]["t1"]
    assert (row["pricing"], row["whatsappNumber"]) == ('{"60": 160, "120": 300}', "+628111222333")


# Proofs -------------------------------------------------------------------------------------------


class Kept:
    """Storage, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, tuple[str, ...]]] = {}

    def put(self, one: Upload) -> None:
        assert one.bucket == PROOF_BUCKET
        self.files[one.file_id] = (one.content, tuple(one.permissions))

    def remove(self, bucket: str, file_id: str) -> None:
        self.files.pop(file_id, None)

    def address(self, bucket: str, file_id: str) -> str:
        return f"https://cloud.example/v1/storage/buckets/{bucket}/files/{file_id}/view?project=p"


def handed_in(server: Memory, kept: Kept, record: str = "c1", content: bytes = PICTURE) -> Any:
    return done(server, proofs.keeping(kept, THERAPIST, RULES, record, content))


def test_a_proof_in_time_awaits_its_verification_and_is_its_providers_and_the_admins(server: Memory) -> None:
    booked(server, "b1", "completed", completedAt=at(hours=-1))
    charged(server, "c1", "b1", paymentProofUrl=None, paymentProofUploadedAt=None)
    kept = Kept()
    told = handed_in(server, kept)
    row = server.tables["commission_records"]["c1"]
    assert (told.status, told.is_in_time) == ("awaiting_verification", True)
    assert (row["paymentStatus"], row["paymentProofUploadedAt"]) == ("awaiting_verification", at())
    ((file_id, (content, permissions)),) = kept.files.items()
    assert row["paymentProofUrl"] == kept.address(PROOF_BUCKET, file_id)
    assert (content, permissions) == (PICTURE, ('read("user:u1")', 'read("label:admin")'))
    server.now += timedelta(minutes=1)
    assert handed_in(server, kept).payment_proof_uploaded_at == at()  # the same once more: as it was
    assert server.tables["commission_records"]["c1"]["paymentProofUploadedAt"] == at()
    problem = refused(lambda: handed_in(server, kept, content=PAPER))
    assert (problem.status, problem.state, len(kept.files)) == (409, "awaiting_verification", 1)


@pytest.mark.parametrize("before", ["pending", "overdue", "rejected"])
def test_a_late_proof_stays_on_a_record_that_is_overdue(server: Memory, before: str) -> None:
    booked(server, "b1", "completed", completedAt=at(hours=-4))
    charged(server, "c1", "b1", paymentStatus=before, paymentProofUrl="https://old.example/x")
    told = handed_in(server, Kept(), content=PAPER)
    row = server.tables["commission_records"]["c1"]
    assert (told.status, told.is_in_time, row["paymentStatus"]) == ("overdue", False, "overdue")
    assert row["paymentProofUrl"] == told.payment_proof_url


def test_only_ones_own_unpaid_records_take_one_and_nothing_else_is_kept(server: Memory) -> None:
    booked(server, "b1", "completed")
    charged(server, "paid", "b1", paymentStatus="paid")
    charged(server, "gone", "b1", paymentStatus="cancelled")
    charged(server, "odd", "b1", paymentStatus="hm")
    charged(server, "theirs", "b1", provider="t2")
    charged(server, "back", "b1", commissionAmount=-60_000)
    kept = Kept()
    told = {
        record: refused(lambda r=record: handed_in(server, kept, r)).status
        for record in ("paid", "gone", "odd", "theirs", "back", "none")
    }
    assert told == {"paid": 409, "gone": 409, "odd": 409, "theirs": 404, "back": 404, "none": 404}
    for content, code in (
        (b"", 422),
        (b"<html>", 422),
        (PICTURE[:-8], 422),
        (PICTURE + b"\0" * LARGEST_PROOF_BYTES, 413),
    ):
        charged(server, "c1", "b1")
        assert refused(lambda c=content: handed_in(server, kept, "c1", c)).status == code
    assert kept.files == {}


def test_a_file_is_taken_away_where_its_record_was_decided_meanwhile(server: Memory) -> None:
    booked(server, "b1", "completed", completedAt=at(hours=-1))
    charged(server, "c1", "b1")
    kept = Kept()

    def decided(call: str, before: bool) -> None:
        if call == "stage" and before:
            server.fail = lambda call, before: None
            row = server.tables["commission_records"]["c1"]
            row |= {"paymentStatus": "paid", "$updatedAt": at(seconds=5)}

    server.fail = decided
    assert refused(lambda: handed_in(server, kept)).code == "not_unpaid"
    assert kept.files == {}


def test_who_is_no_provider_has_nothing_of_one(server: Memory) -> None:
    gone = replace(THERAPIST, provider_id="t9")
    asked: list[Callable[[Caller], object]] = [
        lambda c: requests.calendar(view(server), c, RULES, None, None),
        lambda c: earnings.earnings(view(server), c, RULES),
        lambda c: account.profile(view(server), c, RULES),
        lambda c: account.set_status(view(server), c, RULES, "BUSY"),
        lambda c: notifications.switch(view(server), c, RULES, True, None),
        lambda c: proofs.keeping(Kept(), c, RULES, "c1", PICTURE)(view(server)),
    ]
    assert [refused(lambda f=f: f(CUSTOMER)).status for f in asked] == [403] * len(asked)
    assert [refused(lambda f=f: f(gone)).status for f in asked] == [404] * len(asked)
