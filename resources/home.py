"""Where bookwatch keeps its files: the paths under BOOKWATCH_HOME, their permissions, and which home is refused. Opens
none of them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages.message import Message
from resources.errors import UsageError

#: The links of ours; each names a file beside it.
_OWN_LINKS: Final = frozenset({"current", "private.duckdb"})


@dataclass(frozen=True)
class Home:
    """The folder BOOKWATCH_HOME. Folders are 0700, files 0600 (the umask is set by our start code)."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "raw.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def current(self) -> Path:
        return self.published / "current"

    @property
    def private(self) -> Path:
        return self.published / "private.duckdb"

    @property
    def status(self) -> Path:
        return self.published / "status.json"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def daemon_process(self) -> Path:
        """The process number of Dagster's daemon, while its lock is held."""
        return self.dagster / "daemon.pid"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def spool(self) -> Path:
        """What other processes tell of their working, until a run takes it in."""
        return self.root / "spool"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def swept(self) -> Path:
        return self.root / "last_sweep"

    @property
    def doctor(self) -> Path:
        """What doctor found last."""
        return self.root / "doctor.json"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    @property
    def operations_stop(self) -> Path:
        """While it is there nothing is written to the marketplace."""
        return self.root / "operations.stop"

    @property
    def operations_lock(self) -> Path:
        return self.root / "operations.lock"

    def check(self, *, shared: bool = False) -> Home:
        """Return itself, or raise UsageError: it belongs to another user, is open to others, or a link lies in the
        place of a file that would be written through it. A home that is not there yet is fine; an empty one is closed.

        ``shared`` (BOOKWATCH_HOME_SHARED) allows another owner and open permissions, as volumes have them, not links.
        """
        try:
            state = os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError):
            return self
        except PermissionError:
            raise self._refused("failure.home_closed", "failure.home_own_do") from None
        if not stat.S_ISDIR(state.st_mode):
            raise self._refused("failure.home_no_folder", "failure.home_own_do")
        if not shared and state.st_uid != os.geteuid():
            raise self._refused("failure.home_foreign", "failure.home_foreign_do")
        if not shared and state.st_mode & 0o077 and not any(os.scandir(self.root)):
            # A folder just made for it: nothing lies in it that another could have put there or read.
            os.chmod(self.root, 0o700)
        elif not shared and state.st_mode & 0o077:
            mode = f"{stat.S_IMODE(state.st_mode):04o}"
            raise UsageError.of("failure.home_open", folder=str(self.root), mode=mode)
        self._refuse_links()
        return self

    def _refused(self, problem: str, next_step: str) -> UsageError:
        return UsageError(Message(problem, {"folder": str(self.root)}), Message(next_step))

    def _refuse_links(self) -> None:
        for folder in (self.root, self.published, self.dagster):
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as refused:
                raise UsageError.of(
                    "failure.folder_unread", folder=str(folder), why=str(refused.strerror)
                ) from None
            for entry in entries:
                if entry.is_symlink() and not (folder == self.published and _is_own_link(entry)):
                    raise UsageError.of("failure.home_link", path=entry.path)

    def create(self) -> Home:
        """Make the folders, private to this user. Returns itself."""
        os.umask(0o077)
        for folder in (
            self.root,
            self.published,
            self.dagster,
            self.exports,
            self.reports,
            self.backups,
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self


def _is_own_link(entry: os.DirEntry[str]) -> bool:
    """A link as publishing makes it, also one that a kill left with its name of the making."""
    name = entry.name.lstrip(".")
    ours = name in _OWN_LINKS or any(name.startswith(f"{own}.") for own in _OWN_LINKS)
    target = os.readlink(entry.path)
    stays = target == os.path.basename(target) and target not in ("", ".", "..")
    return ours and stays and not entry.name.endswith(".partial")
