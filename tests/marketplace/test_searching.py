"""How words are folded for a search, and what is shown around a hit."""

from __future__ import annotations

import duckdb
import pytest

from marketplace.searching import SQL_FOLDED, Excerpt, asked, excerpt, folded


@pytest.mark.parametrize(
    ("text", "words", "hit"),
    [
        ("Terima KASIH ya", "kasih", "KASIH"),
        ("Café près de la plage", "cafe pres", "Café près"),
        ("Cafe\u0301 tutup", "café", "Cafe\u0301"),
        ("satu\ndua  tiga", "dua tiga", "dua  tiga"),
        ("potongan 100%_ hari ini", "100%_", "100%_"),
        ("İstanbul", "istanbul", "İstanbul"),
        ("tidak ada", "mungkin", ""),
        ("", "kata", ""),
    ],
)
def test_a_hit_is_what_was_written(text: str, words: str, hit: str) -> None:
    assert excerpt(text, words).hit == hit


def test_an_excerpt_is_bounded_and_says_that_there_is_more() -> None:
    text = "a" * 500 + " Wayan " + "b" * 500
    assert excerpt(text, "wayan", around=3) == Excerpt("aa ", "Wayan", " bb", True, True)
    assert excerpt("Wayan", "wayan", around=3) == Excerpt("", "Wayan", "", False, False)
    assert len(excerpt(text, "zzz").before) == 160


def test_what_is_asked_has_single_spaces() -> None:
    assert asked("  dua \n tiga ") == "dua tiga"
    assert asked(" \t ") == ""


@pytest.mark.parametrize("text", ["Café", "Cafe\u0301", "İ", "ÑANDÚ", "ŐŰ", "Größe", "سَلَام", "plain", "☀ é"])
def test_duckdb_folds_as_we_do(text: str) -> None:
    with duckdb.connect() as con:
        row = con.execute(f"SELECT {SQL_FOLDED.format(text='$text')}", {"text": text}).fetchone()
    assert row is not None
    assert row[0] == folded(text)[0]
