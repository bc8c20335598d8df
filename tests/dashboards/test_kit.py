"""What the kit promises a page: the screen's rows are the first of the download's, headings are said in every language,
a page is a record the frame knows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl

from dashboards import frame, pages, queries
from dashboards.kit import downloads
from dashboards.queries import (
    demand,
    ledger,
    operations,
    people,
    reading,
    receivables,
    reconciliation,
    service,
)
from dashboards.queries.query import Column, Held, Query, Rows
from dashboards.queries.reconciliation import Findings, Sought
from dashboards.wording import LANGUAGES, texts
from messages.rules import STRETCHES
from resources.home import Home
from tests.dashboards.conftest import Shown
from tests.published import changed

Show = Callable[..., Shown]

SINCE, MONTH = datetime(2026, 11, 21), date(2026, 11, 1)


def _constants() -> list[Query]:
    modules = [
        importlib.import_module(f"dashboards.queries.{m.name}")
        for m in pkgutil.iter_modules(queries.__path__)
    ]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Query)]


def _all(path: str) -> list[Rows]:
    return [
        *_constants(),
        Findings(Sought()),
        Findings(Sought("missing", "critical", month=MONTH, waived="open"), "newest", ()),
        reconciliation.findings_of("c", "b"),
        receivables.records("overdue", "a"),
        receivables.balances("a", "Ubud", "overdue", "since"),
        ledger.entries("p", MONTH),
        ledger.entries_of("c"),
        ledger.lines(MONTH),
        operations.errors(SINCE),
        operations.slow_calls(SINCE),
        people.members("", "", ""),
        people.members("critical", "", "a"),
        people.bookings("prov1"),
        demand.odd(""),
        *(service.at_the_break(hop) for hop in range(1, 7)),
    ]


def test_the_screen_shows_the_first_rows_of_what_a_download_holds(read_publication: Home) -> None:
    path = reading.newest(read_publication.current)
    assert path is not None
    asked = _all(path)
    assert len(asked) > 15
    for query in asked:
        whole = query.all(path)
        assert query.count(path) == whole.height, query.name
        assert query.first(path, 3).equals(whole.head(3)), query.name
        assert {column.of or column.name for column in query.columns} <= {*whole.columns}, query.name


def test_every_heading_is_said_in_every_language(read_publication: Home) -> None:
    path = reading.newest(read_publication.current)
    assert path is not None
    for language in LANGUAGES:
        said = {*texts(language)}
        for column in (column for query in _all(path) for column in query.columns):
            if column.written is None:
                assert column.heading in said, column.name
            else:
                assert column.written in STRETCHES[column.heading], column.name


def test_rows_at_hand_are_shown_from_the_end_and_downloaded_from_the_beginning() -> None:
    held = Held("days", pl.DataFrame({"day": [1, 2, 3]}), (Column("day", "revenue.day"),))
    assert held.first("", 2)["day"].to_list() == [3, 2]
    assert downloads.csv(held.all("")) == b"\xef\xbb\xbfday\n1\n2\n3\n"
    assert held.count("") == 3


def test_a_file_of_more_rows_than_are_shown_is_whole(published_home: Home, show: Show) -> None:
    changed(
        published_home,
        "INSERT INTO ops.alert_deliveries BY NAME SELECT n AS delivery_id, TIMESTAMP '2026-11-22' AS at,"
        " 'firing' AS kind, 1 AS alerts, 'email' AS channel, true AS delivered, 1 AS attempts FROM range(600) r(n)",
    )
    shown = show(published_home.root, "todo", history="deliveries")
    assert len(shown.table("Deliveries")) == 500
    assert "500 of 600 rows shown; the download holds all." in {
        caption.value for caption in shown.app.caption
    }


def test_every_page_of_the_folder_is_a_record_that_the_frame_knows() -> None:
    files = sorted(module.name for module in pkgutil.iter_modules(pages.__path__))
    assert sorted(page.name for page in frame.PAGES) == files
    for page in frame.PAGES:
        assert page.sections
        assert page == importlib.import_module(f"dashboards.pages.{page.name}").PAGE
        assert all(f"{page.name}.title" in texts(language) for language in LANGUAGES)
        assert (Path(pages.__path__[0]) / f"{page.name}.py").is_file()
