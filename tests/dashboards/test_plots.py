"""The charts of Performance: what they draw, at which local time, against which limit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from dashboards.kit import plots
from dashboards.wording import Wording

SAY = Wording("en", "Asia/Makassar")
BEGIN, END = datetime(2026, 11, 22, 5), datetime(2026, 11, 22, 6)


def test_events_are_drawn_by_the_local_minute_one_colour_a_severity() -> None:
    minutes = pl.DataFrame(
        {
            "minute": [datetime(2026, 11, 22, 5, 35)] * 2 + [datetime(2026, 11, 22, 5, 40)],
            "severity": ["error", "warning", "peculiar"],
            "events": [9, 4, 1],
        }
    )
    drawn: dict[str, Any] = plots.errors_by_minute(
        minutes, BEGIN, END, 10, ["error", "warning", "peculiar"], SAY
    ).to_dict()
    bars, rule, name = drawn["layer"]
    assert [(row["at"], row["severity"], row["events"]) for row in bars["data"]["values"]] == [
        ("2026-11-22T13:35:00Z", "error", 9),
        ("2026-11-22T13:35:00Z", "warning", 4),
        ("2026-11-22T13:40:00Z", "peculiar", 1),
    ]
    assert bars["encoding"]["x"]["scale"]["domain"] == ["2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"]
    assert len(set(bars["encoding"]["color"]["scale"]["range"])) == 3
    assert bars["encoding"]["y"]["scale"]["domain"][1] > 13
    assert rule["data"]["values"] == name["data"]["values"] == [{"limit": 10, "said": "limit: 10 a minute"}]


def test_hours_are_drawn_one_line_an_operation() -> None:
    hours = pl.DataFrame(
        {
            "hour": [BEGIN, END, END],
            "operation": ["list_rows", "list_rows", "sweep_rows"],
            "p95_s": [0.2, 0.21, 4.25],
        }
    )
    lines = plots.hours(hours, 3.0, SAY).to_dict()["layer"][0]
    assert lines["encoding"]["color"]["scale"]["domain"] == ["list_rows", "sweep_rows"]
    assert lines["data"]["values"][2]["at"] == "2026-11-22T14:00:00Z"
    assert lines["encoding"]["y"]["scale"]["domain"][1] > 4.25
