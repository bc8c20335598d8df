"""The true figures of a simulated marketplace, by rules written a second time, from the canonical world.

``truth(simulation)`` is JSON-serialisable and valid as of ``simulation.now`` (``until`` after the
history). It speaks of what a mirror built from the tables at that instant can know. Instants are texts
such as 2026-11-22T03:16:28.123Z, money integer rupiah, dates the provider's local days. Its keys:

- ``as_of, seed, days``, ``planted`` (finding or anomaly -> ids) and ``sizes`` (their numbers); ``peculiar``: what else
  was planted (kind:variant -> booking ids), no finding by itself.
- ``counts``: collection -> {rows, deleted (ids), test_rows, quarantined (ids)}; rows are those in the app
  now, quarantined ones included.
- ``findings``: finding -> list of {booking_id, commission_id, provider_id, expected_idr, actual_idr}.
  Complete: what the simulation did by itself is in it. ``vanished`` (with first_at, gone_at) can only be
  found by a mirror that saw the record in between. expected and actual are commissions, but fees for
  fee_missing and fee_wrong (0 expected before the deadline); expected is 0 for duplicate, orphan, not_due and
  refund_record (actual is below 0 there).
- ``overlapping_bookings``: ids of bookings of one therapist that earn and overlap.
- ``reconciliation``: one entry a row {booking_id, commission_id, state, expected_idr, actual_idr}; ``states``
  counts them.
- ``commission_summary``: eligible, tracked, missing, awaiting, unknown, free, tracking_rate, state, expected_idr,
  actual_idr.
- ``revenue_daily``: local_date -> {bookings, booked_idr, completed_idr, collected_idr}, days with any of
  them; ``revenue_totals``: their sums.
- ``ledger``: list of {provider_id, local_month (its first day), accrued_idr, fees_idr, paid_idr, reversed_idr,
  closing_idr}, the months in which anything moved, of the records in the app now (one that is gone nets to zero
  where it was seen); paid_idr is net of refunds. ``open_idr``: provider_id -> commission and fees of its live
  records that are not paid (nor of an unknown status with a payment); ``refunded_idr``: provider_id -> what was
  given back by refund records. They add up to the newest closing.
- ``source_conversion``: list of {local_date, source, created, accepted, completed, declined, expired,
  cancelled, booked_idr, completed_idr, commissions}; commissions = bookings of the cohort that have a
  live record.
- ``peak_hours``: list of {basis, weekday, hour, bookings}; the basis instant is in [as_of - 56 days, as_of].
- ``health``: points {"1" to "7" -> {status, figure}} and system. Scans are taken as fresh.
- ``service_figures``: avg_response_s, p95_response_s (linear interpolation), responses, success_rate,
  delivery_rate (of point 6), newest_booking_at (that earns), newest_created_at (any), bookings_24h.
- ``bookings``: booking_id (``<id>:hotel_bookings`` where bookings has that row id too) -> {origin, status,
  source, mode, amount_idr, amount_rule, minutes, created_at, starts_at, response_deadline, accepted_at (as
  written, never an observed one), responded_at, completed_at, provider_id, customer_id, is_test, deleted_at};
  without the quarantined ones. Deleted ones stand apart in ``deleted_bookings``.
- ``commissions``: commission_id -> {commission_idr, booking_amount_idr, rate_ppm, amount_rule (all of the row
  alone, whatever its booking owes), status, is_live, source, created_at, deadline_at, paid_at, provider_id (null:
  none is written), booking_id (null: none, or not certain), is_test, deleted_at}; without the quarantined ones.
  Deleted ones: ``deleted_commissions``.
- ``data_findings``: amount_unknown, amount_disagrees, amount_in_thousands (of bookings), amount_implausible,
  amount_currency (of bookings and records), creation_unreadable, status_unknown, commission_status_unknown,
  in_the_future, reference_case (of any row), refund_amount_unknown -> row ids.
- ``duplicate_bookings``: pairs of ids; ``abuse_planted``: customer ids by kind (bookings, messages).
- ``personal``: how many different names and phones and how many texts were written.
- ``sentinels``: name, phone (as written), phone_e164, message: strings that stand nowhere else.

Nothing here is ever written where a pipeline reads.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.simulator import plan
from sandbox.simulator.sentinels import SENTINEL_E164, SENTINEL_MESSAGE, SENTINEL_NAME, SENTINEL_PHONE
from sandbox.simulator.simulation import Simulation
from sandbox.simulator.times import DAY, HOUR, MINUTE, local_date, local_hour, local_weekday, zulu
from sandbox.simulator.world import Booking, Record

POLICY_PPM = 300_000
POLICY_FEE = 25_000
GRACE = 2 * MINUTE
PAYABLE_WITHIN = 3 * HOUR
RESTRICTED_AFTER = 30 * MINUTE
DEADLINE_TOLERANCE = 5 * MINUTE
BALI_OFFSET = 480

EARNING = frozenset({"accepted", "confirmed", "completed"})
ENDED = frozenset({"cancelled", "declined", "expired", "reassigned"})
NOT_LIVE = frozenset({"cancelled", "reversed"})
UNPAID = frozenset({"pending", "rejected", "overdue", "awaiting_verification"})
OWN_FIRST = {"paid": 0, "awaiting_verification": 1}  # any other live record: 2


@dataclass(frozen=True, slots=True)
class _Match:
    """What a record refers to: one booking, an ambiguity among several, a quarantined row, or nothing."""

    kind: str
    bookings: tuple[Booking, ...] = ()


def _text(ms: int | None) -> str | None:
    return None if ms is None else zulu(ms)


def _commission(amount: int) -> int:
    """30 % of whole rupiah, half up."""
    return (amount * 3 + 5) // 10


def _expected(booking: Booking | None) -> int | None:
    return None if booking is None or booking.amount is None else _commission(booking.amount)


def _settled(record: Record) -> int:
    """When the money of a record moved, as far as it says."""
    return next(m for m in (record.paid_at, record.verified_at, record.created) if m is not None)


def _is_refund(record: Record) -> bool:
    return record.commission is not None and record.commission < 0


def _is_collected(record: Record) -> bool:
    """Whether the record's commission came in (or, of a refund, went back)."""
    if _is_refund(record):
        return record.status in ("paid", "reversed")
    return record.status == "paid" or (record.status == "unknown" and record.paid_at is not None)


