"""The dictionary behind the "?": every word has a meaning, in every language."""

from __future__ import annotations

import pytest

from dashboards.kit import glossary
from dashboards.wording import LANGUAGES, Wording


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_dictionary_has_a_name_and_a_meaning(language: str) -> None:
    say = Wording(language, "Asia/Makassar")
    assert len(glossary.names()) > 60
    for name in glossary.names():
        assert glossary.called(say, name) != glossary.meaning(say, name)
    called = [glossary.called(say, name) for name in glossary.names()]
    assert sorted(called) == sorted(set(called))  # two words for two things


def test_a_word_that_is_not_there_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError):
        glossary.meaning(Wording("en", "Asia/Makassar"), "nothing")


def test_the_words_are_said_in_the_order_of_the_alphabet() -> None:
    html = str(glossary.entries(Wording("en", "Asia/Makassar"), ("uptime", "alert", "booked", "alert")))
    assert html.index("<dt>Alert") < html.index("<dt>Booked") < html.index("<dt>Uptime")
    assert html.count("<dt>") == 3
