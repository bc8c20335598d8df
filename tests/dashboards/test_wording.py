"""Rupiah, numbers, days and times as people read them, in both languages."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboards import wording
from dashboards.records import BOOKING_AND_COMMISSION, PROVIDER_AND_BALANCE
from dashboards.sections.receivables import VERDICTS
from dashboards.wording import (
    LANGUAGES,
    Wording,
    axis_rupiah,
    count,
    numbers_as,
    rate,
    rupiah,
    share,
    signed_rupiah,
    signed_share,
    texts,
)
from marketplace.commission import AGE_WORDS
from marketplace.findings import FINDINGS
from marketplace.members import MEMBER_HEALTH
from messages.catalogue import english
from messages.message import Message

NOW = datetime(2026, 11, 22, 6, 5, 30, tzinfo=UTC)


def in_language(language: str, write: Callable[[Any], str], value: object) -> str:
    """What is written of a value while a language is drawn."""

    def drawing() -> str:
        numbers_as(language)
        return write(value)

    return copy_context().run(drawing)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "Rp 0"),
        (999, "Rp 999"),
        (1_250_000, "Rp 1.250.000"),
        (-25_000, "-Rp 25.000"),
        (None, "–"),
        (12_345_678_901, "Rp 12.345.678.901"),
    ],
)
def test_rupiah_is_written_in_full_and_a_null_is_never_zero(amount: int | None, said: str) -> None:
    assert in_language("id", rupiah, amount) == said
    assert in_language("en", rupiah, amount) == said.replace(".", ",")


def test_numbers_follow_the_language_that_is_drawn() -> None:
    written = [
        (count, 14_980, "14,980", "14.980"),
        (count, 1_234.5, "1,234.5", "1.234,5"),
        (share, 0.938, "93.8\u00a0%", "93,8\u00a0%"),
        (signed_share, -0.0751, "-7.5\u00a0%", "-7,5\u00a0%"),
        (rate, 275_000, "27.5\u00a0%", "27,5\u00a0%"),
        (axis_rupiah, 1_250_000, "Rp 1.25 m", "Rp 1,25 jt"),
        (axis_rupiah, 2_500_000_000_000, "Rp 2,500 bn", "Rp 2.500 miliar"),
        (axis_rupiah, -5_000, "-Rp 5 k", "-Rp 5 rb"),
    ]
    for write, value, in_english, in_indonesian in written:
        assert in_language("en", write, value) == in_english
        assert in_language("id", write, value) == in_indonesian
    assert in_language("en", Wording("en", "UTC").seconds, 1.24) == "1.24 s"


def test_a_message_of_the_data_writes_its_numbers_as_the_page_does_and_is_published_as_it_was() -> None:
    told = Message("finding.paid_without_proof", {"commission": "c.9", "amount": 1_075_000})
    assert "Rp 1,075,000" in Wording("en", "UTC").message(told)
    assert "c.9" in Wording("en", "UTC").message(told)
    assert "Rp 1.075.000" in Wording("id", "UTC").message(told)
    assert "Rp 1.075.000" in english(told)


def test_differences_carry_their_sign() -> None:
    assert [signed_rupiah(n) for n in (25_000, 0, -3_000, None)] == ["+Rp 25.000", "Rp 0", "-Rp 3.000", "–"]


def test_a_share_is_never_rounded_up_to_a_whole_it_is_not() -> None:
    assert share(0.99999) == "99,9\u00a0%"
    assert share(1.0) == "100\u00a0%"
    assert share(0.7314) == "73,1\u00a0%"
    assert share(0) == "0\u00a0%"
    assert share(None) == "–"
    assert signed_share(0.123) == "+12,3\u00a0%"
    assert count(14_980) == "14.980"


def test_both_languages_say_the_same_things_with_the_same_places() -> None:
    english, indonesian = texts("en"), texts("id")
    assert english.keys() == indonesian.keys()

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [name for name in english if places(english[name]) != places(indonesian[name])] == []
    assert all(text.strip() for text in (*english.values(), *indonesian.values()))


def test_a_text_that_does_not_exist_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        Wording("en", "Asia/Makassar")("overview.no_such_text")


def test_every_text_that_the_code_names_exists() -> None:
    named = {
        name
        for file in Path(wording.__file__).parent.rglob("*.py")
        for name in re.findall(r'\bsay\(\s*"([a-z_0-9]+\.[^"{]+)"', file.read_text(encoding="utf-8"))
    }
    assert len(named) > 300
    assert named - texts("en").keys() == set()


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("finding", FINDINGS.keys()),
        ("member", MEMBER_HEALTH),
        ("field", {field.name for field in (*BOOKING_AND_COMMISSION, *PROVIDER_AND_BALANCE)}),
        ("restriction", VERDICTS.keys()),
    ],
)
def test_every_word_of_the_data_is_said_in_both_languages(group: str, words: Iterable[str]) -> None:
    for language in LANGUAGES:
        named = {f"{group}.{word}" for word in words}
        assert named - texts(language).keys() == set()


def test_stretches_of_time_are_said_in_the_language_of_the_page_with_their_numbers() -> None:
    english, indonesian = Wording("en", "UTC"), Wording("id", "UTC")
    assert [english.stretch("age", word) for word in AGE_WORDS] == [
        "not ended yet", "0–3 h", "3–24 h", "1–7 days", "over 7 days", "unknown",
    ]  # fmt: skip
    assert indonesian.stretch("response", "10 to 30 min") == "10 sampai 30 mnt"
    assert [english.stretch("response", word) for word in ("under 30 s", "1 h and more")] == [
        "under 30 s", "1 h and more",
    ]  # fmt: skip
    assert [indonesian.stretch("window", word) for word in ("24 h", "7 d")] == ["24 jam", "7 hari"]
    assert indonesian.stretch("response", "something new in 5 ways") == "something new in 5 ways"


def test_reasons_are_said_in_the_language_of_the_page() -> None:
    told = Message("reason.missed_some", {"n": 3, "window": 86_400}), Message("reason.sound_off")
    written = f"[{','.join(message.json for message in told)}]"
    assert Wording("id", "UTC").all_told(written, "") == "3 permintaan terlewat dalam 24 jam; suara mati"
    assert Wording("en", "UTC").all_told(written, "") == "3 missed requests in 24 hours; sound off"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0421, "42 ms"),
        (1.239, "1,24 s"),
        (59, "59 s"),
        (71.5, "1 min 11 s"),
        (120, "2 min"),
        (4000, "1 h 6 min"),
    ],
)
def test_how_long_something_took(seconds: float, said: str) -> None:
    assert Wording("en", "UTC").seconds(seconds) == said


def test_a_rate_is_written_in_full() -> None:
    assert [rate(300_000), rate(123_456), rate(None)] == ["30\u00a0%", "12,3456\u00a0%", "–"]


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Asia/Makassar", "WITA"),
        ("Asia/Jakarta", "WIB"),
        ("Asia/Jayapura", "WIT"),
        ("Asia/Dubai", "UTC+4"),
        ("UTC", "UTC"),
    ],
)
def test_the_zone_is_named(zone: str, name: str) -> None:
    assert Wording("en", zone).zone_name(NOW) == name


def test_times_are_local_and_say_their_day_unless_it_is_today() -> None:
    say = Wording("en", "Asia/Makassar")
    assert say.time(datetime(2026, 11, 22, 6, 5), NOW) == "14:05 WITA"
    assert say.time("2026-11-21T16:30:00Z", NOW) == "00:30 WITA"
    assert say.time("2026-11-21T15:30:00Z", NOW) == "21 Nov 23:30 WITA"
    assert say.time("2025-12-31T15:30:00+00:00", NOW) == "31 Dec 2025 23:30 WITA"
    assert say.time("nonsense", NOW) == "–"
    assert Wording("id", "Asia/Jakarta").time("2026-10-01T00:00:00Z", NOW) == "1 Okt 07:00 WIB"
    assert say.stamp(datetime(2026, 11, 22, 20, 0)) == "2026-11-23 04:00"


def test_days_include_both_ends() -> None:
    say = Wording("en", "Asia/Makassar")
    assert say.days(date(2026, 11, 16), date(2026, 11, 22)) == "16–22 Nov 2026"
    assert say.days(date(2026, 10, 24), date(2026, 11, 22)) == "24 Oct – 22 Nov 2026"
    assert say.days(date(2025, 12, 31), date(2026, 1, 1)) == "31 Dec 2025 – 1 Jan 2026"
    assert say.days(date(2026, 11, 22), date(2026, 11, 22)) == "22 Nov 2026"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (5100, "1 h 25 min"),
        (86400, "1 d"),
        (187200, "2 d 4 h"),
    ],
)
def test_spans_round_down(seconds: float, said: str) -> None:
    assert Wording("en", "UTC").span(seconds) == said


def test_ago_and_ahead() -> None:
    say = Wording("id", "UTC")
    assert say.ago("2026-11-22T06:01:30Z", NOW) == "4 mnt lalu"
    assert say.ago("2026-11-22T07:05:30Z", NOW) == "1 jam lagi"
    assert say.ago(None, NOW) == "–"


def test_a_check_that_does_not_hold_is_not_called_by_what_should_be_so() -> None:
    for language, words in (("en", "Does not hold: "), ("id", "Tidak terpenuhi: ")):
        say = Wording(language, "Asia/Makassar")
        assert say.broken("no_missing") == words + say.called("no_missing")
        point = "health_point_7_payment_tracking"
        assert say.broken(point) == say.called(point) != ""
        assert say.broken("a_check_of_another_version") == ""
