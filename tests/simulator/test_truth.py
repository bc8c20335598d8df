"""Truth: planted sets, invariants, and every fact held against the rows as written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from sandbox.simulator import Simulation, truth
from sandbox.simulator.plan import planted_sizes
from tests.simulator import reading
from tests.simulator.world import SEEDS, UNTIL, world

STAGE_ONE = {
    "missing": 15,
    "duplicate": 11,
    "orphan": 7,
    "not_due": 8,
    "unit_error": 13,
    "wrong_rate": 10,
    "wrong_amount": 14,
    "wrong_provider": 8,
    "source_mismatch": 12,
    "overdue_unmarked": 9,
}
STAGE_TWO = {
    "ambiguous_reference": 4,
    "late_record": 11,
    "deadline_mismatch": 9,
    "overdue_premature": 5,
    "fee_missing": 7,
    "fee_wrong": 6,
    "restriction_mismatch": 4,
    "paid_without_proof": 10,
    "vanished": 5,
}
ROW = {"missing": "booking_id", "restriction_mismatch": "provider_id"}


def test_the_announced_sizes() -> None:
    assert planted_sizes() == STAGE_ONE | STAGE_TWO


@pytest.mark.parametrize("seed", SEEDS)
def test_planted_findings_have_the_announced_sizes_and_are_all_true(seed: int) -> None:
    made = world(seed)
    for finding, size in (STAGE_ONE | STAGE_TWO).items():
        planted = made.simulation.planted[finding]
        assert len(planted) == len(set(planted)) == size, finding
        found = [entry[ROW.get(finding, "commission_id")] for entry in made.truth["findings"][finding]]
        assert len(found) == len(set(found)), finding
        assert set(planted) <= set(found), finding
        # only a clock that stands between two writes of the app can add one
        assert len(found) <= size + 2, finding


@pytest.mark.parametrize("days", [2, 3])
def test_short_histories_hold_every_planted_finding_too(days: int) -> None:
    made = world(3, days)
    assert {f: len(ids) for f, ids in made.simulation.planted.items()} == STAGE_ONE | STAGE_TWO
    for finding, ids in made.simulation.planted.items():
        found = {entry[ROW.get(finding, "commission_id")] for entry in made.truth["findings"][finding]}
        assert set(ids) <= found, finding


def test_without_findings_nothing_is_planted_and_nothing_is_missing() -> None:
    made = world(7, 5, findings=False)
    assert not any(made.simulation.planted.values())
    assert not any(
        made.truth["findings"][finding] for finding in ("missing", "orphan", "duplicate", "unit_error")
    )
    assert made.truth["commission_summary"]["state"] == "perfect"


def test_several_findings_stand_on_one_record() -> None:
    findings = world(7).truth["findings"]
    on_record: dict[str, set[str]] = {}
    for finding, entries in findings.items():
        for entry in entries:
            if entry["commission_id"]:
                on_record.setdefault(entry["commission_id"], set()).add(finding)
    assert sum(len(kinds) > 1 for kinds in on_record.values()) >= 8
    assert {"late_record", "wrong_rate", "source_mismatch", "paid_without_proof"} in on_record.values()


@pytest.mark.parametrize("seed", SEEDS)
def test_bookings_are_what_a_plain_reader_of_the_rows_finds(seed: int) -> None:
    made = world(seed)
    offsets = {p.id: p.offset for p in made.simulation.providers}
    facts, quarantined = made.truth["bookings"], set()
    for table in ("bookings", "hotel_bookings"):
        for id_, row in made.tables[table].items():
            read = reading.booking(row, offsets)
            if read is None:
                quarantined.add(id_)
                continue
            expected = {key: facts[id_][key] for key in read}
            assert read == expected, (id_, row)
            assert facts[id_]["origin"] == table
    written = {*made.tables["bookings"], *made.tables["hotel_bookings"]}
    assert set(facts) == written - quarantined
    assert not written & made.truth["deleted_bookings"].keys()
    counts = made.truth["counts"]
    assert quarantined == {*counts["bookings"]["quarantined"], *counts["hotel_bookings"]["quarantined"]}
    assert len(quarantined) == 8


@pytest.mark.parametrize("seed", SEEDS)
def test_commissions_are_what_a_plain_reader_of_the_rows_finds(seed: int) -> None:
    made = world(seed)
    offsets = {p.id: p.offset for p in made.simulation.providers}
    facts, quarantined = made.truth["commissions"], set()
    for id_, row in made.tables["commission_records"].items():
        read = reading.commission(row, offsets)
        if read is None:
            quarantined.add(id_)
            continue
        assert read == {key: facts[id_][key] for key in read}, (id_, row)
    assert quarantined == set(made.truth["counts"]["commission_records"]["quarantined"])
    assert len(quarantined) == 3


@pytest.mark.parametrize("seed", SEEDS)
def test_payment_facts_stand_in_the_rows(seed: int) -> None:
    made = world(seed)
    rows = made.tables["commission_records"]
    bare = {entry["commission_id"] for entry in made.truth["findings"]["paid_without_proof"]}
    no_fee = {entry["commission_id"] for entry in made.truth["findings"]["fee_missing"]}
    for id_, row in rows.items():
        if made.truth["commissions"].get(id_, {}).get("status") == "paid":
            assert (reading.first(row, "paymentProofUrl", "paymentProofImage") is None) == (id_ in bare)
    assert all(reading.first(rows[id_], "reactivationFeeAmount", "lateFee") is None for id_ in no_fee)
    for entry in made.truth["findings"]["fee_wrong"]:
        fee = reading.first(rows[entry["commission_id"]], "reactivationFeeAmount", "lateFee")
        assert fee == entry["actual_idr"] != 25_000
    for provider in made.simulation.providers:
        assert made.tables[provider.table][provider.id]["status"] == provider.status


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sums_of_the_truth_agree_with_each_other(seed: int) -> None:
    figures = world(seed).truth
    summary, rows, findings = figures["commission_summary"], figures["reconciliation"], figures["findings"]
    parts = ("tracked", "missing", "awaiting", "unknown")
    assert summary["eligible"] == sum(summary[part] for part in parts)
    assert summary["tracking_rate"] == summary["tracked"] / (summary["tracked"] + summary["missing"])
    assert summary["state"] == "critical"
    states = [row["state"] for row in rows]
    assert summary["tracked"] == states.count("matched") + states.count("mismatched")
    for state in ("missing", "orphan", "not_due"):
        assert states.count(state) == len(findings[state])
    assert summary["expected_idr"] == sum(row["expected_idr"] or 0 for row in rows)
    judged = [row["booking_id"] for row in rows if row["booking_id"]]
    assert len(judged) == len(set(judged))
    records = [row["commission_id"] for row in rows if row["commission_id"]]
    assert len(records) == len(set(records))
    counted = [b for b in figures["bookings"].values() if not b["is_test"] and b["deleted_at"] is None]
    earning = [b for b in counted if b["status"] in ("accepted", "confirmed", "completed")]
    assert summary["eligible"] == len(earning)
    assert figures["revenue_totals"]["bookings"] == len(counted)
    assert figures["revenue_totals"]["booked_idr"] == sum(b["amount_idr"] or 0 for b in earning)
    assert sum(c["created"] for c in figures["source_conversion"]) == len(counted)
    assert (
        sum(c["booked_idr"] for c in figures["source_conversion"]) == figures["revenue_totals"]["booked_idr"]
    )
    matched = [row for row in rows if row["state"] == "matched"]
    assert all(row["expected_idr"] == row["actual_idr"] for row in matched)
    paid = [
        c["commission_idr"] or 0
        for c in figures["commissions"].values()
        if c["status"] == "paid" and not c["is_test"] and c["deleted_at"] is None
    ]
    assert figures["revenue_totals"]["collected_idr"] == sum(paid)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_closes_with_what_is_open_and_pays_what_was_collected(seed: int) -> None:
    figures = world(seed).truth
    closing = {row["provider_id"]: row["closing_idr"] for row in figures["ledger"]}
    assert {provider: owed for provider, owed in closing.items() if owed} == {
        provider: owed for provider, owed in figures["open_idr"].items() if owed
    }
    totals = {
        column: sum(row[column] for row in figures["ledger"])
        for column in ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
    }
    assert all(totals.values())
    assert totals["accrued_idr"] == sum(
        c["commission_idr"] or 0 for c in figures["commissions"].values() if not c["is_test"]
    )
    fees_paid = totals["paid_idr"] - figures["revenue_totals"]["collected_idr"]
    assert 0 < fees_paid < totals["fees_idr"]


def test_counts_are_the_rows_of_the_tables() -> None:
    made = world(7)
    for table, counted in made.truth["counts"].items():
        assert counted["rows"] == len(made.tables[table])
    assert set(made.tables) == set(made.truth["counts"])


def test_the_sentinels_are_written_once_each_as_announced() -> None:
    made = world(7)
    sentinels = made.truth["sentinels"]
    bookings = made.tables["bookings"].values()
    assert [r["customerWhatsApp"] for r in bookings if r.get("customerName") == sentinels["name"]] == [
        sentinels["phone"]
    ]
    said = [
        m
        for m in made.tables["chat_messages"].values()
        if sentinels["message"] in (m.get("message"), m.get("content"), m.get("originalText"))
    ]
    assert len(said) == 1
    assert sentinels["phone_e164"] == "+62" + sentinels["phone"].replace("-", "")[1:]
    assert made.truth["personal"]["texts"] > 5_000


def test_the_truth_is_json_and_refuses_an_unfinished_history() -> None:
    assert json.loads(json.dumps(world(7).truth)) == world(7).truth
    with pytest.raises(ValueError, match="until"):
        truth(Simulation(7, 1, UNTIL))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_booking_is_awaiting_at_the_end_and_tracked_soon_after(seed: int) -> None:
    made = world(seed)
    waiting = [row["booking_id"] for row in made.truth["reconciliation"] if row["state"] == "awaiting"]
    assert len(waiting) == made.truth["commission_summary"]["awaiting"] == 1
    simulation = Simulation(seed, 2, UNTIL)
    for _ in simulation.run_until(UNTIL + timedelta(seconds=30)):
        pass
    later = truth(simulation)
    assert later["as_of"] == "2026-11-20T12:30:30.000Z"
    assert later["commission_summary"]["awaiting"] == 0
    assert later["commission_summary"]["missing"] == STAGE_ONE["missing"]


def test_planted_abuse_is_over_the_limits() -> None:
    made = world(7)
    hour = 3_600_000
    for customer in made.truth["abuse_planted"]["bookings"]:
        moments = sorted(b.created for b in made.simulation.bookings.values() if b.customer.id == customer)
        assert any(late - early <= hour for early, late in zip(moments, moments[5:], strict=False))
    for customer in made.truth["abuse_planted"]["messages"]:
        said = sorted(
            datetime.fromisoformat(m["timestamp"]).timestamp()
            for m in made.tables["chat_messages"].values()
            if m["senderId"] == customer
        )
        assert any(late - early <= 3600 for early, late in zip(said, said[30:], strict=False))
    assert all(len(ids) == 2 for ids in made.truth["abuse_planted"].values())
