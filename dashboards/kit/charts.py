"""What is drawn: the sparkline (SVG) and the charts (Plotly figures). Frames in, a drawing out; no queries, and no
colours but those of limits and severities: the others follow Streamlit's theme (chartCategoricalColors, for money in
the order of FIGURES)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboards.figures import FIGURES
from dashboards.wording import Wording, axis_rupiah, count, rupiah

# How st.plotly_chart shows a figure: to be read, not to be edited. Its ticks are written for its whole range,
# so it does not zoom.
CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "displaylogo": False,
    "doubleClick": False,
    "scrollZoom": False,
    "showAxisDragHandles": False,
    "showTips": False,
}
CLEAR = "rgba(0,0,0,0)"
LIMIT_COLOUR = "#8a8278"  # a limit is no series: legible in both themes
CLOCK = "%H:%M\n%d/%m"  # digits alone: Plotly would write the months in English
WIDEST_BAR = 1 / 12  # of the width of the chart: the bar of a single day is no wall


def sparkline(values: Sequence[int]) -> str:
    """The course of the values from 0 up, as an SVG for a CSS mask: st.html strips inline SVG, and a mask
    takes the theme's colour. Fewer than two values draw nothing."""
    width, height, top = 240.0, 54.0, 5.0
    peak = max(values, default=0)
    drawn = ""
    if len(values) > 1 and peak > 0:
        step = width / (len(values) - 1)
        line = " ".join(
            f"{n * step:.1f},{height - 2 - (height - 2 - top) * max(value, 0) / peak:.1f}"
            for n, value in enumerate(values)
        )
        drawn = (
            f"<polygon points='0,54 {line} 240,54' opacity='.14'/>"
            f"<polyline points='{line}' fill='none' stroke='#000'"
            " stroke-width='1.8' stroke-linejoin='round' vector-effect='non-scaling-stroke'/>"
        )
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 240 54' preserveAspectRatio='none'>"
        + drawn
        + "</svg>"
    )


def daily_chart(days: pl.DataFrame, say: Wording) -> go.Figure:
    """Booked behind completed as bars, collected as a line, on one axis of rupiah. ``days``: at least one row
    of revenue_daily, one a day."""
    dates = days["local_date"].to_list()
    # Whole dates are the categories, so that the same day of two years stays two; the axis writes them short.
    written = [say.weekday(day) for day in dates]
    amounts = {name: days[f"{name}_idr"].to_list() for name in FIGURES}
    ticks = rupiah_ticks(min(map(min, amounts.values())), max(map(max, amounts.values())))
    many = days.height > 31
    bar = min(0.84 if many else 0.7, days.height * WIDEST_BAR)
    figure = go.Figure()
    for name, values in amounts.items():
        common: dict[str, Any] = {
            "name": say(f"metric.{name}"),
            "x": written,
            "y": values,
            "customdata": [rupiah(value) for value in values],
            "hovertemplate": "%{customdata}",
        }
        if name == "collected":
            figure.add_scatter(
                mode="lines" if many else "lines+markers",
                line={"width": 2.5},
                marker={"size": 7},
                **common,
            )
        else:
            figure.add_bar(
                width=bar if name == "booked" else bar * 0.64,
                opacity=0.5 if name == "booked" else 1,
                marker={"line": {"width": 0}, "cornerradius": 3},
                **common,
            )
    figure.update_layout(
        barmode="overlay",
        xaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": written,
            "range": [-0.5, days.height - 0.5],
            "labelalias": {text: say.short_day(day) for text, day in zip(written, dates, strict=True)},
        },
        yaxis={
            "range": [ticks[0], max(ticks[-1], 1)],
            "tickvals": ticks,
            "ticktext": [axis_rupiah(tick) for tick in ticks],
        },
    )
    return _calm(figure)


def _calm(figure: go.Figure, height: int = 340) -> go.Figure:
    """The manners all charts share: no frame, no zoom, one box that says everything of a place."""
    figure.update_layout(
        height=height,
        margin={"t": 40, "b": 8, "l": 0, "r": 4},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        hovermode="x unified",
        hoverlabel={"align": "right", "namelength": -1},
        dragmode=False,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.03,
            "yanchor": "bottom",
            "traceorder": "normal",
            "title": {"text": ""},
            "itemdoubleclick": False,
        },
    )
    figure.update_xaxes(
        unifiedhovertitle={"text": "<b>%{x}</b>"},
        nticks=16,
        tickangle=0,
        ticks="",
        showgrid=False,
        showline=False,
        showspikes=False,
        fixedrange=True,
        title={"text": "", "standoff": 0},
    )
    figure.update_yaxes(
        ticks="", showline=False, zeroline=True, fixedrange=True, title={"text": "", "standoff": 0}
    )
    return figure


def _limit(figure: go.Figure, at: float, said: str) -> None:
    """The limit a figure is judged against, drawn across and named."""
    figure.add_hline(
        y=at,
        line={"color": LIMIT_COLOUR, "width": 1.5, "dash": "dash"},
        annotation={"text": said, "font": {"color": LIMIT_COLOUR, "size": 13}, "yshift": 1},
        annotation_position="top left",
    )


