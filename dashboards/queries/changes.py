"""Two snapshots compared: figures, findings, alerts, bookings, closed months and providers, by their ids. Neither is
asked for all its rows. Asked through reading.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from dashboards.queries.reading import SnapshotUnreadable, ask, cached, with_messages
from marketplace.metrics import METRICS, Unit
from resources.home import Home
from resources.instants import instant_of_stamp
from resources.snapshots import published_snapshots

A_DAY: Final = timedelta(hours=24)
#: So many changed bookings are looked at one by one; of more only the newest changes are.
BOOKINGS_COMPARED: Final = 20_000


@dataclass(frozen=True)
class Kept:
    """A snapshot that is kept. ``at``: when it was begun, by its name (aware, UTC)."""

    snapshot_id: str
    path: str
    at: datetime


def kept(home: Home) -> list[Kept]:
    """The snapshots that are kept, the newest first; a file whose name tells no instant is none of ours."""
    found: list[Kept] = []
    for path in published_snapshots(home):
        try:
            at = instant_of_stamp(path.stem.partition("-")[0])
        except ValueError:
            continue
        found.append(Kept(path.stem, str(path.resolve()), at))
    return found


def a_day_before(later: Kept, snapshots: list[Kept]) -> Kept | None:
    """Of those that are older the one nearest to 24 hours before; None where none is older."""
    older = [one for one in snapshots if one.snapshot_id < later.snapshot_id]
    return min(older, key=lambda one: abs(later.at - A_DAY - one.at), default=None)


def by_id(snapshot_id: str, snapshots: list[Kept]) -> Kept | None:
    return next((one for one in snapshots if one.snapshot_id == snapshot_id), None)


# Figures -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A metric of the whole snapshot: one value, null where it could not be told. ``page``: where it is shown.
    ``judged``: it is told only where commissions could be judged."""

    name: str
    page: str
    judged: bool = False

    @property
    def rupiah(self) -> bool:
        return METRICS[self.name].unit is Unit.RUPIAH

    @property
    def sql(self) -> str:
        metric = METRICS[self.name]
        # Where nothing is owed or missing that is known; of a revenue without a row nothing is.
        none = "0" if self.judged or not metric.adds else "NULL"
        total = f"SELECT coalesce(sum(value), {none})::BIGINT FROM ({metric.sql})"
        if not self.judged:
            return total
        return f"SELECT ({total}) FROM marts.commission_summary WHERE state <> 'unknown'"


FIGURES: Final[tuple[Figure, ...]] = (
    Figure("bookings", "bookings"),
    Figure("booked", "revenue"),
    Figure("completed", "revenue"),
    Figure("collected", "revenue"),
    Figure("expected_commission", "findings", judged=True),
    Figure("recorded_commission", "findings", judged=True),
    Figure("missing_commissions", "findings", judged=True),
    Figure("owed_now", "commissions", judged=True),
    Figure("overdue_commission", "commissions", judged=True),
    Figure("awaiting_verification", "commissions", judged=True),
    Figure("waiting_rooms", "chat"),
    Figure("quarantined_rows", "data_quality"),
    Figure("doubtful_values", "data_quality"),
)


@cached
def figures(path: str) -> dict[str, int | None]:
    """Each figure by its name; None where it could not be told, or this snapshot does not have it."""
    return {figure.name: _value(path, figure.sql) for figure in FIGURES}


def _value(path: str, sql: str) -> int | None:
    try:
        rows = ask(path, sql).rows()
    except SnapshotUnreadable:  # an older snapshot has not its table
        return None
    return None if not rows or rows[0][0] is None else int(rows[0][0])


# What came and went ------------------------------------------------------------------------------


@dataclass(frozen=True)
class CameAndWent:
    """Rows of the later snapshot that the earlier has not, and rows of the earlier that the later has not."""

    came: pl.DataFrame
    went: pl.DataFrame


@cached
def _finding_ids(path: str) -> pl.DataFrame:
    return ask(
        path,
        """SELECT finding_id FROM marts.commission_findings WHERE NOT coalesce(waived, false) ORDER BY finding_id""",
    )


@cached
def _findings(path: str, ids: tuple[str, ...]) -> pl.DataFrame:
    return ask(
        path,
        f"""SELECT finding_id, finding, severity, booking_id, expected_idr, actual_idr, variance_idr, detail, code, args
            FROM {with_messages("marts.commission_findings")} WHERE finding_id IN (SELECT unnest(?::VARCHAR[]))
            ORDER BY finding_id""",
        [list(ids)],
    )


def findings(earlier: str, later: str) -> CameAndWent:
    """finding_id, finding, severity, booking_id, expected_idr, actual_idr, variance_idr, and what each says, of the
    findings that are open in one of the two alone: one that was waived went."""
    found = _apart(_finding_ids(earlier), _finding_ids(later), "finding_id")
    return CameAndWent(
        _findings(later, tuple(found.came["finding_id"].to_list())),
        _findings(earlier, tuple(found.went["finding_id"].to_list())),
    )


