"""Every page in both languages on what the pipeline itself published: nothing fails, nothing is left unsaid, no word or
sentence of the data stays untranslated, and the first figures are those that plain questions to core give.

The other tests of the screens change rows to see one thing; here every mart is filled by the product.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from dashboards import frame
from dashboards.queries import reading
from dashboards.wording import LANGUAGES, Wording, texts
from messages.catalogue import understood
from messages.message import Message
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.dashboards.conftest import Shown
from tests.published import ENTERED_BY

Show = Callable[..., Shown]

#: A text's own name, as it would stand on a page where the text itself was not asked for.
_GROUPS = sorted({name.partition(".")[0] for name in texts("en")})
NAMES = re.compile(rf"(?<![\w.@/-])(?:{'|'.join(_GROUPS)})\.[a-z_]+")
#: A place of a text that nothing was put in. (Braces stand in the ids of alerts, with an equals sign.)
PLACES = re.compile(r"\{\w*\}")
#: The names of calls, and codes with their counts, are the same in every language.
SHOWN_AS_WRITTEN = re.compile(r"operation\.|\d+ × \w+$")
WEEK = (date(2026, 11, 16), date(2026, 11, 22))


def rp(amount: int) -> str:
    return f"Rp {amount:,}"


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What a page showed as the data has it, because a language has no text for it."""
    kept: set[str] = set()
    word, message = Wording.word, Wording.message

    def of_word(self: Wording, group: str, value: object) -> str:
        if value is not None and f"{group}.{value}" not in texts(self.language):
            kept.add(f"{group}.{value}")
        return word(self, group, value)

    def of_message(self: Wording, told: Message | None, otherwise: object = "") -> str:
        if otherwise and (told is None or not understood(told)):
            kept.add(f"{told}: {otherwise}")
        return message(self, told, otherwise)

    monkeypatch.setattr(Wording, "word", of_word)
    monkeypatch.setattr(Wording, "message", of_message)
    return kept


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", [entry.name for entry in frame.PAGES])
def test_every_page_in_every_language_is_drawn_whole(
    read_publication: Home, show: Show, untranslated: set[str], page: str, language: str
) -> None:
    shown = show(read_publication.root, page, lang=language)
    say = texts(language)
    assert say[f"{page}.title"] in shown.text
    for broken in ("fresh.unreadable_title", "fresh.absent", "empty.title"):
        assert say[broken] not in shown.text
    assert {text for text in untranslated if not SHOWN_AS_WRITTEN.match(text)} == set()
    assert NAMES.findall(shown.text) == []
    assert PLACES.findall(shown.text) == []


def _asked(home: Home, query: str) -> list[tuple[Any, ...]]:
    return reading.ask(str(require_snapshot(home)), query).rows()


def test_what_came_in_is_what_the_bookings_themselves_add_up_to(read_publication: Home, show: Show) -> None:
    day = (
        "(created_at + to_minutes(utc_offset_minutes))::DATE BETWEEN DATE '2026-11-16' AND DATE '2026-11-22'"
    )
    ((booked, completed),) = _asked(
        read_publication,
        "SELECT sum(amount_idr), sum(amount_idr) FILTER (status = 'completed') FROM core.bookings"
        f" WHERE earns AND deleted_at IS NULL AND NOT coalesce(is_test, false) AND {day}",
    )
    shown = show(read_publication.root)
    assert f" {rp(booked)} " in shown.card("booked")
    assert f" {rp(completed)} " in shown.card("completed")


def test_every_booking_without_its_commission_is_in_the_table(read_publication: Home, show: Show) -> None:
    missing = _asked(
        read_publication,
        "SELECT booking_id FROM marts.commission_findings WHERE finding = 'missing' ORDER BY 1",
    )
    assert len(missing) > 10
    shown = show(read_publication.root, "commissions", view="missing")
    assert sorted(shown.table("Missing commissions")["booking_id"]) == [row for (row,) in missing]


def test_every_kind_of_finding_is_counted_with_its_name(read_publication: Home, show: Show) -> None:
    counted = _asked(
        read_publication,
        "SELECT finding, severity, count(*) FILTER (NOT waived), count(*) FILTER (waived)"
        " FROM marts.commission_findings GROUP BY ALL",
    )
    for language in LANGUAGES:
        text = show(read_publication.root, "findings", lang=language).text
        say = Wording(language, "Asia/Makassar")
        for code, severity, still_open, waived in counted:
            line = (
                f"{say.word('finding', code)} {code} {say.word('severity', severity)} {still_open} {waived} "
            )
            assert line in text, line


def test_what_is_owed_and_who_is_unwell_are_those_of_the_records(read_publication: Home, show: Show) -> None:
    ((owed,),) = _asked(
        read_publication, "SELECT sum(coalesce(owed_idr, 0) + fee_idr) FROM marts.commission_open"
    )
    ((members,),) = _asked(
        read_publication, "SELECT count(DISTINCT provider_id) FROM core.providers WHERE deleted_at IS NULL"
    )
    assert f"{rp(owed)} owed, with fees" in show(read_publication.root, "commissions").text
    assert f"Members in all: {members}" in show(read_publication.root, "providers").text


def test_a_closed_month_that_changed_and_what_people_entered_are_shown(
    read_publication: Home, show: Show
) -> None:
    text = show(read_publication.root, "months", view="changes").text
    assert f"{rp(250_000)} {rp(275_000)}" in text
    text = show(read_publication.root, "todo", history="silences").text
    assert ENTERED_BY in text
    assert "no_late_record" in text
