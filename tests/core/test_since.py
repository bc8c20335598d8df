"""What core says that it changed since the marts were made: each version that came or went, or that it is not known."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.core import since
from checks.schemas import CORE
from resources.warehouse import open_warehouse
from tests.core.changes import TABLES, Action, Changes, actions
from tests.core.raw_file import RawFile
from tests.core.test_engine import BOOKING, Killed, run

Rows = dict[str, Counter[tuple[Any, ...]]]


@pytest.fixture
def raw(tmp_path: Path) -> RawFile:
    return RawFile(tmp_path / "raw.duckdb", TABLES)


@contextlib.contextmanager
def warehouse(raw: RawFile):
    with open_warehouse(raw.path.with_name("warehouse.duckdb")) as con:
        yield con


def rows_of(con: duckdb.DuckDBPyConnection, schema: str) -> Rows:
    return {name: Counter(con.execute(f"FROM {schema}.{name}").fetchall()) for name in since.TABLES}


def differing(then: Rows, now: Rows) -> Rows:
    """The versions that are only in one of the two."""
    return {name: (then[name] - now[name]) + (now[name] - then[name]) for name in since.TABLES}


def known(con: duckdb.DuckDBPyConnection) -> Rows:
    """The versions that came or went, as those read them who make the marts."""
    return {name: Counter(con.execute(since.changed(name)).fetchall()) for name in since.TABLES}


def cleared(raw: RawFile) -> Rows:
    """Derive, and let the marts be made of it: what core holds then."""
    run(raw)
    with warehouse(raw) as con:
        since.clear(con)
        return rows_of(con, "core")


def test_of_each_table_there_is_one_of_the_same_columns(raw: RawFile):
    cleared(raw)
    with warehouse(raw) as con:
        for name in since.TABLES:
            columns = dict(
                con.execute(f"SELECT column_name, column_type FROM (DESCRIBE since.{name})").fetchall()
            )
            assert columns == dict(CORE[name].sql_columns)
    assert set(since.TABLES) == set(CORE) - {"state"}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions("run", "run", "made", "killed", most=18), st.integers())
def test_whatever_happens_what_differs_from_the_last_marts_is_known(
    tmp_path: Path, drawn: list[Action], seed: int
):
    for file in tmp_path.glob("*.duckdb"):
        file.unlink()
    raw = RawFile(tmp_path / "raw.duckdb", TABLES)
    changes = Changes(raw, seed)
    then = cleared(raw)
    chance = random.Random(seed)
    for action, number, status in [*drawn, ("run", 0, "")]:
        changes.act(action, number, status)
        if action == "killed":
            after = chance.randrange(4)

            def kill(collection: str, count: int, after: int = after) -> None:
                if chance.randrange(4) <= after:
                    raise Killed

            with contextlib.suppress(Killed):
                run(raw, after_chunk=kill, chunk_rows=1)
        elif action == "made":
            then = cleared(raw)
        elif action == "run":
            run(raw)
        if action not in ("made", "run", "killed"):
            continue
        with warehouse(raw) as con:
            found, stand = known(con), rows_of(con, "core")
            if since.reason(con) is None:
                assert found == differing(then, stand)
                assert since.captured(con).keys() >= {name for name, versions in found.items() if versions}
            else:
                assert since.captured(con) == {}


def test_old_and_new_versions_are_there_with_all_their_columns(raw: RawFile):
    raw.put("bookings", BOOKING, {**BOOKING, "$id": "b2"})
    then = cleared(raw)
    raw.put("bookings", {**BOOKING, "status": "completed", "totalCost": 300_000})
    run(raw)
    with warehouse(raw) as con:
        assert since.reason(con) is None
        assert con.execute(
            "SELECT booking_id, status, amount_idr FROM since.bookings ORDER BY amount_idr"
        ).fetchall() == [("b1", "pending", 250_000), ("b1", "completed", 300_000)]
        assert known(con)["bookings"] == differing(then, rows_of(con, "core"))["bookings"]
        assert since.captured(con)["booking_events"] == 3  # the first sight twice, and what it became
        assert known(con)["booking_events"].total() == 1


def test_nothing_is_noted_where_nothing_changed(raw: RawFile):
    raw.put("bookings", BOOKING)
    cleared(raw)
    run(raw)
    with warehouse(raw) as con:
        assert (since.reason(con), since.captured(con)) == (None, {})


def test_a_row_that_is_only_read_again_has_not_changed(raw: RawFile):
    raw.put("therapists", {"$id": "t1", "timezone": "WIB"})
    raw.put("bookings", BOOKING)
    cleared(raw)
    raw.put("therapists", {"$id": "t1", "timezone": "WITA"})
    run(raw)
    raw.put("therapists", {"$id": "t1", "timezone": "WIB"})
    run(raw)
    with warehouse(raw) as con:
        assert since.captured(con)["bookings"] == 4
        assert known(con)["bookings"] == Counter()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"full": True}, "core was derived anew: asked for"),
        ({"rules_version": "2"}, "core was derived anew: the rules changed"),
        ({"timezone": "Asia/Jakarta"}, "core was derived anew: the default time zone changed"),
    ],
)
def test_where_core_is_derived_anew_all_is_to_be_made(raw: RawFile, options: dict[str, Any], why: str):
    raw.put("bookings", BOOKING)
    cleared(raw)
    raw.put("bookings", {**BOOKING, "$id": "b2"})
    run(raw)
    run(raw, **options)
    with warehouse(raw) as con:
        assert (since.reason(con), since.captured(con)) == (why, {})
    raw.put("bookings", {**BOOKING, "status": "accepted"})
    run(raw, **{name: value for name, value in options.items() if name != "full"})
    with warehouse(raw) as con:
        assert (since.reason(con), since.captured(con)) == (why, {})
        since.clear(con)
        assert (since.reason(con), since.captured(con)) == (None, {})


def test_a_first_load_is_not_written_twice(raw: RawFile):
    raw.put("bookings", *({**BOOKING, "$id": f"b{n}"} for n in range(20)))
    run(raw)
    with warehouse(raw) as con:
        assert since.reason(con) == "core was derived anew: nothing derived yet in this shape"
        assert since.captured(con) == {}


@pytest.mark.parametrize("at_once", [1, 10_000])
@pytest.mark.parametrize(("most", "share", "noted"), [(6, 1.0, True), (5, 0.6, True), (5, 0.2, False)])
def test_more_than_can_be_worth_looking_at_is_not_noted_row_by_row(
    raw: RawFile, monkeypatch: pytest.MonkeyPatch, most: int, share: float, noted: bool, at_once: int
):
    """Three of ten bookings change: six versions."""
    monkeypatch.setattr(since, "MOST_ROWS", most)
    monkeypatch.setattr(since, "MOST_SHARE", share)
    monkeypatch.setattr(since, "_AT_ONCE", at_once)
    raw.put("bookings", *({**BOOKING, "$id": f"b{n}"} for n in range(10)))
    cleared(raw)
    for n in range(3):
        raw.put("bookings", {**BOOKING, "$id": f"b{n}", "totalCost": 300_000})
        run(raw)
    with warehouse(raw) as con:
        if noted:
            assert since.reason(con) is None
            assert since.captured(con)["bookings"] == 6
        else:
            assert since.reason(con) == "many rows of bookings changed"
            assert since.captured(con) == {}


def test_in_a_warehouse_of_a_version_before_nothing_is_known(raw: RawFile):
    raw.put("bookings", BOOKING)
    cleared(raw)
    with warehouse(raw) as con:
        con.execute("DROP SCHEMA since CASCADE")
        assert (since.reason(con), since.captured(con)) == (since.UNKNOWN, {})
    run(raw)  # nothing to derive, and so nothing is written
    with warehouse(raw) as con:
        assert since.reason(con) == since.UNKNOWN
    raw.put("bookings", {**BOOKING, "status": "accepted"})
    run(raw)
    with warehouse(raw) as con:
        assert (since.reason(con), since.captured(con)) == (since.UNKNOWN, {})
        con.execute("DROP SCHEMA since CASCADE")
        since.clear(con)
        assert (since.reason(con), since.captured(con)) == (None, {})


def test_a_table_that_is_missing_is_made_and_what_was_in_it_is_unknown(raw: RawFile):
    cleared(raw)
    with warehouse(raw) as con:
        con.execute("DROP TABLE since.messages")
        assert since.reason(con) == since.UNKNOWN
        since.ensure(con)
        assert since.reason(con) == since.UNKNOWN
        assert since.captured(con) == {}
        since.ensure(con)
        since.clear(con)
        since.ensure(con)
        assert since.reason(con) is None


def test_what_the_marts_were_made_by_stays_whatever_changes(raw: RawFile):
    raw.put("bookings", BOOKING)
    cleared(raw)
    with warehouse(raw) as con:
        con.execute(f"INSERT INTO {since.MADE} (build, given) VALUES ('b', 'g')")
        since.whole(con, "for a test")
        since.clear(con)
    raw.put("bookings", {**BOOKING, "status": "accepted"})
    run(raw)
    run(raw, full=True)
    with warehouse(raw) as con:
        assert con.execute(f"FROM {since.MADE}").fetchall() == [("b", "g")]
        assert "made" not in since.captured(con)
        con.execute("DROP TABLE since.whole")
        since.ensure(con)
        assert con.execute(f"FROM {since.MADE}").fetchall() == [], "nothing is known of it"


def test_what_was_said_and_not_committed_is_not_said(raw: RawFile):
    cleared(raw)
    with warehouse(raw) as con:
        con.execute("BEGIN")
        since.whole(con, "for a test")
        assert since.reason(con) == "for a test"
        con.execute("ROLLBACK")
        assert since.reason(con) is None
