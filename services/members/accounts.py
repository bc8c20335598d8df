"""What bookings and commission records come to, by the rules of docs/commission.md: which record is a booking's own,
what is owed on it, until when. The amounts of a row are read in reading.py; marts.commission_reconciliation and
marts.commission_open say the same of the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.commission import ENDED_STATUSES, SUBMITTED_STATUS, UNPAID_STATUSES
from marketplace.new_records import owed_idr
from marketplace.policy import PolicyRule
from services.members.own import Member, Rules
from services.members.reading import Booking, Record

_THOUSAND = 1_000


@dataclass(frozen=True)
class Owed:
    """An open record: what of it is owed. None: not told. ``is_due``: its booking earns and owes something."""

    record: Record
    booking: Booking | None
    owed_idr: int | None
    fee_idr: int
    due_at: datetime | None
    is_due: bool | None
    is_unpaid: bool
    is_overdue: bool | None


@dataclass(frozen=True)
class Earning:
    """A booking that earns: what the customer pays, the commission on it, the rest. ``own``: its record."""

    booking: Booking
    own: Record | None
    gross_idr: int | None
    commission_idr: int | None

    @property
    def net_idr(self) -> int | None:
        if self.gross_idr is None or self.commission_idr is None:
            return None
        return self.gross_idr - self.commission_idr


@dataclass(frozen=True)
class Links:
    """Which record means which booking: exactly, else but for case; a reference that fits two means none."""

    by_record: Mapping[str, Booking]
    own: Mapping[tuple[str, str], Record]
    own_is_paid: frozenset[tuple[str, str]]
    doubted: frozenset[tuple[str, str]]
    """Bookings that a record fits beside another: whether it is theirs cannot be told."""
    ambiguous: frozenset[str]
    """Those records."""

    def of(self, booking: Booking) -> Record | None:
        """A booking's own record."""
        return self.own.get(_key(booking))


def linked(bookings: Iterable[Booking], records: Iterable[Record]) -> Links:
    """Link records to the bookings given."""
    exact: dict[str, list[Booking]] = defaultdict(list)
    folded: dict[str, list[Booking]] = defaultdict(list)
    for booking in bookings:
        for key in booking.keys:
            exact[key].append(booking)
            folded[key.lower()].append(booking)
    by_record: dict[str, Booking] = {}
    held: dict[tuple[str, str], list[Record]] = defaultdict(list)
    doubted: set[tuple[str, str]] = set()
    ambiguous: set[str] = set()
    for record in records:
        fits = _fits(record, exact, folded)
        if len(fits) == 1:
            by_record[record.commission_id] = fits[0]
            if record.is_live and not record.is_refund and not fits[0].is_test:
                held[_key(fits[0])].append(record)
        elif fits:
            ambiguous.add(record.commission_id)
            if record.is_live and not record.is_refund:
                doubted |= {_key(booking) for booking in fits}
    own = {key: min(records, key=Record.precedence) for key, records in held.items()}
    paid = frozenset(key for key, record in own.items() if record.precedence()[0] == 0)
    return Links(by_record, own, paid, frozenset(doubted), frozenset(ambiguous))


def _fits(
    record: Record, exact: Mapping[str, list[Booking]], folded: Mapping[str, list[Booking]]
) -> list[Booking]:
    for known, form in ((exact, str), (folded, str.lower)):
        for ref in record.refers_to:
            fits = {_key(booking): booking for booking in known.get(form(ref), ())}
            real = [booking for booking in fits.values() if not booking.is_test]
            if fits:
                # Of a test booking and a real one the real one is meant.
                return real or list(fits.values())
    return []


def _key(booking: Booking) -> tuple[str, str]:
    return booking.origin, booking.booking_id


def rule_of(booking: Booking, member: Member, rules: Rules) -> PolicyRule:
    """The rule of the policy by the day a booking accrues."""
    day = booking.local_day(member.offset)
    return rules.policy.rule(day, provider=member.provider_id, plan=member.plan)


def due_at(booking: Booking | None, record: Record | None, member: Member, rules: Rules) -> datetime | None:
    """Until when a record is to be paid: the end of the service and the policy's hours; else as the record says."""
    if booking is not None and booking.ends_at is not None:
        return booking.ends_at + rule_of(booking, member, rules).deadline
    return record.deadline_at if record is not None else None


def expected_idr(booking: Booking, member: Member, rules: Rules) -> int | None:
    """What an earning booking owes by the policy."""
    if booking.amount_idr is None:
        return None
    return owed_idr(booking.amount_idr, rule_of(booking, member, rules).rate_ppm)


def charged(record: Record, booking: Booking | None, member: Member, rules: Rules) -> tuple[int | None, int]:
    """(commission, late fee) of a record in rupiah; one without a base is in thousands where that gives exactly what
    its booking owes."""
    commission, fee = record.commission_idr, record.fee_idr or 0
    if booking is None or record.base_idr or record.is_implausible:
        return commission, fee
    owed, rule = expected_idr(booking, member, rules), rule_of(booking, member, rules)
    written = record.written if record.written is not None else commission
    if owed and written is not None and round(written * _THOUSAND) == owed:
        commission = owed
    if rule.fee_idr and fee * _THOUSAND == rule.fee_idr:
        fee = rule.fee_idr
    return commission, fee


def earning_of(booking: Booking, links: Links, member: Member, rules: Rules) -> Earning:
    """What a booking that earns comes to: by its own record, else by the policy; not told while it cannot be told which
    record is its own."""
    own = links.of(booking)
    if own is not None:
        commission, _ = charged(own, booking, member, rules)
    elif _key(booking) in links.doubted:
        commission = None
    else:
        commission = expected_idr(booking, member, rules)
    return Earning(booking, own, booking.amount_idr, commission)


def owed_of(record: Record, links: Links, member: Member, rules: Rules, now: datetime) -> Owed | None:
    """What is owed on a record; None where nothing is open on it: it is paid, does not stand, or gives money back."""
    if not record.is_open:
        return None
    booking = links.by_record.get(record.commission_id)
    if booking is not None and booking.is_test:
        return None
    commission, fee = charged(record, booking, member, rules)
    due = due_at(booking, record, member, rules)
    in_time = record.proof_at is not None and due is not None and record.proof_at < due
    unpaid = record.status in UNPAID_STATUSES or (record.status == SUBMITTED_STATUS and not in_time)
    is_due = _is_due(record, booking, links)
    overdue: bool | None = False
    if unpaid and is_due is not False:
        overdue = None if is_due is None or due is None else due < now
    owed = None if record.is_settled else commission
    return Owed(record, booking, owed, fee, due, is_due, unpaid, overdue)


def _is_due(record: Record, booking: Booking | None, links: Links) -> bool | None:
    if booking is None:
        return None if record.commission_id in links.ambiguous else False
    own = links.of(booking)
    needless = (
        own is not None
        and own.commission_id != record.commission_id
        and _key(booking) in links.own_is_paid
        and record.status in (*UNPAID_STATUSES, SUBMITTED_STATUS)
    )
    if needless or booking.status in ENDED_STATUSES:
        return False
    return booking.amount_idr != 0 if booking.earns else None


def summed(values: Sequence[int | None]) -> tuple[int, int]:
    """(sum of what is known, how many are not)."""
    return sum(value for value in values if value is not None), sum(value is None for value in values)


def first_due(owed: Sequence[Owed]) -> datetime | None:
    """The first deadline of what is to be paid."""
    return min(
        (one.due_at for one in owed if one.due_at is not None and one.is_unpaid and one.is_due), default=None
    )
