"""A month's package says what a second reading of the app's own rows says, to the rupiah and of every provider.

The second reading shares no code with bookwatch (second_reading.py). The worlds have every finding planted, cross a
month's end, and are read as of their end: October is closed, November open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from pipelines.exports.month import package
from pipelines.exports.month.table import Asked
from tests.exports.month.second_reading import AGES, SecondReading
from tests.marts.simulated import MARTS, Read, read
from tests.simulator.world import UNTIL

NOW = UNTIL.replace(tzinfo=None)
OCTOBER, NOVEMBER = (date(2026, 10, 1), date(2026, 11, 1)), (date(2026, 11, 1), date(2026, 12, 1))
PERIODS = (OCTOBER, NOVEMBER)
COLLECTIONS = ("bookings", "hotel_bookings", "commission_records")
ACCOUNT = (
    "opening_idr", "accrued_idr", "fees_idr", "paid_gross_idr", "refunds_idr", "paid_idr", "reversed_idr",
    "closing_idr", "expected_idr", "unrecorded_idr", "unknown_amount_records",
)  # fmt: skip
OPEN = (
    "not_due_idr", *(column for column, _ in AGES), "late_over_90d_idr", "unknown_idr", "awaiting_verification_idr",
    "not_owed_idr", "credit_idr", "refund_idr",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """A world twice: as bookwatch has it, and as the second reading does."""

    read: Read
    second: SecondReading

    def rows(self, table: str, period: tuple[date, date]) -> list[dict[str, Any]]:
        """A table of the package, ages as of the period's end or of what is known."""
        (found,) = [one for one in package.tables() if one.name == table]
        asked = Asked(*period, None, as_of(period), "Asia/Makassar")
        return [row for batch in found.rows(self.read.con, asked) for row in batch.to_dicts()]


def as_of(period: tuple[date, date]) -> datetime:
    """The end of the period's last day in Bali, but no later than now."""
    return min(datetime.combine(period[1], datetime.min.time()) - timedelta(hours=8), NOW)


@pytest.fixture(scope="module", params=(1, 2, 3))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = read(
        request.param,
        tmp_path_factory.mktemp(f"seed-{request.param}"),
        days=45,
        rate=20,
        marts=(*MARTS, "commission_entries", "unreconciled_records", "exclusions", "completeness"),
    )
    counted = [[name, len(rows)] for name, rows in made.raw.items() if name in COLLECTIONS]
    made.con.execute("DELETE FROM ops.mirror_rows")
    made.con.executemany(
        "INSERT INTO ops.mirror_rows (collection, rows, deleted, quarantined, forgotten) VALUES (?, ?, 0, 0, 0)",
        counted,
    )
    yield World(made, SecondReading(made.raw, made.gone["commission_records"], NOW))
    made.con.close()


