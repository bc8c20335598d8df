"""Whatever names a booking is found in whatever case it is written, by what is known of letters of both cases."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import duckdb
import pytest

from assets.engines.duckdb import typed
from assets.marts.parts import links
from assets.marts.parts.follow import follow
from assets.marts.sql_cache import compiled_marts
from checks.schemas import CORE
from checks.schemas.sql import create_table
from tests.policies import DEFAULT_POLICY

WORDS = ("ab1", "bk-7", "kelvin", "ist", "12345", "x")
#: Whose upper case is that of other words, too: more than what has a key in common may be found of them.
OF_ONE_UPPER_CASE = ("σς", "σσ", "straße")
SPELLINGS = (str.lower, str.upper, str.title, str.swapcase)
#: İ and the sign of Kelvin become ASCII in lower case.
ODD = {"i": "\u0130", "k": "\u212a"}


def spelled(chance: random.Random, words: tuple[str, ...]) -> str | None:
    word = chance.choice(SPELLINGS)(chance.choice(words))
    if chance.random() < 0.3:
        word = word.replace(letter := chance.choice(sorted(ODD)), ODD[letter])
    return None if chance.random() < 0.2 else word + str(chance.randrange(8))


def known(con: duckdb.DuckDBPyConnection, rows: Iterable[tuple[Any, ...]]) -> list[tuple[str, set[str]]]:
    """Each row's id, with its names in lower case as DuckDB has it."""
    return [
        (row[0], {con.execute("SELECT lower(?)", [name]).fetchall()[0][0] for name in row[1] if name})
        for row in rows
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("words", [WORDS, WORDS + OF_ONE_UPPER_CASE])
def test_what_has_a_key_in_common_is_found_in_whatever_case_it_is_written(
    words: tuple[str, ...], seed: int
) -> None:
    chance = random.Random(seed)
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA core")
        for table in ("bookings", "commissions", "quarantined"):
            con.execute(create_table(CORE[table]))
        bookings = {(spelled(chance, words) or "none") + f"b{n}": spelled(chance, words) for n in range(60)}
        for booking, business in bookings.items():
            _put(con, "bookings", booking_id=booking, origin="bookings", business_id=business)
        records: list[tuple[str, tuple[str | None, str | None]]] = []
        for number in range(60):
            refs = (
                chance.choice((spelled(chance, words), chance.choice([*bookings]).upper())),
                spelled(chance, words),
            )
            records.append((f"c{number}", refs))
            _put(con, "commissions", commission_id=f"c{number}", booking_ref=refs[0], booking_doc_ref=refs[1])
        (made,) = (one for one in compiled_marts(DEFAULT_POLICY, None) if one.name == "mixed_case_keys")
        con.execute(f"CREATE TEMP TABLE mixed_case_keys AS {typed(made)}")
        mixed = con.execute("SELECT count(*) FROM mixed_case_keys").fetchall()[0][0]
        assert 0 < mixed < 240, "some are written in letters of both cases, and some are not"
        touched = chance.sample([*bookings], 8)
        for name, column in (("bookings", "booking_id"), ("records", "commission_id"), ("keys", "folded")):
            con.execute(f"CREATE TEMP TABLE touched_{name} ({column} VARCHAR)")
        con.executemany("INSERT INTO touched_bookings VALUES (?)", [[one] for one in touched])
        follow(con, links.FOLLOWED, "touched_keys")
        found = {
            str(one)
            for (one,) in con.execute("FROM touched_bookings UNION ALL FROM touched_records").fetchall()
        }
        every = known(con, [*((one, (one, name)) for one, name in bookings.items()), *records])
        reached, keys = set(touched), set[str]()
        while True:
            keys |= {key for one, names in every if one in reached for key in names}
            more = {one for one, names in every if names & keys}
            if more <= reached:
                break
            reached |= more
        assert found >= reached
        if words == WORDS:
            assert found == reached
        assert len(reached) > len(touched)


def _put(con: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    """A row of core, with something in each column that must have it."""
    fill = {"VARCHAR": "x", "BOOLEAN": False, "TIMESTAMP": "2026-01-01", "BIGINT": 0, "DOUBLE": 0.0}
    for column in CORE[table].columns:
        if not column.null and column.name not in values:
            values[column.name] = fill.get(column.sql, 0)
    names = ", ".join(values)
    con.execute(
        f"INSERT INTO core.{table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values())
    )
