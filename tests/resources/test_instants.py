"""Instants as text in our files: what was written before is read, and written the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from resources.instants import (
    instant_of,
    instant_of_stamp,
    optional_instant_of,
    stamp_of,
    text_of,
    z_text_of,
)

AT = datetime(2026, 11, 22, 4, 5, 6, 789_000, tzinfo=UTC)
BALI = AT.astimezone(timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (AT, "2026-11-22T04:05:06.789000+00:00"),
        (BALI, "2026-11-22T04:05:06.789000+00:00"),
        (AT.replace(tzinfo=None), "2026-11-22T04:05:06.789000"),
        (AT.replace(microsecond=0), "2026-11-22T04:05:06+00:00"),
    ],
)
def test_the_ledger_keeps_an_instant_aware_or_naive_as_it_was(at: datetime, text: str) -> None:
    assert text_of(at) == text
    assert instant_of(text) == optional_instant_of(text) == at


def test_files_have_utc_with_z() -> None:
    for at in (AT, BALI, AT.replace(tzinfo=None)):
        assert z_text_of(at) == "2026-11-22T04:05:06.789000Z"
        assert z_text_of(at, "seconds") == "2026-11-22T04:05:06Z"
    assert instant_of("2026-11-22T04:05:06.789000Z") == AT
    assert instant_of("2026-11-22T12:05:06.789000+08:00").utcoffset() == timedelta(0)


def test_ids_go_to_the_second() -> None:
    assert stamp_of(AT) == "20261122T040506Z"
    assert instant_of_stamp("20261122T040506Z") == AT.replace(microsecond=0)
    for text in ("", "20261122", "snapshot"):
        with pytest.raises(ValueError, match="match format"):
            instant_of_stamp(text)


def test_nothing_is_nothing() -> None:
    assert text_of(None) is z_text_of(None) is optional_instant_of(None) is None
