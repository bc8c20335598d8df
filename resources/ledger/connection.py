"""How ledger.sqlite is opened: to read, which makes none and waits for no writer, and to write, in one transaction.

Knows no table: which there are is migrations.py's, what stands in them its subject's.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from resources.ledger.migrations import STEPS, begin, form

PATIENCE_S = 30.0
"""How long a writer waits for the one before it."""
FETCHED = Path("published", "fetched.json")
"""Beside a ledger's place in the home of a reader (resources/shared): it shows snapshots of another home."""


class LedgerElsewhere(sqlite3.OperationalError):
    """The ledger is in the pipeline's home, and this is a reader's: what stands in it cannot be told here."""


class LedgerFile:
    """The file of a ledger. Each use opens its own short connection: several processes read and write here.

    All raise sqlite3.Error where it cannot be read or written (a link in its place is not followed), LedgerTooNew,
    which is one, where a newer bookwatch wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """What is committed now, whoever is writing: one state for all that is asked here.

        Where there is no ledger it is an empty one. An older form is read as upgraded, in a copy in memory: only who
        writes upgrades the file.
        """
        with closing(self._reader()) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN")
            if form(db) < len(STEPS):
                with closing(_upgraded(db)) as copy:
                    yield copy
            else:
                yield db

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, committed at the end of the block; an exception in it leaves all as it was."""
        self._refuse_link()
        require_here(self.path)
        with closing(sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            _log_ahead(db)
            db.execute("PRAGMA synchronous=FULL")
            begin(db)
            yield db
            db.execute("COMMIT")

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep the file open during the block, for who writes again and again in it: the last to close it moves its log
        into it, which takes longer than a transaction."""
        self._refuse_link()
        with closing(sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield

    def _reader(self) -> sqlite3.Connection:
        self._refuse_link()
        if not self.path.exists():
            require_here(self.path)
            return sqlite3.connect(":memory:", isolation_level=None)
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S, isolation_level=None
        )

    def _refuse_link(self) -> None:
        if self.path.is_symlink():
            raise sqlite3.OperationalError("the ledger is a link")


def require_here(path: Path) -> None:
    """Raises LedgerElsewhere where a ledger that is not there is another home's: it is not an empty one."""
    if (path.parent / FETCHED).exists() and not path.exists():
        raise LedgerElsewhere("a reader's home has no ledger")


def _upgraded(older: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a ledger in memory, with today's form."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    copy.row_factory = sqlite3.Row
    older.backup(copy)
    begin(copy)
    return copy


def _log_ahead(db: sqlite3.Connection) -> None:
    """Set the write-ahead log, beside which readers go on; the file keeps it.

    Of two that make the ledger at one moment SQLite refuses one at once instead of letting it wait.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)  # another process is at the switch: SQLite's own patience does not hold for it