def _ends(booking: Booking) -> int | None:
    if booking.known_completed is not None:
        return booking.known_completed
    if booking.known_start is None or booking.known_minutes is None:
        return None
    return booking.known_start + booking.known_minutes * MINUTE


def _is_free(booking: Booking) -> bool:
    return booking.amount_rule == "free"


def _owes(booking: Booking | None) -> bool:
    return booking is not None and booking.status in EARNING and not _is_free(booking)


class _Judge:
    """Applies the rules to the world of one simulation, once."""

    def __init__(self, simulation: Simulation) -> None:
        self.now = simulation.now
        self.simulation = simulation
        self.readable = [b for b in simulation.bookings.values() if not b.quarantined]
        self.standing = [b for b in self.readable if b.deleted is None]
        self.counted = [b for b in self.standing if not b.is_test]
        self.by_ref: dict[str, dict[str, Booking]] = defaultdict(dict)
        for booking in self.standing:
            for ref in (booking.id, booking.business_id):
                if ref:
                    self.by_ref[ref][booking.key] = booking
        self.unreadable_refs = {
            ref
            for b in simulation.bookings.values()
            if b.quarantined and b.deleted is None
            for ref in (b.id, b.business_id)
            if ref
        }
        self.spellings: dict[str, set[str]] = defaultdict(set)
        for ref in self.by_ref:
            self.spellings[ref.lower()].add(ref)
        self.records = [r for r in simulation.records.values() if not r.quarantined]
        self.reference_case: set[str] = set()
        self.match = {r.id: self._refers(r) for r in self.records}
        self.in_figures = [r for r in self.records if r.deleted is None and not self._is_test(r)]
        self.live = [r for r in self.in_figures if r.status not in NOT_LIVE and not _is_refund(r)]
        # further records of a booking whose own record is paid, and which are not: nothing is due on them
        self.needless: set[str] = set()
        self.findings: dict[str, list[dict[str, Any]]] = {finding: [] for finding in plan.FINDINGS}
        self.rows: list[dict[str, Any]] = []
        self.states: Counter[str] = Counter()
        self.tracked_bookings: set[str] = set()
        self._reconcile()
        self._judge_refunds()
        self._judge_payments()
        self._judge_restrictions()
        self._judge_vanished()
        for entries in self.findings.values():
            entries.sort(
                key=lambda e: (e["commission_id"] or "", e["booking_id"] or "", e["provider_id"] or "")
            )

    # -------------------------------------------------------- references

    def _refers(self, record: Record) -> _Match:
        for written in (record.booking_ref, record.doc_ref):
            if not written:
                continue
            ref = written
            if ref not in self.by_ref and ref not in self.unreadable_refs:
                alike = self.spellings.get(ref.lower(), set())
                if len(alike) != 1:
                    continue
                (ref,) = alike
                self.reference_case.add(record.id)
            candidates = tuple(self.by_ref.get(ref, {}).values())
            real = tuple(b for b in candidates if not b.is_test)
            if real:
                candidates = real
            if len(candidates) == 1:
                return _Match("one", candidates)
            return _Match("ambiguous", candidates) if candidates else _Match("quarantined")
        return _Match("none")

    def _is_test(self, record: Record) -> bool:
        match = self.match[record.id]
        return record.is_test or (match.kind == "one" and match.bookings[0].is_test)

    def _booking_of(self, record: Record) -> Booking | None:
        match = self.match[record.id]
        return match.bookings[0] if match.kind == "one" else None

    # -------------------------------------------------------- states

    def _find(
        self,
        finding: str,
        booking: Booking | None,
        record: Record | None,
        expected: int | None,
        actual: int | None,
    ) -> None:
        # a record that names nobody charges its booking's provider, who is record.provider then
        provider = record.provider if record else booking.provider if booking else None
        self.findings[finding].append(
            {
                "booking_id": booking.id if booking else None,
                "commission_id": record.id if record else None,
                "provider_id": provider.id if provider else None,
                "expected_idr": expected,
                "actual_idr": actual,
            }
        )

    def _row(
        self,
        state: str,
        booking: Booking | None,
        record: Record | None,
        expected: int | None,
        actual: int | None,
    ) -> None:
        self.states[state] += 1
        self.rows.append(
            {
                "booking_id": booking.id if booking else None,
                "commission_id": record.id if record else None,
                "state": state,
                "expected_idr": expected,
                "actual_idr": actual,
            }
        )

    def _reconcile(self) -> None:
        of_booking: dict[str, list[Record]] = defaultdict(list)
        doubtful: set[str] = set()
        for record in self.live:
            match = self.match[record.id]
            if match.kind == "one":
                of_booking[match.bookings[0].key].append(record)
            elif match.kind == "ambiguous":
                doubtful.update(b.key for b in match.bookings)
                self._find("ambiguous_reference", None, record, None, record.commission)
                self._row("unknown", None, record, None, record.commission)
            elif match.kind == "quarantined":
                self._row("unknown", None, record, None, record.commission)
            else:
                self._find("orphan", None, record, 0, record.commission)
                self._row("orphan", None, record, 0, record.commission)

        self.eligible: Counter[str] = Counter()
        for booking in self.counted:
            records = sorted(
                of_booking.get(booking.key, ()), key=lambda r: (OWN_FIRST.get(r.status, 2), r.created, r.id)
            )
            if records:
                self.tracked_bookings.add(booking.key)
            for extra in records[1:]:
                self._find("duplicate", booking, extra, 0, self._charged(extra))
                if records[0].status == "paid" and extra.status in UNPAID:
                    self.needless.add(extra.id)
            for record in records:
                self._judge_match(booking, record)
            if booking.status in EARNING:
                self._judge_earning(booking, records, booking.key in doubtful)
            elif booking.status in ENDED:
                for number, record in enumerate(records):
                    if record.id not in self.needless:
                        self._find("not_due", booking, record, 0, record.commission)
                    if number == 0:
                        self._row("not_due", booking, record, 0, record.commission)
            elif records:
                self._row("unknown", booking, records[0], None, records[0].commission)

    def _charged(self, record: Record) -> int | None:
        """The commission in rupiah: one without a base is in thousands if its booking owes a thousand times as much."""
        owed = _expected(self._booking_of(record))
        if record.base is None and record.commission and record.commission * 1000 == owed:
            return owed
        return record.commission

    def _judge_match(self, booking: Booking, record: Record) -> None:
        expected, charged = _expected(booking), self._charged(record)
        if record.names_provider and record.provider.id != booking.provider.id:
            self._find("wrong_provider", booking, record, expected, charged)
        if record.source is not None and booking.source != "unknown" and record.source != booking.source:
            self._find("source_mismatch", booking, record, expected, charged)
        if (
            booking.status in EARNING
            and booking.known_accepted is not None
            and record.created > booking.known_accepted + GRACE
        ):
            self._find("late_record", booking, record, expected, charged)

    def _judge_earning(self, booking: Booking, records: list[Record], doubtful: bool) -> None:
        expected = _expected(booking)
        wrong = {record.id: self._amount_finding(booking, record) for record in records}
        for record in records:
            if (finding := wrong[record.id]) is not None:
                self._find(finding, booking, record, expected, self._charged(record))
        own = records[0] if records else None
        charged = 0 if own is None else self._charged(own)
        if own is not None and booking.amount is None:
            state = "unknown"
        elif own is not None and wrong[own.id]:
            state = "mismatched"
        elif _is_free(booking):
            state = "free"
        elif own is not None:
            state = "matched"
        elif doubtful:
            # what the booking earns is known; which record pays for it is not
            state, charged = "unknown", None
        else:
            since = booking.known_accepted if booking.known_accepted is not None else booking.created
            state = "awaiting" if self.now < since + GRACE else "missing"
        self._row(state, booking, own, expected, charged)
        if state == "missing":
            self._find("missing", booking, None, expected, 0)
        self.eligible[state] += 1

    def _amount_finding(self, booking: Booking, record: Record) -> str | None:
        """unit_error, wrong_rate, wrong_amount: the first that holds, or None."""
        if booking.amount is None:
            return None
        expected, charged = _commission(booking.amount), self._charged(record)
        if _is_free(booking):
            return "wrong_amount" if charged is None or charged > 0 else None
        if record.in_thousands or charged != record.commission:
            return "unit_error"
        if record.amount_findings or charged is None:
            return "wrong_amount"
        base = booking.amount if record.base is None else record.base
        if charged != expected:
            doubled = 2 * base * (POLICY_PPM if record.rate_ppm is None else record.rate_ppm)
            at_its_rate = charged == (doubled + 1_000_000) // 2_000_000
            differs = record.rate_ppm not in (None, POLICY_PPM)
            return "wrong_rate" if differs and at_its_rate else "wrong_amount"
        return "wrong_amount" if base != booking.amount else None

    def _judge_refunds(self) -> None:
        for record in self.in_figures:
            if _is_refund(record):
                self._find("refund_record", self._booking_of(record), record, 0, record.commission)

    # -------------------------------------------------------- payment

    def _due(self, record: Record) -> int | None:
        booking = self._booking_of(record)
        ended = None if booking is None else _ends(booking)
        return record.deadline if ended is None else ended + PAYABLE_WITHIN

    @staticmethod
    def _unpaid(record: Record, due: int) -> bool:
        if record.status == "awaiting_verification":
            return record.proof_at is None or record.proof_at > due
        return record.status in ("pending", "rejected", "overdue")

    def _judge_payments(self) -> None:
        for record in self.live:
            booking = self._booking_of(record)
            expected, charged = _expected(booking), self._charged(record)
            if record.status == "paid" and not record.proof:
                self._find("paid_without_proof", booking, record, expected, charged)
            if booking is None or not _owes(booking):
                continue
            if record.deadline is not None:
                ends = []
                if booking.known_completed is not None:
                    ends.append(booking.known_completed)
                if booking.known_start is not None and booking.known_minutes is not None:
                    ends.append(booking.known_start + booking.known_minutes * MINUTE)
                if ends and all(
                    abs(record.deadline - end - PAYABLE_WITHIN) > DEADLINE_TOLERANCE for end in ends
                ):
                    self._find("deadline_mismatch", booking, record, expected, charged)
            due = self._due(record)
            if due is not None and record.id not in self.needless:
                unpaid = self._unpaid(record, due)
                if unpaid and self.now > due and record.status != "overdue":
                    self._find("overdue_unmarked", booking, record, expected, charged)
                if record.status == "overdue" and self.now < due:
                    self._find("overdue_premature", booking, record, expected, charged)
                if unpaid and self.now > due + RESTRICTED_AFTER and record.fee is None:
                    self._find("fee_missing", booking, record, POLICY_FEE, 0)
            if record.fee is not None:
                owed = 0 if due is not None and self.now < due else POLICY_FEE
                if record.fee != owed:
                    self._find("fee_wrong", booking, record, owed, record.fee)

    def _judge_restrictions(self) -> None:
        behind: dict[str, int] = {}
        for record in self.live:
            due = self._due(record)
            if record.id in self.needless or not _owes(self._booking_of(record)) or due is None:
                continue
            if self._unpaid(record, due) and self.now > due:
                key = record.provider.id
                behind[key] = max(behind.get(key, 0), self.now - due)
        for provider in self.simulation.providers:
            restricted = provider.status == "RESTRICTED"
            late = behind.get(provider.id)
            if (restricted and late is None) or (
                not restricted and late is not None and late > RESTRICTED_AFTER
            ):
                self.findings["restriction_mismatch"].append(
                    {
                        "booking_id": None,
                        "commission_id": None,
                        "provider_id": provider.id,
                        "expected_idr": None,
                        "actual_idr": None,
                    }
                )

    def _judge_vanished(self) -> None:
        for record in self.records:
            if record.deleted is not None and not self._is_test(record):
                self._find("vanished", self._booking_of(record), record, None, record.commission)
                self.findings["vanished"][-1].update(
                    first_at=zulu(record.created),
                    gone_at=zulu(record.deleted),
                    provider_id=record.provider.id,
                )

    # -------------------------------------------------------- figures

    def summary(self) -> dict[str, Any]:
        tracked = self.eligible["matched"] + self.eligible["mismatched"]
        missing = self.eligible["missing"]
        return {
            "eligible": sum(self.eligible.values()),
            "tracked": tracked,
            "missing": missing,
            "awaiting": self.eligible["awaiting"],
            "unknown": self.eligible["unknown"],
            "free": self.eligible["free"],
            "tracking_rate": 1.0 if tracked + missing == 0 else tracked / (tracked + missing),
            "state": "perfect" if missing == 0 else "warning" if missing == 1 else "critical",
            "expected_idr": sum(row["expected_idr"] or 0 for row in self.rows),
            "actual_idr": sum(row["actual_idr"] or 0 for row in self.rows),
        }

    def revenue_daily(self) -> dict[str, dict[str, int]]:
        days: dict[str, dict[str, int]] = {}

        def day(date: str) -> dict[str, int]:
            return days.setdefault(
                date, {"bookings": 0, "booked_idr": 0, "completed_idr": 0, "collected_idr": 0}
            )

        for booking in self.counted:
            figures = day(local_date(booking.created, booking.provider.offset))
            figures["bookings"] += 1
            if booking.status in EARNING:
                figures["booked_idr"] += booking.amount or 0
            if booking.status == "completed":
                figures["completed_idr"] += booking.amount or 0
        for record in self.in_figures:
            if not _is_collected(record):
                continue
            booking = self._booking_of(record)
            offset = booking.provider.offset if booking else record.provider.offset
            day(local_date(_settled(record), offset))["collected_idr"] += self._charged(record) or 0
        return dict(sorted(days.items()))

    def ledger(self) -> list[dict[str, Any]]:
        """The account of each provider: what its records charge, what was paid, what was taken back, by local month."""
        moved: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for record in self.in_figures:
            booking = self._booking_of(record)
            offset = (booking or record).provider.offset
            charged, fee = self._charged(record) or 0, record.fee or 0

            def enter(day: str, column: str, amount: int, provider: str = record.provider.id) -> None:
                moved[provider, day[:7] + "-01"][column] += amount

            if _is_refund(record):
                if _is_collected(record):
                    enter(local_date(_settled(record), offset), "paid_idr", charged)
                continue
            accrued = record.created
            if booking is not None:
                accrued = booking.created if booking.known_accepted is None else booking.known_accepted
            first = local_date(accrued, offset)
            enter(first, "accrued_idr", charged)
            paid = _is_collected(record) or (record.status in NOT_LIVE and record.paid_at is not None)
            # the word paid settles the fee too; a payment under a word nobody knows is the commission's
            fee_paid = fee if record.status != "unknown" else 0
            settled = _settled(record)
            changed = record.created if record.changed is None else record.changed
            fee_day = first
            if fee:
                due = self._due(record)
                since = changed if due is None else due + RESTRICTED_AFTER
                since = record.restricted if record.restricted is not None else since
                fee_day = max(first, local_date(min(since, changed, settled if paid else changed), offset))
                enter(fee_day, "fees_idr", fee)
            if paid:
                first = max(first, local_date(settled, offset))
                enter(local_date(settled, offset), "paid_idr", charged + fee_paid)
            if record.status in NOT_LIVE:
                back = max(first, local_date(changed, offset))
                enter(back, "reversed_idr", charged)
                enter(max(back, fee_day), "reversed_idr", fee)
                if paid:
                    enter(back, "paid_idr", -charged)
                    enter(max(back, fee_day), "paid_idr", -fee)
        rows = []
        closing: Counter[str] = Counter()
        for (provider, month), sums in sorted(moved.items()):
            closing[provider] += (
                sums["accrued_idr"] + sums["fees_idr"] - sums["paid_idr"] - sums["reversed_idr"]
            )
            columns = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
            rows.append(
                {"provider_id": provider, "local_month": month}
                | {column: sums[column] for column in columns}
                | {"closing_idr": closing[provider]}
            )
        return rows

    def open_amounts(self) -> dict[str, int]:
        owed: Counter[str] = Counter()
        for record in self.live:
            if not _is_collected(record):
                owed[record.provider.id] += (self._charged(record) or 0) + (record.fee or 0)
            elif record.status == "unknown":
                owed[record.provider.id] += record.fee or 0
        return dict(sorted(owed.items()))

    def refunded_amounts(self) -> dict[str, int]:
        back: Counter[str] = Counter()
        for record in self.in_figures:
            if _is_refund(record) and _is_collected(record):
                back[record.provider.id] -= record.commission or 0
        return dict(sorted(back.items()))

    def overlapping_bookings(self) -> list[str]:
        """Those of a therapist that earn and overlap, in half-open intervals. A place may serve several at once."""
        by_therapist: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for booking in self.counted:
            ended = _ends(booking)
            if booking.status not in EARNING or booking.known_start is None or ended is None:
                continue
            if booking.provider.kind == "therapist" and ended > booking.known_start:
                by_therapist[booking.provider.id].append((booking.known_start, ended, booking.id))
        found: set[str] = set()
        for times in by_therapist.values():
            times.sort()
            busy: list[tuple[int, int, str]] = []
            for begun, ended, booking_id in times:
                busy = [other for other in busy if other[1] > begun]
                if busy:
                    found.update((booking_id, *(other[2] for other in busy)))
                busy.append((begun, ended, booking_id))
        return sorted(found)

    def source_conversion(self) -> list[dict[str, Any]]:
        cohorts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for booking in self.counted:
            cohort = cohorts[local_date(booking.created, booking.provider.offset), booking.source]
            cohort["created"] += 1
            cohort["accepted"] += booking.status in EARNING or booking.known_accepted is not None
            for status in ("completed", "declined", "expired", "cancelled"):
                cohort[status] += booking.status == status
            if booking.status in EARNING:
                cohort["booked_idr"] += booking.amount or 0
            if booking.status == "completed":
                cohort["completed_idr"] += booking.amount or 0
            cohort["commissions"] += booking.key in self.tracked_bookings
        columns = (
            "created", "accepted", "completed", "declined", "expired", "cancelled", "booked_idr",
            "completed_idr", "commissions",
        )  # fmt: skip
        return [
            {"local_date": date, "source": source, **{column: cohort[column] for column in columns}}
            for (date, source), cohort in sorted(cohorts.items())
        ]

    def peak_hours(self) -> list[dict[str, Any]]:
        counts: Counter[tuple[str, int, int]] = Counter()
        for booking in self.counted:
            offset = booking.provider.offset
            for basis, moment in (("created", booking.created), ("starts", booking.known_start)):
                if moment is not None and self.now - 56 * DAY <= moment <= self.now:
                    counts[basis, local_weekday(moment, offset), local_hour(moment, offset)] += 1
        return [
            {"basis": basis, "weekday": weekday, "hour": hour, "bookings": bookings}
            for (basis, weekday, hour), bookings in sorted(counts.items())
        ]

    def delivery(self) -> tuple[int, int]:
        """(delivered, judged) of the notifications sent in the last 24 hours and at least 2 minutes ago."""
        judged = [
            n for n in self.simulation.notifications if self.now - DAY <= n.sent <= self.now - 2 * MINUTE
        ]
        return sum(1 for n in judged if n.delivered is not None), len(judged)

    def health(self) -> dict[str, Any]:
        day = [b for b in self.counted if b.created >= self.now - DAY]
        week = [b for b in self.counted if b.created >= self.now - 7 * DAY]
        newest = max((b.created for b in self.counted), default=None)
        delivered, judged = self.delivery()
        missing = self.eligible["missing"]
        quiet = local_hour(self.now, BALI_OFFSET) < 6

        def held(good: int, carrying: int, window: int) -> str:
            return "working" if good else "unknown" if window and not carrying else "broken"

        chat = sum(b.source == "chatWindow" for b in week)
        scheduled = sum(b.mode == "scheduled" for b in week)
        now = sum(b.mode == "immediate" for b in day)
        points: dict[str, dict[str, Any]] = {
            "1": {"status": "working" if day else "broken", "figure": len(day)},
            "2": {"status": held(chat, sum(b.has_source for b in week), len(week)), "figure": chat},
            "3": {
                "status": held(scheduled, sum(b.mode != "unknown" for b in week), len(week)),
                "figure": scheduled,
            },
            "4": {"status": held(now, sum(b.mode != "unknown" for b in day), len(day)), "figure": now},
            "5": {
                "status": "working"
                if quiet or (newest is not None and self.now - newest <= HOUR)
                else "broken",
                "figure": None if newest is None else (self.now - newest) / MINUTE,
            },
            "6": {
                "status": "unknown" if not judged else "working" if delivered * 5 >= judged * 4 else "broken",
                "figure": delivered / judged if judged else None,
            },
            "7": {
                "status": "unknown" if not self.eligible else "broken" if missing else "working",
                "figure": missing,
            },
        }
        statuses = {key: point["status"] for key, point in points.items()}
        if "broken" in (statuses["1"], statuses["5"]):
            system = "down"
        elif "broken" in statuses.values():
            system = "degraded"
        else:
            system = "healthy"
        return {"points": points, "system": system}

    def service_figures(self) -> dict[str, Any]:
        seconds = sorted(
            (b.known_responded - b.created) / 1000 for b in self.counted if b.known_responded is not None
        )
        p95 = None
        if seconds:
            place = 0.95 * (len(seconds) - 1)
            low = int(place)
            high = min(low + 1, len(seconds) - 1)
            p95 = seconds[low] + (seconds[high] - seconds[low]) * (place - low)
        decided = sum(b.status != "pending" for b in self.counted)
        earning = [b.created for b in self.counted if b.status in EARNING]
        delivered, judged = self.delivery()
        return {
            "avg_response_s": sum(seconds) / len(seconds) if seconds else None,
            "p95_response_s": p95,
            "responses": len(seconds),
            "success_rate": len(earning) / decided if decided else None,
            "delivery_rate": delivered / judged if judged else None,
            "newest_booking_at": _text(max(earning, default=None)),
            "newest_created_at": _text(max((b.created for b in self.counted), default=None)),
            "bookings_24h": sum(b.created >= self.now - DAY for b in self.counted),
        }

    def duplicate_bookings(self) -> list[list[str]]:
        """Pairs of one customer and provider within five minutes, neither cancelled, earlier one first."""
        groups: dict[tuple[str, str], list[Booking]] = defaultdict(list)
        for booking in self.counted:
            if booking.status == "cancelled":
                continue
            who = f"c:{booking.known_customer}" if booking.known_customer else None
            if who is None and booking.known_phone:
                who = f"p:{booking.known_phone}"
            if who is not None:
                groups[who, booking.provider.id].append(booking)
        pairs = []
        for group in groups.values():
            group.sort(key=lambda b: b.created)
            for number, first in enumerate(group):
                for second in group[number + 1 :]:
                    if second.created - first.created > 5 * MINUTE:
                        break
                    pairs.append([first.id, second.id])
        return sorted(pairs)

    def counts(self) -> dict[str, dict[str, Any]]:
        simulation = self.simulation
        tests = Counter(b.table for b in self.standing if b.is_test)
        tests["commission_records"] = sum(1 for r in self.records if r.deleted is None and self._is_test(r))
        return {
            table: {
                "rows": rows,
                "deleted": sorted(simulation.deleted_rows.get(table, ())),
                "test_rows": tests[table],
                "quarantined": sorted(simulation.quarantined.get(table, ())),
            }
            for table, rows in sorted(simulation.rows.items())
        }

    def booking_facts(self) -> dict[str, dict[str, Any]]:
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
                "starts_at": _text(b.known_start),
                "response_deadline": _text(b.known_deadline),
                "accepted_at": _text(b.known_accepted),
                "responded_at": _text(b.known_responded),
                "completed_at": _text(b.known_completed),
                "provider_id": b.provider.id,
                "customer_id": b.known_customer,
                "is_test": b.is_test,
                "deleted_at": _text(b.deleted),
            }
            for b in self.readable
        }

    def commission_facts(self) -> dict[str, dict[str, Any]]:
        facts: dict[str, dict[str, Any]] = {}
        for r in self.records:
            booking = self._booking_of(r)
            facts[r.id] = {
                "commission_idr": r.commission,
                "booking_amount_idr": r.base,
                "rate_ppm": r.rate_ppm,
                "amount_rule": "thousands" if r.in_thousands else "rupiah",
                "status": r.status,
                "is_live": r.status not in NOT_LIVE,
                "source": r.source,
                "created_at": zulu(r.created),
                "deadline_at": _text(r.deadline),
                "paid_at": _text(r.paid_at),
                "provider_id": r.provider.id if r.names_provider else None,
                "booking_id": booking.id if booking else None,
                "is_test": self._is_test(r),
                "deleted_at": _text(r.deleted),
            }
        return facts

    def data_findings(self) -> dict[str, list[str]]:
        standing, odd_rows = self.standing, self.simulation.odd_rows
        records = [r for r in self.records if r.deleted is None]

        def ids(rows: Iterable[Booking | Record]) -> list[str]:
            return sorted(row.id for row in rows)

        found = {
            "amount_unknown": ids(b for b in standing if b.amount is None and not b.amount_findings),
            "amount_disagrees": ids(b for b in standing if b.amount_disagrees),
            "creation_unreadable": sorted(i for group in self.simulation.quarantined.values() for i in group),
            "status_unknown": ids(b for b in standing if b.status == "unknown"),
            "commission_status_unknown": ids(r for r in records if r.status == "unknown"),
            "in_the_future": ids(row for row in (*standing, *records) if _says_not_yet(row)),
            "reference_case": ids(b for b in standing if b.recased),
            "refund_amount_unknown": ids(r for r in records if r.partly_refunded),
        }
        for code in ("amount_in_thousands", "amount_implausible", "amount_currency"):
            found[code] = ids(row for row in (*standing, *records) if code in row.amount_findings)
        found["reference_case"] += ids(
            r for r in records if r.recased_provider or r.id in self.reference_case
        )
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


