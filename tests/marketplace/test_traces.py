"""Traces of a forgotten person in texts: what is one, what is none, and what is left of the text."""

from __future__ import annotations

import duckdb
import pytest

from marketplace.erasure import PersonValues
from marketplace.pseudonyms import Pseudonyms
from marketplace.traces import CellKind, Traces, cell_kind, marks_of

KEY = b"k" * 32
NAMES = Pseudonyms(KEY)
PHONE = "+6281239876543"
HASH = NAMES.of(PHONE)


def traces(*names: str, shared: bool = False, businesses: tuple[str, ...] = ()) -> Traces:
    values = PersonValues(
        names=set(names), phones={"0812 3987 6543", "+1 (212) 555-0142"}, mails={"KT@Mail.example"},
        places={"Jl. Pantai Sentinela 7", "Ubud", "12", '{"lat": 1, "place": "x"}'},
    )  # fmt: skip
    marks = marks_of(values, KEY, lambda value: shared)
    return Traces(NAMES, HASH, True, frozenset(marks), businesses)


def test_marks_hold_no_value() -> None:
    told = str(traces("Ketuttari Widiasihan").marks).casefold()
    assert not [value for value in ("ketut", "987", "mail.example", "pantai", "0142") if value in told]


@pytest.mark.parametrize(
    ("text", "kind", "left"),
    [
        ("Ketuttari Widiasihan", "written", None),
        (" ketuttari  WIDIASIHAN. ", "sentence", None),
        ("paid by Ketuttari Widiasihan, late", "sentence", "paid by (erased), late"),
        ("xKetuttari Widiasihan", "sentence", "xKetuttari Widiasihan"),
        ("Ketuttari", "written", "Ketuttari"),
        ("ketuttari-widiasihan_1", "id", "ketuttari-widiasihan_1"),
        ("Ketuttari Widiasihan", "id", NAMES.of("Ketuttari Widiasihan")),
        ("call 0812-3987-6543 or +62 812 3987 6543!", "sentence", "call (erased) or (erased)!"),
        ("on 2026-10-01 62812 39876543", "sentence", "on 2026-10-01 (erased)"),
        ("+62 (0)812-3987-6543", "sentence", None),
        ("1 212 555 0142", "people", None),
        ("0812 3987 6544", "sentence", "0812 3987 6544"),
        ("booking_1781239876543", "id", "booking_1781239876543"),
        ("booking_081239876543", "id", f"booking_{HASH}"),
        ("c:+6281239876543", "id", f"c:{HASH}"),
        ("0812 3987 6543", "id", HASH),
        ('{"$id": "+6281239876543"}', "id", HASH),
        ("missing:+6281239876543", "id", f"missing:{HASH}"),
        (HASH, "id", HASH),
        ("mailto:kt@mail.EXAMPLE", "sentence", "mailto:(erased)"),
        ("akt@mail.example", "sentence", "akt@mail.example"),
        ("near Jl Pantai Sentinela 7.", "sentence", "near (erased)."),
        ("Ubud", "written", "Ubud"),
        ("completed", "sentence", "completed"),
    ],
)  # fmt: skip
def test_what_is_left_of_a_text(text: str, kind: CellKind, left: str | None) -> None:
    assert traces("Ketuttari Widiasihan").replacements([text], kind).get(text, text) == left


@pytest.mark.parametrize(
    ("text", "kind", "alone", "shared"),
    [
        ("Made", "written", None, None),
        ("Spa Made", "written", "Spa (erased)", "Spa Made"),
        ("Made asked twice", "sentence", "(erased) asked twice", "Made asked twice"),
        ("no record was made of it", "sentence", "no record was made of it", "no record was made of it"),
        ("made asked", "people", "(erased) asked", "made asked"),
        ("made", "sentence", "made", "made"),
        ("BK-made-1", "id", "BK-made-1", "BK-made-1"),
    ],
)
def test_a_name_of_one_word(text: str, kind: CellKind, alone: str | None, shared: str | None) -> None:
    assert traces("Made").replacements([text], kind).get(text, text) == alone
    assert traces("Made", shared=True).replacements([text], kind).get(text, text) == shared


def test_a_business_keeps_its_name() -> None:
    seek = traces("Ketuttari", "Sri Rahayu", businesses=("ketuttari spa", "sri rahayu", "other"))
    texts = ["Ketuttari Spa", "Sri Rahayu", "Ketuttari of Ketuttari Spa", "Sri Rahayu owes Sri Rahayu"]
    assert seek.replacements(texts, "written") == {"Ketuttari of Ketuttari Spa": "(erased) of Ketuttari Spa"}


def test_too_short_or_no_name_is_not_sought() -> None:
    assert traces("Yu", "Guest", "Tamu Hotel").replacements(["Yu", "Guest", "Tamu Hotel"], "written") == {}


def test_columns() -> None:
    kinds = {
        ("bookings", "customer_id"): "id", ("bookings", "provider_name"): "written", ("waivers", "reason"): "people",
        ("customer_retention", "id"): "id",
        ("errors", "reason"): "sentence", ("waivers", "waived_by"): None, ("messages", "kind"): "sentence",
        ("notifications", "kind"): "written", ("alerts", "detail"): "sentence",
    }  # fmt: skip
    assert {place: cell_kind(*place) for place in kinds} == kinds


def test_the_first_look_misses_no_phone_and_passes_by_most_ids() -> None:
    values = PersonValues(phones={"0812 3987 6543"})
    mobile = Traces(NAMES, HASH, True, frozenset(marks_of(values, KEY, lambda value: False)))
    both = traces()
    spelled = [
        "+62 (0)812-3987-6543",
        "00 62 81239876543",
        "call 0812.3987.6543",
        "x_81239876543",
        "62/812 3987 6543",
    ]
    ids = ["booking_1781239876543", "BK-000123456789", "67d3398765430012ab"]
    with duckdb.connect() as con:
        for text in (*spelled, *ids):
            told = con.execute("SELECT regexp_matches(?, ?)", [text, mobile.number_pattern]).fetchone()
            assert told == (text in spelled,), text
            assert (text in mobile.replacements([text], "sentence")) is (text in spelled), text
        told = con.execute("SELECT regexp_matches('1 212 555 0142', ?)", [both.number_pattern]).fetchone()
    assert told == (True,)
    assert Traces(NAMES, HASH, True, frozenset()).number_pattern is None
