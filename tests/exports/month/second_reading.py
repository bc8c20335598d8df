"""A second reading of a month: what its package must say, computed from the app's own rows by docs/*.md alone.

Nothing of bookwatch is imported, and nothing but the standard library: a rule that is wrong in the product is not wrong
here for the same reason. Everything is held in memory and computed in integers and exact decimals; there is no SQL. It
reads what an app wrote whose rows were each seen once, at one instant, under the default policy (30 %, Rp 25,000, three
hours, thirty minutes). What is left out: rates of a plan or dated ones, erasure, ids that are published as a hash, and
what only several versions of a row tell (an observed acceptance, a provider's restrictions).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

Row = Mapping[str, Any]

RATE_PPM, FEE, DEADLINE, RESTRICTION = 300_000, 25_000, timedelta(hours=3), timedelta(minutes=30)
GRACE, SLACK = timedelta(minutes=2), timedelta(minutes=5)
LEAST, MOST, THOUSANDS_BELOW = 20_000, 20_000_000, 10_000
HOURS_EAST = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}
DEFAULT_HOURS = 8
NOTHING = frozenset({"", "none", "null", "undefined", "-"})
RUPIAH = frozenset({"idr", "rp", "rp.", "rupiah"})
CURRENCY = (
    "currency", "currencyCode", "Currency", "CURRENCY", "CurrencyCode", "currency_code", "currencycode",
    "priceCurrency",
)  # fmt: skip
EARNING = frozenset({"accepted", "confirmed", "completed"})
ENDED = frozenset({"cancelled", "declined", "expired", "reassigned"})
BOOKING_STATUS = {
    word: status
    for status, words in {
        "pending": "pending pendingaccept idle registering searching waiting waitingforlocation",
        "accepted": "accepted active ontheway",
        "confirmed": "confirmed inprogress paymentreceived",
        "completed": "completed done finished",
        "cancelled": "cancelled canceled",
        "declined": "declined rejected",
        "expired": "expired timeout",
        "reassigned": "reassigned",
    }.items()
    for word in words.split()
}
RECORD_STATUS = {
    word: status
    for status, words in {
        "pending": "pending pendingcollection accepted unpaid",
        "awaiting_verification": "awaitingverification submitted",
        "paid": "paid verified confirmed completed partiallyrefunded partialrefund",
        "rejected": "rejected",
        "overdue": "overdue expired",
        "cancelled": "cancelled canceled",
        "reversed": "reversed refunded",
    }.items()
    for word in words.split()
}
AGES = (
    ("late_0_3h_idr", timedelta(hours=3)),
    ("late_3_24h_idr", timedelta(days=1)),
    ("late_1_7d_idr", timedelta(days=8)),
    ("late_8_30d_idr", timedelta(days=31)),
    ("late_31_60d_idr", timedelta(days=61)),
    ("late_61_90d_idr", timedelta(days=91)),
)


# --- values -----------------------------------------------------------------------------------------------------------


def nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in NOTHING)


def inside(row: Row, attribute: str) -> dict[str, Any]:
    """The object in an attribute's JSON text."""
    text = row.get(attribute)
    if nothing(text):
        return {}
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def first(row: Row, *names: str) -> Any:
    """The first of the attributes that holds something; ``a.b`` is b in the JSON of a."""
    for name in names:
        outer, _, inner = name.partition(".")
        value = row.get(outer) if not inner else inside(row, outer).get(inner)
        if not nothing(value):
            return value
    return None


def plain(word: Any) -> str:
    return re.sub(r"[\s_-]", "", str(word)).lower()


def number(value: Any) -> Decimal | None:
    """A number, or one in text as people write it: Rp 250.000, IDR 250,000.00, 1,25."""
    if isinstance(value, bool) or nothing(value):
        return None
    if not isinstance(value, str):
        return Decimal(repr(value))
    text = re.sub(r"^(idr|rp\.?)\s*", "", value.strip().lower()).removesuffix(",-")
    if re.fullmatch(r"-?\d{1,3}([.,]\d{3})+([.,]\d{1,2})?", text):
        whole = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", text)
        assert whole is not None
        text = re.sub(r"[.,]", "", whole[1]) + (f".{whole[2]}" if whole[2] else "")
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None


