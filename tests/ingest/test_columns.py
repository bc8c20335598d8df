"""Pages of JSON become frames of Appwrite's types; what does not fit is kept apart, never bent."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.appwrite.columns import Page, PageDecoder, columns_of, last_sequence
from resources.appwrite.failures import Malformed
from resources.raw.column_types import Column, StoredColumn, instants
from tests.ingest.mirroring import naive

ATTRIBUTES = {
    "s": "string", "i": "integer", "f": "double", "b": "boolean", "d": "datetime", "o": "relationship",
}  # fmt: skip
DECODER = PageDecoder(
    (
        *(StoredColumn(a, a, Column(a, kind).storage) for a, kind in ATTRIBUTES.items()),
        StoredColumn("list", "list", Column("list", "integer", True).storage),
    )
)
PLAIN = PageDecoder(tuple(c for c in DECODER.columns if c.storage != "json"))


def body(*rows: dict[str, Any], key: str = "rows") -> bytes:
    system = {"$createdAt": "2026-01-01T00:00:00.000+00:00", "$updatedAt": "2026-01-02T00:00:00.000+00:00"}
    return json.dumps(
        {
            "total": 0,
            key: [{"$id": f"r{n}", "$sequence": str(n), **system, **r} for n, r in enumerate(rows, 1)],
        },
    ).encode()


def one(decoder: PageDecoder = PLAIN, **attributes: Any) -> dict[str, Any]:
    return decoder.decode(body(attributes)).frame.row(0, named=True)


def test_every_type_arrives_as_itself() -> None:
    read = one(
        DECODER, s="héllo", i=-7, f=2, b=False, d="2026-11-15T10:00:00.123+00:00", o={"$id": "x"}, list=[1, 2]
    )
    assert (read["s"], read["i"], read["f"], read["b"]) == ("héllo", -7, 2.0, False)
    assert read["d"] == naive(2026, 11, 15, 10, 0, 0, 123000)
    assert (read["o"], read["list"], read["_misfits"]) == ("x", "[1,2]", None)
    assert (read["_id"], read["_sequence"]) == ("r1", 1)
    assert read["_created_at"] == naive(2026, 1, 1)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("p1", "p1"), (None, None), ({"$id": "p1", "name": "Siti", "rooms": [{"$id": "x"}]}, "p1"),
        ([], "[]"), ([{"$id": "a"}, {"$id": "b"}], '["a","b"]'), (["a", "b"], '["a","b"]'), (7, "7"),
    ],
)  # fmt: skip
def test_of_a_relationship_the_related_id_is_kept_whatever_form_it_comes_in(
    value: Any, kept: str | None
) -> None:
    read = one(DECODER, o=value)
    assert (read["o"], read["_misfits"]) == (kept, None)


@pytest.mark.parametrize("value", [{"name": "no id"}, [{"$id": "a"}, {}], [None], {"$id": 7}])
def test_a_related_row_without_an_id_is_kept_as_written(value: Any) -> None:
    read = one(DECODER, o=value)
    assert (read["o"], json.loads(read["_misfits"])) == (None, {"o": value})


def test_what_is_absent_is_null() -> None:
    read = one(DECODER)
    assert all(read[name] is None for name in (*ATTRIBUTES, "list", "_misfits"))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("i", 1.5), ("i", True), ("i", "12 Rp"), ("i", 10**20), ("i", []), ("i", ""),
        ("f", "much"), ("f", True), ("f", "nan"), ("f", "inf"), ("f", {"a": 1}),
        ("b", 1), ("b", "true"), ("b", "yes"),
        ("d", "45000"), ("d", "tomorrow"), ("d", "2026-13-01T00:00:00.000+00:00"), ("d", ""),
        ("d", 1700000000000),
        ("s", {"a": 1}), ("s", ["x"]),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_null_and_kept_as_written(attribute: str, value: Any) -> None:
    page = PLAIN.decode(
        body({attribute: value, "s" if attribute != "s" else "i": None}, {"i": 3, "s": "next"})
    )
    first, second = page.frame.iter_rows(named=True)
    assert first[attribute] is None
    assert json.loads(first["_misfits"]) == {attribute: value}
    assert (second["i"], second["s"], second["_misfits"]) == (3, "next", None)


@pytest.mark.parametrize(
    ("attribute", "value", "kept"),
    [("i", 5.0, 5), ("i", "5", 5), ("f", 5, 5.0), ("f", "5.25", 5.25), ("s", 12, "12"), ("s", True, "true"),
     ("i", 2**63 - 1, 2**63 - 1), ("i", -(2**63), -(2**63)), ("i", 9007199254740993, 9007199254740993)],
)  # fmt: skip
def test_a_value_of_another_type_that_loses_nothing_fits(attribute: str, value: Any, kept: Any) -> None:
    read = one(**{attribute: value})
    assert (read[attribute], read["_misfits"]) == (kept, None)


@pytest.mark.parametrize(
    "attributes", [{"s": "x", "i": 4, "f": 0.1, "b": True, "d": "2026-01-01T00:00:00.000+00:00"}, {}]
)
def test_both_readers_give_the_same(attributes: dict[str, Any]) -> None:
    answer = body(attributes, {"s": None}, {"i": 0})
    fast = PLAIN._in_one_pass(answer)
    assert fast is not None
    assert fast.equals(PLAIN._row_by_row(answer))
    assert fast.schema == pl.Schema(PLAIN.schema)


def test_half_a_surrogate_pair_stops_nothing_and_becomes_no_nul() -> None:
    answer = body({"s": "x"}).replace(b'"x"', b'"a\\ud83d!"')
    assert PLAIN.decode(answer).frame["s"].to_list() == ["a?!"]
    assert PLAIN.decode(body({"s": "\U0001f600"})).frame["s"].to_list() == ["\U0001f600"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html></html>", b"[]", b"{}", b'{"rows":null}', b'{"rows":[1]}', b'{"rows":[null]}',
     b'{"documents":[]}',
     body({"s": "x"})[:-10], b'{"message":"x"}', b'{"rows":[{"$id":"a","$sequence":null}]}',
     b'{"rows":[{"$id":"a","$sequence":"2"},{"$id":"b","$sequence":"1"}]}',
     b'{"rows":[{"$id":"a","$sequence":"2"},{"$id":"b","$sequence":"2"}]}'],
)  # fmt: skip
@pytest.mark.parametrize("decoder", [PLAIN, DECODER])
def test_what_is_no_page_is_malformed(decoder: PageDecoder, answer: bytes) -> None:
    with pytest.raises(Malformed):
        decoder.decode(answer)


def test_rows_out_of_order_are_a_malformed_answer() -> None:
    with pytest.raises(Malformed):
        DECODER.decode(body({}, {"$sequence": "1"}))


def test_what_a_text_says_is_text() -> None:
    texts = ['},{"$sequence":"9","$permissions":[]', "},{", "}]}", '\\":[', "NaN", "-Infinity", "$sequence"]
    page = DECODER.decode(body(*({"s": text} for text in texts)))
    assert page.frame["s"].to_list() == texts
    assert page.last == len(texts)


def test_an_empty_page_is_a_page() -> None:
    page = DECODER.decode(b'{"total":0,"rows":[]}')
    assert (len(page), page.last) == (0, None)
    assert page.frame.schema == pl.Schema(DECODER.schema)


def test_the_older_api_lists_documents() -> None:
    page = PageDecoder(PLAIN.columns, "documents").decode(body({"i": 3}, key="documents"))
    assert isinstance(page, Page)
    assert (page.frame["i"].to_list(), page.last) == ([3], 1)


def test_a_row_without_an_id_is_still_a_row() -> None:
    page = PLAIN.decode(b'{"rows":[{"$sequence":4,"i":1},{"$id":7,"$sequence":5}]}')
    assert page.frame["_id"].to_list() == [None, "7"]


def test_instants_in_every_spelling_are_utc() -> None:
    texts = [
        "2026-01-01T08:00:00.000+08:00",
        "2026-01-01T00:00:00Z",
        "2026-01-01 00:00:00",
        "2026-01-01T00:00:00.5",
        None,
    ]
    assert instants(pl.Series(texts)).to_list() == [
        *[naive(2026, 1, 1)] * 3, naive(2026, 1, 1, 0, 0, 0, 500000), None,
    ]  # fmt: skip


def test_the_tail_of_a_page_tells_its_last_sequence() -> None:
    assert last_sequence(body({"s": '"$sequence":"99"'}, {"s": "x"})) == 2
    assert last_sequence(b'{"rows":[{"$sequence":12,"a":1}]}') == 12
    assert last_sequence(b'{"rows":[]}') is None
    assert last_sequence(b'{"rows":[{"$sequence":"x"}]}') is None


def test_only_available_columns_count() -> None:
    listed = [
        {"key": "a", "type": "integer", "status": "available", "array": True},
        {"key": "b", "type": "string", "status": "processing"},
        {"key": "c", "type": "point"},
    ]
    assert columns_of(listed) == [Column("a", "integer", True), Column("c", "point")]
    assert [c.storage for c in columns_of(listed)] == ["json", "json"]
    with pytest.raises(Malformed):
        columns_of([{"key": "a"}])


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 5.0, 1.5, 1e300, 10**18, 0.1]),
)  # fmt: skip
INSTANTS = st.one_of(
    st.datetimes(naive(1900, 1, 1), naive(2200, 1, 1)).map(
        lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.{t.microsecond // 1000:03d}+00:00"
    ),
    st.sampled_from(
        [
            "2026-13-01T00:00:00.000+00:00", "2026-02-30T00:00:00.000+00:00", "2026-01-01T24:00:00.000+00:00",
            "2026-01-01T23:59:60.000+00:00", "2026-01-01 10:00:00.000+00:00", "2026-01-01T10:00:00.000+08:00",
            "2026/01/01T10:00:00.000+00:00", "2026-01-01T10:00:00.000-00:00",
            "2026-01-01T10:00:00Z", "", "45000", "0000-01-01T00:00:00.000+00:00", "2026-1-01T010:00:00.000+00:00",
            "infinity", "-infinity", "epoch",
        ]
    ),
)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
ODD = st.one_of(
    NUMBERS, TEXTS, st.booleans(), st.sampled_from(["12", " 12", "true", "1.5", "1e3", "007", [], "[]"])
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "s": st.none() | TEXTS | st.sampled_from(["NaN", "Infinity", "null", '":[', "},{", "\\"]),
                "i": st.none() | st.integers(-(10**17), 10**17) | ODD,
                "f": st.none() | NUMBERS | ODD,
                "b": st.none() | st.booleans() | ODD,
                "d": st.none() | INSTANTS | TEXTS,
                "o": st.none() | ODD,
                "unknown": ODD,
            },
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_one_strict_pass_takes_is_what_a_closer_look_reads(rows: list[dict[str, Any]]) -> None:
    answer = body(*rows)
    strict = PLAIN._in_one_pass(answer)
    if strict is not None:
        assert strict.equals(PLAIN._row_by_row(answer))
