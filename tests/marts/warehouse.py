"""A warehouse in memory whose core and ops tables are filled by hand. Not here: any expectation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb

from assets.marts.build import BuildOutcome, build
from assets.ops import create_ops
from checks.schemas import CORE
from checks.schemas.sql import create_table
from marketplace.policy import Policy
from tests.policies import DEFAULT_POLICY

#: A Sunday, 20:00 in Bali.
NOW = datetime(2026, 3, 15, 12, 0)

DEFAULTS: dict[str, dict[str, Any]] = {
    "core.bookings": {
        "origin": "bookings",
        "customer_id": None,
        "provider_id": "p1",
        "provider_type": "therapist",
        "provider_name": "Spa One",
        "status": "completed",
        "raw_status": "completed",
        "source": "bookingButton",
        "source_rule": "explicit",
        "mode": "immediate",
        "mode_rule": "mode",
        "service_minutes": 60,
        "amount_idr": 250_000,
        "amount_rule": "totalCost",
        "discounted": False,
        "has_source_value": True,
        "has_mode_value": True,
        "has_schedule_value": False,
        "utc_offset_minutes": 480,
        "is_test": False,
        "change": 1,
    },
    "core.booking_events": {"origin": "bookings", "change": 1},
    "core.commissions": {
        "provider_id": "p1",
        "booking_amount_idr": 250_000,
        "rate": 0.3,
        "rate_ppm": 300_000,
        "commission_idr": 75_000,
        "amount_rule": "rupiah",
        "is_implausible": False,
        "status": "paid",
        "raw_status": "paid",
        "is_live": True,
        "source": None,
        "proof_state": "present",
        "paid_rule": "creation",
        "fee_state": "absent",
        "utc_offset_minutes": 480,
        "is_test": False,
        "change": 1,
    },
    "core.messages": {"sender_role": "customer", "kind": "text", "is_read": True, "change": 1},
    "core.notifications": {"recipient_type": "therapist", "change": 1},
    "core.providers": {
        "provider_type": "therapist",
        "provider_name": "Spa One",
        "status": "AVAILABLE",
        "utc_offset_minutes": 480,
        "notifications_enabled": True,
        "sound_enabled": True,
        "change": 1,
    },
    "core.booking_offers": {"provider_type": "therapist", "round": 1, "change": 1},
    "core.reviews": {"provider_id": "p1", "rating": 5, "change": 1},
    "core.provider_states": {"provider_type": "therapist", "change": 1},
    "core.booking_providers": {"origin": "bookings", "change": 1},
    "core.booking_handovers": {"origin": "bookings", "change": 1},
    "core.data_findings": {"change": 1, "code": "noted.empty", "args": "{}"},
    "core.quarantined": {"change": 1},
    "core.chat_rooms": {"status": "active", "provider_id": "p1", "utc_offset_minutes": 480, "change": 1},
    "ops.health_changes": {"message": ""},
    "ops.quarantine_gone": {"reasons": '["creation_unreadable"]'},
    "ops.mirror_rows": {"deleted": 0, "quarantined": 0, "forgotten": 0},
    "ops.scans": {"required": True, "outcome": "complete"},
}


@cache
def _empty() -> str:
    """What makes an empty warehouse as the product does: asking for each whether every table is there took longer."""
    with duckdb.connect() as con:
        create_ops(con)
        con.execute("; ".join(["CREATE SCHEMA IF NOT EXISTS core", *map(create_table, CORE.values())]))
        made = con.execute(
            "SELECT sql FROM duckdb_tables() UNION ALL SELECT sql FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    return "".join(["CREATE SCHEMA core; CREATE SCHEMA ops;", *(sql for (sql,) in made)])


class Warehouse:
    """Rows are added with the defaults above; ``build`` makes the marts as of ``now``. ``con``: one whose tables of
    core are derived already (else an empty one is made); ``scanned``: whether every collection was read to its end."""

    def __init__(
        self, now: datetime = NOW, con: duckdb.DuckDBPyConnection | None = None, *, scanned: bool = True
    ) -> None:
        self.now = now
        self._con = con or duckdb.connect(config={"threads": 1})
        self._built: dict[str, set[str]] = {}
        if con is None:
            self._con.execute(_empty())
        else:
            create_ops(con)
        if scanned:
            for collection in ("bookings", "chat_messages", "commission_records", "notifications"):
                self.scan(collection)

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection, for what this class has no words for: whoever takes it may change rows."""
        self._built.clear()
        return self._con

    def add(self, name: str, **values: Any) -> None:
        row = {**DEFAULTS[name], **values}
        self.con.execute(
            f"INSERT INTO {name} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )

    def scan(
        self,
        collection: str,
        at: datetime | None = None,
        watermark: datetime | None = None,
        read_until: datetime | None = None,
    ) -> None:
        at = at or self.now
        self.con.execute("DELETE FROM ops.scans WHERE collection = ?", [collection])
        self.add(
            "ops.scans",
            collection=collection,
            completed_at=at,
            watermark=watermark or at,
            read_until=read_until,
        )

    def begun(self, collection: str) -> None:
        """Let the first scan of a collection have broken off, as in a first run in which it failed."""
        self.con.execute("DELETE FROM ops.scans WHERE collection = ?", [collection])
        self.add("ops.scans", collection=collection, outcome="partial")

    def booking(self, booking_id: str = "b1", **values: Any) -> None:
        values.setdefault("created_at", self.now - timedelta(days=2))
        values.setdefault(
            "earns", values.get("status", "completed") in ("accepted", "confirmed", "completed")
        )
        self.add("core.bookings", booking_id=booking_id, **values)

    def commission(self, commission_id: str = "c1", booking_ref: str | None = "b1", **values: Any) -> None:
        values.setdefault("created_at", self.now - timedelta(days=2))
        self.add("core.commissions", commission_id=commission_id, booking_ref=booking_ref, **values)

    def provider(self, provider_id: str = "p1", **values: Any) -> None:
        values.setdefault("last_seen_at", self.now)
        values.setdefault("created_at", self.now - timedelta(days=90))
        self.add("core.providers", provider_id=provider_id, **values)

    def message(self, message_id: str, **values: Any) -> None:
        values.setdefault("sent_at", self.now - timedelta(hours=1))
        self.add("core.messages", message_id=message_id, **values)

    def room(self, room_id: str = "r1", booking_ref: str | None = "b1", **values: Any) -> None:
        values.setdefault("created_at", self.now - timedelta(hours=2))
        self.add("core.chat_rooms", room_id=room_id, booking_ref=booking_ref, **values)

    def notification(
        self, notification_id: str, *, age: timedelta, delivered: bool = True, **values: Any
    ) -> None:
        sent = self.now - age
        self.add(
            "core.notifications",
            notification_id=notification_id,
            sent_at=sent,
            created_at=sent,
            delivered_at=sent if delivered else None,
            **values,
        )

    def review(self, review_id: str, rating: int | None = 5, **values: Any) -> None:
        values.setdefault("created_at", self.now - timedelta(days=1))
        self.add("core.reviews", review_id=review_id, rating=rating, **values)

    def offer(
        self,
        booking_id: str,
        provider_id: str,
        state: str,
        *,
        at: datetime,
        answer: timedelta | None = None,
        deadline: timedelta = timedelta(minutes=5),
        **values: Any,
    ) -> None:
        """An offer of a booking, made ``at``, which ended so long after it."""
        self.add(
            "core.booking_offers",
            **{
                "offer_id": f"of_{booking_id}_{provider_id}",
                "booking_id": booking_id,
                "provider_id": provider_id,
                "state": state,
                "offered_at": at,
                "created_at": at,
                "deadline": at + deadline,
                "answered_at": None if answer is None else at + answer,
                **values,
            },
        )

    def states(self, provider_id: str, *statuses: tuple[datetime, str | None], **values: Any) -> None:
        """The statuses a provider was seen to have, each from an instant on."""
        for change, (at, status) in enumerate(statuses, start=1):
            self.add(
                "core.provider_states",
                provider_id=provider_id,
                status=status,
                observed_at=at,
                change=change,
                **values,
            )

    def held(self, booking_id: str, *holders: tuple[datetime, str | None], **values: Any) -> None:
        """Whose a booking was seen to be, each from an instant on; the last as in the booking."""
        before: str | None = None
        for change, (at, provider_id) in enumerate(holders, start=1):
            self.add(
                "core.booking_providers",
                booking_id=booking_id,
                from_provider_id=before,
                to_provider_id=provider_id,
                observed_at=at,
                change=change,
                **values,
            )
            before = provider_id

    def build(
        self, tables: Iterable[str] | None = None, *, policy: Policy = DEFAULT_POLICY, **options: Any
    ) -> BuildOutcome:
        outcome = build(self.con, now=self.now, policy=policy, tables=tables, **options)
        self._built = {self._given(policy, options): set(outcome.rows)}
        return outcome

    def _given(self, policy: Policy, options: dict[str, Any]) -> str:
        return repr((self.now, policy, sorted(options.items())))

    def stand(self, *tables: str, policy: Policy = DEFAULT_POLICY, **options: Any) -> None:
        """``build`` of these, unless they stand as they would be built: no row, moment or option changed since."""
        if not self._built.get(self._given(policy, options), set()).issuperset(tables):
            self.build(tables, policy=policy, **options)

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = self._con.sql(query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    def reconciled(self, **options: Any) -> list[dict[str, Any]]:
        self.stand("commission_reconciliation", **options)
        return self.rows("FROM marts.commission_reconciliation ORDER BY booking_id, commission_id")

    def findings(self, **options: Any) -> set[str]:
        """The ids of all findings."""
        self.stand("commission_findings", **options)
        return {row["finding_id"] for row in self.rows("FROM marts.commission_findings")}

    def finding(self, code: str, **options: Any) -> dict[str, Any]:
        """The one finding of a code. Fails if there is not exactly one."""
        self.stand("commission_findings", **options)
        (row,) = self.rows(f"FROM marts.commission_findings WHERE finding = '{code}'")
        return row
