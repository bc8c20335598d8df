"""Which key a reference names: exactly, else the one that differs by case alone."""

from __future__ import annotations

import polars as pl
import pytest

from marketplace.references import Keys, People


def keys(there: list[str], gone: list[str] | None = None) -> Keys:
    return Keys(pl.Series(there, dtype=pl.String), pl.Series(gone or [], dtype=pl.String))


@pytest.mark.parametrize(
    ("there", "gone", "written", "key", "known"),
    [
        (["Abc"], [], "Abc", "Abc", True),
        (["Abc"], [], "ABC", "Abc", True),
        (["Abc", "abc"], [], "abc", "abc", True),
        (["Abc", "abc"], [], "ABC", "ABC", True),  # two: nothing is guessed
        (["Abc"], [], "abd", "abd", False),
        ([], [], "abc", "abc", False),
        (["Abc"], ["ABC"], "ABC", "Abc", True),  # as in a mirror made after the row was deleted
        (["Abc", "aBc"], ["ABC"], "ABC", "ABC", True),
        ([], ["Abc"], "ABC", "Abc", True),
        ([], ["Abc", "aBc"], "ABC", "ABC", True),
        ([], ["Abc", "ABC"], "ABC", "ABC", True),
    ],
)
def test_a_reference(there: list[str], gone: list[str], written: str, key: str, known: bool) -> None:
    found = keys(there, gone).resolve(pl.Series([None, written, "other"], dtype=pl.String))
    assert found.key.to_list() == [None, key, "other"]
    assert found.by_case.to_list() == [False, key != written, False]
    assert found.known.to_list() == [False, known, False]


def test_one_id_of_a_therapist_and_of_a_place_is_one_key() -> None:
    assert keys(["Spa", "Spa"]).resolve(pl.Series(["SPA"])).key.to_list() == ["Spa"]


def test_a_sender_may_be_a_provider_or_a_customer() -> None:
    people = People(keys(["Spa"]), keys(["Ann", "SPA"]))
    found = people.anyone.resolve(pl.Series(["ANN", "spa", "Spa"]))
    assert found.key.to_list() == ["Ann", "spa", "Spa"]
    assert people.providers.resolve(pl.Series(["spa"])).key.to_list() == ["Spa"]
