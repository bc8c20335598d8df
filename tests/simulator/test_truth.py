"""Truth: planted sets, invariants, and every fact held against the rows as written."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.simulator import Simulation, truth
from sandbox.simulator.plan import planted_sizes
from tests.simulator import reading
from tests.simulator.world import SEEDS, UNTIL, World, world

STAGE_ONE = {
    "missing": 17,
    "duplicate": 14,
    "orphan": 7,
    "not_due": 8,
    "unit_error": 16,
    "wrong_rate": 10,
    "wrong_amount": 20,
    "wrong_provider": 8,
    "source_mismatch": 12,
    "overdue_unmarked": 9,
}
STAGE_TWO = {
    "ambiguous_reference": 6,
    "late_record": 11,
    "deadline_mismatch": 9,
    "overdue_premature": 5,
    "fee_missing": 7,
    "fee_wrong": 8,
    "restriction_mismatch": 4,
    "paid_without_proof": 10,
    "vanished": 5,
    "refund_record": 7,
}
ANOMALIES = {"overlapping_bookings": 9}
ROW = {"missing": "booking_id", "restriction_mismatch": "provider_id"}


def known(made: World) -> reading.Known:
    offsets = {provider.id: provider.offset for provider in made.simulation.providers}
    return reading.Known(offsets, set(made.tables["users"]), UNTIL)


def bookings_of(made: World) -> list[tuple[str, str, dict[str, Any]]]:
    """(table, key in the truth, row) of every booking. A row id of bookings may stand in hotel_bookings too."""
    return [
        (
            table,
            f"{id_}:{table}" if table == "hotel_bookings" and id_ in made.tables["bookings"] else id_,
            row,
        )
        for table in ("bookings", "hotel_bookings")
        for id_, row in made.tables[table].items()
    ]


def test_the_announced_sizes() -> None:
    assert planted_sizes() == STAGE_ONE | STAGE_TWO | ANOMALIES


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
    assert made.truth["sizes"] == STAGE_ONE | STAGE_TWO | ANOMALIES
    for finding in STAGE_ONE | STAGE_TWO:
        ids = made.simulation.planted[finding]
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
    facts, quarantined, written = made.truth["bookings"], set(), set()
    for table, key, row in bookings_of(made):
        written.add(key)
        read = reading.booking(row, known(made))
        if read is None:
            quarantined.add(key)
            continue
        assert read == {name: facts[key][name] for name in read}, (key, row)
        assert facts[key]["origin"] == table
    assert set(facts) == written - quarantined
    assert not written & made.truth["deleted_bookings"].keys()
    counts = made.truth["counts"]
    assert quarantined == {*counts["bookings"]["quarantined"], *counts["hotel_bookings"]["quarantined"]}
    assert len(quarantined) == 8


@pytest.mark.parametrize("seed", SEEDS)
def test_commissions_are_what_a_plain_reader_of_the_rows_finds(seed: int) -> None:
    made = world(seed)
    facts, quarantined = made.truth["commissions"], set()
    zones = {}
    for _, key, row in bookings_of(made):
        if (fact := made.truth["bookings"].get(key)) is not None:
            for ref in (key, row.get("bookingId") or key):
                zones[ref] = known(made).offsets[fact["provider_id"]]
    for id_, row in made.tables["commission_records"].items():
        read = reading.commission(row, known(made), zones)
        if read is None:
            quarantined.add(id_)
            continue
        assert read == {key: facts[id_][key] for key in read}, (id_, row)
    assert quarantined == set(made.truth["counts"]["commission_records"]["quarantined"])
    assert len(quarantined) == 3


@pytest.mark.parametrize("seed", SEEDS)
def test_data_findings_about_amounts_are_what_a_plain_reader_of_the_rows_finds(seed: int) -> None:
    made = world(seed)
    found: dict[str, list[str]] = {
        code: []
        for code in ("amount_unknown", "amount_in_thousands", "amount_implausible", "amount_currency")
    }
    for _, key, row in bookings_of(made):
        if key in made.truth["bookings"]:
            for code in reading.amount(row)[2]:
                found[code].append(key)
    for id_, row in made.tables["commission_records"].items():
        base = reading.number(reading.first(row, "bookingAmount", "serviceAmount", "totalPrice"))
        fact = made.truth["commissions"].get(id_)
        if reading.is_foreign(row.get("currency")):
            found["amount_currency"].append(id_)
        elif fact:
            part = reading.number(reading.first(row, "commissionAmount", "adminCommission"))
            written = (base is None, part is None)
            if (fact["booking_amount_idr"] is None, fact["commission_idr"] is None) != written:
                found["amount_implausible"].append(id_)
    for code, ids in found.items():
        assert sorted(ids) == made.truth["data_findings"][code] != [], code


@pytest.mark.parametrize("seed", SEEDS)
def test_no_therapist_is_at_two_doors_but_where_it_is_planted(seed: int) -> None:
    """Read off the rows: half-open intervals, until completedAt, else start + minutes."""
    made = world(seed)
    facts = made.truth["bookings"]
    kinds = {provider.id: provider.kind for provider in made.simulation.providers}
    times: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for key, fact in facts.items():
        if fact["is_test"] or fact["status"] not in ("accepted", "confirmed", "completed"):
            continue
        if fact["starts_at"] is None or kinds[fact["provider_id"]] == "place":
            continue
        begun = datetime.fromisoformat(fact["starts_at"])
        if fact["completed_at"]:
            ended = datetime.fromisoformat(fact["completed_at"])
        elif fact["minutes"]:
            ended = begun + timedelta(minutes=fact["minutes"])
        else:
            continue
        times.setdefault(fact["provider_id"], []).append((begun, ended, key))
    overlapping = {
        key
        for promised in times.values()
        for begun, ended, key in promised
        for other in promised
        if other[2] != key and other[0] < ended and begun < other[1]
    }
    assert (
        sorted(overlapping)
        == made.truth["overlapping_bookings"]
        == made.truth["planted"]["overlapping_bookings"]
    )
    (first,) = made.truth["peculiar"]["touching"]
    (second,) = made.truth["peculiar"]["touched"]
    assert facts[first]["provider_id"] == facts[second]["provider_id"]
    lasted = timedelta(minutes=facts[first]["minutes"])
    assert datetime.fromisoformat(facts[second]["starts_at"]) == (
        datetime.fromisoformat(facts[first]["starts_at"]) + lasted
    )


@pytest.mark.parametrize("seed", range(31, 37))
def test_no_history_has_an_overlap_by_accident(seed: int) -> None:
    assert world(seed, 2, findings=False).truth["overlapping_bookings"] == []
    busy = world(seed, 2, rate=600).truth
    assert busy["overlapping_bookings"] == busy["planted"]["overlapping_bookings"]


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
        assert fee == entry["actual_idr"] != entry["expected_idr"]
    too_soon = [e for e in made.truth["findings"]["fee_wrong"] if e["expected_idr"] == 0]
    assert [entry["actual_idr"] for entry in too_soon] == [25_000, 25_000]
    assert all(made.simulation.records[e["commission_id"]].due > made.simulation.end for e in too_soon)
    for provider in made.simulation.providers:
        assert made.tables[provider.table][provider.id]["status"] == provider.status


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sums_of_the_truth_agree_with_each_other(seed: int) -> None:
    figures = world(seed).truth
    summary, rows, findings = figures["commission_summary"], figures["reconciliation"], figures["findings"]
    parts = ("tracked", "missing", "awaiting", "unknown", "free")
    assert summary["eligible"] == sum(summary[part] for part in parts)
    assert summary["tracking_rate"] == summary["tracked"] / (summary["tracked"] + summary["missing"])
    assert summary["state"] == "critical"
    states = [row["state"] for row in rows]
    assert summary["tracked"] == states.count("matched") + states.count("mismatched")
    assert summary["free"] == states.count("free") == 3
    for state in ("missing", "orphan", "not_due"):
        assert states.count(state) == len(findings[state])
    assert summary["expected_idr"] == sum(row["expected_idr"] or 0 for row in rows)
    judged = Counter(row["booking_id"] for row in rows if row["booking_id"])
    # a row id in both collections of bookings: one of them unknown, the other missing
    twice = {booking for booking, times in judged.items() if times > 1}
    assert len(twice) == 2
    for booking in twice:
        assert {row["state"] for row in rows if row["booking_id"] == booking} == {"unknown", "missing"}
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
    assert figures["revenue_totals"]["collected_idr"] == sum(_collected(figures).values())


def _charged(figures: dict[str, Any]) -> dict[str, int]:
    """What each record charges: as its row says, but for those that only their booking shows to be in thousands."""
    charged = {id_: fact["commission_idr"] or 0 for id_, fact in figures["commissions"].items()}
    for entry in figures["findings"]["unit_error"]:
        charged[entry["commission_id"]] = entry["actual_idr"]
    return charged


def _collected(figures: dict[str, Any]) -> dict[str, int]:
    charged = _charged(figures)
    collected = {}
    for id_, fact in figures["commissions"].items():
        back = charged[id_] < 0 and fact["status"] == "reversed"
        puzzling = fact["status"] == "unknown" and fact["paid_at"] is not None
        if not fact["is_test"] and (fact["status"] == "paid" or back or puzzling):
            collected[id_] = charged[id_]
    return collected


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_closes_with_what_is_open_and_pays_what_was_collected(seed: int) -> None:
    figures = world(seed).truth
    closing = {row["provider_id"]: row["closing_idr"] for row in figures["ledger"]}
    owed = Counter(figures["open_idr"]) + Counter(figures["refunded_idr"])
    assert {provider: amount for provider, amount in closing.items() if amount} == {
        provider: amount for provider, amount in owed.items() if amount
    }
    totals = {
        column: sum(row[column] for row in figures["ledger"])
        for column in ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
    }
    assert all(totals.values())
    refunds = {entry["commission_id"] for entry in figures["findings"]["refund_record"]}
    charged = _charged(figures)
    assert totals["accrued_idr"] == sum(
        charged[id_] for id_, c in figures["commissions"].items() if not c["is_test"] and id_ not in refunds
    )
    fees_paid = totals["paid_idr"] - figures["revenue_totals"]["collected_idr"]
    assert 0 < fees_paid < totals["fees_idr"]


@pytest.mark.parametrize("seed", SEEDS)
def test_refunds_are_negative_and_only_those_that_were_given_back_count(seed: int) -> None:
    figures = world(seed).truth
    refunds = {entry["commission_id"]: entry for entry in figures["findings"]["refund_record"]}
    assert len(refunds) == 7
    collected = _collected(figures)
    statuses = Counter()
    for id_, entry in refunds.items():
        assert (
            entry["actual_idr"] == figures["commissions"][id_]["commission_idr"] < 0 == entry["expected_idr"]
        )
        assert entry["booking_id"] == figures["commissions"][id_]["booking_id"] is not None
        statuses[figures["commissions"][id_]["status"], id_ in collected] += 1
    assert statuses == {
        ("paid", True): 4,
        ("reversed", True): 1,
        ("pending", False): 1,
        ("cancelled", False): 1,
    }
    assert sum(figures["refunded_idr"].values()) == -sum(
        collected[id_] for id_ in refunds if id_ in collected
    )
    rows = {row["commission_id"] for row in figures["reconciliation"]}
    assert not rows & refunds.keys()
    others = {entry["commission_id"] for code, entries in figures["findings"].items()
              if code != "refund_record" for entry in entries}  # fmt: skip
    assert not others & refunds.keys()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_own_record_is_the_paid_one_and_nothing_is_due_on_the_other(seed: int) -> None:
    made = world(seed)
    figures, peculiar = made.truth, made.simulation.bookings
    bookings = [b for b in peculiar.values() if b.marks.get("duplicate") == "paid_later"]
    assert len(bookings) == 3
    own = {row["booking_id"]: row for row in figures["reconciliation"]}
    found: dict[str, set[str]] = {}
    for code, entries in figures["findings"].items():
        for entry in entries:
            found.setdefault(entry["commission_id"], set()).add(code)
    for booking in bookings:
        unpaid, paid = sorted(booking.records, key=lambda r: r.created)
        assert (unpaid.status, paid.status) == ("pending", "paid")
        assert unpaid.due + 3_600_000 < made.simulation.end, "long past its deadline"
        assert own[booking.id]["commission_id"] == paid.id
        assert found.get(paid.id) is None
        assert found[unpaid.id] == {"duplicate"}
        assert figures["open_idr"][booking.provider.id] >= (unpaid.commission or 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_free_bookings_owe_nothing(seed: int) -> None:
    figures = world(seed).truth
    free = {row["booking_id"]: row for row in figures["reconciliation"] if row["state"] == "free"}
    assert all((row["expected_idr"], row["actual_idr"]) == (0, 0) for row in free.values())
    assert sum(row["commission_id"] is not None for row in free.values()) == 1
    ruled = {i for i, fact in figures["bookings"].items() if fact["amount_rule"] == "free"}
    charged = ruled - set(free)
    assert len(charged) == 1, "one has a record over 0"
    entries = [e for e in figures["findings"]["wrong_amount"] if e["booking_id"] in charged]
    assert [(e["expected_idr"], e["actual_idr"] > 0) for e in entries] == [(0, True)]
    assert {row["state"] for row in figures["reconciliation"] if row["booking_id"] in charged} == {
        "mismatched"
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_only_written_oddly_is_no_finding(seed: int) -> None:
    made = world(seed)
    kinds = made.truth["peculiar"]
    found = {e["commission_id"] for entries in made.truth["findings"].values() for e in entries}
    states = {row["booking_id"]: row["state"] for row in made.truth["reconciliation"]}
    facts = made.truth["bookings"]
    odd = (
        "rate",
        "case",
        "ahead",
        "bare_deadline",
        "test_namesake",
        "partial_refund",
        "unknown_paid",
        "money",
    )
    seen = Counter()
    for kind, ids in kinds.items():
        if kind.split(":")[0] not in odd:
            continue
        for id_ in ids:
            booking = made.simulation.bookings[id_]
            if booking.marks.keys() & {"wrong_amount", "unit_error"}:
                continue
            assert not found & {record.id for record in booking.records}, (kind, id_)
            expected = "unknown" if facts[id_]["amount_idr"] is None else "matched"
            assert states[id_] == ("free" if facts[id_]["amount_rule"] == "free" else expected), (kind, id_)
            seen[kind.split(":")[0]] += 1
    assert all(seen[kind] >= 2 for kind in odd), seen


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
    (waited,) = (b.id for b in simulation.bookings.values() if "awaiting" in b.marks)
    assert [row["state"] for row in later["reconciliation"] if row["booking_id"] == waited] == ["matched"]
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
