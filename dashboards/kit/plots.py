"""Charts of Performance, drawn by Altair, which Streamlit brings along and is a fraction of what Plotly weighs. Values
in, a chart out; asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import altair as alt
import polars as pl

from dashboards.wording import Wording

Drawn = alt.LayerChart | alt.FacetChart
#: Apart for the colour-blind too: by lightness as well as by hue.
_SEVERITIES = {"critical": "#8c1c13", "error": "#d1603d", "warning": "#e0ab4e"}
_OTHER = "#7f8984"
_LINES = ("#0f766a", "#b87a14", "#5b6aa8", "#a3485f", "#4fa797", "#7f8984")
_LIMIT = "#b3261e"


def errors_by_minute(
    minutes: pl.DataFrame,
    begin: datetime,
    end: datetime,
    limit: int,
    severities: Sequence[str],
    say: Wording,
) -> Drawn:
    """Events a minute, one colour a severity, with the limit drawn. ``minutes``: minute (naive UTC), severity, events;
    a minute without a row had none. From ``begin`` to ``end`` (naive UTC), in local time."""
    rows = [
        {
            "at": _local(say, row["minute"]),
            "severity": say.word("severity", row["severity"]),
            "events": row["events"],
            "order": severities.index(row["severity"]),
        }
        for row in minutes.iter_rows(named=True)
    ]
    most = max(minutes.group_by("minute").agg(pl.col("events").sum())["events"].to_list(), default=0)
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(width=4)
        .encode(
            x=_time(begin, end, say),
            y=alt.Y(
                "events:Q",
                title=None,
                scale=alt.Scale(domain=[0, max(most, limit) * 1.15]),
                axis=alt.Axis(tickMinStep=1),
            ),
            color=alt.Color(
                "severity:N",
                title=None,
                sort=[say.word("severity", word) for word in severities],
                scale=alt.Scale(
                    domain=[say.word("severity", word) for word in severities],
                    range=[_SEVERITIES.get(word, _OTHER) for word in severities],
                ),
                legend=alt.Legend(orient="top"),
            ),
            order="order:Q",
            tooltip=[
                alt.Tooltip("at:T", format="%d/%m %H:%M", title=say("performance.minute")),
                alt.Tooltip("severity:N", title=say("errors.severity")),
                alt.Tooltip("events:Q", title=say("errors.events")),
            ],
        )
    )
    return _with_limit(bars, limit, say("errors.limit_line", limit=limit))


def hours(frame: pl.DataFrame, limit_s: float, say: Wording) -> Drawn:
    """The 95th percentile of each operation by the hour, with the limit drawn. ``frame``: hour (naive UTC), operation,
    p95_s."""
    operations = frame["operation"].unique().sort().to_list()
    rows = [
        {
            "at": _local(say, row["hour"]),
            "operation": row["operation"],
            "seconds": row["p95_s"],
            "said": say.seconds(row["p95_s"]),
        }
        for row in frame.iter_rows(named=True)
    ]
    most = max(frame["p95_s"].drop_nulls().to_list(), default=0.0)
    lines = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_time(None, None, say),
            y=alt.Y(
                "seconds:Q",
                title=None,
                scale=alt.Scale(domain=[0, max(most, limit_s) * 1.15]),
                axis=alt.Axis(),
            ),
            color=alt.Color(
                "operation:N",
                title=None,
                scale=alt.Scale(
                    domain=operations, range=[_LINES[n % len(_LINES)] for n in range(len(operations))]
                ),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("at:T", format="%d/%m %H:%M", title=say("performance.hour")),
                alt.Tooltip("operation:N", title=say("errors.operation")),
                alt.Tooltip("said:N", title="p95"),
            ],
        )
    )
    return _with_limit(lines, limit_s, say("timings.limit_line", limit=say.seconds(limit_s)))


def _time(begin: datetime | None, end: datetime | None, say: Wording) -> Any:
    # The instants are local wall times, and drawn as what they say wherever the browser is.
    scale: dict[str, Any] = {"type": "utc"}
    if begin is not None and end is not None:
        scale["domain"] = [_local(say, begin), _local(say, end)]
    return alt.X(
        "at:T", title=None, scale=alt.Scale(**scale), axis=alt.Axis(format="%H:%M", labelOverlap=True)
    )


def _with_limit(chart: alt.Chart, at: float, said: str) -> Drawn:
    """The limit a figure is judged against, drawn across and named."""
    limit = alt.Chart(alt.Data(values=[{"limit": at, "said": said}]))
    rule = limit.mark_rule(color=_LIMIT, strokeDash=[6, 4], strokeWidth=1.5).encode(y="limit:Q")
    name = limit.mark_text(color=_LIMIT, align="left", baseline="bottom", dx=4, dy=-3).encode(
        x=alt.value(0), y="limit:Q", text="said:N"
    )
    return alt.layer(chart, rule, name).properties(height=260)


def _local(say: Wording, value: datetime) -> str:
    """Local wall time, written as UTC."""
    moment = say.local(value)
    assert moment is not None
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
