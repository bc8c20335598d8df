"""An app whose rows stand in memory: what the kinds ask of it is answered, what they write is written, and it is
published as the product does it (mirror, core, marts). Holds no test and no rule of the server's.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from assets.core.engine import process
from assets.marts.build import build
from assets.ops import create_ops
from marketplace.operations import Operation, action_id
from operations.action import Action, Kind, Moment, Proposed, Skip
from operations.port import Published
from resources.appwrite.writing import Change, Create, Write
from resources.policy_file import policy_text
from tests.core.raw_file import RawFile
from tests.policies import DEFAULT_POLICY

#: A Sunday, 20:00 in Bali.
NOW = datetime(2026, 3, 15, 12, 0)
_TEXT = "VARCHAR"


def _columns(text: str, numbers: str = "", yes_no: str = "") -> dict[str, str]:
    kinds = ((text, _TEXT), (numbers, "BIGINT"), (yes_no, "BOOLEAN"))
    return {name: kind for names, kind in kinds for name in names.split()}


_BOOKING = _columns(
    "bookingId userId providerId providerType providerName assigned_therapist status bookingStatus customerName"
    " customerWhatsApp startTime createdAt responseDeadline acceptedAt respondedAt completedAt cancelledAt cancelledBy"
    " cancellationReason expirationReason reassignedFrom reassignedAt source mode discountCode metadata",
    "duration totalCost confirmationDeadline",
    "isTest",
)
_PROVIDER = _columns(
    "name status timezone city commissionPlan whatsappNumber lastSeenAt createdAt", "", "isTest"
)
TABLES: dict[str, dict[str, str]] = {
    "users": _columns("name phone"),
    "therapists": _PROVIDER,
    "places": _PROVIDER,
    "bookings": _BOOKING,
    "hotel_bookings": _BOOKING,
    "chat_rooms": _columns("bookingId customerId therapistId therapistName status expiresAt createdAt"),
    "chat_messages": _columns(
        "conversationId senderId senderRole receiverId message messageType bookingId timestamp", "", "isRead"
    ),
    "commission_records": _columns(
        "bookingId bookingDocId therapistId therapistName bookingDate serviceDate paymentStatus paymentDeadline source"
        " createdAt paidAt verifiedAt verifiedBy paymentProofUrl paymentProofUploadedAt restrictedAt",
        "bookingAmount reactivationFeeAmount totalAmountDue",
        "reactivationFeeRequired isTest",
    )
    | {"commissionAmount": "DOUBLE", "commissionRate": "DOUBLE"},
    "notifications": _columns(
        "recipientId recipientType type title message sentAt deliveredAt failedAt bookingId", "", "read"
    ),
    "reviews": _columns("bookingId userId providerId createdAt", "rating"),
}
#: What services keep beside, and an operation asks of Appwrite alone.
BESIDE = {
    "booking_offers": _columns(
        "bookingId providerId providerType state offeredAt deadline answeredAt", "round"
    ),
    "service_guards": _columns("kind providerId at", "version"),
}
HELD = TABLES | BESIDE
MARTS = (
    "commission_reconciliation",
    "commission_findings",
    "commission_open",
    "commission_restrictions",
    "commission_ledger",
    "commission_entries",
    "commission_balances",
    "commission_summary",
)


class App:
    """Rows by collection and id. ``now``: its clock, and ours. It is an ``Asking`` of what it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.tables: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in HELD}
        self.asked: list[str] = []
        self._raw: RawFile | None = None
        self._mirrored: dict[str, dict[str, str]] = {name: {} for name in TABLES}

    # What is there --------------------------------------------------------------------------------------

    def put(
        self, collection: str, row_id: str, *, age: timedelta = timedelta(hours=6), **values: Any
    ) -> None:
        written = _written(self.now - age)
        row = {"$id": row_id, "$createdAt": written, "$updatedAt": written, "$permissions": [], **values}
        assert not values.keys() - HELD[collection].keys() - {"$permissions"}, values
        self.tables[collection][row_id] = row

    def change(self, collection: str, row_id: str, **values: Any) -> None:
        self.tables[collection][row_id] |= {**values, "$updatedAt": _written(self.now)}

    def at(self, collection: str, row_id: str) -> dict[str, Any]:
        return self.tables[collection][row_id]

    # What kinds ask -------------------------------------------------------------------------------------

    def row(self, collection: str, row_id: str) -> Mapping[str, Any] | None:
        return self.tables[collection].get(row_id)

    def rows(self, collection: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        found = list(self.tables[collection].values())
        most = 25
        for query in map(json.loads, queries):
            name, values = query.get("attribute"), query.get("values", [])
            self.asked.append(f"{collection}.{query['method']}.{name}")
            if query["method"] == "equal":
                assert name in HELD[collection], f"no column {name}"
                found = [row for row in found if row.get(name) in values]
            elif query["method"] in ("or", "and", "greaterThan"):
                found = [row for row in found if _fits(row, query, HELD[collection])]
            elif query["method"] == "orderDesc":
                found.sort(key=lambda row: row[name], reverse=True)
            elif query["method"] == "limit":
                most = values[0]
            else:
                raise AssertionError(query)
        return found[:most]

    def has(self, collection: str, attribute: str) -> bool:
        return attribute in HELD[collection]

    # What is done ---------------------------------------------------------------------------------------

    def write(self, writes: Sequence[Write]) -> None:
        """As a transaction would: only what exists there, on the version that was seen, one row once."""
        touched = [(write.collection, write.row_id) for write in writes]
        assert len(set(touched)) == len(touched)
        for write in writes:
            assert not write.data.keys() - HELD[write.collection].keys(), write
            table = self.tables[write.collection]
            if isinstance(write, Create):
                assert write.row_id not in table
                assert len(write.row_id) <= 36
                self.put(write.collection, write.row_id, age=timedelta(0), **write.data)
            else:
                assert isinstance(write, Change)
                assert table[write.row_id]["$updatedAt"] == write.seen
                self.change(write.collection, write.row_id, **write.data)

    def apply(self, kind: Kind, proposed: Proposed, *, by: str = "Komang", reason: str = "") -> Action:
        """Take one action of a plan. Fails where it is skipped."""
        action = self.action(kind, proposed, by=by, reason=reason)
        writes = self.writes(kind, action)
        assert not isinstance(writes, Skip), writes
        self.write(writes)
        return replace(action, wrote=frozenset((write.collection, write.row_id) for write in writes))

    def action(self, kind: Kind, proposed: Proposed, *, by: str = "Komang", reason: str = "") -> Action:
        row_id = action_id(Operation(kind.operation), "plan-1", proposed.collection, proposed.row_id)
        return Action(row_id, "plan-1", kind.operation, proposed, self.now.replace(tzinfo=UTC), by, reason)

    def writes(self, kind: Kind, action: Action) -> Sequence[Write] | Skip:
        return kind.writes(action, self.row_of(action), self, self.moment())

    def undo(self, kind: Kind, action: Action) -> Sequence[Write] | Skip:
        return kind.undo(action, self.row_of(action), self, self.moment())

    def row_of(self, action: Action) -> dict[str, Any]:
        return self.at(action.proposed.collection, action.proposed.row_id)

    def moment(self) -> Moment:
        return Moment(self.now.replace(tzinfo=UTC), "Asia/Makassar")

    # What is published ----------------------------------------------------------------------------------

    @contextmanager
    def published(self, *marts: str) -> Generator[Published]:
        """Read what changed, make core and marts of it (all that kinds read, or these), and look at them."""
        self.folder.mkdir(exist_ok=True)
        if self._raw is None:
            self._raw = RawFile(self.folder / "raw.duckdb", TABLES, stored=self.now)
        self._raw.stored = self.now
        for collection, rows in self.tables.items():
            if collection in BESIDE:
                continue
            new = [
                row
                for row in rows.values()
                if self._mirrored[collection].get(row["$id"]) != row["$updatedAt"]
            ]
            self._raw.put(collection, *map(_mirrored, new), at=self.now)
            self._mirrored[collection] |= {row["$id"]: row["$updatedAt"] for row in new}
        path = self.folder / "warehouse.duckdb"
        process(self._raw.path, path, timezone="Asia/Makassar", rules_version="1", now=self.now)
        with duckdb.connect(str(path), config={"threads": 1}) as con:
            create_ops(con)
            con.execute("DELETE FROM ops.scans; DELETE FROM ops.snapshot")
            for collection in TABLES:
                con.execute(
                    "INSERT INTO ops.scans (collection, watermark, completed_at, read_until, required, outcome)"
                    " VALUES ($1, $2, $2, $2, true, 'complete')",
                    [collection, self.now],
                )
            con.execute(
                "INSERT INTO ops.snapshot (snapshot_id, run_id, published_at, rules_version, policy)"
                " VALUES ('s', 'r', ?, '1', ?)",
                [self.now, policy_text()],
            )
            build(con, now=self.now, policy=DEFAULT_POLICY, tables=marts or MARTS)
            yield Published(con, "s", self.now.replace(tzinfo=UTC))

    def plan(self, kind: Kind, published: Published, **ordered: str) -> dict[str, Proposed]:
        """What a kind proposes, by row."""
        return {one.row_id: one for one in kind.plan(published, self.moment(), ordered)}


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "+00:00"


def _mirrored(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the mirror stores it."""
    stored = {name: value for name, value in row.items() if name != "$permissions"}
    for name in ("$createdAt", "$updatedAt"):
        stored[name] = datetime.fromisoformat(stored[name]).astimezone(UTC).replace(tzinfo=None)
    return stored


def _fits(row: Mapping[str, Any], query: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    """Whether a row is one of those that a query of several asks for."""
    method, values = query["method"], query["values"]
    if method in ("or", "and"):
        return (any if method == "or" else all)(_fits(row, one, columns) for one in values)
    name = query["attribute"]
    assert name in columns or name.startswith("$"), f"no column {name}"
    if method == "greaterThan":
        return datetime.fromisoformat(row[name]) > datetime.fromisoformat(values[0])
    assert method == "equal", query
    return row.get(name) in values