def _peculiar(simulation: Simulation) -> dict[str, list[str]]:
    """What was planted that is no finding by itself."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for booking in simulation.bookings.values():
        for mark, variant in booking.marks.items():
            if mark not in simulation.planted:
                kinds[f"{mark}:{variant}" if variant else mark].append(booking.id)
    return {kind: sorted(ids) for kind, ids in sorted(kinds.items())}


def truth(simulation: Simulation) -> dict[str, Any]:
    """The true figures as of ``simulation.now``. Raises ValueError before it was run to its ``until``."""
    if simulation.now < simulation.end:
        raise ValueError("run the simulation to its until first: the truth is as of then")
    judge = _Judge(simulation)
    daily = judge.revenue_daily()
    bookings, commissions = judge.booking_facts(), judge.commission_facts()
    totals = {
        column: sum(day[column] for day in daily.values())
        for column in ("bookings", "booked_idr", "completed_idr", "collected_idr")
    }
    return {
        "as_of": zulu(simulation.now),
        "seed": simulation.seed,
        "days": simulation.days,
        "sizes": {kind: len(ids) for kind, ids in simulation.planted.items()},
        "planted": {kind: sorted(ids) for kind, ids in simulation.planted.items()},
        "peculiar": _peculiar(simulation),
        "counts": judge.counts(),
        "findings": judge.findings,
        "reconciliation": judge.rows,
        "states": dict(sorted(judge.states.items())),
        "commission_summary": judge.summary(),
        "revenue_daily": daily,
        "revenue_totals": totals,
        "ledger": judge.ledger(),
        "open_idr": judge.open_amounts(),
        "refunded_idr": judge.refunded_amounts(),
        "overlapping_bookings": judge.overlapping_bookings(),
        "source_conversion": judge.source_conversion(),
        "peak_hours": judge.peak_hours(),
        "health": judge.health(),
        "service_figures": judge.service_figures(),
        "bookings": {i: facts for i, facts in bookings.items() if facts["deleted_at"] is None},
        "commissions": {i: facts for i, facts in commissions.items() if facts["deleted_at"] is None},
        "deleted_bookings": {i: facts for i, facts in bookings.items() if facts["deleted_at"] is not None},
        "deleted_commissions": {
            i: facts for i, facts in commissions.items() if facts["deleted_at"] is not None
        },
        "data_findings": judge.data_findings(),
        "duplicate_bookings": judge.duplicate_bookings(),
        "abuse_planted": {
            kind: sorted(b.customer.id for b in simulation.bookings.values() if f"abuse_{kind}" in b.marks)
            for kind in ("bookings", "messages")
        },
        "personal": {
            "names": len({c.name for c in simulation.customers}) + 1,
            "phones": len({c.phone for c in simulation.customers}) + 1,
            "texts": simulation.texts_written,
        },
        "sentinels": {
            "name": SENTINEL_NAME,
            "phone": SENTINEL_PHONE,
            "phone_e164": SENTINEL_E164,
            "message": SENTINEL_MESSAGE,
        },
    }
