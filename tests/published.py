"""One home published the real way, from the sandbox through the pipeline, once in a session of pytest; and the copies
of it that tests read and change. Holds no test and no table definition: every column is the product's own.

What the publication holds: four days of a simulated marketplace with every hazard and every kind of finding that the
simulator plants; two snapshots. Between them a commission record vanished, a booking of a closed month got dearer, a
finding was waived, an alert silenced, and calls failed and were retried.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import polars as pl
import pytest
from appwrite.services.tables_db import TablesDB
from filelock import FileLock

from resources.home import Home
from resources.ledger import Ledger
from resources.seals import stamped
from resources.snapshots import (
    copy_closed_file,
    open_snapshot,
    point_link,
    published_snapshots,
    require_snapshot,
    snapshot_path,
)
from tests.bookwatch_process import Bookwatch, settings_for
from tests.sandbox_server import SandboxProcess
from tests.server_second import wrote

#: When its two snapshots were published (naive UTC; 14:05:12 in Bali).
PUBLISHED_AT = datetime(2026, 11, 22, 6, 5, 12)
_FIRST_AT = datetime(2026, 11, 22, 5, 55, 12)
#: What tests may name: rows planted beside the simulated ones, and what people entered.
CLOSED_MONTH_BOOKING = "b-of-september"
ENTERED_BY = "Komang"
_BLOCK = 16 << 10
#: The files of a home that only a later run needs; a reader of what is published needs none of them.
_OF_THE_PIPELINE = ("raw.duckdb", "warehouse.duckdb", "dagster", "compiled", "backups")


def published_once(shared: Path) -> Path:
    """The published home under the folder ``shared``, made by the first process that asks; the others wait for it."""
    home = shared / "published-once" / "home"
    with FileLock(shared / "published-once.lock"):
        if not home.exists():
            # A publication that broke off must not pass for one: it has its name at the end only.
            making = shared / "published-once.partial"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            with _small_blocks():
                _publish(making / "home")
            _make_empty(making / "empty.duckdb", require_snapshot(Home(making / "home")))
            making.rename(home.parent)
    return home


def empty_snapshot(publication: Path) -> Path:
    """The publication's newest snapshot with every table and view as the product made it, and no row but those of
    core.state and ops.snapshot: for a world that is made row by row."""
    return publication.parent / "empty.duckdb"


def only(path: Path, of: Path, *tables: str) -> None:
    """Make the database ``path`` of these tables of another, each as the product made it, with their rows: opening one
    with all hundred of them takes three times as long, which counts where a test opens ten."""
    with duckdb.connect() as con:
        shutil.copy(of, path)
        con.execute(f"ATTACH '{path}' AS whole")
        for kind, name in con.execute(
            "SELECT 'VIEW', concat(schema_name, '.', view_name) FROM duckdb_views()"
            " WHERE NOT internal AND database_name = 'whole' UNION ALL"
            " SELECT 'TABLE', concat(schema_name, '.', table_name) FROM duckdb_tables()"
            " WHERE database_name = 'whole'"
        ).fetchall():
            if name not in tables:
                con.execute(f"DROP {kind} whole.{name}")
        con.execute("DETACH whole")


def _make_empty(path: Path, snapshot: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{snapshot}' AS whole (READ_ONLY)")
        con.execute(f"ATTACH '{path}' AS made (BLOCK_SIZE {_BLOCK})")
        con.execute("COPY FROM DATABASE whole TO made (SCHEMA)")
        for table in ("core.state", "ops.snapshot"):
            con.execute(f"INSERT INTO made.{table} FROM whole.{table}")


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of this session of pytest share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def _small_blocks() -> Generator[None]:
    """Let the databases that this process makes have blocks of 16 KiB. Each column of a table with a few rows takes
    one: of DuckDB's own 256 KiB the publication was 66 MB, which tests copied and exports hashed."""
    connect = duckdb.connect

    def small(database: Any = ":memory:", read_only: bool = False, config: Any = None) -> Any:
        return connect(database, read_only, {**(config or {}), "default_block_size": str(_BLOCK)})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duckdb, "connect", small)
        yield


def _publish(folder: Path) -> None:
    """Two runs. The server's clock is put to where each is looked at, so that the same rows come of it every time."""
    first, second = (f"{at.isoformat()}Z" for at in (_FIRST_AT, PUBLISHED_AT))
    with SandboxProcess("--seed", "7", "--days", "4", "--until", first) as server:
        bookwatch = Bookwatch(folder, settings_for(server))
        server.control("PUT", "clock", {"at": first})
        server.load_rows("bookings", [_OF_SEPTEMBER])
        server.faults({"kind": "status", "status": 503, "table": "places", "count": 2})
        bookwatch.run(status=10, BOOKWATCH_NOW=first)
        server.faults()

        rows = TablesDB(server.client())
        server.control("PUT", "clock", {"at": (PUBLISHED_AT - timedelta(seconds=9)).isoformat() + "Z"})
        rows.delete_row(
            server.database,
            "commission_records",
            _first(bookwatch, "marts.commission_reconciliation", "commission_id", "state = 'matched'"),
        )
        rows.update_row(server.database, "bookings", CLOSED_MONTH_BOOKING, {"totalCost": 275_000})
        wrote(server)
        _entered(bookwatch, "waive", _first(bookwatch, "marts.commission_findings", "finding_id", _LATE))
        _entered(bookwatch, "alerts", "silence", "no_late_record", "--for", "1d")
        done = bookwatch("sweep", BOOKWATCH_NOW=second)
        assert done.returncode == 10, done.stderr


