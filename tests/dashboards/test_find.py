"""The search in the head: what has an id, by that id; people by their phone only for who may, and nowhere kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards.kit import find
from dashboards.queries import finding_by_word, private, reading
from dashboards.queries.finding_by_word import Hit
from marketplace.roles import Role
from resources.home import Home
from tests.dashboards.conftest import Shown

Show = Callable[..., Shown]


def _path(home: Home) -> str:
    path = reading.newest(home.current)
    assert path is not None
    return path


def _one(home: Home, sql: str) -> Any:
    return reading.ask(_path(home), sql).row(0)


def _search(shown: Shown, words: str) -> Shown:
    shown.app.text_input(key="head_search").set_value(words).run()
    assert not shown.app.exception
    return Shown(shown.app)


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        (
            "booking",
            "SELECT booking_id, business_id FROM core.bookings WHERE business_id IS NOT NULL ORDER BY 1",
        ),
        ("provider", "SELECT provider_id, provider_id FROM core.providers ORDER BY 1"),
        ("customer", "SELECT customer_id, customer_id FROM marts.customers ORDER BY 1"),
        ("commission", "SELECT commission_id, commission_id FROM core.commissions ORDER BY 1"),
        ("finding", "SELECT finding_id, finding_id FROM marts.commission_findings ORDER BY 1"),
        ("room", "SELECT room_id, room_id FROM core.chat_rooms ORDER BY 1"),
    ],
)
def test_what_is_known_whole_is_found_first(read_publication: Home, kind: str, sql: str) -> None:
    record, known_by = _one(read_publication, f"{sql} LIMIT 1")
    found = finding_by_word.hits(_path(read_publication), f" {known_by} ")
    assert (found[0].kind, found[0].record_id, found[0].whole) == (kind, record, True)


def test_a_beginning_lists_a_few_and_a_name_is_found_by_any_part(read_publication: Home) -> None:
    path = _path(read_publication)
    begun = finding_by_word.hits(path, "BK-0000")
    assert 0 < len(begun) <= finding_by_word.MOST
    assert {hit.kind for hit in begun} == {"booking"}
    assert finding_by_word.hits(path, "BK-") == []  # too short to say anything
    record, name = _one(
        read_publication, "SELECT provider_id, provider_name FROM core.providers ORDER BY 1 LIMIT 1"
    )
    assert ("provider", record) in {
        (hit.kind, hit.record_id) for hit in finding_by_word.hits(path, name[1:].upper())
    }
    assert finding_by_word.hits(path, "' OR 1=1 --") == []


def test_a_booking_is_opened_by_its_number_at_once(read_publication: Home, show: Show) -> None:
    record, number = _one(
        read_publication,
        "SELECT booking_id, business_id FROM core.bookings WHERE business_id IS NOT NULL LIMIT 1",
    )
    shown = _search(show(read_publication.root, lang="id", period="today"), number)
    gone = [script for script in shown.scripts if "bookwatch.go(" in script]
    assert f'bookwatch.go("bookings?lang=id&period=today&booking={record}")' in gone[0]


def test_a_beginning_is_listed_with_links_and_what_is_not_there_is_said(
    read_publication: Home, show: Show
) -> None:
    shown = _search(show(read_publication.root), "BK-0000")
    assert shown.html.count('href="bookings?booking=') >= 2
    shown = _search(shown, "nothing-is-called-so")
    assert "Nothing is called “nothing-is-called-so” or begins so" in shown.text


def test_a_phone_is_looked_up_by_no_role_that_may_not_and_stands_nowhere(
    read_publication: Home, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(_path: str, words: str) -> list[Hit]:
        raise AssertionError("a phone went where answers are kept")

    monkeypatch.setattr(finding_by_word, "hits", kept)
    shown = _search(show(read_publication.root), "0812-3456-7890")
    assert "Your role may not look people up by their phone" in shown.text
    assert "0812" not in shown.text
    assert not any("0812" in str(value) for value in dict(shown.app.query_params).values())


def test_who_may_finds_a_person_by_their_phone_and_the_ledger_says_so_without_it(
    published_home: Home, show: Show, signed_in: Callable[[Role], Any]
) -> None:
    with private.opened(published_home.private) as con:
        (phone,) = con.execute("SELECT max(customer_phone) FROM bookings").fetchone() or ("",)
        (booking, *_) = private.of_phone(con, phone)
    signed_in(Role.SUPPORT)
    shown = _search(show(published_home.root), phone)
    assert "Found for this phone" in shown.text
    assert booking[1] in shown.text
    assert phone not in shown.text
    with sqlite3.connect(published_home.ledger) as ledger:
        rows = ledger.execute("SELECT * FROM revealed").fetchall()
    assert len(rows) == 1
    assert "search" in rows[0]
    assert not any(phone in str(value) for value in rows[0])


@pytest.mark.parametrize(
    ("words", "phone"),
    [
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("BK-000001-78630e", None),
        ("12345", None),
        ("", None),
    ],
)
def test_what_is_a_phone(words: str, phone: str | None) -> None:
    assert find._phone(words) == phone


def test_a_phone_is_that_of_providers_and_customers_then_of_bookings(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "private.duckdb")) as con:
        con.execute("CREATE TABLE bookings AS SELECT 'b1' AS booking_id, '+62812' AS customer_phone")
        assert private.of_phone(con, "+62812") == [("booking", "b1")]
        con.execute("CREATE TABLE customers AS SELECT 'c1' AS customer_id, '+62812' AS phone")
        con.execute("CREATE TABLE providers AS SELECT 'p1' AS provider_id, '+62813' AS phone")
        assert private.of_phone(con, "+62812") == [("customer", "c1"), ("booking", "b1")]
        assert private.of_phone(con, "+62813") == [("provider", "p1")]
        assert private.of_phone(con, "+62899") == []
