"""A provider's rows as Appwrite has them now → bookings and commission records as the pipeline reads them: by the same
tables of names, words, units and instants, so that what a provider is told is what the marts say. Which rows these are
stands in own.py.

Where the pipeline knows more than the rows say (an acceptance that was only observed, a place that was read by its
history) the row's own word stands here, and what it does not tell is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.app_rows import first_of, meaning, record_status, text_at
from marketplace.attributes import Attributes
from marketplace.booking_rows import read_bookings
from marketplace.commission import OWN_RECORD_ORDER, PAID_STATUS, REVENUE_STATUSES, UNKNOWN_STATUS
from marketplace.instants import INSTANT, believed_until, creation, not_yet, read
from marketplace.money import AmountBounds, commission_amounts
from marketplace.rules import (
    LATEST_INSTANT,
    RESPONSE_MINUTES_IMMEDIATE,
    RESPONSE_MINUTES_SCHEDULED,
)
from marketplace.statuses import (
    FLAG,
    NOT_LIVE_STATUSES,
    Mode,
    canonical,
)
from marketplace.text import coalesce, json_text
from resources.appwrite.writing import Row

_RESPONSE_MINUTES = {
    Mode.IMMEDIATE.value: RESPONSE_MINUTES_IMMEDIATE,
    Mode.SCHEDULED.value: RESPONSE_MINUTES_SCHEDULED,
}


@dataclass(frozen=True)
class Booking:
    """A booking as it is now. Instants are naive UTC, ``amount_idr`` whole rupiah; None: not told. ``ends_at``:
    completed, else start and minutes. ``deadline_at``: until when it may be answered."""

    row: Row
    booking_id: str
    origin: str
    business_id: str | None
    status: str
    mode: str
    minutes: int | None
    amount_idr: int | None
    created_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    completed_at: datetime | None
    accepted_at: datetime | None
    deadline_at: datetime | None
    is_test: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """What a record may refer to it by."""
        if self.business_id is None or self.business_id == self.booking_id:
            return (self.booking_id,)
        return self.booking_id, self.business_id

    @property
    def earns(self) -> bool:
        return self.status in REVENUE_STATUSES and not self.is_test

    @property
    def accrued_at(self) -> datetime:
        """From when its commission counts."""
        return self.accepted_at or self.created_at

    def local_day(self, offset_minutes: int) -> date:
        """The day it accrues, local to its provider."""
        return local_day(self.accrued_at, offset_minutes)


@dataclass(frozen=True)
class Record:
    """A commission record as it is now; as above. ``written``: its commission as it stands there, whatever it is in."""

    row: Row
    commission_id: str
    provider_id: str | None
    refers_to: tuple[str, ...]
    status: str
    base_idr: int | None
    commission_idr: int | None
    fee_idr: int | None
    due_idr: int | None
    written: float | None
    is_implausible: bool
    is_test: bool
    created_at: datetime | None
    deadline_at: datetime | None
    paid_at: datetime | None
    proof_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.status not in NOT_LIVE_STATUSES and not self.is_test

    @property
    def is_refund(self) -> bool:
        charged = self.commission_idr if self.commission_idr is not None else self.written
        return charged is not None and charged < 0

    @property
    def is_settled(self) -> bool:
        """Its money came in; of one of unknown status that says when, what it still owes cannot be told."""
        return self.status == PAID_STATUS or (self.status == UNKNOWN_STATUS and self.paid_at is not None)

    @property
    def is_open(self) -> bool:
        """Something may be owed on it."""
        return self.is_live and not self.is_refund and self.status != PAID_STATUS

    @property
    def has_proof(self) -> bool:
        return first_of(self.row, ALIASES["commission.proof"]) is not None

    def precedence(self) -> tuple[int, datetime, str]:
        """Of a booking's live records the least of these is its own."""
        ranks = {status: rank for rank, status in enumerate(OWN_RECORD_ORDER)}
        return ranks.get(self.status, len(ranks)), self.created_at or LATEST_INSTANT, self.commission_id


def local_day(at: datetime, offset_minutes: int) -> date:
    """The local day of an instant."""
    return (at + timedelta(minutes=offset_minutes)).date()


