"""What of a free sentence may leave the machine."""

from __future__ import annotations

import re

import polars as pl
import pytest

from marketplace.personal import without_contact, without_contacts, without_phones


@pytest.mark.parametrize(
    "number",
    [
        "+6281234567890",
        "081234567890",
        "0812-3456-7890",
        "62 812 3456 7890",
        "(0361) 761234567",
        "+61 412 345 678",
    ],
)
def test_a_phone_number_is_hidden(number: str) -> None:
    assert "(phone number)" in without_phones(f"paid in cash, asked at {number}.")
    assert not set(number) & set("2345") & set(without_phones(f"asked at {number}."))


@pytest.mark.parametrize(
    "sentence",
    [
        "paid in cash on 06-11-2026, see note 12",
        "Rp 62.500.000 and Rp 8.250.000 were paid",
        "booking BK-081234567890 of 2026-11-06 08:15",
        "commission 65f0812345678901234567 is a double of cm000641",
        "",
    ],
)
def test_dates_amounts_and_ids_are_not_phone_numbers(sentence: str) -> None:
    assert without_phones(sentence) == sentence


def test_an_address_in_what_staff_wrote_is_hidden() -> None:
    told = without_contact("asked at 0812-3456-7890 and made.wijaya@contoh.co.id, paid on 06-11-2026")
    assert told == "asked at (phone number) and (e-mail address), paid on 06-11-2026"


@pytest.mark.parametrize(
    "contact",
    [
        "081234567890",
        "-081234567890",
        "wa.me/6281234567890",
        "_0812_3456_7890",
        "0812 / 3456 / 7890",
        "0812,3456|7890",
        "0812  --  3456  *  7890",
        "0812\u20133456\u20137890",
        "+62\u00a0812\u00a03456\u00a07890",
        "(0812) 3456-7890",
        "812.3456.7890",
        "\uff10\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10",
        "made@contoh.id",
        "Made.Wijaya+spa@mail.contoh.co.id",
    ],
)
@pytest.mark.parametrize("name", ["Sari Spa{}", "Sari Spa {}", "{} Sari Spa", "Sari Spa, WA:{}"])
def test_the_name_of_a_business_loses_phones_and_addresses(name: str, contact: str) -> None:
    (told,) = without_contacts(pl.Series([name.format(contact)])).to_list()
    assert "Sari Spa" in told or "@" in contact
    assert not re.search(r"\d{3}|[\uff10-\uff19]|contoh", told)


@pytest.mark.parametrize(
    "name", ["Sari Spa 24/7", "Spa 2000 Kuta", "Villa No. 12, 80361", "Pijat 60/90/120", ""]
)
def test_other_digits_stay_in_the_name_of_a_business(name: str) -> None:
    assert without_contacts(pl.Series([name], dtype=pl.String)).to_list() == [name]


@pytest.mark.parametrize("piece", ["0812", "a@", "62", "1-", "a", "+(62)", " "])
def test_a_name_of_megabytes_is_read_in_one_pass(piece: str) -> None:
    # A pattern that begins anew at each letter takes hours for it: this test then does not end.
    long = pl.Series([piece * (1_000_000 // len(piece))])
    assert len(without_contacts(long)) == 1
