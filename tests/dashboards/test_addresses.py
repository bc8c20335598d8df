"""Whatever the address of a page says, the page answers: an odd value is as good as none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from dashboards import frame
from dashboards.kit import links, screen
from dashboards.kit.address import chosen as chosen_in_address
from dashboards.kit.page import Page
from dashboards.period import EARLIEST, chosen
from marketplace.roles import RIGHTS, Role
from resources.home import Home
from tests.dashboards.conftest import Shown

Show = Callable[..., Shown]

TODAY = date(2026, 11, 22)
ODD = (
    "", " ", "0", "-1", "custom", "None", "NaN", "2026-02-30", "2026-13-01", "0000-00-00", "10000-01-01",
    "99999999999999999999-01-01", "-0001-01-01", "२०२६-११-०१", "２０２６-11-01", "01/11/2026", "2026-11-01T00:00",
    "2026-11-01\0", "\0", "\r\nSet-Cookie: a=b", "\x1b[2J", "<script>alert(1)</script>", "' OR 1=1 --",
    "\ufeff2026-11-01", "🦆", "x" * 200_000, "9" * 5_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-11-01", "2026-11-22", (date(2026, 11, 1), TODAY)),
        ("2026-11-01", "9999-12-31", (date(2026, 11, 1), TODAY)),
        (EARLIEST.isoformat(), "2026-11-22", (EARLIEST, TODAY)),
        ("0001-01-01", "2026-11-22", None),
        ("0001-01-01", "0001-01-01", None),
        ("1999-12-31", "2026-11-22", None),
        ("9999-12-31", "9999-12-31", None),
        ("2026-11-20", "2026-11-01", None),
        ("2026-11-23", "2026-11-24", None),
    ],
)
def test_days_that_cannot_be_looked_at_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, first: str, last: str, expected: tuple[date, date] | None
) -> None:
    monkeypatch.setattr(st, "query_params", {"from": first, "to": last})
    assert screen.days_said(TODAY) == expected
    if expected:
        period = chosen("custom", expected, TODAY)
        assert period.previous.last == period.first - timedelta(days=1)


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_no_value_is_more_than_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for said in ({"from": value, "to": "2026-11-22"}, {"from": "2026-11-01", "to": value}, {"from": value}):
        monkeypatch.setattr(st, "query_params", said)
        assert screen.days_said(TODAY) is None
    monkeypatch.setattr(st, "query_params", {choice.name: value for choice in links.ALONG})
    assert chosen_in_address(links.LANGUAGE) == "en"
    if value != "custom":
        assert chosen_in_address(links.PERIOD) == "7d"


@pytest.mark.parametrize(
    "query",
    [
        {"period": "custom", "from_": "0001-01-01", "to": "9999-12-31"},
        {"period": "custom", "from_": "0001-01-01", "to": "0001-01-02"},
        {"period": "custom", "from_": EARLIEST.isoformat(), "to": "2026-11-22"},
        {
            "period": ["today", "custom"],
            "from_": ["2026-11-01", "\0"],
            "to": ["x", "y"],
            "lang": ["id", "xx"],
        },
        {"period": "\0", "lang": "x" * 10_000},
    ],
    ids=["all days", "the first days", "as far back as can be", "repeated", "garbage"],
)
def test_a_hostile_address_is_answered(read_home: Path, show: Show, query: dict[str, Any]) -> None:
    assert "Overview" in show(read_home, **query).text


@pytest.mark.parametrize("page", frame.PAGES, ids=lambda page: page.name)
def test_a_link_opens_the_view_it_was_taken_of(read_publication: Home, show: Show, page: Page) -> None:
    """Every choice of the page, and of what goes along, at another code than its own: the address stays as it is, and
    nothing of it is called unknown."""
    said = {
        choice.name: next(code for code in reversed(choice.allowed) if code != choice.default)
        for choice in (*page.choices, *links.ALONG)
        if len(choice.allowed) > 1 and (choice.needs is None or choice.needs in RIGHTS[Role.OPERATOR])
    }
    said |= {"period": "last_month", "lang": "en"} if page.periodic else {"lang": "en"}
    shown = show(read_publication.root, page.name, **{f"{name}_": code for name, code in said.items()})
    kept = {
        name: value[0] if isinstance(value, list) else value for name, value in shown.app.query_params.items()
    }
    assert kept.items() >= {name: code for name, code in said.items() if name != "lang"}.items()
    assert "Part of this address says nothing here" not in shown.text


@pytest.mark.parametrize("page", frame.PAGES, ids=lambda page: page.name)
def test_what_no_choice_allows_is_said_by_every_page(read_publication: Home, show: Show, page: Page) -> None:
    wrong = {
        choice.name: "no-such-code" for choice in page.choices if choice.allowed and choice.needs is None
    }
    shown = show(
        read_publication.root, page.name, unheard_of="x", **{f"{name}_": code for name, code in wrong.items()}
    )
    assert "Part of this address says nothing here" in shown.text
    assert all(f"{name}=no-such-code" in shown.text for name in wrong)
