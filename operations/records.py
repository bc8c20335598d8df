"""The commission records of a booking as Appwrite has them now, the one that is to be written, and the states they go
to. How a record is shaped is in marketplace/new_records.py.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import record_status, status_written, text_at
from marketplace.collections import RECORDS
from marketplace.commission import PAID_STATUS, UNPAID_STATUSES
from marketplace.new_records import Charge, new_record
from marketplace.operations import commission_id
from marketplace.statuses import COMMISSION_STATUS, NOT_LIVE_STATUSES, UNKNOWN, CommissionStatus
from messages.message import Arg, Message
from operations.action import Asking, Skip
from operations.fresh import change_of, keys_of
from resources.appwrite.writing import Change, Create, Row

_MOST_RECORDS: Final = 100
_SAMPLES: Final = 5


def records_of(booking: Row, ask: Asking) -> list[Row]:
    """Every record that refers to a booking, by either of its keys and in either attribute, whoever wrote it; each
    once. Raises CallFailure."""
    named = (*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"])
    theirs = [Query.equal(name, keys_of(booking)) for name in named if ask.has(RECORDS, name)]
    if not theirs:
        return []
    which = Query.or_queries(theirs) if len(theirs) > 1 else theirs[0]
    return ask.rows(RECORDS, [which, Query.limit(_MOST_RECORDS)])


def live(records: Sequence[Row]) -> list[Row]:
    """Those that stand."""
    return [record for record in records if record_status(record) not in NOT_LIVE_STATUSES]


def free_record_id(origin: str, booking_id: str, provider_id: str, ask: Asking) -> str | None:
    """The id of the booking's record to come: derived of the booking; where the record of that id was taken back when
    the booking was another provider's, of both. None: this provider's own stands, or was taken back by a person.
    Raises CallFailure."""
    for key in (booking_id, f"{booking_id}:{provider_id}"):
        row_id = commission_id(origin, key)
        taken = ask.row(RECORDS, row_id)
        if taken is None:
            return row_id
        whose = [text_at(taken, name) for name in ALIASES["commission.provider_id"]]
        if record_status(taken) not in NOT_LIVE_STATUSES or provider_id in whose:
            return None
    return None


def taken_back(record: Row) -> str | Skip:
    """What becomes of a record whose booking ended after it was accepted: cancelled where it is unpaid, reversed where
    it is paid. Not told while nobody decided whether it was paid."""
    status = record_status(record)
    if status == PAID_STATUS:
        return CommissionStatus.REVERSED.value
    if status in UNPAID_STATUSES and text_at(record, "paidAt") is None:
        return CommissionStatus.CANCELLED.value
    code = "acting.record_unknown" if status == UNKNOWN else "acting.proof_waits"
    return Skip(Message(code, {"commission": str(record["$id"])}))


def record_written(record: Row, status: str, ask: Asking) -> dict[str, str]:
    """The attributes that say a record is in a state. Raises CallFailure."""
    return status_written(
        record, ALIASES["commission.status"], COMMISSION_STATUS, status, partial(ask.has, RECORDS)
    )


def records_taken_back(booking: Row, ask: Asking) -> list[Change] | Skip:
    """What becomes of every live record of a booking that ended, or went to somebody else, after it was accepted; a
    refund stays what it is. Raises CallFailure."""
    changes: list[Change] = []
    for record in live(records_of(booking, ask)):
        if _gives_back(record):
            continue
        status = taken_back(record)
        if isinstance(status, Skip):
            return status
        changes.append(change_of(RECORDS, record, record_written(record, status, ask)))
    return changes


def _gives_back(record: Row) -> bool:
    written = (text_at(record, name) for name in ALIASES["commission.commission"])
    return (next((text for text in written if text is not None), "")).startswith("-")


def created_record(row_id: str, charge: Charge, ask: Asking) -> Create:
    """A new record in the shape of those of the same provider, else of the newest. Raises CallFailure."""

    has = partial(ask.has, RECORDS)
    newest = [Query.order_desc("$createdAt"), Query.limit(_SAMPLES)]
    names = [name for name in ALIASES["commission.provider_id"] if has(name)]
    of_theirs = [Query.equal(name, [charge.provider_id]) for name in names[:1]]
    theirs = ask.rows(RECORDS, [*of_theirs, *newest]) if of_theirs else []
    samples = theirs or ask.rows(RECORDS, newest)
    # Whoever may read this provider's other records may read this one; of another's nothing is taken over.
    held = theirs[0].get("$permissions") if theirs else None
    return Create(RECORDS, row_id, new_record(charge, has, samples), list(held) if held else None)


def due_said(charge: Charge) -> dict[str, Arg]:
    """What a provider is told of a record that charges them."""
    return {
        "booking": charge.booking,
        "amount": charge.commission_idr,
        "deadline": local(charge.deadline_at, charge.offset_minutes),
    }


def local(at: datetime | None, offset_minutes: int) -> str | None:
    """An instant as a sentence has it, in the local time of whom it is about."""
    return (at + timedelta(minutes=offset_minutes)).strftime("%Y-%m-%dT%H:%M") if at is not None else None
