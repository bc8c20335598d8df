"""A published snapshot whose rows are made by hand, in the tables as the product made them: those of core, marts and
ops that a commission report is made of. Holds no test and no table definition."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock

from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import copy_closed_file, point_link, snapshot_path
from tests.published import add, changing, empty_snapshot

SNAPSHOT = "20261105T000000Z-000001"
PUBLISHED_AT = datetime(2026, 11, 5)
MAKASSAR = 480

# The columns of the tables that are filled here, in the order of the rows.
_RECONCILED = (
    "booking_id commission_id booking_ref provider_id source booking_status booking_amount_idr rate expected_idr"
    " actual_idr variance_idr state local_date accrued_at utc_offset_minutes policy_version policy_rate_ppm"
    " deadline_at commission_status paid_at records origin"
)
_FINDING = (
    "finding_id finding severity booking_id booking_ref commission_id provider_id expected_idr actual_idr"
    " variance_idr detail origin waived"
)
_SUMMARY = (
    "eligible tracked missing awaiting unknown tracking_rate state expected_idr actual_idr variance_idr unknown_rows"
    " unknown_expected_idr unknown_actual_idr as_of free"
)


@dataclass(frozen=True)
class Row:
    """A reconciled row; the day follows from the instant and the offset unless it is given."""

    accrued_at: datetime
    booking_id: str | None = "b1"
    commission_id: str | None = "c1"
    booking_ref: str | None = None
    provider_id: str | None = "p1"
    source: str | None = "chatWindow"
    booking_status: str | None = "completed"
    booking_amount_idr: int | None = 300_000
    rate: float | None = 0.3
    expected_idr: int | None = 90_000
    actual_idr: int | None = 90_000
    state: str = "matched"
    utc_offset_minutes: int | None = MAKASSAR
    policy_version: str = "2024-1"
    policy_rate_ppm: int = 300_000
    deadline_at: datetime | None = None
    commission_status: str | None = "pending"
    paid_at: datetime | None = None
    records: int = 1
    local_date: date | None = None
    origin: str | None = "bookings"

    def values(self) -> list[Any]:
        variance = (
            None
            if self.expected_idr is None or self.actual_idr is None
            else self.actual_idr - self.expected_idr
        )
        day = self.local_date
        if day is None and self.utc_offset_minutes is not None:
            day = (self.accrued_at + timedelta(minutes=self.utc_offset_minutes)).date()
        return [
            self.booking_id,
            self.commission_id,
            self.booking_ref,
            self.provider_id,
            self.source,
            self.booking_status,
            self.booking_amount_idr,
            self.rate,
            self.expected_idr,
            self.actual_idr,
            variance,
            self.state,
            day,
            self.accrued_at,
            self.utc_offset_minutes,
            self.policy_version,
            self.policy_rate_ppm,
            self.deadline_at,
            self.commission_status,
            self.paid_at,
            self.records,
            self.origin if self.booking_id else None,
        ]


@dataclass(frozen=True)
class Finding:
    """A finding on a booking or a record."""

    finding: str
    booking_id: str | None = None
    commission_id: str | None = None
    provider_id: str | None = "p1"
    severity: str = "high"
    expected_idr: int | None = 90_000
    actual_idr: int | None = 0
    detail: str = "The commission is not there."
    waived: bool = False
    origin: str | None = "bookings"

    @property
    def finding_id(self) -> str:
        row = self.booking_id if self.finding == "missing" else self.commission_id or self.provider_id
        if self.finding == "missing" and self.origin == "hotel_bookings":
            row = f"{row}:hotel_bookings"
        return f"{self.finding}:{row}"

    def values(self) -> list[Any]:
        variance = (
            None
            if self.expected_idr is None or self.actual_idr is None
            else self.actual_idr - self.expected_idr
        )
        return [
            self.finding_id,
            self.finding,
            self.severity,
            self.booking_id,
            None,
            self.commission_id,
            self.provider_id,
            self.expected_idr,
            self.actual_idr,
            variance,
            self.detail,
            self.origin if self.booking_id else None,
            self.waived,
        ]


@dataclass(frozen=True)
class Contents:
    """What a snapshot holds. ``as_of``: when the states were judged."""

    rows: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    providers: tuple[tuple[str, str, str | None], ...] = (("p1", "therapist", "Ayu Spa"),)
    commissions: tuple[tuple[str, datetime, int], ...] = ()
    bookings: tuple[tuple[str, datetime | None, datetime, int, str], ...] = ()
    as_of: datetime | None = PUBLISHED_AT
    extra: dict[str, str] = field(default_factory=dict)


def publish(
    publication: Path,
    home: Home,
    contents: Contents,
    snapshot_id: str = SNAPSHOT,
    *,
    also: tuple[str, ...] = (),
) -> Path:
    """Make the snapshot of that name in ``home``, sealed, and the newest. ``also``: SQL at the end. One of the same
    rows is made once in a session of pytest, by whichever process asks first; every home has a copy."""
    of = hashlib.sha256(repr((contents, snapshot_id, also)).encode()).hexdigest()[:16]
    made = publication.parent / "made-by-hand" / of
    with FileLock(f"{publication.parent / of}.lock"):
        if not made.exists():
            # As in tests/published.py: what broke off must not pass for a world.
            making = made.with_suffix(".partial")
            shutil.rmtree(making, ignore_errors=True)
            _make(publication, Home(making).create(), contents, snapshot_id, also)
            making.rename(made)
    target = snapshot_path(home, snapshot_id)
    copy_closed_file(snapshot_path(Home(made), snapshot_id), target, Ledger(home.ledger).record_seal)
    point_link(home.current, target)
    return target


def _make(publication: Path, home: Home, contents: Contents, snapshot_id: str, also: tuple[str, ...]) -> None:
    with changing(home, of=empty_snapshot(publication), snapshot_id=snapshot_id) as con:
        add(con, "marts.commission_reconciliation", _RECONCILED, (row.values() for row in contents.rows))
        add(con, "marts.commission_findings", _FINDING, (finding.values() for finding in contents.findings))
        add(con, "core.providers", "provider_id provider_type provider_name", contents.providers)
        add(con, "core.commissions", "commission_id created_at utc_offset_minutes", contents.commissions)
        add(
            con,
            "core.bookings",
            "booking_id accepted_at created_at utc_offset_minutes origin",
            contents.bookings,
        )
        summary = (1, 1, 0, 0, 0, 1.0, "perfect", 0, 0, 0, 0, 0, 0, contents.as_of, 0)
        add(con, "marts.commission_summary", _SUMMARY, [summary])
        con.execute(
            "UPDATE ops.snapshot SET run_id = ?, published_at = ?, rules_version = '7', source ="
            " {'endpoint': 'https://appwrite.test/v1', 'project': 'shop', 'database': 'main'}",
            [snapshot_id, PUBLISHED_AT],
        )
        for statement in also:
            con.execute(statement)


OCTOBER = Contents(
    rows=(
        # 23:59 on 30 September, and midnight on 1 October, in Makassar.
        Row(datetime(2026, 9, 30, 15, 59, 59, 999999), "b-sep", "c-sep"),
        Row(datetime(2026, 9, 30, 16, 0), "b-first", "c-first", source="direct"),
        Row(
            datetime(2026, 10, 10, 3, 4, 5, 123000),
            "b-wrong",
            "c-wrong",
            actual_idr=60_000,
            state="mismatched",
            deadline_at=datetime(2026, 10, 10, 8, 0),
            paid_at=datetime(2026, 10, 11, 1, 2, 3),
            commission_status="paid",
        ),
        Row(datetime(2026, 10, 12), "b-missing", None, actual_idr=0, state="missing", rate=None, records=0),
        Row(
            datetime(2026, 10, 13),
            None,
            "c-orphan",
            booking_ref="=HYPERLINK(1)",
            provider_id="+62",
            source=None,
            booking_status=None,
            booking_amount_idr=None,
            expected_idr=0,
            actual_idr=75_000,
            state="orphan",
            rate=0.25,
        ),
        Row(
            datetime(2026, 10, 14),
            "b-unknown",
            "c-unknown",
            provider_id="p2",
            booking_amount_idr=None,
            expected_idr=None,
            actual_idr=30_000,
            state="unknown",
        ),
        # The last instant of October in Makassar, and in Jakarta an hour later; the next instants are November's.
        Row(datetime(2026, 10, 31, 15, 59, 59), "b-last", "c-last", provider_id="-x"),
        Row(datetime(2026, 10, 31, 16, 59, 59), "b-jakarta", "c-jakarta", utc_offset_minutes=420),
        Row(datetime(2026, 10, 31, 16, 0), "b-nov", "c-nov"),
        Row(datetime(2026, 10, 31, 17, 0), "b-nov-jakarta", "c-nov-jakarta", utc_offset_minutes=420),
    ),
    findings=(
        Finding("missing", "b-missing", severity="critical"),
        Finding("duplicate", "b-last", "c-late-copy", actual_idr=90_000),
        Finding("wrong_amount", "b-wrong", "c-wrong", actual_idr=60_000, waived=True),
        Finding("vanished", None, "c-gone", expected_idr=None, actual_idr=90_000),
        Finding("duplicate", "b-nov", "c-nov-copy"),
        Finding("restriction_mismatch", None, None, "p1", expected_idr=None, actual_idr=None),
    ),
    providers=(
        ("p1", "place", "Warung Kopi"),
        ("p1", "therapist", 'Ayu "Spa", Ubud'),
        ("p2", "therapist", None),
        ("+62", "therapist", "=cmd|' /C calc'!A0"),
        ("-x", "place", "@Bali\nMassage"),
    ),
    commissions=(
        ("c-gone", datetime(2026, 10, 31, 15, 0), MAKASSAR),
        ("c-late-copy", datetime(2026, 11, 2), MAKASSAR),
    ),
)
