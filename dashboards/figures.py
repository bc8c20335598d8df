"""The three revenue figures of a period, apart and by name: booked, completed, collected. Integer rupiah; no
drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from dashboards.period import CUSTOM, Period

FIGURES: tuple[str, ...] = ("booked", "completed", "collected")


@dataclass(frozen=True)
class RevenueFigure:
    """One figure of a period. ``previous_idr`` is None where the period before is not wholly covered by data, or cannot
    be cut where this one stands. ``kind``: of the period; ``cut``: it was compared up to the same time of day."""

    name: str
    amount_idr: int
    previous_idr: int | None
    daily_idr: tuple[int, ...]
    kind: str = CUSTOM
    cut: bool = False

    @property
    def change(self) -> float | None:
        """The share it changed by (0.12 = 12 % more), or None where there is nothing to compare with."""
        if not self.previous_idr:
            return None
        return (self.amount_idr - self.previous_idr) / self.previous_idr


def daily(days: pl.DataFrame, period: Period, until: date | None = None) -> pl.DataFrame:
    """The rows of revenue_daily for each day of the period that data covers; a covered day without a row is
    0. ``until``: the last day that the data knows anything of."""
    if days.is_empty():
        return days
    known_since: date = days["local_date"].min()  # type: ignore[assignment] - Polars types the min or sum of a column as any literal
    wanted = [day for day in period.dates() if day >= known_since and (until is None or day <= until)]
    frame = pl.DataFrame({"local_date": wanted}, schema={"local_date": pl.Date})
    return frame.join(days, on="local_date", how="left").fill_null(0).sort("local_date")


def revenue_figures(
    days: pl.DataFrame,
    period: Period,
    before: Mapping[str, int] | None = None,
    until: date | None = None,
) -> list[RevenueFigure]:
    """Booked, completed and collected of the period, each with what it is compared with. ``before``: of a period that
    is still running the three of the one before up to the same time of day (``booked_idr``, …); without them it is
    compared with nothing, for whole days are not like the part of one."""
    now = daily(days, period, until)
    covered = not days.is_empty() and days["local_date"].min() <= period.previous.first  # type: ignore[operator] - Polars types the min or sum of a column as any literal
    cut = period.counterpart is not None
    if not covered:
        earlier = None
    elif cut:
        earlier = before
    else:
        whole = daily(days, period.previous)
        earlier = {f"{name}_idr": int(whole[f"{name}_idr"].sum() or 0) for name in FIGURES}
    return [
        RevenueFigure(
            name=name,
            amount_idr=int(now[f"{name}_idr"].sum() or 0),
            previous_idr=None if earlier is None else earlier[f"{name}_idr"],
            daily_idr=tuple(int(value) for value in now[f"{name}_idr"].to_list()),
            kind=period.kind,
            cut=cut,
        )
        for name in FIGURES
    ]
