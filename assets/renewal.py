"""What a run does about a warehouse that other rules made: it begins anew, with the history of calls, errors, checks
and reading. Core and marts follow from raw; how they are made is not decided here.

A new table in the old file would not do: DuckDB frees the blocks of the old one without wiping them, and a snapshot is
a copy of all blocks. What those rules still published, such as a phone in an id's place, would be published for good.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from assets.ops import HISTORY_OF_RUNS, create_ops
from assets.rescue import copy_history, making_of
from resources.home import Home
from resources.warehouse import open_warehouse


def renew(home: Home, rules_version: str) -> bool:
    """Begin the warehouse anew where its core was not made by ``rules_version``; whether it was. It is not open.

    Killed at any instant: the old one is in its place and the next run starts over, or the new one is whole.
    """
    if not home.warehouse.exists():
        return False
    making = making_of(home)
    for leftover in (making, Path(f"{making}.wal")):
        leftover.unlink(missing_ok=True)
    with open_warehouse(home.warehouse) as old:
        if not is_of_others(old, rules_version):
            return False
        with open_warehouse(making) as new:
            create_ops(new)
            for table in HISTORY_OF_RUNS:
                copy_history(old, new, table)
            new.execute("CHECKPOINT")
        old.execute("CHECKPOINT")
    Path(f"{home.warehouse}.wal").unlink(missing_ok=True)
    making.replace(home.warehouse)
    return True


def is_of_others(con: duckdb.DuckDBPyConnection, rules_version: str) -> bool:
    """Whether other rules made the core of an open warehouse."""
    return _made_by(con) not in (None, rules_version)


def _made_by(con: duckdb.DuckDBPyConnection) -> str | None:
    """The rules that core was made by ("" where it does not say); None where there is no core."""
    tables = {
        str(row[0])
        for row in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'core' AND NOT temporary"
        ).fetchall()
    }
    if not tables:
        return None
    row = con.execute("SELECT rules_version FROM core.state").fetchone() if "state" in tables else None
    return str(row[0]) if row else ""
