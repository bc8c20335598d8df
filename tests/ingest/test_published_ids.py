"""Sentences and tables made beside core name rows as core does, never by a `$id` that is a phone or a name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from assets.core.engine import process, read_phone_key
from assets.ops import create_ops, mirror_quarantine
from marketplace.pseudonyms import Pseudonyms
from resources.raw.column_types import Column
from resources.raw.rejects import FirstRow
from resources.raw.store import RawStore
from tests.ingest.mirroring import naive

NOW = naive(2026, 3, 1)
PHONE, SPELLED, OTHER, NAME, MAIL, WORD = (
    "081234567890", "+62 812-3456-7890", "6281299988877", "Made Wijaya", "made@contoh.id", "Made",
)  # fmt: skip
PLAIN = ("no-such-booking", "512", "00042", "12E5", "65a1b2c3d4e5f6a7b8c9")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "raw.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[RawStore]:
    with RawStore(path) as opened:
        opened.source.claim("e", "p", "d", NOW)
        opened.columns.reconcile("bookings", [Column("status", "string")], NOW)
        opened.watermarks.begin_scan("bookings", bound=NOW, overlap=timedelta(seconds=60), run_id="run1")
        yield opened


def set_aside(store: RawStore, *ids: str) -> None:
    for number, row_id in enumerate(ids):
        row = FirstRow(row_id, number + 1, None)
        store.merge.set_aside("bookings", row, run_id="run1", now=NOW)


def put(store: RawStore, *ids: str) -> None:
    for number, row_id in enumerate(ids):
        store.connection.execute(
            "INSERT INTO bookings (_id, _sequence, _created_at, _updated_at, _ingested_at, _change)"
            " VALUES (?, ?, ?, ?, ?, 1)",
            [row_id, 100 + number, NOW, NOW, NOW],
        )


def test_what_has_the_form_of_an_id_is_told_and_nothing_else(store: RawStore, path: Path) -> None:
    names = Pseudonyms(read_phone_key(path))
    told = store.published_ids("bookings", [*PLAIN, PHONE, NAME, MAIL, WORD, "$sequence:12"])
    assert told == [*PLAIN, names.of(PHONE), names.of(NAME), names.of(MAIL), names.of(WORD), "$sequence:12"]
    assert store.published_ids("bookings", []) == []


def test_a_word_is_told_where_a_stored_row_has_it_for_its_id(store: RawStore) -> None:
    put(store, WORD)
    assert store.published_ids("bookings", [WORD]) == [WORD]


def test_no_sequence_of_letters_passes_for_a_row_without_an_id(store: RawStore) -> None:
    for odd in ("$sequence:Made Wijaya", "$sequence:+6281234567890", "x$sequence:1"):
        (told,) = store.published_ids("bookings", [odd])
        assert told != odd
        assert odd[-5:] not in told


def test_the_quarantine_names_rows_as_core_does(store: RawStore, path: Path, tmp_path: Path) -> None:
    put(store, PHONE, SPELLED)
    set_aside(store, OTHER, NAME, WORD, MAIL, *PLAIN)
    store.connection.execute(
        "INSERT INTO _rejects SELECT 'bookings', _id, 1, '[\"creation_unreadable\"]', '{}', ?, ?, '3' FROM bookings",
        [NOW, NOW],
    )
    store.connection.execute(
        "UPDATE bookings SET _rejected = '[\"creation_unreadable\"]', _created_at = NULL"
    )
    store.close()
    warehouse = tmp_path / "warehouse.duckdb"
    process(path, warehouse, timezone="Asia/Makassar", rules_version="3", now=NOW)
    with duckdb.connect(str(warehouse)) as con:
        create_ops(con)
        con.execute(f"ATTACH '{path}' AS mirror (READ_ONLY)")
        mirror_quarantine(con, path)
        told = con.execute("SELECT row_id FROM ops.quarantine ORDER BY 1").fetchall()
        assert told == con.execute("SELECT row_id FROM core.quarantined ORDER BY 1").fetchall()
    assert len({row_id for (row_id,) in told}) == 6 + len(PLAIN), "no row is lost in another"
    hidden = "\n".join(row_id for (row_id,) in told)
    for value in (PHONE, SPELLED, OTHER, NAME, MAIL, "34567890", "99988877"):
        assert value not in hidden
