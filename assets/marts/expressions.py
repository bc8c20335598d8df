"""Ibis expressions several marts share: local time, integer commission, policy choice, rupiah in words.
Engine-neutral.

Not here: which rows count; each mart says that itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

from assets.marts.later import ibis, ir
from marketplace.aliases import ALIASES, RECORD_REFERENCES
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION, MILLION, REVENUE_STATUSES
from marketplace.events import ScanOutcome
from marketplace.policy import Policy, PolicyRule
from marketplace.statuses import values

#: No rupiah amount in this business comes near; beyond it 64-bit products could overflow, so nothing is
#: computed.
LARGEST_AMOUNT = 10**13
LARGEST_RATE_PPM = 100 * MILLION


def interval(length: timedelta) -> Any:
    """A literal interval, in the largest whole unit (engines disagree on mixed ones)."""
    seconds = int(length.total_seconds())
    return ibis.interval(minutes=seconds // 60) if seconds % 60 == 0 else ibis.interval(seconds=seconds)


def local(instant: Any, offset_minutes: Any) -> Any:
    """A naive UTC instant as local wall time at a fixed offset (Indonesia knows no daylight saving); null where the
    zone is not known (its provider was not read yet)."""
    return instant + ibis.interval(minutes=1) * offset_minutes


def local_day(instant: Any, offset_minutes: Any) -> Any:
    return local(instant, offset_minutes).date()


def dated(rows: Any) -> Any:
    """The rows whose ``local_date`` is known. The others are in marts.undated_rows: no day is guessed for them."""
    return rows.filter(rows.local_date.notnull())


def seconds_between(earlier: Any, later: Any) -> Any:
    """Later minus earlier in seconds, exact to the microsecond."""
    return later.delta(earlier, unit="microsecond") / 1_000_000.0


def accrual(accepted: Any, created: Any) -> Any:
    """The instant from which a booking's commission counts: its acceptance, else its creation (domain.md)."""
    return ibis.coalesce(accepted, created)


def commission_of(amount: Any, rate_ppm: Any) -> Any:
    """Half-up commission in whole rupiah; null beyond amounts and rates that can be real.

    Ibis compiles // and / to floating division. So the amount is split at a million: only differences that
    are exact multiples of a million are divided, and those quotients are exact up to LARGEST_AMOUNT
    (tests/oracles.py has the same in Python; a property test compares them).
    """
    # Null where they cannot be real, and so is all that is computed of them: engines may compute a product before its
    # condition, so its factors are kept in range themselves.
    if not isinstance(rate_ppm, int):
        rate_ppm = ibis.cases((rate_ppm.between(0, LARGEST_RATE_PPM), rate_ppm))
    amount = ibis.cases((amount.between(0, LARGEST_AMOUNT), amount))
    low = amount % MILLION
    high = ((amount - low) / MILLION).cast("int64")
    scaled = low * rate_ppm + MILLION // 2
    part = ((scaled - scaled % MILLION) / MILLION).cast("int64")
    return high * rate_ppm + part


def by_policy(
    policy: Policy, choose: Callable[[PolicyRule], Any], *, day: Any, provider: Any, plan: Any = None
) -> Any:
    """The value ``choose`` gives for the rule that applies to each row (a literal when there is one
    rule); null where the day is not known and the rule depends on it."""
    if len(policy.rules) == 1:
        return _value(choose(policy.rules[0]))
    branches: list[tuple[Any, Any]] = []
    for rule in policy.rules:
        kind, name = rule.scope
        chosen = _value(choose(rule))
        holds: Any = ibis.literal(True)
        if kind == "provider":
            holds = holds & (provider == name).fill_null(False)
        elif kind == "plan":
            holds = holds & (plan == name).fill_null(False)
            # Where no day is known the providers were not all read: nor is a plan that is not there known.
            branches.append((day.isnull() & plan.isnull(), ibis.null(chosen.type())))
        if rule.valid_from is not None or rule.valid_to is not None:
            branches.append((day.isnull() & holds, ibis.null(chosen.type())))
        if rule.valid_from is not None:
            holds = holds & (day >= ibis.date(rule.valid_from.isoformat()))
        if rule.valid_to is not None:
            holds = holds & (day < ibis.date(rule.valid_to.isoformat()))
        branches.append((holds, chosen))
    return ibis.cases(*branches)


