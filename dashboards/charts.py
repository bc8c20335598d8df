"""What is drawn: the sparkline (SVG) and the daily chart (a Vega-Lite specification). Frames in, a drawing
out; no queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from dashboards.wording import Wording, rupiah

# One hue a figure, readable on both the light and the dark ground.
HUES: dict[str, str] = {"booked": "#8CC9BD", "completed": "#1B9583", "collected": "#D99A2B"}

# Rupiah on an axis only: thousands (rb), millions (jt), thousands of millions (miliar), with a decimal comma.
AXIS_RUPIAH = (
    "datum.value == 0 ? 'Rp 0' : 'Rp ' + replace("
    "abs(datum.value) >= 1e9 ? format(datum.value / 1e9, '.2~f') + ' miliar' :"
    " abs(datum.value) >= 1e6 ? format(datum.value / 1e6, '.1~f') + ' jt' :"
    " format(datum.value / 1e3, '.0f') + ' rb', '.', ',')"
)


def sparkline(values: Sequence[int]) -> str:
    """The course of the values from 0 up, as an SVG for a CSS mask: st.html strips inline SVG, and a mask
    takes the theme's
    colour. Fewer than two values draw nothing."""
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


def daily_chart(days: pl.DataFrame, say: Wording) -> dict[str, Any]:
    """Booked behind completed as bars, collected as a line, on one axis of rupiah. ``days``: rows of
    revenue_daily."""
    names = {name: say(f"revenue.{name}") for name in ("booked", "completed", "collected")}
    values = [
        {
            "day": row["local_date"].isoformat(),
            "label": say.day(row["local_date"]),
            "figure": names[name],
            "idr": row[f"{name}_idr"],
            **{f"{other}_text": rupiah(row[f"{other}_idr"]) for other in names},
        }
        for row in days.iter_rows(named=True)
        for name in names
    ]
    tooltip = [{"field": "label", "type": "nominal", "title": say("revenue.day")}] + [
        {"field": f"{name}_text", "type": "nominal", "title": title} for name, title in names.items()
    ]
    many = days.height > 31
    x = {
        "field": "day",
        "type": "ordinal",
        "title": None,
        "axis": {
            "labelAngle": 0,
            "labelExpr": "timeFormat(toDate(datum.value + 'T00:00:00'), '%d/%m')",
            "labelOverlap": True,
            "grid": False,
            "ticks": False,
            "domain": False,
            "labelPadding": 8,
        },
        "scale": {
            "domain": [day.isoformat() for day in days["local_date"].to_list()],
            "paddingInner": 0.15 if many else 0.3,
            "paddingOuter": 0.15,
        },
    }
    y = {
        "field": "idr",
        "type": "quantitative",
        "stack": None,
        "scale": {"domain": [0, max(1, *(row["idr"] for row in values))], "nice": True},
        "title": None,
        "axis": {
            "labelExpr": AXIS_RUPIAH,
            "tickCount": 5,
            "domain": False,
            "ticks": False,
            "labelPadding": 8,
        },
    }
    colour = {
        "field": "figure",
        "type": "nominal",
        "scale": {"domain": list(names.values()), "range": [HUES[name] for name in names]},
        "legend": {"orient": "top", "title": None, "symbolType": "square", "offset": 8},
    }

    def layer(name: str, mark: dict[str, Any]) -> dict[str, Any]:
        return {
            "transform": [{"filter": {"field": "figure", "equal": names[name]}}],
            "mark": mark,
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
        }

    bar = {"type": "bar", "cornerRadiusTopLeft": 3, "cornerRadiusTopRight": 3}
    return {
        "data": {"values": values},
        "background": "transparent",
        "height": 320,
        "layer": [
            layer("booked", bar),
            layer("completed", bar),
            layer(
                "collected",
                {"type": "line", "strokeWidth": 2.5, "point": {"filled": True, "size": 0 if many else 45}},
            ),
        ],
        "config": {"view": {"stroke": None}},
    }
