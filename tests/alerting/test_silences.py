"""Matchers that match by accident are refused; so is a silence without a sensible end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.alerting.engine import EngineState
from pipelines.alerting.silences import duration, terms
from pipelines.alerting.turn import for_status
from resources.errors import UsageError
from resources.ledger.alerts import Silence


def test_a_matcher_is_pairs_of_label_and_pattern() -> None:
    assert terms("no_*") == (("name", "no_*"),)
    assert terms(" name = raw_* , collection=reviews") == (("name", "raw_*"), ("collection", "reviews"))


@pytest.mark.parametrize("matcher", ["", "  ", "a,", "=x", "severity=", ","])
def test_an_empty_matcher_is_refused(matcher: str) -> None:
    with pytest.raises(UsageError):
        terms(matcher)


@pytest.mark.parametrize(
    ("words", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(minutes=90)),
        ("30d", timedelta(days=30)),
    ],
)
def test_times_are_read(words: str, length: timedelta) -> None:
    assert duration(words) == length


@pytest.mark.parametrize("words", ["", "2", "h", "2 h", "-1h", "0m", "31d", "1w", "1.5h", "9999999d"])
def test_other_times_are_refused(words: str) -> None:
    with pytest.raises(UsageError):
        duration(words)


def test_status_shows_what_staff_wrote_without_phones_and_addresses() -> None:
    now = datetime(2026, 11, 22, 4, tzinfo=UTC)
    silence = Silence(
        "1",
        "no_*",
        "made@contoh.id",
        "ask 0812-3456-7890",
        now - timedelta(hours=1),
        now + timedelta(hours=1),
    )
    (shown,) = for_status(EngineState(silences=(silence,)), now)["silences"]
    assert (shown["author"], shown["reason"]) == ("(e-mail address)", "ask (phone number)")
