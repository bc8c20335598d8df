"""The daily chart as a figure: its amounts and words exactly, its axis in round rupiah, its colours the cards'."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures import FIGURES
from dashboards.kit.charts import daily_chart, rupiah_ticks
from dashboards.kit.screen import STYLE
from dashboards.wording import Wording, axis_rupiah
from tests.dashboards.conftest import Shown
from tests.dashboards.snapshot import Truth

CONFIG = STYLE.parents[1] / ".streamlit" / "config.toml"


def frame(first: date, booked: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "local_date": [first + timedelta(days=n) for n in range(len(booked))],
            "booked_idr": booked,
            "completed_idr": [amount // 2 for amount in booked],
            "collected_idr": [amount // 10 for amount in booked],
        }
    )


def test_the_revenue_page_draws_every_day_exactly_and_writes_rupiah_in_full(
    read_home: Path, truth: Truth, show: Callable[..., Shown]
) -> None:
    charts = show(read_home, "revenue").app.get("plotly_chart")
    assert len(charts) == 1
    drawn = json.loads(charts[0].proto.spec)
    days = [date(2026, 11, 16) + timedelta(days=n) for n in range(7)]
    assert [trace["name"] for trace in drawn["data"]] == ["Booked", "Completed", "Collected"]
    for trace, name in zip(drawn["data"], FIGURES, strict=True):
        amounts = [truth.days[day][f"{name}_idr"] for day in days]
        assert trace["y"] == amounts
        assert trace["customdata"] == [f"Rp {amount:,}" for amount in amounts]
        assert trace["x"][0] == "Mon, 16 Nov 2026"
    assert drawn["layout"]["xaxis"]["labelalias"]["Sun, 22 Nov 2026"] == "22 Nov"
    assert drawn["layout"]["yaxis"]["ticktext"] == ["Rp 0", "Rp 20 m", "Rp 40 m", "Rp 60 m", "Rp 80 m"]
    assert drawn["layout"]["paper_bgcolor"] == drawn["layout"]["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert json.loads(charts[0].proto.config)["displayModeBar"] is False


def test_it_speaks_the_language_of_the_page() -> None:
    figure = daily_chart(frame(date(2026, 10, 31), [5_000_000, 1_000]), Wording("id", "Asia/Makassar"))
    assert [trace.name for trace in figure.data] == ["Dipesan", "Selesai", "Tertagih"]
    assert list(figure.data[0].x) == ["Sab, 31 Okt 2026", "Min, 1 Nov 2026"]


def test_the_same_day_of_two_years_stays_two_days() -> None:
    figure = daily_chart(frame(date(2025, 11, 22), [1] * 400), Wording("en", "Asia/Makassar"))
    assert len(set(figure.data[0].x)) == 400


def test_days_without_any_revenue_lie_on_an_axis_of_zero() -> None:
    axis = daily_chart(frame(date(2026, 11, 1), [0, 0]), Wording("en", "Asia/Makassar")).layout.yaxis
    assert list(axis.ticktext) == ["Rp 0"]
    assert axis.range[0] < axis.range[1]


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "Rp 0"),
        (500, "Rp 500"),
        (25_000, "Rp 25 rb"),
        (1_200_000, "Rp 1,2 jt"),
        (1_250_000_000, "Rp 1,25 miliar"),
        (2_500_000_000_000, "Rp 2.500 miliar"),
        (-20_000_000, "-Rp 20 jt"),
    ],
)
def test_ticks_are_written_short(amount: int, said: str) -> None:
    assert axis_rupiah(amount) == said


@given(st.integers(-(10**13), 10**13), st.integers(0, 10**13))
def test_ticks_hold_every_amount_evenly_apart_and_are_said_differently(least: int, more: int) -> None:
    most = least + more
    ticks = rupiah_ticks(least, most)
    assert ticks[0] <= min(0, least)
    assert ticks[-1] >= max(0, most)
    assert 0 in ticks
    assert len(ticks) <= 7
    assert len({later - tick for tick, later in pairwise(ticks)}) <= 1
    assert len({axis_rupiah(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(("theme", "place"), [("light", 0), ("dark", 1)])
def test_the_colours_are_those_of_the_cards_and_enough_for_plotly(theme: str, place: int) -> None:
    colours = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][theme]["chartCategoricalColors"]
    css = STYLE.read_text(encoding="utf-8")
    cards = [
        re.search(rf"--bw-{name}: light-dark\((#\w+), (#\w+)\)", css).groups()[place]  # type: ignore[union-attr] - a miss fails the test
        for name in FIGURES
    ]
    assert [colour.lower() for colour in colours[:3]] == cards
    assert len(set(colours)) >= 10