def differing(found: dict[Any, Any], told: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """Key → (the package's, the second reading's), where they differ."""
    return {
        key: (found.get(key), told.get(key)) for key in {**found, **told} if found.get(key) != told.get(key)
    }


@pytest.mark.parametrize("period", PERIODS)
def test_each_row_of_the_report_has_that_day_state_and_money(world: World, period: tuple[date, date]) -> None:
    found = Counter(
        (
            row["booking_id"], row["commission_id"], row["local_date"], row["state"], row["provider_id"],
            row["booking_amount_idr"], row["expected_idr"], row["actual_idr"],
        )
        for row in world.rows("commissions", period)
    )  # fmt: skip
    told = Counter(astuple(one) for one in world.second.report() if period[0] <= one.day < period[1])
    assert (found - told, told - found) == (Counter(), Counter())
    assert len({state for _, _, _, state, *_ in told}) >= 6


@pytest.mark.parametrize("period", PERIODS)
def test_the_summary_counts_and_sums_the_same(world: World, period: tuple[date, date]) -> None:
    (total,) = [row for row in world.rows("summary", period) if row["source"] == "total"]
    told = [one for one in world.second.report() if period[0] <= one.day < period[1]]
    states = Counter(one.state for one in told)
    for state in ("matched", "mismatched", "missing", "awaiting", "unknown", "orphan", "not_due", "free"):
        assert total[state] == states[state], state
    assert total["rows"] == len(told)
    assert total["booking_amount_idr"] == sum(one.booking_amount or 0 for one in told)
    assert total["expected_idr"] == sum(one.expected or 0 for one in told)
    assert total["actual_idr"] == sum(one.actual or 0 for one in told)
    known = [one for one in told if one.expected is not None and one.actual is not None]
    assert total["variance_idr"] == sum((one.actual or 0) - (one.expected or 0) for one in known)


@pytest.mark.parametrize("period", PERIODS)
def test_each_provider_s_account_is_that_to_the_rupiah(world: World, period: tuple[date, date]) -> None:
    *providers, whole = world.rows("ledger", period)
    assert whole["line"] == "total"
    found = {row["provider_id"]: {name: row[name] for name in ACCOUNT} for row in providers}
    told = {
        provider: {name: account.get(name, 0) for name in ACCOUNT}
        for provider, account in world.second.ledger(*period).items()
    }
    # An account on which nothing ever happened may stand, or not.
    empty = dict.fromkeys(ACCOUNT, 0)
    assert not differing(
        {key: value for key, value in found.items() if value != empty},
        {key: value for key, value in told.items() if value != empty},
    )
    assert len(told) > 30
    for name in ACCOUNT:
        assert whole[name] == sum(account[name] for account in told.values()), name


def test_a_month_opens_with_what_the_one_before_closed_with(world: World) -> None:
    october, november = (world.second.ledger(*period) for period in PERIODS)
    for provider, account in november.items():
        assert account.get("opening_idr", 0) == october[provider].get("closing_idr", 0)


@pytest.mark.parametrize("period", PERIODS)
def test_each_day_s_collected_is_that(world: World, period: tuple[date, date]) -> None:
    found = {
        row["local_date"]: row["amount_idr"]
        for row in world.rows("bridges", period)
        if (row["bridge"], row["scope"], row["kind"]) == ("collected_day", "whole", "total")
    }
    told = {day: amount for day, amount in world.second.collected().items() if period[0] <= day < period[1]}
    assert not differing({day: amount for day, amount in found.items() if amount}, told)


@pytest.mark.parametrize("period", PERIODS)
def test_each_payment_and_refund_is_on_that_day_by_that_rule(world: World, period: tuple[date, date]) -> None:
    found = Counter(
        (row["commission_id"], row["kind"], row["local_date"], row["day_rule"], row["total_idr"])
        for row in world.rows("payments", period)
        if row["total_idr"] is not None
    )
    told = world.second.payments(*period)
    assert (found - told, told - found) == (Counter(), Counter())
    assert len({rule for _, _, _, rule, _ in told}) >= 3


@pytest.mark.parametrize("period", PERIODS)
def test_each_open_record_is_of_that_age(world: World, period: tuple[date, date]) -> None:
    rows = world.rows("ageing", period)
    found = {
        row["commission_id"]: (
            row["provider_id"], *[column for column in OPEN if row[column]], row["open_idr"],
        )
        for row in rows
        if row["line"] == "record" and row["open_idr"]
    }  # fmt: skip
    told: dict[Any, Any] = dict(world.second.ageing(period[1], as_of(period)))
    assert not differing(found, told)
    whole = rows[-1]
    assert (whole["line"], whole["provider_id"]) == ("total", None)
    for column in OPEN:
        assert whole[column] == sum(amount for _, of, amount in told.values() if of == column), column
    assert len({column for _, column, _ in told.values()}) >= 6


@pytest.mark.parametrize("period", PERIODS)
def test_every_row_of_the_app_is_in_or_out_for_that_reason(world: World, period: tuple[date, date]) -> None:
    rows = [row for row in world.rows("completeness", period) if row["collection"] in COLLECTIONS]
    found = {
        (row["collection"], row["part"], row["reason"]): (row["rows"], row["amount_idr"])
        for row in rows
        if row["part"] != "total" and row["rows"]
    }
    assert not differing(found, world.second.completeness(*period))
    totals = {
        row["collection"]: (row["rows"], row["unaccounted_rows"]) for row in rows if row["part"] == "total"
    }
    assert totals == {name: (len(world.read.raw[name]), 0) for name in COLLECTIONS}
