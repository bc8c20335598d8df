"""What a picked row and a link open: the record of that id on its page, in this tab, with what goes along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
import streamlit as st

from dashboards import frame
from dashboards.kit import behind, grid, links
from dashboards.queries.behind import Behind
from resources.home import Home
from tests.dashboards.conftest import Shown

Show = Callable[..., Shown]

ROWS = pl.DataFrame(
    {
        "id": ["b1", "c1", None, "x1"],
        "of": ["core.bookings", "core.commissions", "core.bookings", "ops.health_changes"],
    }
)


def test_a_row_opens_the_record_of_its_id() -> None:
    assert grid._targets(ROWS, ("booking", "id")) == [
        ("booking", "b1"),
        ("booking", "c1"),
        None,
        ("booking", "x1"),
    ]


def test_rows_of_several_kinds_open_each_its_own_and_one_without_a_page_opens_nothing() -> None:
    found = grid._targets(ROWS, (behind.KINDS, "id"))
    assert found == [("booking", "b1"), ("commission", "c1"), None, None]
    assert {*behind.KINDS.values()} <= {*links.HOMES}


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def says(state: dict[str, Any] | None = None, **said: str) -> None:
        class Query(dict[str, str]):
            to_dict = dict[str, str].copy

        monkeypatch.setattr(st, "query_params", Query(said))
        monkeypatch.setattr(st, "session_state", {} if state is None else state)

    return says


def test_a_link_says_its_record_and_takes_along_language_days_and_snapshot(address: Any) -> None:
    address(lang="id", period="today", search="x", page="3")
    assert links.address("bookings", booking="b 1&c") == "bookings?lang=id&period=today&booking=b+1%26c"
    assert 'href="bookings?lang=id&amp;period=today&amp;booking=b1"' in links.to_record("booking", "b1")
    assert "href" not in links.to_record("booking", None)


def test_back_to_a_list_keeps_its_filters(address: Any) -> None:
    address(lang="id", status="late", booking="b1")
    assert 'href="?lang=id&amp;status=late"' in links.back("back", "booking")
    assert 'href="?lang=id&amp;status=late&amp;booking=b1&amp;rows=booked"' in behind.to("booked", "Rp 1")


def test_what_was_picked_is_opened_once_by_the_next_drawing(
    read_publication: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = show(read_publication.root, "revenue", lang="id")
    shown.app.session_state[links._NEXT] = ("month", "2026-11")
    shown.app.run()
    gone = [script for script in shown.scripts if "bookwatch.go(" in script]
    assert len(gone) == 1
    assert 'window.bookwatch.go("months?lang=id&month=2026-11")' in gone[0]
    shown.app.run()
    assert not any("bookwatch.go(" in script for script in shown.scripts)


def test_a_figure_leads_to_the_rows_that_make_it(
    read_publication: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    (page,) = [entry for entry in frame.PAGES if entry.name == "months"]
    figure = Behind("booked", "marts.revenue_by_source.booked_idr", "source = 'bookingButton'")
    with_figures = replace(page, figures=lambda _screen: (figure,))
    draw = frame.draw
    monkeypatch.setattr(frame, "draw", lambda _page: draw(with_figures))
    shown = show(read_publication.root, "months", rows="booked")
    total = f"{figure.explained(str(read_publication.current.resolve())).value:,}"
    assert f"Rp {total} from" in shown.text
    (listed,) = [
        table.value for table in shown.app.dataframe if "Adds" in table.proto.alt or "adds" in table.value
    ]
    assert listed["of"].unique().tolist() == ["Booking"]
    assert "has no figure called “other”" in show(read_publication.root, "months", rows="other").text
