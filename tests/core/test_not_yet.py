"""What has happened lies before the row was written: a time that does not is not believed, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.core.batch import Batch, Derived, Reader
from assets.core.bookings import derive_bookings
from assets.core.chat_rooms import derive_chat_rooms
from assets.core.commissions import derive_commissions
from assets.core.messages import derive_messages
from assets.core.notifications import derive_notifications
from assets.core.providers import derive_providers
from checks.derived_rows import violations
from marketplace.instants import HAPPENED, PLANNED
from marketplace.quarantine import reject_reasons
from marketplace.zones import ProviderZones
from tests.core.changes import TABLES
from tests.core.raw_file import RawFile
from tests.core.test_engine import BOOKING, rows, run, same_as_rebuilt, table

CREATED = datetime(2025, 11, 20, 3)
CHANGED = datetime(2025, 11, 20, 6)
UNTIL = CHANGED + timedelta(minutes=5)
LATE = UNTIL + timedelta(milliseconds=1)
DERIVE: dict[str, tuple[str, Callable[[Batch], Derived]]] = {
    "bookings": ("bookings", derive_bookings),
    "commission_records": ("commissions", derive_commissions),
    "chat_messages": ("messages", derive_messages),
    "chat_rooms": ("chat_rooms", derive_chat_rooms),
    "notifications": ("notifications", derive_notifications),
    "therapists": ("providers", derive_providers),
}
DONE = {
    "bookings": ("created_at", "accepted_at", "responded_at", "completed_at", "cancelled_at"),
    "commissions": ("created_at", "paid_at", "verified_at", "proof_at", "restricted_at"),
    "messages": ("created_at", "sent_at"),
    "chat_rooms": ("created_at",),
    "notifications": ("created_at", "sent_at", "delivered_at", "failed_at"),
    "providers": ("created_at", "last_seen_at"),
}
"""Core table → its columns of what has happened (``deleted_at`` is bookwatch's own)."""
ONE_NAME = [
    ("bookings", "acceptedAt", "accepted_at"),
    ("bookings", "confirmedAt", "accepted_at"),
    ("bookings", "declinedAt", "responded_at"),
    ("bookings", "rejectedAt", "responded_at"),
    ("bookings", "respondedAt", "responded_at"),
    ("bookings", "completedAt", "completed_at"),
    ("bookings", "cancelledAt", "cancelled_at"),
    ("bookings", "canceledAt", "cancelled_at"),
    ("commission_records", "paidAt", "paid_at"),
    ("commission_records", "verifiedAt", "verified_at"),
    ("commission_records", "paymentProofUploadedAt", "proof_at"),
    ("commission_records", "restrictedAt", "restricted_at"),
    ("chat_messages", "timestamp", "sent_at"),
    ("chat_messages", "sentAt", "sent_at"),
    ("notifications", "sentAt", "sent_at"),
    ("notifications", "deliveredAt", "delivered_at"),
    ("notifications", "failedAt", "failed_at"),
    ("therapists", "lastSeenAt", "last_seen_at"),
    ("therapists", "lastSeen", "last_seen_at"),
]


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


def derive(collection: str, **row: Any) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    name, function = DERIVE[collection]
    own = {"_created_at": CREATED, "_updated_at": CHANGED, "_ingested_at": CREATED, "_change": 3}
    derived = function(
        Batch(collection, pl.DataFrame([{"_id": "r", **own, **row}]), ProviderZones(480, {}, {}))
    )
    assert violations(name, derived.rows) == []
    found = derived.findings.filter(pl.col("finding") == "in_the_future")
    return derived.rows.row(0, named=True), set(zip(found["finding"], found["attribute"], strict=True))


@pytest.mark.parametrize(("collection", "attribute", "column"), ONE_NAME)
def test_what_happened_after_the_row_was_written_is_not_believed(
    collection: str, attribute: str, column: str
):
    assert derive(collection, **{attribute: iso(LATE)}) == (
        derive(collection)[0] | {column: None},
        {("in_the_future", attribute)},
    )
    assert derive(collection, **{attribute: iso(UNTIL)})[0][column] == UNTIL
    assert derive(collection, **{attribute: iso(UNTIL)})[1] == set()
    stored_later = derive(collection, **{attribute: iso(LATE), "_ingested_at": LATE})
    assert (stored_later[0][column], stored_later[1]) == (LATE, set())


@pytest.mark.parametrize(
    ("collection", "attribute", "column"),
    [
        ("bookings", "startTime", "starts_at"),
        ("bookings", "scheduledTime", "starts_at"),
        ("bookings", "bookingDateTime", "starts_at"),
        ("bookings", "checkInDate", "starts_at"),
        ("bookings", "responseDeadline", "response_deadline"),
        ("commission_records", "paymentDeadline", "deadline_at"),
        ("chat_rooms", "expiresAt", "expires_at"),
    ],
)
def test_a_plan_may_lie_in_the_future(collection: str, attribute: str, column: str):
    in_a_year = CHANGED + timedelta(days=365)
    row, found = derive(collection, **{attribute: iso(in_a_year)})
    assert (row[column], found) == (in_a_year, set())


def test_each_attribute_of_a_time_is_a_plan_or_has_happened():
    assert not HAPPENED & PLANNED
    read = Reader(Batch("bookings", pl.DataFrame({"_id": ["b"]}), ProviderZones(480, {}, {})))
    for names in (("startedAt",), ("paidAt", "paymentDeadline")):
        with pytest.raises(KeyError, match="has it happened"):
            read.instant(pl.Series([480]), *names)


@pytest.mark.parametrize(
    ("row", "created", "rule", "attribute"),
    [
        ({"createdAt": iso(LATE)}, CREATED, "$createdAt", "createdAt"),
        ({"createdAt": "2025-11-20T14:06:00"}, CREATED, "$createdAt", "createdAt"),
        ({"createdAt": 1795046400000}, CREATED, "$createdAt", "createdAt"),
        ({"booking": json.dumps({"createdAt": iso(LATE)})}, CREATED, "$createdAt", "booking.createdAt"),
        (
            {"createdAt": iso(LATE), "booking": json.dumps({"createdAt": iso(CREATED)})},
            CREATED,
            "$createdAt",
            "createdAt",
        ),
        ({"createdAt": iso(LATE), "_created_at": UNTIL}, UNTIL, "$createdAt", "createdAt"),
        ({"createdAt": iso(UNTIL), "_created_at": LATE}, UNTIL, "createdAt", None),
        ({"createdAt": iso(LATE), "_ingested_at": LATE}, LATE, "createdAt", None),
    ],
)
def test_a_creation_in_the_future_falls_back_to_appwrites_own(
    row: dict[str, Any], created: datetime, rule: str, attribute: str | None
):
    derived, found = derive("bookings", **row)
    assert (derived["created_at"], derived["created_rule"]) == (created, rule)
    assert found == ({("in_the_future", attribute)} if attribute else set())


def test_a_creation_that_only_its_providers_zone_puts_ahead_is_what_the_row_was_taken_by():
    """Rows are taken before their zone is known; one that was taken has a creation."""
    row = {"_id": "b", "createdAt": "2025-11-20T14:00:00", "providerId": "far", "_change": 1}
    frame = pl.DataFrame([row | {"_created_at": LATE, "_updated_at": CHANGED, "_ingested_at": CHANGED}])
    assert reject_reasons("bookings", frame).to_list() == [None]
    derived = derive_bookings(Batch("bookings", frame, ProviderZones(480, {"far": -600}, {})))
    assert derived.rows["created_at"].to_list() == [CHANGED]
    assert derived.rows["created_rule"].to_list() == ["createdAt"]


@pytest.mark.parametrize(
    ("row", "column", "value", "findings"),
    [
        ({"acceptedAt": iso(LATE), "confirmedAt": iso(CHANGED)}, "accepted_at", CHANGED, {"acceptedAt"}),
        ({"acceptedAt": iso(LATE), "confirmedAt": iso(CHANGED)}, "accepted_rule", "explicit", {"acceptedAt"}),
        ({"acceptedAt": iso(LATE), "confirmedAt": "garbage"}, "accepted_at", None, {"acceptedAt"}),
        (
            {"acceptedAt": iso(LATE), "confirmedAt": iso(LATE)},
            "accepted_rule",
            None,
            {"acceptedAt", "confirmedAt"},
        ),
        ({"acceptedAt": "garbage", "confirmedAt": iso(LATE)}, "accepted_at", None, set[str]()),
        ({"acceptedAt": iso(CHANGED), "confirmedAt": iso(LATE)}, "accepted_at", CHANGED, set[str]()),
        ({"declinedAt": iso(LATE), "respondedAt": iso(CHANGED)}, "responded_at", CHANGED, {"declinedAt"}),
        (
            {"completedAt": iso(LATE), "startTime": iso(CREATED), "duration": 60},
            "ends_at",
            CREATED + timedelta(hours=1),
            {"completedAt"},
        ),
    ],
)
def test_what_is_not_believed_gives_way_to_the_next(
    row: dict[str, Any], column: str, value: object, findings: set[str]
):
    derived, found = derive("bookings", **row)
    assert derived[column] == value
    assert {attribute for _, attribute in found} == findings


def test_rows_of_a_batch_are_judged_each_by_its_own_version():
    frame = pl.DataFrame(
        [
            {"_id": "a", "acceptedAt": iso(LATE), "confirmedAt": None, "_updated_at": CHANGED},
            {"_id": "b", "acceptedAt": iso(LATE), "confirmedAt": None, "_updated_at": LATE},
            {"_id": "c", "acceptedAt": "x", "confirmedAt": iso(CHANGED), "_updated_at": CHANGED},
            {"_id": "d", "acceptedAt": None, "confirmedAt": iso(CHANGED), "_updated_at": CHANGED},
            {"_id": "e", "acceptedAt": iso(LATE), "confirmedAt": None, "_updated_at": None},
        ]
    ).with_columns(pl.lit(CREATED).alias("_created_at"), pl.lit(1).alias("_change"))
    derived = derive_bookings(Batch("bookings", frame, ProviderZones(480, {}, {})))
    assert derived.rows["accepted_at"].to_list() == [None, LATE, None, CHANGED, LATE]
    found = derived.findings.filter(pl.col("finding").is_in(["in_the_future", "time_unreadable"]))
    assert found.select("finding", "row_id", "attribute").rows() == [
        ("time_unreadable", "c", "acceptedAt"),
        ("in_the_future", "a", "acceptedAt"),
    ]


WRITTEN = st.one_of(
    st.none(),
    st.sampled_from(["none", "garbage", "1970", "2099-12-31T23:59:59Z", "2025-11-20 14:04", "2025-11-20 15:00 WIB"]),
    st.datetimes(CREATED - timedelta(days=2), CHANGED + timedelta(days=2)).map(iso),
    st.datetimes(CHANGED - timedelta(hours=2), CHANGED + timedelta(hours=2)).map(lambda at: at.isoformat()[:19]),
    st.datetimes(CHANGED - timedelta(hours=2), CHANGED + timedelta(hours=2)).map(
        lambda at: at.isoformat()[:19] + "+09:00"
    ),
)  # fmt: skip
OWN_TIMES = st.datetimes(CREATED - timedelta(hours=3), CHANGED + timedelta(hours=3))
NAMES = sorted({name for name in HAPPENED | PLANNED if "." not in name})


@given(
    st.sampled_from(sorted(DERIVE)),
    st.dictionaries(st.sampled_from(NAMES), WRITTEN, max_size=8),
    st.none() | WRITTEN.map(lambda text: json.dumps({"createdAt": text})),
    st.tuples(OWN_TIMES, OWN_TIMES, OWN_TIMES),
    st.sampled_from([None, "WIB", "far"]),
)
def test_nothing_derived_has_happened_later_than_it_can_have(
    collection: str,
    written: dict[str, str | None],
    booking: str | None,
    own: tuple[datetime, datetime, datetime],
    zone: str | None,
):
    """In any zone, whatever stands in the attributes: a row is quarantined, or each of its instants is believable."""
    created, updated, stored = own
    frame = pl.DataFrame(
        [{"_id": "r", "_created_at": created, "_updated_at": updated, "_ingested_at": stored, "_change": 1,
          "booking": booking, "providerId": zone, "recipientId": zone, "senderId": zone, "senderRole": "therapist",
          "timezone": zone, **written}],
        schema_overrides={"booking": pl.String, "providerId": pl.String, "recipientId": pl.String,
                          "senderId": pl.String, "timezone": pl.String} | dict.fromkeys(written, pl.String),
    )  # fmt: skip
    if reject_reasons(collection, frame)[0] is not None:
        return
    name, function = DERIVE[collection]
    derived = function(Batch(collection, frame, ProviderZones(480, {"WIB": 420, "far": -600}, {})))
    assert violations(name, derived.rows) == []
    latest = max(updated, stored) + timedelta(minutes=5)
    for column in DONE[name]:
        value = derived.rows[column][0]
        assert value is None or value <= latest, column


# In core, over runs


FUTURE = "2025-12-24T03:00:00Z"


def test_what_was_not_believed_stays_so_until_the_row_changes(raw: RawFile):
    """Time that passes makes nothing true: a rebuild in a year reads what the first run read."""
    raw.put(
        "commission_records", {"$id": "c1", "therapistId": "t1", "paidAt": FUTURE, "paymentStatus": "paid"}
    )
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"] is None
    assert same_as_rebuilt(raw, now=datetime(2026, 11, 20))
    raw.put(
        "commission_records",
        {"$id": "c1", "therapistId": "t1", "paidAt": FUTURE, "paymentStatus": "paid"},
        at=datetime(2025, 12, 24, 4),
    )
    run(raw)
    assert rows(raw, "commissions", "commission_id")["c1"]["paid_at"] == datetime(2025, 12, 24, 3)
    assert table(raw, "data_findings").filter(pl.col("finding") == "in_the_future").height == 0


def test_a_row_whose_creation_nothing_says_is_quarantined_and_told(raw: RawFile):
    ahead = datetime(2025, 12, 24, 3)
    raw.put("bookings", {**BOOKING, "createdAt": FUTURE, "$createdAt": ahead})
    raw.put("users", {"$id": "u1", "$createdAt": ahead})
    raw.put("commission_records", {"$id": "c1", "createdAt": FUTURE})
    run(raw)
    held = table(raw, "quarantined")
    assert dict(zip(held["row_id"], held["reasons"], strict=True)) == {
        "b1": '["creation_in_the_future"]',
        "u1": '["creation_in_the_future"]',
    }
    found = table(raw, "data_findings").filter(pl.col("finding") == "in_the_future")
    assert set(found.select("collection", "row_id", "attribute").rows()) == {
        ("bookings", "b1", "createdAt"),
        ("users", "u1", "$createdAt"),
        ("commission_records", "c1", "createdAt"),
    }
    assert same_as_rebuilt(raw)
    raw.put("bookings", {**BOOKING, "createdAt": FUTURE, "$createdAt": ahead}, at=datetime(2025, 12, 25))
    run(raw)
    assert rows(raw, "bookings", "booking_id")["b1"]["created_at"] == ahead
    assert same_as_rebuilt(raw)


def test_an_acceptance_that_is_not_believed_leaves_the_one_that_was_observed(raw: RawFile):
    raw.put("bookings", BOOKING)
    accepted = {**BOOKING, "status": "accepted", "acceptedAt": datetime(2025, 12, 24)}
    raw.put("bookings", accepted, at=datetime(2025, 11, 20, 5))
    run(raw)
    booking = rows(raw, "bookings", "booking_id")["b1"]
    assert (booking["accepted_at"], booking["accepted_rule"]) == (datetime(2025, 11, 20, 5), "observed")


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)
