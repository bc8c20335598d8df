"""Who schedules runs: one `bookwatch serve` for a home, and one for a PostgreSQL database that homes share. It is a
lock on a file of the home and, where Dagster's history lies in PostgreSQL, an advisory lock of that database: both are
let go of by the system, whatever becomes of who held them.

`serve` holds one and Dagster's daemon another, as the daemon goes on where `serve` alone was killed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from resources import postgres
from resources.errors import BookwatchError, ServeActive
from resources.lock import file_lock
from resources.own_files import replace
from resources.settings import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

LOOK_EVERY_S: Final = 15.0
_OURS: Final = 0x626F6F6B
"""What our advisory locks begin with, "book": other programs may use the same database."""
_LEAVE: Final = "SELECT pg_advisory_unlock(%s, %s)"
_TAKE: Final = "SELECT pg_try_advisory_lock(%s, %s)"
_HOLDER: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted
"""


class Role(Enum):
    """What holds; the number of its advisory lock."""

    SERVE = 1
    DAEMON = 2


class Hold:
    """What one process has while it schedules; ``look`` sees every now and then that it still has it."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self._home = settings.home
        self._url = settings.dagster_postgres.get_secret_value()
        self._role = role
        self._file: FileLock | None = None
        self._connection: Connection | None = None

    def take(self) -> None:
        """Raises ServeActive: another has it; BookwatchError: the database cannot be asked."""
        lock = file_lock(self._home.dagster / f"{self._role.name.lower()}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise self._taken_here() from None
        self._file = lock
        if self._role is Role.DAEMON:
            replace(self._home.daemon_process, str(os.getpid()).encode())
        try:
            self._take_database()
        except BaseException:
            self.release()
            raise

    def look(self) -> str:
        """Take it again where the connection was lost: the database let go of the lock then. Raises ServeActive where
        another has taken it since. While the database is away, nobody can: why, in a sentence, else ''."""
        if not self._url:
            return ""
        with suppress(BookwatchError):
            if self._connection is not None:
                with postgres.said_of(self._url), self._connection.cursor() as ask:
                    ask.execute("SELECT 1")
                return ""
        self._let_go()
        try:
            self._take_database()
        except ServeActive:
            raise
        except BookwatchError as away:
            return f"Nothing is scheduled: {away}"
        return ""

    def release(self) -> None:
        self._let_go()
        if self._file is not None:
            self._file.release()
            self._file = None

    def _let_go(self) -> None:
        if self._connection is not None:
            # Said, not left to the end of the session: the server ends one a while after it was closed here, and
            # whoever starts next is refused until then. One that was lost holds nothing.
            with suppress(BookwatchError), postgres.said_of(self._url), self._connection.cursor() as ask:
                ask.execute(_LEAVE, (_OURS, self._role.value))
            self._connection.close()
            self._connection = None

    def _take_database(self) -> None:
        if not self._url:
            return
        connection = postgres.connect(self._url, known_as=f"bookwatch on {socket.gethostname()}"[:60])
        try:
            with postgres.said_of(self._url), connection.cursor() as ask:
                ask.execute(_TAKE, (_OURS, self._role.value))
                if ask.fetchone() != (True,):
                    ask.execute(_HOLDER, (_OURS, self._role.value))
                    holder = ask.fetchone()
                    raise ServeActive.of(
                        "failure.second_on_postgres",
                        place=postgres.place(self._url),
                        who=str(holder[0]) if holder and holder[0] else None,
                    )
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _taken_here(self) -> ServeActive:
        if self._role is Role.SERVE:
            return ServeActive.of("failure.second_on_home", folder=str(self._home.root))
        try:
            process = self._home.daemon_process.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            process = None
        return ServeActive.of("failure.daemon_left", folder=str(self._home.root), process=process)


@contextmanager
def holding(settings: Settings, role: Role) -> Generator[Hold]:
    """Hold it for the block. Raises as ``Hold.take``."""
    hold = Hold(settings, role)
    hold.take()
    try:
        yield hold
    finally:
        hold.release()


@contextmanager
def the_only_one(settings: Settings) -> Generator[Hold]:
    """`serve`'s hold for the block, taken where no daemon of an earlier one is left either. Raises as ``Hold.take``."""
    with holding(settings, Role.SERVE) as hold:
        with holding(settings, Role.DAEMON):
            pass  # it is the daemon that takes it, once it is started
        yield hold
