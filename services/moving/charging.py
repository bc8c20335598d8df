"""The commission of an acceptance: what is owed by the policy of its day, and the record that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, first_of, instant_like, meaning, text_at
from marketplace.collections import RECORDS
from marketplace.new_records import Charge, due_at, owed_idr
from marketplace.operations import commission_id
from marketplace.policy import PolicyRule
from operations.action import Skip
from operations.calendar import offset_of
from operations.fresh import change_of, is_unpaid
from operations.records import (
    created_record,
    free_record_id,
    live,
    record_written,
    records_of,
    records_taken_back,
)
from operations.records import taken_back as state_taken_back
from resources.appwrite.writing import Change, Create, Row
from services.moving.standing import BOOKINGS, Provider, Standing, Terms, refused
from services.store import View


@dataclass(frozen=True)
class Charged:
    """What an acceptance is charged. ``charge``: None where nothing is owed; ``record``: None where it is written
    already, or nothing is owed; ``others``: what takes back the record of somebody who was asked before."""

    charge: Charge | None
    record: Create | None
    others: Sequence[Change] = ()


def charged(view: View, booking: Standing, taker: Provider, terms: Terms, version: int) -> Charged:
    """The commission of an acceptance now. ``version``: which acceptance of this booking it is. A test booking, and one
    that costs nothing, owes none. Raises CallFailure."""
    now = booking.now
    if not now.amount_idr or now.is_test:
        return Charged(None, None)
    zone = offset_of(taker.row)
    rule = rule_of(view.now, zone, taker.row, terms)
    charge = Charge(
        booking=booking.booking_id,
        provider_id=taker.provider_id,
        provider_name=meaning(taker.row, "provider.name") or meaning(booking.row, "booking.provider_name"),
        amount_idr=now.amount_idr,
        rate_ppm=rule.rate_ppm,
        commission_idr=owed_idr(now.amount_idr, rule.rate_ppm),
        deadline_at=due_at(now.ends_at, rule),
        source=now.source,
        booked_at=now.created_at,
        starts_at=now.starts_at,
        offset_minutes=zone,
        made_at=view.now,
    )
    # An app, or an older version of ours, may have written one when the booking was made.
    records = live(records_of(booking.row, view))
    others = [record for record in records if _is_anothers(record, taker)]
    if len(others) < len(records):
        return Charged(charge, None)
    row_id = free_record_id(BOOKINGS, booking.booking_id, taker.provider_id, view)
    if row_id is None:
        # Theirs was taken back when the booking went to somebody else; it came back to them.
        row_id = commission_id(BOOKINGS, f"{booking.booking_id}:{taker.provider_id}:{version}")
    return Charged(charge, created_record(row_id, charge, view), _given_up(view, others))


def _is_anothers(record: Row, taker: Provider) -> bool:
    """Whether a record charges somebody who is not the one who accepts: an app wrote it before they declined."""
    whose = first_of(record, ALIASES["commission.provider_id"])
    return whose is not None and whose[1].lower() != taker.provider_id.lower()


def _given_up(view: View, records: Sequence[Row]) -> list[Change]:
    """The writes that take records back; what a person has to look at first stays as it is, and is found."""
    states = [(record, state_taken_back(record)) for record in records if not _is_refund(record)]
    return [
        change_of(RECORDS, record, record_written(record, state, view))
        for record, state in states
        if isinstance(state, str)
    ]


def rule_of(at: datetime, offset_minutes: int, taker: Row, terms: Terms) -> PolicyRule:
    """The version of the policy that applies to an acceptance at an instant: by the local day of who accepts.
    ``offset_minutes``: their zone."""
    day = (at + timedelta(minutes=offset_minutes)).date()
    return terms.policy.rule(day, provider=str(taker["$id"]), plan=text_at(taker, "commissionPlan"))


def taken_back(view: View, booking: Standing) -> list[Change]:
    """The writes that take back what an acceptance was charged. Raises Problem (409) while nobody decided whether it
    was paid, CallFailure."""
    records = records_taken_back(booking.row, view)
    if isinstance(records, Skip):
        unclear = records.why.code == "acting.record_unknown"
        raise refused(booking, "record_unclear" if unclear else "payment_waits")
    return records


def due_moved(
    view: View, booking: Standing, taker: Row | None, accepted_at: datetime, ended_at: datetime, terms: Terms
) -> tuple[Sequence[Change], datetime | None]:
    """The writes that move the deadline of what is unpaid to the end of the service as it was; and that deadline, None
    where nothing is unpaid. Raises CallFailure."""
    changes: list[Change] = []
    rule = rule_of(accepted_at, booking.offset, taker or {"$id": booking.now.provider_id or ""}, terms)
    due = due_at(ended_at, rule)
    has = partial(view.has, RECORDS)
    name = attribute(("paymentDeadline",), has)
    if name is None or due is None:
        return changes, None
    for record in live(records_of(booking.row, view)):
        if not is_unpaid(record) or _is_refund(record):
            continue
        data = {name: instant_like(record.get(name), due, booking.offset)}
        changes.append(change_of(RECORDS, record, data))
    return changes, due if changes else None


def _is_refund(record: Row) -> bool:
    written = (text_at(record, name) for name in ALIASES["commission.commission"])
    return (next((text for text in written if text is not None), "")).startswith("-")