def _value(chosen: Any) -> Any:
    return chosen if isinstance(chosen, ir.Expr) else ibis.literal(chosen)


def needs_plan(policy: Policy) -> bool:
    """Whether any rule asks for the provider's plan, and providers must be joined."""
    return any(rule.scope[0] == "plan" for rule in policy.rules)


def earning(bookings: Any) -> Any:
    """Bookings that earn: a revenue status, not a test, not deleted."""
    return counted(bookings).filter(lambda b: b.status.isin(REVENUE_STATUSES))


def is_free(amount: Any) -> Any:
    """Whether a booking's amount is 0: core takes none for an amount unless a discount code makes it free."""
    return (amount == 0).fill_null(False)


def gives_back(c: Any) -> Any:
    """Whether a commission record is a refund: its commission is below zero (as written, where it is not believed)."""
    charged: Any = ibis.coalesce(c.commission_idr.cast("float64"), c.written_commission)
    return (charged < 0).fill_null(False)


#: A row dated further ahead of the clock was not touched while it was read: its time says nothing.
CLOCKS_APART = timedelta(minutes=1)


def read_until(scans: Any, *collections: str) -> Any:
    """The server's instant as of which each of these collections was read that was ever read whole: a scalar, null
    where none was. (Where clocks disagree the watermark is the newest row, which may be days old.)"""
    read = scans.filter(scans.collection.isin(collections) & scans.watermark.notnull())
    until: Any = ibis.coalesce(read.read_until, read.watermark)
    return read.aggregate(until=until.min()).as_scalar()


def written_after(updated_at: Any, until: Any, at: Any) -> Any:
    """Whether a row was written after what was read of others, and not at a time that is yet to come: never null."""
    return ((updated_at > until) & (updated_at <= at.now + interval(CLOCKS_APART))).fill_null(False)


def bookings_read(scans: Any) -> Any:
    """Whether every booking there is was read: a scalar, never null.

    ``bookings`` was scanned completely once, and so was each other collection of bookings, unless the deployment does
    not have it or forbids it (which is told by itself). One that was only begun may hold any booking.
    """
    s = scans.filter(scans.collection.isin(BOOKING_COLLECTIONS))
    whole = (s.collection == "bookings") & s.completed_at.notnull()
    return s.aggregate(
        read=whole.any().fill_null(False) & ~first_scan_broke_off(s).any().fill_null(False)
    ).as_scalar()


def zones_read(scans: Any) -> Any:
    """Whether every provider there is was read, and with their zones the times of all rows: a scalar, never null.

    No collection of providers is there whose first scan has not come to its end.
    """
    s = scans.filter(scans.collection.isin(PROVIDER_COLLECTIONS))
    return s.aggregate(read=~first_scan_broke_off(s).any().fill_null(False)).as_scalar()


def first_scan_broke_off(scans: Any) -> Any:
    """Of a collection that is there: whether its first scan has not come to its end."""
    return scans.completed_at.isnull() & scans.outcome.isin(values(ScanOutcome.PARTIAL, ScanOutcome.FAILED))


def unread_reference(scans: Any, collection: str, names: Iterable[str]) -> Any:
    """Whether Appwrite does not hand out one of these relationship columns of a collection: a scalar, never null. What
    refers by it, and has no other reference, is then unknown; nothing is missing or an orphan for it."""
    s = scans.filter(scans.collection == collection)
    named: Any = ibis.literal(False)
    for name in sorted(names):
        named = named | s.unread.contains(f'"{name}"').fill_null(False)
    return s.aggregate(unread=named.any().fill_null(False)).as_scalar()


