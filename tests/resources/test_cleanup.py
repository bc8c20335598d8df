"""Cleaning up after a failure tells of the failure, not of what could not be cleaned up."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from resources.cleanup import afterwards


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def fail_amid_a_transaction(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    with afterwards(lambda: con.execute("SET threads = 1")):
        con.execute("SELECT error('the cause')")


def test_the_cause_is_raised_where_cleaning_up_fails_too(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="the cause"):
        fail_amid_a_transaction(con)


def test_what_is_due_is_done_and_fails_where_nothing_else_did(con: duckdb.DuckDBPyConnection) -> None:
    done: list[str] = []
    with afterwards(lambda: done.append("done")):
        assert not done
    assert done == ["done"]
    with pytest.raises(duckdb.Error), afterwards(lambda: con.execute("SELECT error('due')")):
        pass
