"""What a notebook is asked for: names and words of an address or a command line."""

from __future__ import annotations

from datetime import date

import pytest

from dashboards.notebook.asked import Asked, asked
from resources.errors import UsageError


def test_the_address_wins_over_the_command_line() -> None:
    assert asked({"lang": "id", "from": "2026-11-01"}, {"lang": "en"}) == Asked(first=date(2026, 11, 1))


def test_what_is_empty_asks_for_nothing_and_of_several_the_last_counts() -> None:
    assert asked({"snapshot": "", "to": ["2026-11-01", "2026-11-02"]}) == Asked(last=date(2026, 11, 2))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"from": "2026-02-30"}, "from is 2026-02-30, which is no day"),
        ({"to": "yesterday"}, "to is yesterday, which is no day"),
        ({"from": "1999-12-31"}, "from is 1999-12-31, which is no day"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "begin on 2026-11-02 and end on 2026-11-01"),
        ({"theme": "blue"}, "theme is blue, which is not known"),
    ],
)
def test_bad_input_gets_one_sentence(given: dict[str, str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        asked(given)


def test_days_that_are_not_asked_for_follow_from_those_that_are() -> None:
    today = date(2026, 11, 22)
    assert (Asked().period(today).first, Asked().period(today).days) == (date(2026, 10, 24), 30)
    assert Asked(last=date(2026, 3, 10)).period(today).first == date(2026, 2, 9)
    assert Asked(first=date(2026, 11, 20)).period(today).last == today
    assert Asked(first=date(2026, 12, 1)).period(today).days == 1


def test_what_goes_without_saying_is_left_out_of_an_address() -> None:
    words = {"from": "2026-11-01", "lang": "id", "snapshot": "s"}
    assert asked(words).words() == words
    assert asked({}).words() == {}
