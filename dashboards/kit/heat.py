"""The hours of a week as a heat map (Altair): a frame in, a chart out. Asks nothing; its colours are the theme's."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboards.wording import Wording, count

ROW_HEIGHT = 30


def week(hours: pl.DataFrame, value: str, called: str, say: Wording) -> dict[str, Any]:
    """Weekday × local hour, as Vega-Lite has it. ``hours``: weekday (1 = Monday), hour (0 to 23) and ``value``, one row
    a cell that is known; cells without a row are drawn empty. ``called``: what the value is, in the language of the
    page."""
    names = [say(f"weekday.{number}") for number in range(1, 8)]
    cells = hours.select(
        day=pl.col("weekday").replace_strict(
            dict(zip(range(1, 8), names, strict=True)), return_dtype=pl.String
        ),
        hour=pl.col("hour").map_elements(lambda hour: f"{hour:02}", return_dtype=pl.String),
        value=pl.col(value),
        said=pl.col(value).map_elements(count, return_dtype=pl.String),
    )
    chart = (
        alt.Chart(alt.Data(values=cells.to_dicts()))
        .mark_rect(cornerRadius=3)
        .encode(
            x=alt.X(
                "hour:O",
                title=None,
                scale=alt.Scale(domain=[f"{hour:02}" for hour in range(24)], paddingInner=0.06),
                axis=alt.Axis(labelAngle=0, ticks=False, domain=False),
            ),
            y=alt.Y(
                "day:O",
                title=None,
                scale=alt.Scale(domain=names, paddingInner=0.06),
                axis=alt.Axis(ticks=False, domain=False),
            ),
            color=alt.Color("value:Q", title=called, scale=alt.Scale(zero=True), legend=None),
            tooltip=[
                alt.Tooltip("day:N", title=say("demand.weekday")),
                alt.Tooltip("hour:N", title=say("demand.hour")),
                alt.Tooltip("said:N", title=called),
            ],
        )
        .properties(height=7 * ROW_HEIGHT)
    )
    # Altair's own theme would give it a size; ours is the page's.
    return {**chart.to_dict(), "config": {"view": {"strokeWidth": 0}}}
