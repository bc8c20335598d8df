"""The three revenue figures of a period, apart and by name: booked, completed, collected. Integer rupiah; no
drawing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from dashboards.period import Period

FIGURES: tuple[str, ...] = ("booked", "completed", "collected")


@dataclass(frozen=True)
class RevenueFigure:
    """One figure of a period. ``previous`` is None where the period before is not wholly covered by data."""

    name: str
    amount_idr: int
    previous_idr: int | None
    daily_idr: tuple[int, ...]

    @property
    def change(self) -> float | None:
        """The share it changed by (0.12 = 12 % more), or None where there is nothing to compare with."""
        if not self.previous_idr:
            return None
        return (self.amount_idr - self.previous_idr) / self.previous_idr


def daily(days: pl.DataFrame, period: Period) -> pl.DataFrame:
    """The rows of revenue_daily for each day of the period that data covers; a covered day without a row is
    0."""
    if days.is_empty():
        return days
    known_since: date = days["local_date"].min()  # type: ignore[assignment] - Polars types the min or sum of a column as any literal
    wanted = [day for day in period.dates() if day >= known_since]
    frame = pl.DataFrame({"local_date": wanted}, schema={"local_date": pl.Date})
    return frame.join(days, on="local_date", how="left").fill_null(0).sort("local_date")


def revenue_figures(days: pl.DataFrame, period: Period) -> list[RevenueFigure]:
    """Booked, completed and collected of the period, each with the equal period before it."""
    now = daily(days, period)
    covered = not days.is_empty() and days["local_date"].min() <= period.previous.first  # type: ignore[operator] - Polars types the min or sum of a column as any literal
    before = daily(days, period.previous) if covered else None
    return [
        RevenueFigure(
            name=name,
            amount_idr=int(now[f"{name}_idr"].sum() or 0),
            previous_idr=None if before is None else int(before[f"{name}_idr"].sum() or 0),
            daily_idr=tuple(int(value) for value in now[f"{name}_idr"].to_list()),
        )
        for name in FIGURES
    ]
