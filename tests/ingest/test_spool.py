"""Pages kept as they came and read in by DuckDB itself: the same frames as the decoder's, or none at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.acceptance import READ, reject_reasons
from resources.appwrite.bounds import LARGE_ROW
from resources.appwrite.columns import Column, PageDecoder, StoredColumn
from resources.appwrite.failures import Malformed
from resources.appwrite.spool import BulkReading, PageGlance, PlainPage, Spool
from resources.forgotten import Forgotten
from resources.raw_store import Counts, RawStore, RejectReasons
from tests.ingest.mirroring import accept_all, naive, reject_word

NOW = naive(2026, 3, 1)
GLANCE = PageGlance("rows")
READER = duckdb.connect()
KINDS = {
    "s": "string", "i": "integer", "f": "double", "b": "boolean", "d": "datetime", "o": "relationship",
}  # fmt: skip
COLUMNS = tuple(StoredColumn(a, a, Column(a, kind).storage) for a, kind in KINDS.items())
SYSTEM = {"$createdAt": "2026-01-01T00:00:00.000+00:00", "$updatedAt": "2026-01-02T00:00:00.500+00:00"}


def served(*rows: dict[str, Any], key: str = "rows") -> bytes:
    """An answer as Appwrite writes it, without a space."""
    listed = [
        {"$id": f"r{n}", "$sequence": str(n), **SYSTEM, "$permissions": [], **r}
        for n, r in enumerate(rows, 1)
    ]
    return json.dumps({"total": 0, key: listed}, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def plain(*rows: dict[str, Any]) -> PlainPage:
    page = GLANCE.look(served(*rows))
    assert page is not None
    return page


def spool_of(folder: Path, *pages: PlainPage, most: int = 1000) -> Spool:
    spool = Spool(folder, most)
    for page in pages:
        spool.add(page)
    return spool


def read_in(spool: Spool) -> pl.DataFrame:
    reading = BulkReading(COLUMNS)
    return READER.sql(f"SELECT {reading.selected} FROM {reading.source(spool.path)}").pl()


# -- the glance --


@pytest.mark.parametrize(
    "answer",
    [
        served({"o": {"$id": "x"}}),
        served({"s": ["x"]}),
        served({"s": {}}),
        served({}, {"last": []}),
        served({}, {"last": {}}),
        served({}, {"last": {"$sequence": "3", "$permissions": []}}),
        served({"$permissions": [{"$sequence": "3"}, {"$sequence": "4"}]}),
        served({"$permissions": None}),
        served({}, key="documents"),
        b'{"total":1,"rows":[{"$sequence":"1"}]}',
        b'{"total":1,"rows":[{"$id":"a","$permissions":[]}]}',
        b'{"total":1,"rows":[{"$sequence":"1234567890123456789","$permissions":[]}]}',
        b'{"total":1,"rows":[{"$sequence":-1,"$permissions":[]}]}',
        b'{"total":1,"rows":[{"$sequence":1.5,"$permissions":[]}]}',
        b'{"total":1,"rows":[{"$sequence":"1,"$permissions":[]}]}',
        b'{"total":1,"rows":[{"s":"a\nb","$sequence":"1","$permissions":[]}]}',
        b'{"total":1,"rows":[1,2]}',
        b'{"total":1,"rows":[{"$sequence":"one","$permissions":[]}]}',
        b'{"total":1,"rows":[{"$sequence":"1","$permissions":[]}],"more":[]}',
        b'{"total": 0, "rows": []}',
        b'{"total":0,"rows":[]',
        b'{"total":0,"rows":[{]}',
        b"[]",
        b"",
    ],
)  # fmt: skip
def test_an_answer_that_is_not_plain_is_left_to_the_decoder(answer: bytes) -> None:
    assert GLANCE.look(answer) is None


def test_objects_and_lists_within_a_text_are_text(home: Path) -> None:
    text = '{"a":{"b":[1,{"c":[]}]},"d":"\\\\"}'
    page = plain({"s": text}, {"s": '":{'}, {"s": '\\":['}, {"$permissions": ['read("any")']})
    assert read_in(spool_of(home, page))["s"].to_list() == [text, '":{', '\\":[', None]


def test_a_large_row_is_left_to_the_decoder(home: Path) -> None:
    assert GLANCE.look(served({"s": "x"}, {"s": "x" * LARGE_ROW}, {"s": "x"})) is None
    assert GLANCE.look(served({"s": "x" * (LARGE_ROW - 300)}, {"s": "x" * (LARGE_ROW - 300)})) is not None


ROW_IN_A_TEXT = '},{"$sequence":"9","$permissions":[]'


@pytest.mark.parametrize(
    "rows",
    [
        [{"s": ROW_IN_A_TEXT}, {"s": "},{"}, {"s": '},{"'}, {"s": "}]}"}, {"s": "\\"}, {"s": "\n"}],
        [{"$id": "x" * n} for n in (1, 30, 2)],
        [{"$sequence": n} for n in (1, 20, 300)],
        [{"$sequence": str(10**17)}, {"$sequence": str(10**18 - 1)}],
        [{"s": "$sequence"}, {"s": '"$sequence":'}, {"s": "$s"}, {"s": "$"}],
        [{"s": "é" * 32_000}, {"s": "{[" * 32_000}, {"s": "[" * 65_000}],
    ],
    ids=[
        "a row in a text",
        "ids of any length",
        "numbers",
        "large numbers",
        "the name in a text",
        "long texts",
    ],
)
def test_a_row_is_found_whatever_its_texts_say(home: Path, rows: list[dict[str, Any]]) -> None:
    page = plain(*rows)
    wanted = [int(row.get("$sequence", n)) for n, row in enumerate(rows, 1)]
    assert page.sequences == wanted
    found = read_in(spool_of(home, page))
    assert found["_sequence"].to_list() == wanted
    assert found["s"].to_list() == [row.get("s") for row in rows]
    assert found["_id"].to_list() == [row.get("$id", f"r{n}") for n, row in enumerate(rows, 1)]


def test_attributes_may_stand_before_what_appwrite_adds(home: Path) -> None:
    rows = (
        b'{"s":"a","$sequence":"4","$permissions":["read(\\"any\\")"],"i":1}',
        b'{"s":"},{","$sequence":"5","$permissions":[]}',
        b'{"s":null,"$permissions":[],"$sequence":7}',
    )
    page = GLANCE.look(b'{"total":3,"rows":[%b]}' % b",".join(rows))
    assert page is not None
    assert page.sequences == [4, 5, 7]
    assert read_in(spool_of(home, page))["s"].to_list() == ["a", "},{", None]


def test_rows_out_of_order_are_a_malformed_answer() -> None:
    with pytest.raises(Malformed):
        GLANCE.look(served({}, {"$sequence": "1"}))


def test_an_empty_page_is_plain_and_ends_a_scan() -> None:
    page = GLANCE.look(b'{"total":0,"rows":[]}')
    assert page is not None
    assert (page.first, page.last, len(page)) == (None, None, 0)


def test_a_page_is_split_between_rows(home: Path) -> None:
    rows = [{"s": "},{", "i": n} for n in range(5)]
    first, second = plain(*rows).split(2)
    assert (first.last, second.first, len(first), len(second)) == (2, 3, 2, 3)
    assert read_in(spool_of(home, first, second))["i"].to_list() == [0, 1, 2, 3, 4]


# -- the spool --


def test_a_spool_has_no_name_and_gives_its_pages_back(home: Path) -> None:
    pages = [plain({"s": "é"}), plain({"$sequence": "7"})]
    spool = spool_of(home, *pages)
    assert list(home.iterdir()) == []
    assert (spool.rows, spool.first, spool.last) == (2, 1, 7)
    assert list(spool.answers("rows")) == [
        (b'{"rows":[%b]}' % page.text.tobytes(), page.last) for page in pages
    ]
    spool.close()


def test_the_file_of_a_stored_spool_is_written_over(home: Path) -> None:
    used = spool_of(home, plain({"s": "long " * 100}), plain({"$sequence": "7"}))
    used.end()
    spool = Spool(home, 5, reached=7, used=used)
    assert (spool.rows, spool.room, spool.first, spool.reached) == (0, 5, None, 7)
    spool.add(plain({"$sequence": "8", "s": "short"}))
    spool.end()
    assert read_in(spool)["s"].to_list() == ["short"]
    spool.close()


def test_two_attributes_that_differ_by_case_are_not_read_so() -> None:
    one, other = (StoredColumn(a, a, "text") for a in ("customerPhone", "customerphone"))
    assert BulkReading((one,)).possible
    assert not BulkReading((one, other)).possible


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
                "s": st.none() | TEXTS | st.sampled_from([ROW_IN_A_TEXT, '":[', "},{", "\\"]),
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
def test_what_duckdb_reads_is_what_the_decoder_reads_or_it_refuses(rows: list[dict[str, Any]]) -> None:
    page = GLANCE.look(served(*rows))
    if page is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        spool = spool_of(Path(folder), page)
        try:
            found = read_in(spool)
        except (duckdb.DataError, duckdb.InvalidInputException):
            return
        finally:
            spool.close()
    decoded = PageDecoder(COLUMNS).decode(served(*rows)).frame
    assert decoded["_misfits"].null_count() == decoded.height
    assert found.equals(decoded.drop("_misfits"), null_equal=True)


# -- the store --


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as opened:
        opened.claim_mirror("http://a/v1", "p", "d", NOW)
        listed = [Column("title", "varchar"), Column("amount", "integer")]
        opened.reconcile_columns("bookings", listed, NOW)
        assert opened.may_append(opened.begin_scan("bookings", bound=NOW, overlap=timedelta(0), run_id="r"))
        yield opened


def append(
    store: RawStore, home: Path, *rows: dict[str, Any], judge: RejectReasons = accept_all, **more: Any
) -> Counts | None:
    spool = spool_of(home, plain(*rows))
    try:
        return store.append("bookings", spool, run_id="r", now=NOW, reject_reasons=judge, **more)
    finally:
        spool.close()


def stored(store: RawStore) -> list[tuple[Any, ...]]:
    return store.connection.sql(
        "SELECT _id, _sequence, title, amount, _rejected, _change, _run_id FROM bookings ORDER BY _sequence"
    ).fetchall()


def test_rows_are_appended_with_their_verdicts_and_the_point_they_reach(store: RawStore, home: Path) -> None:
    told: list[Counts] = []
    counts = append(
        store, home, {"title": "a", "amount": 1}, {"title": "bad"}, {"title": "c"},
        judge=reject_word("bad"), judged_by=("title",), rules_version="1", record=told.append,
    )  # fmt: skip
    assert counts == Counts(fetched=3, inserted=2, rejected=1)
    assert told == [counts]
    reasons = '["bad title", "seen twice"]'
    assert stored(store) == [
        ("r1", 1, "a", 1, None, 1, "r"), ("r2", 2, "bad", None, reasons, 1, "r"), ("r3", 3, "c", None, None, 1, "r"),
    ]  # fmt: skip
    assert store.watermark("bookings").resume_sequence == 3
    content = store.connection.sql("SELECT row_id, reasons, content FROM _rejects").fetchall()
    assert [(row_id, why) for row_id, why, _ in content] == [("r2", reasons)]
    assert json.loads(content[0][2])["title"] == "bad"


def test_a_creation_in_the_future_is_quarantined_by_a_first_load_too(store: RawStore, home: Path) -> None:
    ahead = "2026-03-01T00:05:01.000+00:00"  # of the clock, which is later than the row's own $updatedAt
    counts = append(
        store, home, {"$createdAt": ahead}, {"$createdAt": ahead.replace(":01.", ":00.")}, {"$updatedAt": ahead},
        judge=reject_reasons, judged_by=READ,
    )  # fmt: skip
    assert counts == Counts(fetched=3, inserted=2, rejected=1)
    assert [row[4] for row in stored(store)] == ['["creation_in_the_future"]', None, None]


@pytest.mark.parametrize(
    "rows",
    [
        [{"amount": 1.5}],
        [{"amount": "12 Rp"}],
        [{"$id": "new"}, {"$id": "  "}],
        [{"$id": None}],
        [{"$id": "new"}, {"$id": "new"}],
        [{"$id": "new"}, {"$id": "old"}],
        [{"$createdAt": "yesterday"}],
    ],
    ids=["fraction", "text", "blank id", "no id", "twice", "stands already", "no instant"],
)
def test_what_cannot_simply_be_appended_writes_nothing(
    store: RawStore, home: Path, rows: list[dict[str, Any]]
) -> None:
    assert append(store, home, {"$id": "old", "title": "as it was"}) is not None
    before, mark = stored(store), store.watermark("bookings")
    assert append(store, home, *rows) is None
    assert (stored(store), store.watermark("bookings")) == (before, mark)


def test_a_spool_that_holds_other_rows_than_it_told_of_is_not_appended(store: RawStore, home: Path) -> None:
    page = plain({}, {})
    for told in ((1, 3), (2, 3), (1, 2)):
        spool = spool_of(home, PlainPage(page.text, page.commas, told))
        counts = store.append("bookings", spool, run_id="r", now=NOW, reject_reasons=accept_all)
        assert (counts is None) == (told != (1, 2))
        spool.close()


@pytest.mark.parametrize(
    "broken",
    [
        b'"title":"a",,',
        b'"title":"a"b,',
        b'"title":,',
        b'"title":"\xff",',
        b'"title":NaN,',
        b'"title":Infinity,',
        b'"title":-Infinity,',
        b'"title":"a","title":"b",',
        b'"title":"a","$sequence":"1",',
    ],
)
def test_what_is_not_json_all_through_is_not_appended(store: RawStore, home: Path, broken: bytes) -> None:
    answer = served({"title": "a", "amount": 1}).replace(b'"title":"a",', broken)
    page = GLANCE.look(answer)
    assert page is not None, "the glance does not see it"
    spool = spool_of(home, page)
    assert store.append("bookings", spool, run_id="r", now=NOW, reject_reasons=accept_all) is None
    assert stored(store) == []
    spool.close()


def test_a_text_that_reads_like_a_constant_is_a_text(store: RawStore, home: Path) -> None:
    texts = ["NaN", "Infinity", "-Infinity", "nan", '":NaN', "infinity"]
    told: list[Counts] = []
    counts = append(store, home, *({"title": text} for text in texts), record=told.append)
    assert counts == Counts(fetched=6, inserted=6)
    assert [row[2] for row in stored(store)] == texts
    assert store.watermark("bookings").resume_sequence == 6
    assert told == [counts]


@pytest.mark.parametrize("bare", [b"NaN", b"Infinity", b"-Infinity"])
def test_beside_such_a_text_a_constant_is_still_found(store: RawStore, home: Path, bare: bytes) -> None:
    page = GLANCE.look(served({"title": "NaN"}, {"title": "x"}).replace(b'"x"', bare))
    assert page is not None
    spool = spool_of(home, page)
    assert store.append("bookings", spool, run_id="r", now=NOW, reject_reasons=accept_all) is None
    assert stored(store) == []
    spool.close()


@pytest.mark.parametrize("instant", [b'"infinity"', b"infinity", b'"-infinity"', b"-infinity"])
def test_no_instant_is_endless(home: Path, instant: bytes) -> None:
    page = GLANCE.look(served({"d": "x"}).replace(b'"x"', instant))
    assert page is not None
    with pytest.raises(duckdb.Error):
        read_in(spool_of(home, page))


def test_with_somebody_forgotten_nothing_is_appended_unread(
    store: RawStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_forgotten", Forgotten(frozenset({"somebody"})))
    assert append(store, home, {"title": "a"}) is None
    assert stored(store) == []


def test_only_a_scan_with_nothing_beyond_its_start_appends(store: RawStore, home: Path) -> None:
    assert append(store, home, {}, {}) is not None
    resumed = store.begin_scan("bookings", bound=NOW, overlap=timedelta(0), run_id="r2")
    assert (resumed.after, store.may_append(resumed)) == (2, True)
    anew = store.begin_scan("bookings", bound=NOW, overlap=timedelta(0), run_id="r3", full=True)
    assert (anew.lower, anew.after, store.may_append(anew)) == (None, None, False)
