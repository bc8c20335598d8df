"""A mirror written by hand and what one run makes of it under a frozen clock: core, marts, ledger. Holds no test."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from assets.core.derive import derive
from assets.marts.make import build_marts, make_marts
from assets.ops import create_ops, mirror_bookkeeping
from marketplace.collections import REQUIRED
from pipelines.run import open_run
from resources.raw.control_tables import DDL
from resources.run_report import CollectionScan, Run
from resources.settings import Settings
from resources.warehouse import open_warehouse
from tests.core.raw_file import RawFile

#: A Sunday, 20:00 in Bali: 19:00 in Jakarta, 21:00 in Jayapura.
NOW = datetime(2026, 3, 15, 12, 0)
TEXT, FLAG = "VARCHAR", "BOOLEAN"
TABLES = {
    "bookings": dict.fromkeys(
        (
            "bookingId",
            "userId",
            "status",
            "providerId",
            "price",
            "createdAt",
            "source",
            "mode",
            "acceptedAt",
            "completedAt",
            "responseDeadline",
            "startTime",
            "customerName",
            "totalCost",
        ),
        TEXT,
    )
    | {"isTest": FLAG},
    "commission_records": dict.fromkeys(
        (
            "bookingId",
            "therapistId",
            "bookingAmount",
            "commissionAmount",
            "commissionRate",
            "paymentStatus",
            "createdAt",
            "paidAt",
        ),
        TEXT,
    ),
    "chat_messages": dict.fromkeys(("conversationId", "bookingId", "senderId", "timestamp"), TEXT),
    "chat_rooms": dict.fromkeys(("bookingId", "createdAt"), TEXT),
    "notifications": dict.fromkeys(
        ("recipientId", "recipientType", "bookingId", "metadata", "sentAt", "deliveredAt", "failedAt"), TEXT
    ),
    "therapists": dict.fromkeys(("name", "timezone"), TEXT),
}
SCANNED = ("bookings", "chat_messages", "commission_records", "chat_rooms", "notifications")


def stamp(instant: datetime) -> str:
    return instant.isoformat() + "Z"


class Market:
    """A home with a mirror one can write to. ``judge`` makes core and marts of it as of an instant."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True)
        self.raw = RawFile(home / "raw.duckdb", TABLES, stored=NOW + DAY)
        self.scans: dict[str, datetime] = {}
        with duckdb.connect(str(self.raw.path)) as con:
            con.execute(DDL)

    def scanned(self, at: datetime = NOW, *, collections: tuple[str, ...] = SCANNED) -> None:
        """Let a complete scan of the collections have ended at an instant."""
        with duckdb.connect(str(self.raw.path)) as con:
            for collection in collections:
                con.execute("DELETE FROM _watermarks WHERE collection = ?", [collection])
                con.execute(
                    "INSERT INTO _watermarks (collection, watermark, completed_at) VALUES (?, ?, ?)",
                    [collection, at, at],
                )

    def booking(self, name: str, created: datetime, **attributes: Any) -> None:
        row = {"status": "pending", "price": "250", "source": "direct", "mode": "immediate"} | attributes
        row = {key: value for key, value in row.items() if value is not None}
        self.raw.put("bookings", {"$id": name, "$createdAt": created, "createdAt": stamp(created), **row})

    def commission(self, name: str, booking: str, created: datetime, **attributes: Any) -> None:
        row = {"bookingAmount": "250000", "commissionAmount": "75000", "commissionRate": "0.3"}
        row |= {"paymentStatus": "pending", "bookingId": booking, "createdAt": stamp(created)} | attributes
        self.raw.put("commission_records", {"$id": name, "$createdAt": created, **row})

    def notifications(self, sent: datetime, delivered: int, of: int, **attributes: Any) -> None:
        rows: list[dict[str, Any]] = []
        for number in range(of):
            arrived = {"deliveredAt": stamp(sent)} if number < delivered else {}
            rows.append(
                {
                    "$id": f"n{self.raw.change}-{number}",
                    "$createdAt": sent,
                    "sentAt": stamp(sent),
                    **attributes,
                    **arrived,
                }
            )
        self.raw.put("notifications", *rows)

    def settings(self, now: datetime, zone: str = "Asia/Makassar", **more: Any) -> Settings:
        return Settings(home=self.home, now=now.replace(tzinfo=UTC), timezone=zone, **more)

    def run(self, now: datetime = NOW, zone: str = "Asia/Makassar") -> None:
        """Core, marts and ledger as a run at that instant makes them."""
        with self._derived(now, zone) as run:
            make_marts(run, _scans())

    def judge(self, now: datetime = NOW, zone: str = "Asia/Makassar") -> dict[int, dict[str, Any]]:
        """The seven points as of an instant. Of the marts those alone are made that they are judged by, and the ledger
        does not hear of it."""
        with self._derived(now, zone) as run, run.warehouse.open() as con:
            create_ops(con)
            mirror_bookkeeping(con, run, _scans())
            build_marts(con, run, ["health_points"])
        return self.points()

    def points(self) -> dict[int, dict[str, Any]]:
        """The seven points as they were made last."""
        return {row["point"]: row for row in self.rows("FROM marts.health_points ORDER BY point")}

    @contextmanager
    def _derived(self, now: datetime, zone: str) -> Generator[Run]:
        settings = self.settings(now, zone)
        settings.home.create()
        with open_run(settings) as begun:
            derive(begun.run)
            yield begun.run

    def rows(self, query: str) -> list[dict[str, Any]]:
        with open_warehouse(self.home / "warehouse.duckdb", read_only=True) as con:
            found = con.sql(query)
            return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def _scans() -> list[CollectionScan]:
    return [CollectionScan(name, name in REQUIRED, "complete") for name in SCANNED]


def statuses(points: Mapping[int, Mapping[str, Any]]) -> dict[int, str]:
    return {number: point["status"] for number, point in points.items()}


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
