"""What a run does about a warehouse that is damaged: it is moved aside, its history taken from the newest snapshot, and
what is lost is said. Core and marts follow from raw as after a first run; how they are made is not decided here."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from assets.ops import HISTORY_OF_RUNS, create_ops
from messages.message import Arg, Message
from resources.errors import BookwatchError
from resources.home import Home
from resources.run_report import Run
from resources.snapshots import current_snapshot, open_snapshot
from resources.warehouse import is_whole, open_warehouse, set_aside


def finish_rescue(home: Home) -> None:
    """Put what a rescue made in its place, where the run was killed between its two renames: it is whole."""
    making = making_of(home)
    if making.exists() and not home.warehouse.exists():
        making.replace(home.warehouse)


def rescue_if_damaged(run: Run) -> bool:
    """Read all of the warehouse after an error that speaks of damage; whether it was damaged and is rescued."""
    run.warehouse.close()
    if not run.home.warehouse.exists() or is_whole(run.home.warehouse):
        return False
    rescue(run)
    return True


def rescue(run: Run) -> None:
    """Put a warehouse with the history of the newest readable snapshot in the place of the damaged one, which is kept.

    Killed at any instant: the damaged one is in its place and the next run starts over, or the new one is whole.
    """
    home = run.home
    making = making_of(home)
    for leftover in (making, Path(f"{making}.wal")):
        leftover.unlink(missing_ok=True)
    with open_warehouse(making) as con:
        create_ops(con)
        taken = _restore(con, home)
        con.execute("CHECKPOINT")
    aside = set_aside(home.warehouse, run.clock.now())
    making.replace(home.warehouse)
    kept: dict[str, Arg] = {"aside": aside.name}
    run.warn(
        "warehouse",
        Message("failure.rescued", {**kept, "snapshot": taken[0], "at": f"{taken[1]:%Y-%m-%d %H:%M}"})
        if taken
        else Message("failure.rescued_blank", kept),
        then="",
    )


def making_of(home: Home) -> Path:
    """Where a new warehouse is made before it takes the place of the old one."""
    return home.warehouse.with_name(f"{home.warehouse.name}.making")


def _restore(con: duckdb.DuckDBPyConnection, home: Home) -> tuple[str, datetime] | None:
    """Copy the history of the newest snapshot that can be read; its id and instant."""
    current = current_snapshot(home)
    kept = sorted(
        (path for path in home.published.glob("[0-9]*.duckdb") if not path.is_symlink()),
        key=lambda path: (path == current, path.name),
        reverse=True,
    )
    for path in kept:
        con.execute("BEGIN")
        try:
            with open_snapshot(path) as snapshot:
                row = snapshot.execute("SELECT snapshot_id, published_at FROM ops.snapshot").fetchone()
                if row is not None:
                    for table in HISTORY_OF_RUNS:
                        copy_history(snapshot, con, table)
                    con.execute("COMMIT")
                    return row[0], row[1]
        except (duckdb.Error, BookwatchError):
            pass  # changed, damaged, or of another layout: the one before may be whole; the warning names the one taken
        con.execute("ROLLBACK")
    return None


def copy_history(snapshot: duckdb.DuckDBPyConnection, con: duckdb.DuckDBPyConnection, table: str) -> None:
    """The rows of an ops table, in the columns both have: a snapshot of before may lack one."""
    columns = [
        {row[0] for row in side.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'ops' AND table_name = ?", [table]
        ).fetchall()}
        for side in (snapshot, con)
    ]  # fmt: skip
    names = ", ".join(sorted(columns[0] & columns[1]))
    if not names:
        return
    con.register("_rows", snapshot.execute(f"SELECT {names} FROM ops.{table}").to_arrow_table())
    try:
        con.execute(f"INSERT INTO ops.{table} ({names}) SELECT {names} FROM _rows")
    finally:
        con.unregister("_rows")