def bookings_of(rows: Sequence[Row], origin: str, offset_minutes: int, bounds: AmountBounds) -> list[Booking]:
    """Rows of a collection of bookings, read in the zone of their provider."""
    if not rows:
        return []
    a = _attributes(rows)
    accepted = _happened(a, _offsets(a, offset_minutes), ALIASES["booking.accepted_at"]).to_list()
    return [
        Booking(
            row,
            said.booking_id,
            origin,
            meaning(row, "booking.business_id"),
            said.status,
            said.mode,
            said.minutes,
            said.amount_idr,
            said.created_at,
            said.starts_at,
            said.ends_at,
            said.completed_at,
            accepted_at,
            said.response_deadline or _answer_by(said.created_at, said.mode),
            said.is_test,
        )
        for row, said, accepted_at in zip(
            rows, read_bookings(rows, offset_minutes, bounds), accepted, strict=True
        )
    ]


def records_of(rows: Sequence[Row], offset_minutes: int, bounds: AmountBounds) -> list[Record]:
    """Rows of commission_records, read in the zone of their provider."""
    if not rows:
        return []
    a = _attributes(rows)
    offsets = _offsets(a, offset_minutes)
    amounts = commission_amounts(a, bounds)
    frame = pl.DataFrame(
        {
            "base": amounts.booking_amount_idr,
            "commission": amounts.commission_idr,
            "fee": amounts.fee_idr,
            "due": amounts.due_idr,
            "written": amounts.written_commission,
            "implausible": amounts.is_implausible,
            "created": creation(a, offsets).values,
            "deadline": read(a.text("paymentDeadline"), offsets).values,
            "paid": _happened(a, offsets, ("paidAt",)),
            "proof": _happened(a, offsets, ("paymentProofUploadedAt",)),
            "test": (canonical(a.text("isTest"), FLAG) == "true").fill_null(False),
        }
    )
    return [
        Record(
            row,
            str(row["$id"]),
            meaning(row, "commission.provider_id"),
            tuple(
                ref
                for name in (*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"])
                if (ref := text_at(row, name)) is not None
            ),
            record_status(row),
            facts["base"],
            facts["commission"],
            facts["fee"],
            facts["due"],
            facts["written"],
            facts["implausible"],
            facts["test"],
            facts["created"],
            facts["deadline"],
            facts["paid"],
            facts["proof"],
        )
        for row, facts in zip(rows, frame.iter_rows(named=True), strict=True)
    ]


# How --------------------------------------------------------------------------------------------------


def _attributes(rows: Sequence[Row]) -> Attributes:
    """Rows as a batch: every attribute as text, Appwrite's own instants beside."""
    names = dict.fromkeys(name for row in rows for name in row if not name.startswith("$"))
    columns: dict[str, Any] = {
        name: pl.Series([json_text(_plain(row.get(name))) for row in rows], dtype=pl.String) for name in names
    }
    for ours, theirs in (("_created_at", "$createdAt"), ("_updated_at", "$updatedAt")):
        columns[ours] = pl.Series([_server_instant(row.get(theirs)) for row in rows], dtype=INSTANT)
    return Attributes(pl.DataFrame(columns))


def _plain(value: object) -> object:
    """Of a related row its id."""
    return value.get("$id", value) if isinstance(value, dict) else value  # type: ignore[reportUnknownMemberType] - any JSON


def _server_instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    at = datetime.fromisoformat(value)
    return at.replace(tzinfo=None) - (at.utcoffset() or timedelta(0))


def _offsets(a: Attributes, offset_minutes: int) -> pl.Series:
    return pl.Series([offset_minutes], dtype=pl.Int64).new_from_index(0, a.height)


def _happened(a: Attributes, offsets: pl.Series, names: Sequence[str]) -> pl.Series:
    """The first of the names that can have happened by the time its row was written."""
    until = believed_until(a)
    found = pl.Series([None] * a.height, dtype=INSTANT)
    for name in names:
        values = read(a.text(name), offsets).values
        found = coalesce(found, values.set(not_yet(values, until), None))
    return found


def _answer_by(created: datetime, mode: str) -> datetime | None:
    minutes = _RESPONSE_MINUTES.get(mode)
    return None if minutes is None else created + timedelta(minutes=minutes)
