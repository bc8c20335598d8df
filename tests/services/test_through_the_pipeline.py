"""Bookings made and moved by the commands of services, read by the pipeline: it finds nothing, and counts what happened
(test_busy_day.py has a thousand of them, through the API and whole runs)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core.engine import process
from assets.ops import create_ops
from checks.every import registry_of
from marketplace.collections import OFFERS
from marketplace.new_bookings import CANONICAL
from tests.core.raw_file import RawFile
from tests.marts.warehouse import Warehouse
from tests.services.booking_world import MENU, make
from tests.services.moves_desk import COLUMNS, Desk, customer

ENDS = ("completed", "passed on", "unanswered", "cancelled", "cancelled late", "handed over", "declined")
BOOKINGS = 21
MARTS = (
    *("booking_anomalies", "booking_funnel", "commission_findings", "commission_summary", "data_findings"),
    *("member_health", "providers", "reassignments"),
)
CHECKS = registry_of({})
HELD = ("offer_accepted", "offer_closed", "zero_missing_commission", "no_missing")


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)


def lived() -> Desk:
    """A day of it: each booking an hour after the one before, of a customer of its own, with whoever is free."""
    desk = Desk(0)
    desk.server.columns["bookings"] = frozenset(CANONICAL) | frozenset(COLUMNS["bookings"])
    del desk.server.columns["commission_records"]
    for n in range(1, 7):
        desk.provider(f"t{n}", pricing=json.dumps(MENU), whatsappNumber=f"+62819999999{n:02d}")
    for n in range(BOOKINGS):
        end, asked = ENDS[n % len(ENDS)], f"t{n % 6 + 1}"
        starts = (desk.server.now + timedelta(minutes=30)).isoformat() + "Z"
        made = make(
            desk.server,
            by=customer(f"u{n}"),
            key=f"k{n}",
            entry="schedule",
            providerId=asked,
            startsAt=starts,
            name=f"Guest {n}",
            whatsapp=f"0812300{n:05d}",
        )
        _go_on(desk, made.booking_id, asked, end)
        desk.passes(hours=3)
    return desk


def _go_on(desk: Desk, booking: str, asked: str, end: str) -> None:
    def has_it() -> str:
        return next(whose for whose, state in desk.offers(booking) if state == "offered")

    if end == "cancelled":
        desk.cancel(customer(desk.booking(booking)["userId"]), booking)
        return
    desk.passes(minutes=1)
    if end == "declined":
        while desk.booking(booking)["status"] == "pending":
            desk.decline(has_it(), booking)
            desk.dispatch()
        return
    if end == "unanswered":
        while desk.booking(booking)["status"] == "pending":
            desk.passes(minutes=40)
            desk.dispatch()
        return
    if end == "passed on":
        desk.decline(asked, booking)
        desk.dispatch()
    holder = has_it()
    desk.accept(holder, booking)
    if end == "handed over":
        other = next(f"t{n}" for n in range(1, 7) if f"t{n}" != holder)
        desk.reassign(other, booking)
        desk.accept(has_it(), booking)
        holder = other
    if end == "cancelled late":
        desk.cancel(holder, booking, reason="ill")
        return
    desk.passes(minutes=100)
    desk.complete(holder, booking)
    for record in desk.records(booking):
        if record["paymentStatus"] == "pending":
            record |= {"paymentStatus": "paid", "paidAt": desk.server.now.isoformat() + "Z"}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return lived()


@pytest.fixture(scope="module")
def seen(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse that comes of its rows."""
    now = desk.server.now
    path: Path = tmp_path_factory.mktemp("seen") / "raw.duckdb"
    tables = {
        name: {key: "VARCHAR" for row in rows.values() for key in row if key[0] != "$"}
        for name, rows in desk.server.tables.items()
    }
    raw = RawFile(path, tables, stored=now)
    for name, rows in desk.server.tables.items():
        told = [
            {
                key: _as_mirrored(key, value)
                for key, value in row.items()
                if key in tables[name] or key in _OWN
            }
            for row in rows.values()
        ]
        raw.put(name, *told, at=now)
        raw.scanned(name, at=now)
    con = duckdb.connect(config={"threads": 1})
    process(path, con, timezone="Asia/Makassar", rules_version="1", now=now)
    create_ops(con)
    w = Warehouse(now, con)
    for name in tables:
        w.scan(name)
    w.build(MARTS)
    return w


_OWN = ("$id", "$createdAt", "$updatedAt")


def _as_mirrored(key: str, value: Any) -> Any:
    if key in ("$createdAt", "$updatedAt"):
        return instant(value)
    return value if value is None or key == "$id" else str(value)


def test_nothing_is_found(seen: Warehouse) -> None:
    for table in ("data_findings", "commission_findings", "booking_anomalies"):
        assert seen.rows(f"FROM marts.{table}") == []
    assert {name: CHECKS[name].run(seen.con).found for name in HELD} == dict.fromkeys(HELD, ())


def test_what_happened_is_what_is_counted(desk: Desk, seen: Warehouse) -> None:
    offers = list(desk.rows(OFFERS).values())
    (row,) = seen.rows(
        "SELECT sum(requests) AS requests, sum(accepted) AS accepted, sum(declined) AS declined,"
        " sum(expired) AS expired, sum(completed) AS completed, sum(cancelled) AS cancelled FROM marts.providers"
    )
    states = Counter(offer["state"] for offer in offers)
    ended = Counter(booking["status"] for booking in desk.rows("bookings").values())
    assert {key: int(value) for key, value in row.items()} == {
        "requests": len(offers),
        "accepted": states["accepted"],
        "declined": states["declined"],
        "expired": states["expired"],
        "completed": ended["completed"],
        "cancelled": ended["cancelled"],
    }
    assert min(states["declined"], states["expired"], ended["declined"], ended["expired"]) > 0
    (missed,) = seen.rows("SELECT sum(missed_requests) AS n FROM marts.member_health")
    day = [
        o
        for o in offers
        if o["state"] == "expired" and instant(o["offeredAt"]) >= seen.now - timedelta(days=1)
    ]
    assert missed["n"] == len(day)


def test_who_accepts_is_no_hand_over_and_who_was_given_it_is(seen: Warehouse) -> None:
    assert len(seen.rows("FROM marts.reassignments")) == BOOKINGS // len(ENDS)
