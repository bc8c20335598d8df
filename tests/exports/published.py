"""A published snapshot made by hand: the core, marts and ops tables a commission report is made of. Holds no test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from resources.home import Home
from resources.snapshots import point_link, snapshot_path

SNAPSHOT = "20261105T000000Z-000001"
PUBLISHED_AT = datetime(2026, 11, 5)
MAKASSAR = 480

_DDL = """
CREATE SCHEMA core; CREATE SCHEMA marts; CREATE SCHEMA ops;
CREATE TABLE core.providers (provider_id VARCHAR, provider_type VARCHAR, provider_name VARCHAR, timezone VARCHAR);
CREATE TABLE core.bookings (
    booking_id VARCHAR, accepted_at TIMESTAMP, created_at TIMESTAMP, utc_offset_minutes BIGINT, origin VARCHAR);
CREATE TABLE core.commissions (commission_id VARCHAR, created_at TIMESTAMP, utc_offset_minutes BIGINT);
CREATE TABLE marts.commission_reconciliation (
    booking_id VARCHAR, commission_id VARCHAR, booking_ref VARCHAR, provider_id VARCHAR, source VARCHAR,
    booking_status VARCHAR, booking_amount_idr BIGINT, rate DOUBLE, expected_idr BIGINT, actual_idr BIGINT,
    variance_idr BIGINT, state VARCHAR, local_date DATE, accrued_at TIMESTAMP, utc_offset_minutes BIGINT,
    policy_version VARCHAR, policy_rate_ppm BIGINT, deadline_at TIMESTAMP, commission_status VARCHAR,
    paid_at TIMESTAMP, records BIGINT, origin VARCHAR);
CREATE TABLE marts.commission_findings (
    finding_id VARCHAR, finding VARCHAR, severity VARCHAR, booking_id VARCHAR, booking_ref VARCHAR,
    commission_id VARCHAR, provider_id VARCHAR, expected_idr BIGINT, actual_idr BIGINT, variance_idr BIGINT,
    detail VARCHAR, origin VARCHAR, waived BOOLEAN);
CREATE TABLE marts.commission_summary (
    eligible BIGINT, tracked BIGINT, missing BIGINT, awaiting BIGINT, unknown BIGINT, tracking_rate DOUBLE,
    state VARCHAR, expected_idr BIGINT, actual_idr BIGINT, variance_idr BIGINT, unknown_rows BIGINT,
    unknown_expected_idr BIGINT, unknown_actual_idr BIGINT, as_of TIMESTAMP);
CREATE TABLE ops.snapshot (
    snapshot_id VARCHAR, run_id VARCHAR, published_at TIMESTAMP, rules_version VARCHAR,
    source STRUCT(endpoint VARCHAR, project VARCHAR, database VARCHAR));
"""


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


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Iterable[Any]]) -> None:
    values = [list(row) for row in rows]
    if values:
        con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)


def publish(home: Home, contents: Contents, snapshot_id: str = SNAPSHOT) -> Path:
    """Make the snapshot's file and point ``current`` at it."""
    path = snapshot_path(home, snapshot_id)
    with duckdb.connect(str(path)) as con:
        con.execute(_DDL)
        _insert(con, "marts.commission_reconciliation", (row.values() for row in contents.rows))
        _insert(con, "marts.commission_findings", (finding.values() for finding in contents.findings))
        _insert(con, "core.providers", ((*provider, None) for provider in contents.providers))
        _insert(con, "core.commissions", contents.commissions)
        _insert(con, "core.bookings", contents.bookings)
        con.execute(
            "INSERT INTO marts.commission_summary VALUES (1, 1, 0, 0, 0, 1.0, 'perfect', 0, 0, 0, 0, 0, 0, ?)",
            [contents.as_of],
        )
        con.execute(
            "INSERT INTO ops.snapshot VALUES (?, ?, ?, '7',"
            " {'endpoint': 'https://appwrite.test/v1', 'project': 'shop', 'database': 'main'})",
            [snapshot_id, snapshot_id, PUBLISHED_AT],
        )
    point_link(home.current, path)
    return path


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
