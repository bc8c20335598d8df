"""A row that names a user in other letters is found when the user comes; where no row does, none is looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.core import engine, spelled
from assets.core.spelled import Spelled
from tests.core.changes import TABLES
from tests.core.raw_file import RawFile
from tests.core.test_engine import BOOKING, run
from tests.core.test_since import warehouse


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


def customers(raw: RawFile) -> list[str]:
    with warehouse(raw) as con:
        found = con.execute("SELECT customer_id FROM core.bookings ORDER BY booking_id").fetchall()
    return [str(customer) for (customer,) in found]


def spellings(raw: RawFile) -> list[tuple[str]]:
    with warehouse(raw) as con:
        return con.execute("FROM since.spelled ORDER BY ALL").fetchall()


@pytest.mark.parametrize("older", [False, True])
def test_a_user_who_comes_is_named_in_other_letters(raw: RawFile, older: bool) -> None:
    raw.put("users", {"$id": "u0"})
    raw.put("bookings", {**BOOKING, "userId": "Ab1Cd2"}, {**BOOKING, "$id": "b2", "userId": "ab3cd4"})
    run(raw)
    assert spellings(raw) == [("ab1cd2",)]
    if older:  # as a warehouse of before is, and one of which what changed was forgotten
        with warehouse(raw) as con:
            spelled.forget(con)
    raw.put("users", {"$id": "ab1cd2"}, {"$id": "ab3cd4"})
    run(raw)
    assert customers(raw) == ["ab1cd2", "ab3cd4"]


def test_where_all_are_named_as_they_are_no_row_is_looked_through(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.put("users", {"$id": "u0"})
    raw.put("bookings", {**BOOKING, "userId": "ab1cd2"})
    run(raw)
    asked: list[str] = []
    # What is looked for is seen nowhere else.
    a_run: Any = vars(engine)["_Run"]
    looked = a_run._ids

    def ids(self: Any, source: Any, condition: str, table: str | None = None) -> Any:
        asked.append(condition)
        return looked(self, source, condition, table)

    monkeypatch.setattr(a_run, "_ids", ids)
    raw.put("users", {"$id": "ab1cd2"})
    run(raw)
    assert not [condition for condition in asked if "lower(" in condition]
    assert spellings(raw) == []


def test_nothing_is_known_where_it_was_forgotten(raw: RawFile) -> None:
    raw.put("bookings", {**BOOKING, "userId": "Ab1Cd2"})
    run(raw)
    with warehouse(raw) as con:
        known = Spelled(con, {"bookings": ("customer_id",)})
        assert known.any_of(pl.Series(["ab1cd2"]))
        assert not known.any_of(pl.Series(["ab3cd4"]))
        spelled.forget(con)
        assert known.any_of(pl.Series(["ab3cd4"]))
