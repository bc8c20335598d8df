"""GET /me/earnings: what a provider earned in a month, what of it is commission, and what is owed now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from marketplace.commission import REVENUE_STATUSES
from services.callers import Caller
from services.members.accounts import (
    Earning,
    Links,
    Owed,
    due_at,
    earning_of,
    first_due,
    linked,
    owed_of,
    summed,
)
from services.members.own import (
    Member,
    Rules,
    bookings_named,
    is_of,
    is_theirs,
    member_of,
    provider_bookings,
    records_about,
    records_charging,
)
from services.members.reading import local_day
from services.members.shown import ShownDebt, ShownEarning, ShownEarnings, ShownOwed, ShownSums, said, z
from services.problems import Problem, Wrong
from services.store import View

_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


def earnings(view: View, caller: Caller, rules: Rules, month: str | None = None) -> ShownEarnings:
    """Of a month (``2026-10``; none: the one that runs, local to the provider). A booking is of the month in which it
    accrues: when it was accepted, else made. Raises Problem, CallFailure."""
    member = member_of(view, caller, rules)
    first = _first_day(month, view, member)
    found, whole = provider_bookings(view, member, REVENUE_STATUSES, rules)
    theirs = [booking for booking in found if booking.earns]
    of_month = [one for one in theirs if _in_month(one.local_day(member.offset), first)]
    charging, all_records = records_charging(view, member, rules)
    refs = {ref.lower() for record in charging if record.is_open for ref in record.refers_to}
    of_open = [one for one in theirs if refs & {key.lower() for key in one.keys}]
    known = {key.lower() for one in of_open for key in one.keys}
    others = bookings_named(view, sorted(refs - known), member, rules)
    everything = {(one.origin, one.booking_id): one for one in (*theirs, *others)}
    about = records_about(view, member, [*of_month, *of_open, *others], rules)
    records = {record.commission_id: record for record in (*charging, *about)}
    links = linked(everything.values(), records.values())
    earned = [earning_of(booking, links, member, rules) for booking in of_month]
    earned.sort(key=lambda one: (str(one.booking.accrued_at), one.booking.booking_id), reverse=True)
    open_now = [
        owed for record in charging if (owed := owed_of(record, links, member, rules, view.now)) is not None
    ]
    return ShownEarnings(
        as_of=said(view.now),
        month=f"{first:%Y-%m}",
        zone=member.zone.name,
        is_whole=whole and all_records,
        sums=_sums(earned),
        bookings=[_earning(one, links, member, rules) for one in earned],
        owed=_debt(open_now, member),
    )


def _first_day(month: str | None, view: View, member: Member) -> date:
    if month is None:
        today = local_day(view.now, member.offset)
        return today.replace(day=1)
    if not _MONTH.fullmatch(month):
        raise Problem(422, "not_valid", [Wrong("no_month", "month")])
    return date(int(month[:4]), int(month[5:]), 1)


def _in_month(local: date, first: date) -> bool:
    return first <= local < (first + timedelta(days=31)).replace(day=1)


def _sums(earned: Sequence[Earning]) -> ShownSums:
    told = [one for one in earned if one.net_idr is not None]
    gross, _ = summed([one.gross_idr for one in told])
    commission, _ = summed([one.commission_idr for one in told])
    net, untold = summed([one.net_idr for one in earned])
    return ShownSums(
        bookings=len(earned), gross_idr=gross, commission_idr=commission, net_idr=net, untold=untold
    )


def _earning(one: Earning, links: Links, member: Member, rules: Rules) -> ShownEarning:
    source = None if one.commission_idr is None else ("policy" if one.own is None else "record")
    return ShownEarning(
        booking_id=one.booking.booking_id,
        origin=one.booking.origin,
        local_date=one.booking.local_day(member.offset).isoformat(),
        status=one.booking.status,
        gross_idr=one.gross_idr,
        commission_idr=one.commission_idr,
        commission_from=source,
        net_idr=one.net_idr,
        commission_id=one.own.commission_id if one.own and is_of(one.own.provider_id, member) else None,
        commission_status=one.own.status if one.own else None,
        due_at=z(due_at(one.booking, one.own, member, rules)),
    )


def _named(one: Owed, member: Member) -> str | None:
    """The booking of a record, where it is the member's own."""
    booking = one.booking
    return booking.booking_id if booking and is_theirs(booking.row, member.provider_id) else None


def _debt(owed: Sequence[Owed], member: Member) -> ShownDebt:
    commission, untold = summed([one.owed_idr for one in owed])
    fees = sum(one.fee_idr for one in owed)

    def both(some: Sequence[Owed]) -> int:
        return sum((one.owed_idr or 0) + one.fee_idr for one in some)

    return ShownDebt(
        commission_idr=commission,
        fees_idr=fees,
        total_idr=commission + fees,
        overdue_idr=both([one for one in owed if one.is_overdue]),
        not_due_idr=both([one for one in owed if one.is_due is False]),
        untold=untold,
        next_due_at=z(first_due(owed)),
        records=[
            ShownOwed(
                commission_id=one.record.commission_id,
                booking_id=_named(one, member),
                status=one.record.status,
                owed_idr=one.owed_idr,
                fee_idr=one.fee_idr,
                due_at=z(one.due_at),
                is_due=one.is_due,
                is_overdue=one.is_overdue,
                has_proof=one.record.has_proof,
            )
            for one in sorted(owed, key=lambda one: (str(one.due_at), one.record.commission_id))
        ],
    )