def known_rate(scans: Any, policy: Policy, provider: Any, rate_ppm: Any) -> Any:
    """A policy's rate, null where it rests on a provider that Appwrite does not hand out."""
    if all(rule.scope[0] == "default" for rule in policy.rules):
        return rate_ppm
    hidden: Any = ibis.literal(False)
    for collection in BOOKING_COLLECTIONS:
        hidden = hidden | unread_reference(scans, collection, ALIASES["booking.provider_id"])
    return ibis.cases((~(provider.isnull() & hidden), rate_ppm))


def record_references_unread(scans: Any) -> Any:
    """Whether a commission record may refer to a booking that cannot be told: a scalar, never null."""
    return unread_reference(scans, COMMISSION_COLLECTION, RECORD_REFERENCES)


def counted(bookings: Any) -> Any:
    """Bookings that any figure may count: not a test, not deleted."""
    return bookings.filter(lambda b: b.deleted_at.isnull() & ~b.is_test.fill_null(False))


#: What marts of days say of a booking. Of a large table a part is read with every column that one of them names.
_OF_DAYS: Final = (
    "booking_id",
    "origin",
    "provider_id",
    "provider_type",
    "source",
    "status",
    "service_minutes",
    "amount_idr",
    "amount_before_idr",
    "discounted",
    "decline_reason",
    "created_at",
    "response_deadline",
    "accepted_at",
    "responded_at",
    "completed_at",
    "ends_at",
    "utc_offset_minutes",
    "is_test",
    "deleted_at",
)


def of_days(bookings: Any) -> Any:
    """Bookings with no other columns than marts of days ask for."""
    return bookings.select(*_OF_DAYS)


def rupiah(amount: Any) -> Any:
    """Text such as Rp 1.250.000; 'an unknown amount' for null."""
    digits = amount.abs().cast("string")
    digits = digits.re_replace(r"(\d)(\d{3})$", r"\1.\2")
    for _ in range(4):
        digits = digits.re_replace(r"^(\d+)(\d{3})\.", r"\1.\2.")
    return ibis.cases(
        (amount.isnull(), "an unknown amount"),
        (amount < 0, ibis.literal("-Rp ") + digits),
        else_=ibis.literal("Rp ") + digits,
    )


def percent(rate_ppm: Any) -> Any:
    """A rate in millionths as text such as 30 % or 27,5 %; 'no rate' for null."""
    whole = rate_ppm - rate_ppm % 10_000
    rest = (rate_ppm % 10_000 + 10_000).cast("string").right(4).re_replace("0+$", "")
    text = (whole / 10_000).cast("int64").cast("string")
    return ibis.cases(
        (rate_ppm.isnull(), "no rate"),
        (rate_ppm % 10_000 == 0, text + " %"),
        else_=text + "," + rest + " %",
    )


def written(number: Any) -> Any:
    """A number as it was written: 250 for 250.0, 75.5 for 75.5; 'nothing' for null."""
    whole = (number == number.round()) & (number.abs() < 1e15)
    integral: Any = ibis.cases((whole, number), else_=0.0)
    as_integer = integral.round().cast("int64").cast("string")
    return ibis.cases((number.isnull(), "nothing"), (whole, as_integer), else_=number.cast("string"))


def moment(instant: Any, offset_minutes: Any) -> Any:
    """Local wall time as text, such as 2026-03-01 14:05 local time; in UTC where the zone is not known; 'an unknown
    time' for null."""
    text = local(instant, offset_minutes).strftime("%Y-%m-%d %H:%M") + " local time"
    return ibis.cases(
        (instant.isnull(), "an unknown time"),
        (offset_minutes.isnull(), instant.strftime("%Y-%m-%d %H:%M") + " UTC"),
        else_=text,
    )


def shown(identifier: Any, otherwise: str = "none") -> Any:
    """An id as text, never null (a null would swallow the whole sentence)."""
    return identifier.fill_null(otherwise)
