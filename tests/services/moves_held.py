"""What holds of bookings, offers, money and providers whatever was asked, failed or died. Holds no test."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.collections import OFFERS
from marketplace.commission import REVENUE_STATUSES
from marketplace.queue import MOST_OFFERS
from tests.services.moves_desk import Desk

NOT_LIVE = ("cancelled", "reversed")


def held(desk: Desk, *, at_rest: bool = True) -> None:
    """Asserts what holds. ``at_rest``: nothing is in the middle of being written, and dispatcher and sweeper came
    through; else what holds even then."""
    rows = desk.rows("bookings")
    bookings = {one.booking_id: one for one in read_bookings(list(rows.values()), 480)}
    for booking in bookings.values():
        _money(desk, booking, at_rest)
        _offers(desk, booking, at_rest)
    _calendars(list(bookings.values()))
    if at_rest:
        states = {row["state"] for row in desk.rows("service_guards").values() if row["kind"] == "acceptance"}
        assert states <= {"settled", "released"}, states


def _money(desk: Desk, booking: BookingNow, at_rest: bool) -> None:
    live = [r for r in desk.records(booking.booking_id) if r["paymentStatus"] not in NOT_LIVE]
    earns = booking.status in REVENUE_STATUSES
    if earns:
        assert len(live) == 1, (booking, live)
        (record,) = live
        assert record["commissionAmount"] * 10 == booking.amount_idr * 3 if booking.amount_idr else True
        assert record["bookingAmount"] == booking.amount_idr
    assert len(live) <= 1, (booking, live)
    if at_rest:
        assert earns == bool(live), (booking, live)
        assert all(record["therapistId"] == booking.provider_id for record in live), (booking, live)
        if earns:
            due = booking.ends_at + timedelta(hours=3) if booking.ends_at else None
            assert (
                live[0]["paymentStatus"] != "pending"
                or due is None
                or (live[0]["paymentDeadline"] == due.isoformat(timespec="milliseconds") + "Z")
            ), (booking, live)


def _offers(desk: Desk, booking: BookingNow, at_rest: bool) -> None:
    rows = [row for row in desk.rows(OFFERS).values() if row["bookingId"] == booking.booking_id]
    by_state = Counter(row["state"] for row in rows)
    assert by_state["accepted"] <= 1 or any("reassigned" in key for key in desk.booking(booking.booking_id))
    if not at_rest or not rows:
        return
    if booking.status == "pending":
        assert by_state["offered"] == 1, (booking, rows)
        (waiting,) = [row for row in rows if row["state"] == "offered"]
        assert desk.booking(booking.booking_id)["responseDeadline"] == waiting["deadline"], (
            "the present offer's"
        )
    else:
        assert by_state["offered"] == 0, (booking, rows)
    queued = [row for row in rows if row["round"] <= MOST_OFFERS]
    assert len({row["round"] for row in queued}) == len(queued), "one a round"


def _calendars(bookings: list[BookingNow]) -> None:
    taken = [
        (b, b.starts_at, b.ends_at)
        for b in bookings
        if b.status in REVENUE_STATUSES and b.starts_at is not None and b.ends_at is not None
    ]
    for one, starts_at, ends_at in taken:
        for other, _, _ in taken:
            if one.booking_id < other.booking_id and one.provider_id == other.provider_id:
                assert not other.overlaps(starts_at, ends_at), (one, other)