def rupiah(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def foreign(value: Any) -> bool:
    return not nothing(value) and str(value).strip().lower() not in RUPIAH


def foreign_sign(value: Any) -> bool:
    """Whether an amount in text names another currency itself."""
    return isinstance(value, str) and bool(re.search(r"[$€£]|\b(usd|aud|eur|sgd)\b", value.lower()))


def owed(amount: int) -> int:
    return (amount * RATE_PPM + 500_000) // 1_000_000


def instant(value: Any, hours: int, day: str | None = None) -> datetime | None:
    """An instant in UTC, naive; a bare local one is of a zone so many hours east. A time of day needs its day."""
    if nothing(value):
        return None
    text = str(value).strip()
    if re.fullmatch(r"\d{9,}", text):
        count = int(text)
        found = datetime(1970, 1, 1) + timedelta(milliseconds=count if count >= 10**11 else count * 1000)
    elif re.fullmatch(r"\d{1,2}[:.]\d{2}(:\d{2})?", text):
        if day is None:
            return None
        hour, minute, second, *_ = (*map(int, re.split("[:.]", text)), 0)
        at = time(hour, minute, second)
        try:
            found = datetime.combine(date.fromisoformat(day), at) - timedelta(hours=hours)
        except ValueError:
            return None
    else:
        if not re.match(r"\d{4}-\d{2}-\d{2}", text):
            return None
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            return None
        offset = read.utcoffset()
        found = read.replace(tzinfo=None) - (timedelta(hours=hours) if offset is None else offset)
    return found if 2015 <= found.year <= 2099 else None


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass
class Booking:
    id: str
    origin: str
    key: str | None
    provider: str | None
    hours: int
    status: str
    is_test: bool
    amount: int | None
    unknown_for: str
    created: datetime
    accepted: datetime | None
    ended: datetime | None
    records: list[Record] = field(default_factory=list["Record"])
    own: Record | None = None
    maybe_paid: bool = False

    @property
    def earns(self) -> bool:
        return self.status in EARNING

    @property
    def accrued(self) -> datetime:
        return self.accepted or self.created

    @property
    def day(self) -> date:
        return (self.accrued + timedelta(hours=self.hours)).date()


@dataclass
class Record:
    id: str
    status: str
    is_test: bool
    gone: bool
    fits: str
    booking: Booking | None
    may_be: list[Booking]
    provider: str | None
    hours: int
    base: int | None
    commission: int | None
    fee: int | None
    is_refund: bool
    unit_error: bool
    unknown_for: str
    rate_ppm: int | None
    deadline_written: datetime | None
    created: datetime
    changed: datetime
    paid_at: datetime | None
    verified_at: datetime | None
    proof_at: datetime | None
    restricted_at: datetime | None

    @property
    def live(self) -> bool:
        return not self.gone and self.status not in ("cancelled", "reversed")

    @property
    def payer(self) -> str:
        """Whom it charges."""
        return self.provider or (self.booking.provider if self.booking else None) or "none"

    @property
    def accrual_day(self) -> date:
        # A test accrues nothing, with no booking: it is put where it was made.
        return self.booking.day if self.booking and not self.is_test else self.local(self.created)

    @property
    def deadline(self) -> datetime | None:
        if self.booking and self.booking.ended:
            return self.booking.ended + DEADLINE
        return self.deadline_written

    @property
    def came_in(self) -> tuple[datetime, str]:
        """When its money counts, and what tells it."""
        if self.paid_at:
            return self.paid_at, "paidAt"
        return (self.verified_at, "verifiedAt") if self.verified_at else (self.created, "creation")

    def local(self, at: datetime) -> date:
        return (at + timedelta(hours=self.hours)).date()


@dataclass(frozen=True)
class Line:
    """A line of the ledger; ``rule``: what told the day of money."""

    record: Record
    kind: str
    part: str
    day: date
    amount: int
    rule: str = ""


@dataclass(frozen=True)
class Counted:
    """A row of the commission report."""

    booking: str | None
    record: str | None
    day: date
    state: str
    provider: str | None
    booking_amount: int | None
    expected: int | None
    actual: int | None


class SecondReading:
    """The app's rows, read; ``gone``: ids of commission records that were seen and are in the app no more, found gone
    at ``now`` (naive UTC), the instant at which all was read."""

    def __init__(self, rows: Mapping[str, Iterable[Row]], gone: Iterable[str], now: datetime) -> None:
        self.now = now
        self._gone = frozenset(gone)
        self._hours: dict[str, int] = {}
        for table in ("therapists", "places"):
            for row in rows[table]:
                self._hours[row["$id"]] = HOURS_EAST.get(str(row.get("timezone")), DEFAULT_HOURS)
        self.quarantined: Counter[str] = Counter()
        self._quarantined_keys: set[str] = set()
        self.bookings: list[Booking] = []
        for table in ("bookings", "hotel_bookings"):
            for row in rows[table]:
                self._take_booking(table, row)
        self._keys: defaultdict[str, list[Booking]] = defaultdict(list)
        self._folded: defaultdict[str, list[Booking]] = defaultdict(list)
        for booking in self.bookings:
            for key in {booking.id, booking.key} - {None}:
                assert key is not None
                self._keys[key].append(booking)
            for key in {k.casefold() for k in (booking.id, booking.key) if k is not None}:
                self._folded[key].append(booking)
        self.records: list[Record] = []
        for row in rows["commission_records"]:
            self._take_record(row)
        self._settle()
        self.lines = [line for record in self.records for line in _lines(record, now)]

    # --- reading ---

    def _past(self, row: Row, hours: int, *names: str) -> datetime | None:
        """The first of these instants that has happened; one that cannot be read is none, and none follows it."""
        for name in names:
            value = first(row, name)
            if value is None:
                continue
            found = instant(value, hours)
            if found is None:
                return None
            if found <= self.now + SLACK:
                return found
        return None

    def _created(self, row: Row, hours: int, *names: str) -> datetime | None:
        for name in (*names, "$createdAt"):
            value = first(row, name)
            if value is None:
                continue
            found = instant(value, hours)
            if found is None:
                return None
            if found <= self.now + SLACK:
                return found
        return None

    def _provider(self, row: Row, *names: str) -> str | None:
        written = first(row, *names)
        if written is None or written in self._hours:
            return written
        same = [key for key in self._hours if key.casefold() == str(written).casefold()]
        return same[0] if len(same) == 1 else written

    def _take_booking(self, origin: str, row: Row) -> None:
        key = first(row, "bookingId")
        provider = self._provider(
            row, "assigned_therapist", "providerId", "therapistId", "businessId", "therapistDetails.id"
        )
        hours = self._hours.get(provider or "", DEFAULT_HOURS)
        created = self._created(row, hours, "createdAt", "booking.createdAt")
        if created is None:
            self.quarantined[origin] += 1
            self._quarantined_keys |= {row["$id"]} | ({key} if key else set())
            return
        status = first(row, "bookingStatus", "status")
        status = BOOKING_STATUS.get(plain(status), "unknown") if status is not None else "unknown"
        if status == "cancelled" and plain(row.get("providerResponseStatus")) == "declined":
            status = "declined"
        name = first(row, "customerName", "userName", "guestName", "hotelGuestName", "customerDetails.name")
        phone = first(row, "customerWhatsApp", "customerPhone", "customerphone", "customerDetails.phone")
        amount, unknown_for = _booking_amount(row)
        self.bookings.append(
            Booking(
                id=row["$id"],
                origin=origin,
                key=key,
                provider=provider,
                hours=hours,
                status=status,
                is_test=row.get("isTest") is True
                or bool(re.search(r"\btest(ing)?\b", str(name or ""), re.IGNORECASE))
                or bool(re.fullmatch(r"[\s+()-]*0[\s0()-]*", str(phone or ""))),
                amount=amount,
                unknown_for=unknown_for,
                created=created,
                accepted=self._past(row, hours, "acceptedAt", "confirmedAt"),
                ended=self._past(row, hours, "completedAt") or _planned_end(row, hours),
            )
        )

    def _booking_of(self, row: Row) -> tuple[str, list[Booking]]:
        """What a record's reference fits: one, test, several, quarantined or none; and which bookings."""
        written = [
            str(ref) for ref in (first(row, "bookingId"), first(row, "bookingDocId")) if ref is not None
        ]
        for keys, spelled in (
            (self._keys, written),
            (self._folded, [ref.casefold() for ref in written]),
        ):
            for ref in spelled:
                fits = keys.get(ref, [])
                real = [booking for booking in fits if not booking.is_test]
                if len(real) > 1:
                    return "several", real
                if fits:
                    return ("one" if real else "test"), real or fits
                if ref in self._quarantined_keys:
                    return "quarantined", []
        return "none", []

    def _take_record(self, row: Row) -> None:
        fits, found = self._booking_of(row)
        booking = found[0] if fits == "one" else None
        provider = self._provider(row, "therapistId", "providerId")
        own_hours = self._hours.get(provider or "", DEFAULT_HOURS)
        hours = booking.hours if booking else own_hours
        written_in = own_hours if provider or booking is None else booking.hours
        created = self._created(row, written_in, "createdAt")
        changed = instant(row["$updatedAt"], 0)
        assert changed is not None
        if created is None:
            self.quarantined["commission_records"] += 1
            return
        status = first(row, "paymentStatus", "status")
        money = _record_money(row, booking)
        rate = number(first(row, "commissionRate"))
        if rate is not None and rate.quantize(Decimal("0.000001"), ROUND_HALF_UP) > 1:
            rate /= 100
        self.records.append(
            Record(
                id=row["$id"],
                status="unknown" if status is None else RECORD_STATUS.get(plain(status), "unknown"),
                is_test=row.get("isTest") is True or fits == "test",
                gone=row["$id"] in self._gone,
                fits=fits,
                booking=booking,
                may_be=found if fits == "several" else [],
                provider=provider,
                hours=hours,
                base=money.base,
                commission=money.commission,
                fee=money.fee,
                is_refund=money.negative,
                unit_error=money.thousands,
                unknown_for=money.unknown_for,
                rate_ppm=None if rate is None else rupiah(rate * 1_000_000),
                deadline_written=instant(first(row, "paymentDeadline"), written_in),
                created=created,
                changed=changed,
                paid_at=self._past(row, written_in, "paidAt"),
                verified_at=self._past(row, written_in, "verifiedAt"),
                proof_at=self._past(row, written_in, "paymentProofUploadedAt"),
                restricted_at=self._past(row, written_in, "restrictedAt"),
            )
        )

    def _settle(self) -> None:
        """Each booking's own record."""
        rank = {"paid": 0, "awaiting_verification": 1}
        for record in self.records:
            if record.live and not record.is_test and not record.is_refund:
                if record.booking:
                    record.booking.records.append(record)
                for booking in record.may_be:
                    booking.maybe_paid = True
        for booking in self.bookings:
            if booking.records:
                booking.records.sort(key=lambda r: (rank.get(r.status, 2), r.created, r.id))
                booking.own = booking.records[0]

    # --- the report ---

    def report(self) -> list[Counted]:
        """Its rows, of all days."""
        found: list[Counted] = []
        for booking in self.bookings:
            if booking.is_test or not (booking.earns or booking.own):
                continue
            own = booking.own
            state, expected, actual = _judged(booking, self.now)
            provider = booking.provider or (own.provider if own else None)
            record_id = own.id if own else None
            found.append(
                Counted(booking.id, record_id, booking.day, state, provider, booking.amount, expected, actual)
            )
        for record in self.records:
            if record.live and not record.is_test and record.booking is None:
                orphan = record.fits == "none"
                state, expected = ("orphan", 0) if orphan else ("unknown", None)
                found.append(
                    Counted(
                        None,
                        record.id,
                        record.accrual_day,
                        state,
                        record.provider,
                        None,
                        expected,
                        record.commission,
                    )
                )
        return found

    # --- the account ---

    def ledger(self, start: date, until: date) -> dict[str, dict[str, int]]:
        """Provider → its account of [start, until); providers of whom everything is 0 as well."""
        accounts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for line in self.lines:
            account = accounts[line.record.payer]
            if line.day >= until:
                continue
            account["closing_idr"] += line.amount
            if line.day < start:
                account["opening_idr"] += line.amount
                continue
            name, sign = {
                "accrual": ("accrued_idr", 1),
                "fee": ("fees_idr", 1),
                "payment": ("paid_gross_idr", -1),
                "refund": ("refunds_idr", 1),
                "reversal": ("reversed_idr", -1),
            }[line.kind]
            account[name] += sign * line.amount
        for account in accounts.values():
            account["paid_idr"] = account["paid_gross_idr"] - account["refunds_idr"]
        for record in self.records:
            if (
                record.commission is None
                and not record.is_refund
                and not record.is_test
                and start <= record.accrual_day < until
            ):
                accounts[record.payer]["unknown_amount_records"] += 1
        for counted in self.report():
            if start <= counted.day < until and counted.expected:
                account = accounts[counted.provider or "none"]
                account["expected_idr"] += counted.expected
                if counted.state in ("missing", "awaiting"):
                    account["unrecorded_idr"] += counted.expected
        return {provider: dict(account) for provider, account in accounts.items()}

    def collected(self) -> dict[date, int]:
        """Local day → commission that came in, refunds taken off."""
        days: Counter[date] = Counter()
        for record in self.records:
            if record.commission is None or record.gone or record.is_test:
                continue
            if record.status == "paid" or (record.status == "unknown" and record.paid_at):
                counts = True
            else:
                counts = record.is_refund and record.status == "reversed"
            if counts:
                days[record.local(record.came_in[0])] += record.commission
        return {day: amount for day, amount in days.items() if amount}

    def payments(self, start: date, until: date) -> Counter[tuple[str, str, date, str, int]]:
        """(record, payment or refund, day, rule, rupiah with its fee) of the period, where the amount is known."""
        sums: Counter[tuple[str, str, date, str]] = Counter()
        for line in self.lines:
            if line.kind in ("payment", "refund") and start <= line.day < until:
                sums[line.record.id, line.kind, line.day, line.rule] -= line.amount
        return Counter((*key, amount) for key, amount in sums.items())

    def ageing(self, until: date, as_of: datetime) -> dict[str, tuple[str, str, int]]:
        """Record → (provider, column, rupiah) of what was open as of an instant, by the lines before ``until``."""
        open_: Counter[str] = Counter()
        for line in self.lines:
            if line.day < until:
                open_[line.record.id] += line.amount
        of = {record.id: record for record in self.records}
        return {
            id_: (of[id_].payer, _standing(of[id_], amount, as_of), amount)
            for id_, amount in open_.items()
            if amount
        }

    # --- completeness ---

    def completeness(self, start: date, until: date) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(collection, part, reason) → rows and the rupiah that are known, of the three collections of money."""
        found: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])

        def count(collection: str, day: date, reason: str, amount: int | None) -> None:
            part = "in" if reason == "in" else "out"
            if not start <= day < until:
                part = {"in": "in_other_periods", "out": "out_in_other_periods"}[part]
            line = found[collection, part, reason]
            line[0] += 1
            line[1] += amount or 0

        for collection, rows in self.quarantined.items():
            found[collection, "out_without_day", "quarantined"][0] += rows
        for booking in self.bookings:
            if booking.is_test:
                reason = "test"
            elif not booking.earns:
                reason = "status_unknown" if booking.status == "unknown" else booking.status
            else:
                reason = "in" if booking.amount is not None else booking.unknown_for
            count(booking.origin, booking.day, reason, booking.amount)
        for record in self.records:
            if record.gone:
                reason = "deleted"
            elif record.is_test:
                reason = "test"
            elif record.is_refund and record.booking:
                reason = "refund"
            elif record.status in ("cancelled", "reversed"):
                reason = record.status
            elif record.booking and record.booking.own is not record:
                reason = "duplicate"
            else:
                reason = "in" if record.commission is not None else record.unknown_for
            count("commission_records", record.accrual_day, reason, record.commission)
        return {key: (rows, amount) for key, (rows, amount) in found.items()}


# --- rules ------------------------------------------------------------------------------------------------------------


def _booking_amount(row: Row) -> tuple[int | None, str]:
    """What a booking costs, and else why nobody can tell."""
    pricing = inside(row, "pricing")
    if any(foreign(row.get(name)) for name in CURRENCY):
        return None, "other_currency"
    totals = [row.get("totalCost"), row.get("totalPrice"), row.get("totalAmount")]
    unbelieved = False

    def read(value: Any) -> int | None:
        nonlocal unbelieved
        found = number(value)
        if found is None or found < 0:
            return None
        amount = rupiah(found * 1000 if 0 < found < THOUSANDS_BELOW else found)
        if amount and not LEAST <= amount <= MOST:
            unbelieved = True
            return None
        return amount

    abroad = any(foreign(pricing.get(name)) for name in CURRENCY)
    code = not nothing(row.get("discountCode"))
    written = [value for value in (*totals, pricing.get("total")) if not nothing(value)]
    if code and written:
        ours = [value for value in written if not foreign_sign(value)]
        if abroad and not nothing(pricing.get("total")) and ours:
            ours.pop()
        amounts = [amount for amount in map(read, ours) if amount is not None]
        if amounts:
            return min(amounts), ""
        if len(ours) < len(written):
            return None, "other_currency"
        return None, "not_believed" if unbelieved else "no_amount"
    if code:
        order = [(row.get("price"), False), (row.get("paymentAmount"), False)]
    else:
        order = [(value, False) for value in (*totals, row.get("paymentAmount"))]
        order += [(pricing.get("total"), abroad), (row.get("price"), False)]
    for value, other in order:
        if nothing(value):
            continue
        if foreign_sign(value) or (other and number(value)):
            return None, "other_currency"
        amount = read(value)
        if amount:
            return amount, ""
    return None, "not_believed" if unbelieved else "no_amount"


@dataclass(frozen=True)
class _Money:
    base: int | None
    commission: int | None
    fee: int | None
    negative: bool
    thousands: bool
    unknown_for: str


def _record_money(row: Row, booking: Booking | None) -> _Money:
    written = {
        "base": first(row, "bookingAmount", "serviceAmount", "totalPrice"),
        "commission": first(row, "commissionAmount", "adminCommission"),
        "fee": first(row, "reactivationFeeAmount", "lateFee"),
        "due": first(row, "totalAmountDue", "totalDue"),
    }
    told = {name: number(value) for name, value in written.items()}
    # It gives money back, whether or not its size is believed.
    negative = (told["commission"] or 0) < 0
    if any(foreign(row.get(name)) for name in CURRENCY) or any(map(foreign_sign, written.values())):
        return _Money(None, None, None, negative, thousands=False, unknown_for="other_currency")
    base, commission, fee, due = told["base"], told["commission"], told["fee"], told["due"]
    small = base is not None and 0 < base < THOUSANDS_BELOW
    owes = owed(booking.amount) if booking and booking.amount else None
    # Without a base each is in thousands that then is exactly what the booking owes.
    lone = not base and owes is not None
    thousands = {
        "commission": small or (lone and commission is not None and commission * 1000 == owes),
        "fee": small or (lone and fee is not None and fee * 1000 == FEE),
        "due": small or (lone and due is not None and owes is not None and due * 1000 in (owes, owes + FEE)),
    }

    def whole(value: Decimal | None, small: bool) -> int | None:
        if value is None:
            return None
        return rupiah(value * 1000 if small and abs(value) < THOUSANDS_BELOW else value)

    base_idr, commission_idr = whole(base, small), whole(commission, thousands["commission"])
    fee_idr = whole(fee, thousands["fee"])
    believed = True
    if base_idr:
        size = abs(base_idr)
        if not LEAST <= size <= MOST or (
            base_idr < 0 and not (commission_idr is not None and commission_idr < 0)
        ):
            believed, base_idr = False, None
        elif commission_idr is not None and abs(commission_idr) > size:
            believed = False
    elif commission_idr is not None and abs(commission_idr) > MOST:
        believed = False
    if fee_idr is not None and fee_idr > MOST:
        fee_idr = None
    if not believed:
        commission_idr = None
    if base_idr is not None and negative:
        base_idr = abs(base_idr)
    reason = "" if commission_idr is not None else ("no_amount" if believed else "not_believed")
    return _Money(base_idr, commission_idr, fee_idr, negative, any(thousands.values()), reason)


def _planned_end(row: Row, hours: int) -> datetime | None:
    """The start and so many minutes; None where one of them is not known."""
    minutes = number(first(row, "duration"))
    if first(row, "duration") is None:
        minutes = number(first(row, "serviceDuration"))
        if first(row, "serviceDuration") is None:
            minutes = number(first(row, "service"))
            if minutes is None:
                minutes = number(first(row, "serviceDetails.duration"))
    day = first(row, "scheduledDate", "date", "bookingDate")
    start: datetime | None = None
    for name in ("startTime", "scheduledTime"):
        if first(row, name) is not None:
            start = instant(first(row, name), hours, day)
            break
    else:
        at = first(row, "time")
        if at is not None and first(row, "scheduledDate", "date") is not None:
            start = instant(at, hours, first(row, "scheduledDate", "date"))
        elif first(row, "bookingDateTime", "checkInDate") is not None:
            start = instant(first(row, "bookingDateTime", "checkInDate"), hours)
    if start is None or minutes is None:
        return None
    return start + timedelta(minutes=float(minutes))


def _judged(booking: Booking, now: datetime) -> tuple[str, int | None, int | None]:
    """State, expected and actual of a booking's row."""
    own, amount = booking.own, booking.amount
    actual = own.commission if own else 0
    if not booking.earns:
        if booking.status in ENDED:
            return "not_due", 0, actual
        return "unknown", None, actual
    expected = None if amount is None else owed(amount)
    if own is None and booking.maybe_paid:
        return "unknown", expected, None
    if amount == 0:
        return ("free" if own is None or own.commission == 0 else "mismatched"), 0, actual
    if own is None:
        return ("awaiting" if now < booking.accrued + GRACE else "missing"), expected, 0
    if amount is None:
        return "unknown", None, actual
    agrees = actual == expected and own.base in (None, amount) and not own.unit_error
    return ("matched" if agrees else "mismatched"), expected, actual


def _lines(record: Record, now: datetime) -> Iterable[Line]:
    """Its lines in the ledger."""
    if record.is_test:
        return
    commission, fee = record.commission, record.fee or 0
    came, rule = record.came_in
    day_of_money = record.local(came)
    if record.is_refund:
        gave = record.status in ("paid", "reversed") or (record.status == "unknown" and record.paid_at)
        if gave and not record.gone and commission is not None:
            yield Line(record, "refund", "commission", day_of_money, -commission, rule)
        return
    undone = record.gone or record.status in ("cancelled", "reversed")
    paid = record.status == "paid" or (
        record.status in ("cancelled", "reversed") and record.paid_at is not None
    )
    guessed = record.status == "unknown" and record.paid_at is not None
    # What was cancelled before it vanished was taken back then.
    undone_at = record.changed if record.status in ("cancelled", "reversed") else now
    accrued = record.accrual_day
    if commission is not None:
        yield Line(record, "accrual", "commission", accrued, commission)
    fee_day = accrued
    if fee:
        latest = min([record.changed] + ([came] if paid or guessed else []))
        at = record.restricted_at or (record.deadline + RESTRICTION if record.deadline else latest)
        fee_day = max(accrued, record.local(min(at, latest)))
        yield Line(record, "fee", "fee", fee_day, fee)
    for part, amount, charged in (("commission", commission, accrued), ("fee", fee, fee_day)):
        if amount is None or (part == "fee" and not amount):
            continue
        settled = paid or (guessed and part == "commission")
        if settled:
            yield Line(record, "payment", part, day_of_money, -amount, rule)
        if undone:
            # The refund is as the reversal, and neither comes before what it takes back.
            told = record.local(undone_at)
            day = max(told, charged, day_of_money) if settled else max(told, charged)
            yield Line(record, "reversal", part, day, -amount)
            if settled:
                told_by = "not_before" if day > told else "found_gone" if undone_at is now else "$updatedAt"
                yield Line(record, "refund", part, day, amount, told_by)


def _standing(record: Record, amount: int, as_of: datetime) -> str:
    """The column of the ageing that an open record is summed in."""
    booking = record.booking
    if record.is_refund:
        return "refund_idr"
    if amount < 0:
        return "credit_idr"
    if record.fits == "none":
        return "not_owed_idr"
    if booking:
        further = booking.own is not None and booking.own is not record and booking.own.status == "paid"
        if booking.status in ENDED or (booking.earns and booking.amount == 0):
            return "not_owed_idr"
        if further and record.status not in ("paid", "unknown"):
            return "not_owed_idr"
    if booking is None or not booking.earns or record.status == "unknown" or record.deadline is None:
        return "unknown_idr"
    handed_in = record.proof_at is not None and record.proof_at <= as_of
    if record.status == "awaiting_verification":
        handed_in = handed_in or record.proof_at is None
    if handed_in and (not record.live or record.status in ("awaiting_verification", "paid")):
        return "awaiting_verification_idr"
    late = as_of - record.deadline
    if late <= timedelta(0):
        return "not_due_idr"
    return next((column for column, below in AGES if late < below), "late_over_90d_idr")
