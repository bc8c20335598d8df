"""What came in: yesterday and today, the three figures of the period, and the same by day, source, week, month, kind of
provider, and what discounts gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from dashboards.figures import FIGURES, daily
from dashboards.kit import behind, parts
from dashboards.kit.address import Choice, chosen
from dashboards.kit.charts import daily_chart
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.period import LAST_MONTH, LAST_WEEK, MONTH, YESTERDAY
from dashboards.period import WEEK as WEEK_KIND
from dashboards.queries import revenue
from dashboards.queries.behind import Behind
from dashboards.queries.query import Held
from dashboards.sections import shared
from dashboards.wording import count, rupiah, share, signed_share
from marketplace.statuses import SOURCES

VIEWS: Final = ("source", "day", "week", "month", "kind", "discounts")
VIEW: Final = Choice("by", VIEWS, VIEWS[0])
SPANS_SHOWN = 13
A_WEEK: Final = timedelta(days=7)
_FIGURES: Final = ("bookings", "booked_idr", "completed_idr", "collected_idr")


def figures(screen: Screen) -> None:
    """Booked, completed and collected of the period, apart, each beside the period before."""
    shared.revenue_section(screen, shared.period_figures(screen))
    if not daily(revenue.revenue_daily(screen.snapshot), screen.period, screen.data_day).is_empty():
        say = screen.text
        rows = (behind.to(name, say(f"metric.{name}")) for name in FIGURES)
        show(parts.soft(joined(say("revenue.rows"), " ", joined(*rows, by=" · "))))


def behind_figures(screen: Screen) -> tuple[Behind, ...]:
    """The figures whose rows can be listed: the three of the period, and what was booked of each source."""
    days = f"local_date BETWEEN DATE '{screen.period.first}' AND DATE '{screen.period.last}'"
    return (
        *(Behind(name, f"marts.revenue_daily.{name}_idr", days) for name in FIGURES),
        *(
            Behind(
                f"booked_{source}", "marts.revenue_by_source.booked_idr", f"source = '{source}' AND {days}"
            )
            for source in SOURCES
        ),
    )


def single_days(screen: Screen) -> None:
    """Yesterday, whole, beside the same day of the week before; and today as far as it has come, beside the same day of
    the week before up to the same time. A day that the data knows in part is cut like today, of a later
    one nothing is told."""
    say = screen.text
    days = {row["local_date"]: row for row in revenue.revenue_daily(screen.snapshot).iter_rows(named=True)}
    if not days:
        return
    first, today = min(days), screen.now.astimezone(say.zone).date()
    yesterday = today - timedelta(days=1)
    lines: list[tuple[Child, ...]] = []
    for day, name in ((yesterday, "yesterday"), (today, "today")):
        if day < first:
            continue
        before = day - A_WEEK
        then = _UNTOLD
        if before >= first and day <= screen.data_day:
            then = days.get(before, _NO_DAY) if day < screen.data_day else _until_now(screen, before)
        told = say.weekday(before)
        beside = "yesterday" if day < screen.data_day else "today"
        beneath = "" if then is _UNTOLD else say(f"revenue.beside_{beside}", day=told)
        now = days.get(day, _NO_DAY) if day <= screen.data_day else _UNTOLD
        lines.append(
            (
                parts.below(say(f"revenue.{name}", day=say.weekday(day)), beneath),
                *(_beside(now[figure], then[figure], figure) for figure in _FIGURES),
            )
        )
    if lines:
        show(parts.table([(say("revenue.day"), False), *_headings(screen)], lines))


def _until_now(screen: Screen, day: date) -> Mapping[str, int | None]:
    """The figures of the day a week before the one that is known in part, up to the same time of day."""
    cut = screen.data_until - A_WEEK
    money = revenue.up_to(screen.snapshot, day, day, cut)
    sources = revenue.part_by_source(screen.snapshot, day, day, cut)
    if money is None or sources is None:
        return _UNTOLD
    return {**money, "bookings": int(sources["bookings"].sum() or 0)}


_NO_DAY: Final[Mapping[str, int]] = dict.fromkeys(_FIGURES, 0)
_UNTOLD: Final[Mapping[str, int | None]] = dict.fromkeys(_FIGURES)


def _headings(screen: Screen, names: Sequence[str] = _FIGURES) -> list[tuple[Child, bool]]:
    return [(screen.text(f"metric.{name.removesuffix('_idr')}"), True) for name in names]


def _beside(now: int | None, then: int | None, figure: str) -> Child:
    """A figure with what it was and by which share it changed; of a then that is not known nothing is said."""
    written = rupiah if figure.endswith("_idr") else count
    shown = parts.unbroken(written(now))
    if then is None or now is None:
        return shown
    before = [parts.unbroken(signed_share((now - then) / then))] if then else []
    return joined(shown, parts.small(joined(*before, parts.unbroken(written(then)), by=" · ")))


def per_day(screen: Screen) -> None:
    """The period day by day, drawn."""
    say = screen.text
    days = daily(revenue.revenue_daily(screen.snapshot), screen.period, screen.data_day)
    if days.is_empty():
        return
    show(parts.section(say("revenue.per_day"), say("revenue.per_day_note")))
    shared.chart(daily_chart(days, say), "daily", say("chart.alt_daily"))


def apart(screen: Screen) -> None:
    """The same figures taken apart in one way, which is chosen."""
    switch(screen, VIEW, "revenue.apart", "revenue.by_")
    screen.draw(_APART[chosen(VIEW)])


def per_source(screen: Screen) -> None:
    """Booked and completed by where the booking was made, beside the period before."""
    say, period = screen.text, screen.period
    show(parts.section(say("revenue.per_source"), say("revenue.per_source_note")))
    frame = revenue.revenue_by_source(screen.snapshot, period.first, period.last)
    if frame.is_empty():
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    before = _before(screen, revenue.revenue_by_source, revenue.part_by_source)
    total, largest = int(frame["booked_idr"].sum() or 0), int(frame["booked_idr"].max() or 0)  # type: ignore[arg-type] - Polars types the min or sum of a column as any literal
    show(
        parts.table(
            [
                (say("revenue.source"), False),
                ("", False),
                *_headings(screen, _FIGURES[:3]),
                (say("revenue.share"), True),
            ],
            [
                (
                    behind.to(f"booked_{row['source']}", say.word("source", row["source"])),
                    parts.meter(
                        row["booked_idr"] / largest if largest else 0,
                        row["completed_idr"] / largest if largest else 0,
                    ),
                    *_all_beside(row, before, "source", _FIGURES[:3]),
                    share(row["booked_idr"] / total if total else None),
                )
                for row in frame.iter_rows(named=True)
            ],
            _above(screen, before),
        )
    )


def _before(screen: Screen, whole: Any, part: Any) -> pl.DataFrame | None:
    """The same question of the period before: whole, or of a running one as much of it as has passed. None where
    data does not cover it, or the snapshot cannot be cut."""
    period, path = screen.period, screen.snapshot
    before = period.previous
    days = revenue.revenue_daily(path)
    if days.is_empty() or days["local_date"].min() > before.first:  # type: ignore[operator] - Polars types the min or sum of a column as any literal
        return None
    if period.counterpart is None:
        return whole(path, before.first, before.last)
    return part(path, before.first, before.last, screen.data_until - timedelta(days=period.counterpart))


def _all_beside(
    row: Mapping[str, Any], before: pl.DataFrame | None, key: str, names: Sequence[str]
) -> list[Child]:
    """Each figure of a row beside that of the row of the same key before; there without a row is 0, and what was not
    asked is not told."""
    told = () if before is None else before.columns
    found = () if before is None else before.filter(pl.col(key).eq_missing(pl.lit(row[key]))).to_dicts()
    then = found[0] if found else dict.fromkeys(told, 0)
    return [_beside(row[name], then.get(name), name) for name in names]


PRESETS: Final = (YESTERDAY, WEEK_KIND, LAST_WEEK, MONTH, LAST_MONTH)
"""Periods that are one click away where they are compared."""


def presets(screen: Screen) -> None:
    """Weeks and months beside the one before, each one click away."""
    say, kind = screen.text, screen.period.kind
    shown = [
        parts.tag(say(f"period.{name}"))
        if name == kind
        else filtered(say(f"period.{name}"), period=name, **{"from": None, "to": None})
        for name in PRESETS
    ]
    show(parts.soft(joined(say("revenue.compare"), " ", joined(*shown, by=" · "))))


def _above(screen: Screen, before: pl.DataFrame | None) -> Child:
    """Which days stand beside those that were chosen."""
    say, then = screen.text, screen.period.previous
    beside = "revenue.beside_days" if screen.period.counterpart is None else "revenue.beside_part"
    said = say("revenue.no_previous") if before is None else say(beside, days=say.days(then.first, then.last))
    return parts.above(parts.soft(said))


def per_kind(screen: Screen) -> None:
    """Therapists, places and hotels apart, beside the period before."""
    say, period = screen.text, screen.period
    show(parts.section(say("revenue.by_kind"), say("revenue.kind_note")))
    frame = revenue.revenue_by_kind(screen.snapshot, period.first, period.last)
    if frame.is_empty():
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    before = _before(screen, revenue.revenue_by_kind, revenue.part_by_kind)
    show(
        parts.table(
            [(say("revenue.kind"), False), *_headings(screen)],
            [
                (say.word("revenue_kind", row["kind"]), *_all_beside(row, before, "kind", _FIGURES))
                for row in frame.iter_rows(named=True)
            ],
            _above(screen, before),
        )
    )


def per_week(screen: Screen) -> None:
    _spans(screen, "week", revenue.weeks(screen.snapshot))


def per_month(screen: Screen) -> None:
    _spans(screen, "month", revenue.months(screen.snapshot))


def _spans(screen: Screen, name: str, frame: pl.DataFrame) -> None:
    """Weeks or months, the newest first, each beside the one before as the mart has it; one that is not over is marked
    and compared with nothing."""
    say = screen.text
    show(parts.section(say(f"revenue.by_{name}"), say("revenue.spans_note")))
    if frame.is_empty():
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    lines: list[tuple[Child, ...]] = []
    for row in frame.head(SPANS_SHOWN).iter_rows(named=True):
        first: date = row["first"]
        called = say.month(first) if name == "month" else say.days(first, first + timedelta(days=6))
        over = row["is_complete"]
        beneath = "" if over else say("revenue.span_untold" if over is None else "revenue.span_running")
        lines.append(
            (
                parts.below(called, beneath),
                *(
                    _beside(row[figure], row[f"previous_{figure}"] if over else None, figure)
                    for figure in _FIGURES
                ),
            )
        )
    show(parts.table([(say(f"revenue.{name}"), False), *_headings(screen)], lines))


def per_day_table(screen: Screen) -> None:
    """The days of the period as rows, to download."""
    say = screen.text
    days = daily(revenue.revenue_daily(screen.snapshot), screen.period, screen.data_day)
    show(parts.section(say("revenue.table_day")))
    if days.is_empty():
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    grid(screen, Held("revenue_daily", days, revenue.DAYS), say("revenue.table_day"))


def discounts(screen: Screen) -> None:
    """What discount codes gave on bookings of the period that earn, as far as amounts are known."""
    say, period = screen.text, screen.period
    show(parts.section(say("revenue.by_discounts"), say("revenue.discounts_note")))
    row = revenue.discounts(screen.snapshot, period.first, period.last)
    if not row["bookings"]:
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    known = bool(row["known"])
    facts: list[tuple[str, Child]] = [
        (
            say("revenue.discounted"),
            f"{count(row['discounted'])} · {share(row['discounted'] / row['bookings'])}",
        ),
        (say("revenue.free"), count(row["free"])),
        (say("revenue.given"), rupiah(row["given_idr"] if known or not row["discounted"] else None)),
        (say("revenue.cost_before"), rupiah(row["before_idr"] if known else None)),
        (say("revenue.cost_after"), rupiah(row["after_idr"] if known else None)),
    ]
    said = say("revenue.of_bookings", n=count(row["bookings"]))
    if row["unknown"]:
        said += f" {say('revenue.given_unknown', n=count(row['unknown']))}"
    show(parts.terms_card(facts, said))


_APART: Final = {
    "source": per_source,
    "day": per_day_table,
    "week": per_week,
    "month": per_month,
    "kind": per_kind,
    "discounts": discounts,
}