_LATE = "finding = 'late_record'"
_OF_SEPTEMBER = {
    "$id": CLOSED_MONTH_BOOKING,
    "$createdAt": "2026-09-15T03:00:00.000+00:00",
    "$updatedAt": "2026-09-15T03:00:00.000+00:00",
    "status": "confirmed",
    "totalCost": 250_000,
}


def _first(bookwatch: Bookwatch, table: str, column: str, condition: str) -> str:
    (row,) = bookwatch.rows(f"SELECT min({column}) AS id FROM {table} WHERE {condition}")
    return row["id"]


def _entered(bookwatch: Bookwatch, *words: str) -> None:
    """What a person enters on the command line between the runs."""
    at = (PUBLISHED_AT - timedelta(minutes=1)).isoformat() + "Z"
    done = bookwatch(*words, "--by", ENTERED_BY, "--reason", "it is known", BOOKWATCH_NOW=at)
    assert done.returncode == 0, done.stderr


def copied_home(source: Path, target: Path, *, whole: bool = False) -> Home:
    """A copy of a published home for a test's own; ``whole``: with what the pipeline needs for another run."""
    left_out = () if whole else _OF_THE_PIPELINE
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    home = Home(target)
    ledger = Ledger(home.ledger)
    for path in published_snapshots(home):
        # The same bytes in another file: entered, or the first reader of each copy would hash it.
        seal, _ = ledger.seal(path.stem)
        assert seal is not None
        ledger.record_seal(stamped(seal, path.stat()))
    return home


@contextmanager
def left_as_it_is(home: Path) -> Generator[Path]:
    """A home that many tests read. Fails the one that changes it: it has to ask for a home of its own."""
    before = _state_of(home)
    yield home
    after = _state_of(home)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not changed, f"others read this home, too: take a copy of your own to change {changed}"


def _state_of(home: Path) -> dict[str, tuple[int, int, int]]:
    """Of each file: bytes, time and inode. Not what readers leave beside the ledger: an empty log and its index."""
    found: dict[str, tuple[int, int, int]] = {}
    for folder, _, names in os.walk(home):
        for name in names:
            state = os.lstat(os.path.join(folder, name))
            if not name.endswith("-shm") and (state.st_size or not name.endswith("-wal")):
                found[os.path.relpath(os.path.join(folder, name), home)] = (
                    state.st_size,
                    state.st_mtime_ns,
                    state.st_ino,
                )
    return found


@contextmanager
def kept_open(path: Path, *modules: ModuleType) -> Generator[None]:
    """Let these modules ask one connection to a snapshot that stays open: where each table is asked for by itself,
    opening the file for every one of them takes most of the time. How it is opened is the first one's choice."""
    with open_snapshot(path) as con, pytest.MonkeyPatch.context() as patched:

        @contextmanager
        def opened(asked: Path, **_: object) -> Generator[duckdb.DuckDBPyConnection]:
            assert asked == path
            with con.cursor() as cursor:
                yield cursor

        for module in modules:
            patched.setattr(module, "open_snapshot", opened)
        yield


@contextmanager
def changing(
    home: Home | Path, *, of: Path | None = None, snapshot_id: str | None = None
) -> Generator[duckdb.DuckDBPyConnection]:
    """Change rows of a copy of the newest snapshot, then publish it as the next one, sealed: a published file itself
    never changes. ``of``: another database to begin with; ``snapshot_id``: another name than the next."""
    home = home if isinstance(home, Home) else Home(home)
    target = snapshot_path(home, snapshot_id or _next_id(home))
    draft = home.root / "draft.duckdb"
    try:
        shutil.copy(of or require_snapshot(home), draft)
        draft.chmod(0o600)
        with duckdb.connect(str(draft)) as con:
            con.execute("UPDATE ops.snapshot SET snapshot_id = ?", [target.stem])
            yield con
        copy_closed_file(draft, target, Ledger(home.ledger).record_seal)
    finally:
        draft.unlink(missing_ok=True)
    point_link(home.current, target)


def _next_id(home: Home) -> str:
    instant, _, number = require_snapshot(home).stem.rpartition("-")
    later = (f"{instant}-{n:06}" for n in count(int(number) + 1))
    return next(name for name in later if not snapshot_path(home, name).exists())


def changed(home: Home | Path, *statements: str) -> str:
    """The same with SQL; the id of the snapshot it became."""
    with changing(home) as con:
        for statement in statements:
            con.execute(statement)
        ((snapshot_id,),) = con.execute("SELECT snapshot_id FROM ops.snapshot").fetchall()
    return snapshot_id


def add(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    """Put rows into a table of the copy. ``columns``: their names in the rows' order, apart by spaces; what is not
    named is NULL. Fails for a name that the product's table does not have."""
    made = pl.DataFrame(list(rows), schema=columns.split(), orient="row", infer_schema_length=None)
    if made.height:
        con.register("made", made)
        con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM made")
        con.unregister("made")