@cached
def _alerts(path: str) -> pl.DataFrame:
    """alert_id, name, severity, summary, active_since of the alerts that fire, and what each says."""
    return ask(
        path,
        f"""SELECT alert_id, name, severity, summary, active_since, code, args FROM {with_messages("ops.alerts")}
            WHERE state = 'firing' ORDER BY alert_id""",
    )


def alerts(earlier: str, later: str) -> CameAndWent:
    """The alerts that fire in one of them alone."""
    return _apart(_alerts(earlier), _alerts(later), "alert_id")


def _apart(before: pl.DataFrame, after: pl.DataFrame, key: str) -> CameAndWent:
    return CameAndWent(after.join(before, on=key, how="anti"), before.join(after, on=key, how="anti"))


@cached
def _month_changes(path: str) -> pl.DataFrame:
    return ask(
        path,
        """SELECT finding_id, local_month, figure, previous_value, current_value, coalesce(waived, false) AS waived
           FROM marts.closed_month_changes ORDER BY local_month DESC, figure""",
    )


def months(earlier: str, later: str) -> pl.DataFrame:
    """local_month, figure, previous_value, current_value, waived: the changes of closed months that the later snapshot
    tells and the earlier does not, or not with these values."""
    keys = ["finding_id", "previous_value", "current_value"]
    return _month_changes(later).join(_month_changes(earlier), on=keys, how="anti", nulls_equal=True)


@cached
def _members(path: str) -> pl.DataFrame:
    return ask(
        path,
        "SELECT provider_id, provider_type, provider_name, health FROM marts.member_health ORDER BY 1, 2",
    )


def members(earlier: str, later: str) -> pl.DataFrame:
    """provider_id, provider_name, before, after (null: not there): providers whose health is another."""
    keys = ["provider_id", "provider_type"]
    both = _members(later).join(_members(earlier), on=keys, how="full", suffix="_before", coalesce=True)
    return (
        both.filter(pl.col("health").ne_missing(pl.col("health_before")))
        .select(
            "provider_id",
            pl.coalesce("provider_name", "provider_name_before").alias("provider_name"),
            pl.col("health_before").alias("before"),
            pl.col("health").alias("after"),
        )
        .sort("provider_name", "provider_id")
    )


# Bookings ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangedBookings:
    """``rows``: booking_id, origin, before (null: it is new), after, amount_idr, updated_at of the bookings whose state
    is another, the newest change first. ``seen``: how many were written at all between the two; ``left_out``: how many
    of them were not compared."""

    rows: pl.DataFrame
    seen: int
    left_out: int


def bookings(earlier: str, later: str) -> ChangedBookings | None:
    """The bookings whose state changed between the two. Only rows that were written since the earlier one are asked
    for: each row has the number of its change. None where the two count their changes apart: it cannot be told."""
    before, after = _processed(earlier), _processed(later)
    if before is None or after is None or after < before:
        return None
    new, seen = _written_since(later, before)
    old = _states(earlier, tuple(new["booking_id"].to_list()))
    rows = new.join(old, on=["booking_id", "origin"], how="left").filter(
        pl.col("before").ne_missing(pl.col("after"))
    )
    return ChangedBookings(
        rows.select("booking_id", "origin", "before", "after", "amount_idr", "updated_at"),
        seen,
        max(0, seen - new.height),
    )


@cached
def _processed(path: str) -> int | None:
    rows = ask(path, "SELECT processed_change FROM core.state LIMIT 1").rows()
    return rows[0][0] if rows else None


_STATE = "CASE WHEN deleted_at IS NULL THEN status ELSE 'deleted' END"


@cached
def _written_since(path: str, change: int) -> tuple[pl.DataFrame, int]:
    frame = ask(
        path,
        f"""SELECT booking_id, origin, {_STATE} AS after, amount_idr, updated_at, count(*) OVER () AS seen
            FROM core.bookings WHERE change > ? AND NOT coalesce(is_test, false)
            ORDER BY change DESC LIMIT {BOOKINGS_COMPARED}""",
        [change],
    )
    return frame.drop("seen"), 0 if frame.is_empty() else int(frame["seen"][0])


@cached
def _states(path: str, ids: tuple[str, ...]) -> pl.DataFrame:
    return ask(
        path,
        f"""SELECT booking_id, origin, {_STATE} AS before FROM core.bookings
            WHERE booking_id IN (SELECT unnest(?::VARCHAR[]))""",
        [list(ids)],
    )


def transitions(found: ChangedBookings) -> list[dict[str, Any]]:
    """before, after, bookings, amount_idr (of the known; null: none is known), the most first."""
    return (
        found.rows.group_by("before", "after")
        .agg(pl.len().alias("bookings"), _sum_of_known("amount_idr"))
        .sort("bookings", "after", descending=[True, False])
        .to_dicts()
    )


def _sum_of_known(column: str) -> pl.Expr:
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)
