"""What is published of an id, a code or a word, and what a hash stands for."""

from __future__ import annotations

import polars as pl
import pytest

from marketplace.codes import LONGEST_PUBLISHED, browsers, cities, codes
from marketplace.identifiers import LONGEST_ID
from marketplace.pseudonyms import PREFIX, Pseudonyms, Published, mean_somebody
from marketplace.statuses import BOOKING_STATUS

KEY = b"k" * 32
NAMES = Pseudonyms(KEY, lambda words: {"sari"} & set(words))


def _texts(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def _told(published: Published) -> str:
    return published.values.item()


@pytest.mark.parametrize(
    "written",
    [
        "no-such-booking",
        "512",
        "12E5",
        "00042",
        "17012345678901234",
        "62812345678901234",
        "812345678901",
        "customer_6712ab34cd56ef78_therapist_6712ab34cd56ef78a9b0c1d2e3",
        "6712ab34cd56ef7890ab",
        "a/b",
        "urn:x:y",
        "x1" * 64,
        "guest",
        "Admin",
        "SYSTEM",
        "customer",
        "therapist",
        "000000000",
        "620000000000",
    ],
)
def test_what_has_the_form_of_an_id_is_published(written: str) -> None:
    published = NAMES.ids(_texts(written))
    assert _told(published) == written
    assert not published.hidden.item()


@pytest.mark.parametrize(
    "written",
    [
        "081234567890",
        "6281234567890",
        "+6281234567890",
        "0812-3456-7890",
        "+62 812 3456 7890",
        "https://wa.me/6281234567890",
        "tel:081234567890",
        "0361 123456",
        "+1 202 555 0123",
        "ana@example.com",
        "Ana",
        "Ana Wijaya",
        "-ana-",
        "Ana123 Wijaya",
        "müller-1",
        '{"name": "Ana"}',
        "[1, 2]",
        "x1" * 64 + "x",
        "x" * 5_000_000,
    ],
)
def test_what_has_not_becomes_a_hash_that_has(written: str) -> None:
    published = NAMES.ids(_texts(written))
    told = _told(published)
    assert published.hidden.item()
    assert told.startswith(PREFIX)
    assert len(told) <= LONGEST_ID
    assert "Ana" not in told
    again = NAMES.ids(_texts(told))
    assert (_told(again), again.hidden.item()) == (told, False)


@pytest.mark.parametrize(
    "same",
    [
        ("081234567890", "+62 812-3456-7890", "6281234567890", "wa.me/6281234567890", "0812 3456 7890"),
        ("Ana@Example.com", "ana@example.com", "mailto:ana@example.com", " ana@example.com "),
        ("Ana Wijaya", " Ana Wijaya\n"),
    ],
)
def test_one_value_has_one_hash_however_it_is_written(same: tuple[str, ...]) -> None:
    assert NAMES.ids(_texts(*same)).values.n_unique() == 1


def test_a_hash_tells_nothing_without_its_key() -> None:
    assert _told(NAMES.ids(_texts("Ana"))) != _told(Pseudonyms(b"l" * 32).ids(_texts("Ana")))


def test_hashes_of_texts_that_differ_in_case_differ_in_case_only() -> None:
    ana, capital, other = NAMES.ids(_texts("ana putri", "Ana Putri", "ana putra")).values.to_list()
    assert ana != capital
    assert ana.lower() == capital.lower()
    assert ana == ana.lower()
    assert other.lower() != ana


def test_of_json_the_id_inside_is_published() -> None:
    written = _texts(
        '{"$id": "u-1", "name": "Ana"}',
        '[{"$id": "u-1"}]',
        '"{\\"$id\\": \\"u-1\\"}"',
        '{"$id": "0812 3456 7890"}',
    )
    published = NAMES.ids(written)
    assert published.values.to_list()[:3] == ["u-1"] * 3
    assert published.values[3] == _told(NAMES.ids(_texts("+6281234567890")))
    assert published.hidden.all()


def test_a_word_is_published_where_a_stored_row_has_it_as_its_key() -> None:
    published = NAMES.ids(_texts("sari", "Sari", "wayan", None))
    assert published.values.to_list()[:2] == ["sari", "Sari"]
    assert published.hidden.to_list() == [False, False, True, False]
    assert published.values[3] is None


def test_the_rows_own_ids_are_published_unless_they_are_a_phone() -> None:
    published = NAMES.row_ids("users", _texts("wayan", "u-1", "6281234567890", "Ana Wijaya", "x1" * 64 + "x"))
    assert published.values.to_list()[:2] == ["wayan", "u-1"]
    assert published.hidden.to_list() == [False, False, True, True, True]
    assert published.values[2] == _told(NAMES.ids(_texts("081234567890")))


def test_two_rows_are_never_published_as_one() -> None:
    spelled = ["6281234567890", "081234567890"]
    odd = {"therapists": _texts(*spelled, "0812999888777"), "places": _texts()}
    names = Pseudonyms(KEY, odd=odd.__getitem__)
    published = names.row_ids("therapists", _texts(*spelled, "0812999888777", "p-1"))
    assert published.values.n_unique() == 4
    assert published.hidden.to_list() == [True, True, True, False]
    assert not any(digits in told for told in published.values for digits in ("812345", "812999"))
    assert names.row_ids("places", _texts(spelled[1])).values.item() == _told(names.ids(_texts(spelled[0])))


def test_a_role_word_names_nobody() -> None:
    assert mean_somebody(_texts("guest", "Admin", "u-1", None)).to_list() == [None, None, "u-1", None]


def test_codes() -> None:
    text = _texts(
        "bank_transfer", "IN_APP", "in progress", "pay to Ana", "x" * 33, "081234567890", "a@b.co", None
    )
    published = codes(text, NAMES, BOOKING_STATUS)
    assert published.hidden.to_list() == [False, False, False, True, True, True, True, False]
    assert published.values.to_list()[:3] == ["bank_transfer", "IN_APP", "in progress"]
    assert published.values[4].startswith(PREFIX)


def test_cities() -> None:
    text = _texts("Kota Denpasar", "Yogyakarta", "São Paulo", "Jl. Hanoman 5", "x" * 61, "0812", None)
    assert cities(text, NAMES).hidden.to_list() == [False, False, False, True, True, True, False]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Chrome 142 Android", "Chrome 142"),
        ("Chrome 142 Windows", "Chrome 142"),
        ("Safari 26 iOS", "Safari 26"),
        ("Samsung Internet 29", "Samsung Internet 29"),
        ("firefox", "Firefox"),
        ("Chrome/142.0.0.0", "Chrome 142"),
        (
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0"
                " Chrome/129.0.0.0 Mobile Safari/537.36"
            ),
            "Samsung Internet 29",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
                " Version/17.0 Mobile/15E148 Safari/604.1"
            ),
            "Mobile Safari 17",
        ),
    ],
)
def test_of_a_browser_family_and_version_are_published(written: str, told: str) -> None:
    published = browsers(_texts(written), NAMES)
    assert (_told(published), published.hidden.item()) == (told, False)


@pytest.mark.parametrize(
    "written",
    [
        "Ana",
        "Ana/1",
        "Chrome of Ana",
        "081234567890",
        "Chrome 142 Ana",
        "a@b.co",
        "a-0812-3456-7890/1 CFNetwork/1404",
    ],
)
def test_what_is_no_browser_is_hidden(written: str) -> None:
    assert browsers(_texts(written), NAMES).hidden.item()


def test_nothing_published_is_long() -> None:
    long = _texts("y" * 5_000, "y1" * 5_000)
    for published in (NAMES.ids(long), codes(long, NAMES), cities(long, NAMES), browsers(long, NAMES)):
        assert published.values.str.len_chars().max() <= LONGEST_PUBLISHED  # type: ignore[operator] - of text


@pytest.mark.parametrize("piece", ["62", "0", "{", '"', "a@", "@.", "a-", "Chrome/", "0 "])
def test_what_is_megabytes_long_is_read_in_one_pass(piece: str) -> None:
    long = _texts(piece * (500_000 // len(piece)))
    for published in (NAMES.ids(long), codes(long, NAMES), cities(long, NAMES), browsers(long, NAMES)):
        assert published.values.str.len_chars().max() <= LONGEST_PUBLISHED  # type: ignore[operator] - of text