def hours_chart(hours: pl.DataFrame, limit_s: float, say: Wording) -> go.Figure:
    """The 95th percentile of each operation by the hour, with the limit drawn. ``hours``: hour (naive UTC), operation,
    p95_s."""
    figure = go.Figure()
    for operation in hours["operation"].unique(maintain_order=True).sort().to_list():
        part = hours.filter(pl.col("operation") == operation).sort("hour")
        figure.add_scatter(
            name=operation,
            x=[_local(say, at) for at in part["hour"].to_list()],
            y=part["p95_s"].to_list(),
            mode="lines+markers",
            line={"width": 2},
            marker={"size": 6},
            customdata=[say.seconds(value) for value in part["p95_s"].to_list()],
            hovertemplate="%{customdata}",
        )
    most = max(hours["p95_s"].drop_nulls().to_list(), default=0.0)
    figure.update_layout(
        showlegend=True,
        xaxis={"type": "date", "tickformat": CLOCK, "hoverformat": "%d/%m %H:%M"},
        yaxis={"range": [0, max(most, limit_s) * 1.18], "nticks": 6, "ticksuffix": " s"},
    )
    _limit(figure, limit_s, say("timings.limit_line", limit=say.seconds(limit_s)))
    return _calm(figure, 300)


def _local(say: Wording, value: datetime) -> datetime:
    """Local wall time without a zone: what the axis of a chart writes."""
    moment = say.local(value)
    assert moment is not None
    return moment.replace(tzinfo=None)


def rupiah_ticks(least: int, most: int) -> list[int]:
    """Round amounts of rupiah, evenly apart, that hold 0, ``least`` and ``most`` between the first and the
    last: at most seven, and 0 alone where there is nothing else."""
    bottom, top = min(0, least), max(0, most)
    spread = max(top - bottom, 4)
    # The smallest of 1, 2, 2.5 and 5 times a power of ten that takes at most five steps, in whole rupiah.
    step = next(
        step
        for power in range(len(str(spread)))
        for step in (10**power, 2 * 10**power, 25 * 10**power // 10, 5 * 10**power)
        if step * 5 >= spread
    )
    return list(range(bottom // step * step, -(-top // step) * step + step, step))


def stacked_days(frame: pl.DataFrame, group: str, value: str, say: Wording) -> go.Figure:
    """A value by day, one colour a group, one on the other. ``frame``: local_date, the group and the value, one row
    each; a day without a row had none. The largest group is at the bottom. Rupiah by the name of the value."""
    money = value.endswith("_idr")
    first, last = frame["local_date"].min(), frame["local_date"].max()
    dates = pl.date_range(first, last, eager=True).to_list()  # type: ignore[arg-type] - Polars types the min or sum of a column as any literal
    written = [say.weekday(day) for day in dates]
    figure = go.Figure()
    order = frame.group_by(group).agg(pl.col(value).sum()).sort(value, group, descending=[True, False])
    for name in order[group].to_list():
        known = dict(frame.filter(pl.col(group).eq_missing(name)).select("local_date", value).iter_rows())
        values = [known.get(day) or 0 for day in dates]
        figure.add_bar(
            name=say.word(group, name),
            x=written,
            y=values,
            width=min(0.84, len(dates) * WIDEST_BAR),
            marker={"line": {"width": 0}},
            customdata=[rupiah(number) if money else count(number) for number in values],
            hovertemplate="%{customdata}",
        )
    totals = frame.group_by("local_date").agg(pl.col(value).sum())[value]
    ticks = rupiah_ticks(0, int(totals.max() or 0))  # type: ignore[arg-type] - as above
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        xaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": written,
            "range": [-0.5, len(dates) - 0.5],
            "labelalias": {text: say.short_day(day) for text, day in zip(written, dates, strict=True)},
        },
        yaxis={
            "range": [0, max(ticks[-1], 1)],
            "tickvals": ticks,
            "ticktext": [axis_rupiah(tick) if money else count(tick) for tick in ticks],
        },
    )
    return _calm(figure)


def ranked_bars(labels: Sequence[str], values: Sequence[int | None], *, money: bool) -> go.Figure:
    """Values side by side, the first at the top, each written at its bar; one that is not known is a dash, no bar."""
    said = [rupiah(value) if money else count(value) for value in values]
    top = max((value for value in values if value is not None), default=0)
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        x=[value or 0 for value in values],
        y=list(labels),
        text=said,
        textposition="outside",
        cliponaxis=False,
        marker={"line": {"width": 0}, "cornerradius": 3},
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_layout(showlegend=False)
    _calm(figure, 60 + 30 * max(len(labels), 1))
    figure.update_layout(
        hovermode="closest",
        margin={"t": 8, "b": 8, "l": 0, "r": 8},
        # Room at the right for what is written there.
        xaxis={"range": [0, max(top, 1) * 1.22], "showticklabels": False, "zeroline": False},
        yaxis={"autorange": "reversed", "type": "category"},
    )
    return figure


def week_map(hours: pl.DataFrame, days: Sequence[str], say: Wording) -> go.Figure:
    """The hours of a week, the darker the more. ``hours``: weekday (1 = Monday), hour, bookings; an hour without a row
    had none. ``days``: the names of the weekdays, Monday first."""
    counted = {(row["weekday"], row["hour"]): row["bookings"] for row in hours.iter_rows(named=True)}
    grid = [[int(counted.get((day, hour)) or 0) for hour in range(24)] for day in range(1, 8)]
    clock = [f"{hour:02d}:00" for hour in range(24)]
    figure = go.Figure(
        go.Heatmap(
            x=clock,
            y=list(days),
            z=grid,
            zmin=0,
            autocolorscale=True,
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=[[count(value) for value in row] for row in grid],
            hovertemplate="%{y} %{x}: %{customdata}<extra></extra>",
        )
    )
    _calm(figure, 300)
    figure.update_layout(
        hovermode="closest",
        margin={"t": 12, "b": 8, "l": 0, "r": 4},
        yaxis={"autorange": "reversed", "type": "category", "zeroline": False, "showgrid": False},
        xaxis={"type": "category", "range": [-0.5, 23.5]},
    )
    return figure
