"""What the rows say: their numbers, each booking, each record, what is odd about any."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sandbox.simulator.simulation import Simulation
from sandbox.simulator.times import zulu
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import NOT_LIVE, text_of
from sandbox.simulator.world import Booking, Record


def counts(known: Known) -> dict[str, dict[str, Any]]:
    simulation = known.simulation
    tests = Counter(b.table for b in known.standing if b.is_test)
    tests["commission_records"] = sum(1 for r in known.records if r.deleted is None and known.is_test(r))
    return {
        table: {
            "rows": rows,
            "deleted": sorted(simulation.deleted_rows.get(table, ())),
            "test_rows": tests[table],
            "quarantined": sorted(simulation.quarantined.get(table, ())),
        }
        for table, rows in sorted(simulation.rows.items())
    }


def booking_facts(known: Known) -> dict[str, dict[str, Any]]:
    return {
        b.key: {
            "origin": b.table,
            "status": b.status,
            "source": b.source,
            "mode": b.mode,
            "amount_idr": b.amount,
            "amount_rule": b.amount_rule,
            "minutes": b.known_minutes,
            "created_at": zulu(b.created),
            "starts_at": text_of(b.known_start),
            "response_deadline": text_of(b.known_deadline),
            "accepted_at": text_of(b.known_accepted),
            "responded_at": text_of(b.known_responded),
            "completed_at": text_of(b.known_completed),
            "provider_id": b.provider.id,
            "customer_id": b.known_customer,
            "is_test": b.is_test,
            "deleted_at": text_of(b.deleted),
        }
        for b in known.readable
    }


def commission_facts(known: Known) -> dict[str, dict[str, Any]]:
    facts: dict[str, dict[str, Any]] = {}
    for r in known.records:
        booking = known.booking_of(r)
        facts[r.id] = {
            "commission_idr": r.commission,
            "booking_amount_idr": r.base,
            "rate_ppm": r.rate_ppm,
            "amount_rule": "thousands" if r.in_thousands else "rupiah",
            "status": r.status,
            "is_live": r.status not in NOT_LIVE,
            "source": r.source,
            "created_at": zulu(r.created),
            "deadline_at": text_of(r.deadline),
            "paid_at": text_of(r.paid_at),
            "provider_id": r.provider.id if r.names_provider else None,
            "booking_id": booking.id if booking else None,
            "is_test": known.is_test(r),
            "deleted_at": text_of(r.deleted),
        }
    return facts


def data_findings(known: Known) -> dict[str, list[str]]:
    standing, odd_rows = known.standing, known.simulation.odd_rows
    records = [r for r in known.records if r.deleted is None]

    def ids(rows: Iterable[Booking | Record]) -> list[str]:
        return sorted(row.id for row in rows)

    found = {
        "amount_unknown": ids(b for b in standing if b.amount is None and not b.amount_findings),
        "amount_disagrees": ids(b for b in standing if b.amount_disagrees),
        "creation_unreadable": sorted(i for group in known.simulation.quarantined.values() for i in group),
        "status_unknown": ids(b for b in standing if b.status == "unknown"),
        "commission_status_unknown": ids(r for r in records if r.status == "unknown"),
        "in_the_future": ids(row for row in (*standing, *records) if _says_not_yet(row)),
        "reference_case": ids(b for b in standing if b.recased),
        "refund_amount_unknown": ids(r for r in records if r.partly_refunded),
    }
    for code in ("amount_in_thousands", "amount_implausible", "amount_currency"):
        found[code] = ids(row for row in (*standing, *records) if code in row.amount_findings)
    found["reference_case"] += ids(r for r in records if r.recased_provider or r.id in known.reference_case)
    for code, rows in odd_rows.items():
        found[code] = sorted((*found[code], *rows))
    return found


def _says_not_yet(row: Booking | Record) -> bool:
    """Whether the row as it stands says of a thing that it happened at an instant that is not yet."""
    attribute = row.marks.get("ahead")
    if row.ahead is None or attribute is None:
        return False
    if isinstance(row, Record):
        return attribute == "record" or (attribute in ("paidAt", "verifiedAt") and row.status == "paid")
    moments = {"createdAt": True, "acceptedAt": row.accepted is not None}
    return moments.get(attribute, attribute == "completedAt" and row.status == "completed")


def peculiar(simulation: Simulation) -> dict[str, list[str]]:
    """What was planted that is no finding by itself."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for booking in simulation.bookings.values():
        for mark, variant in booking.marks.items():
            if mark not in simulation.planted:
                kinds[f"{mark}:{variant}" if variant else mark].append(booking.id)
    return {kind: sorted(ids) for kind, ids in sorted(kinds.items())}
