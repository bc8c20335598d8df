"""Where a session of pytest keeps its files, and the SQL of marts that its processes compile once. Holds no test."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from filelock import FileLock

from assets.engines.compiled import Compiled
from assets.marts import sql_cache
from assets.marts.make import COMPILED
from assets.marts.sql_cache import compiled_behind, compiled_marts
from marketplace.policy import Policy
from resources.policy_file import load_policy

#: A file system in memory, where the machine has one. A run makes dozens of files safe on the disk; over a thousand
#: runs that is minutes of waiting, and a killed process leaves the same behind in either place.
_IN_MEMORY: Final = Path("/dev/shm")
#: What has to be free there and in memory: a session keeps two at most.
_ROOM: Final = 6 << 30
#: The folder of the session for its processes; its name is none that tests clear away.
_SHARED: Final = "TESTS_COMPILED"
#: How the name of that folder begins; the id of the session's first process follows.
_COMPILED: Final = "bookwatch-compiled-"

_compile = sql_cache.compile_marts
_compile_behind = sql_cache.compile_behind


def keep_files_in_memory() -> None:
    """Put what this process and those it starts write into temporary folders into memory, if there is room for it and
    nobody chose another place."""
    if "TMPDIR" not in os.environ and _room() >= _ROOM:
        os.environ["TMPDIR"] = str(_IN_MEMORY)
        tempfile.tempdir = None


def _room() -> int:
    """Bytes that may be put into memory; 0 where that cannot be told."""
    try:
        free = shutil.disk_usage(_IN_MEMORY).free
        said = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        available = int(said["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return 0
    return min(free, available)


def begin_session() -> Path:
    """Make the folder that holds this session's compiled marts, and clear away what killed sessions left."""
    clear_after_the_dead(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{_COMPILED}{os.getpid()}-"))
    os.environ[_SHARED] = str(folder)
    return folder


def clear_after_the_dead(folder: Path) -> None:
    """Delete what sessions left in a temporary folder that could not clear up after themselves: in memory it would
    take the room of the next ones. A session's folders are its own while its process lives; one that ended by itself
    has let go of those it keeps (pytest: the files of tests that failed)."""
    for compiled in folder.glob(f"{_COMPILED}*"):
        if _is_dead(compiled.name.removeprefix(_COMPILED).partition("-")[0]):
            shutil.rmtree(compiled, ignore_errors=True)
    for lock in folder.glob("pytest-of-*/pytest-*/.lock"):
        with contextlib.suppress(OSError):  # its session ends just now, or is another person's
            if _is_dead(lock.read_text()):
                shutil.rmtree(lock.parent, ignore_errors=True)


def _is_dead(process: str) -> bool:
    """Whether a process of that id is there no more; what is no id is not."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (ValueError, OverflowError, PermissionError):
        return False
    return False


def compile_once() -> None:
    """Let this process take the marts, and the rows behind them, that another of the session compiled; it compiles
    those that none did."""
    sql_cache.compile_marts = _compiled_once
    sql_cache.compile_behind = _behind_once


@lru_cache(maxsize=4)
def _compiled_once(policy: Policy) -> tuple[Compiled, ...]:
    folder = _folder_of(policy, "marts")
    if folder is None:
        return _compile(policy)
    with FileLock(f"{folder}.lock"):
        sql_cache.compile_marts = _compile
        try:
            return compiled_marts(policy, folder)
        finally:
            sql_cache.compile_marts = _compiled_once


@lru_cache(maxsize=4)
def _behind_once(policy: Policy) -> tuple[Compiled, ...]:
    folder = _folder_of(policy, "behind")
    if folder is None:
        return _compile_behind(policy)
    with FileLock(f"{folder}.lock"):
        sql_cache.compile_behind = _compile_behind
        try:
            return compiled_behind(policy, folder)
        finally:
            sql_cache.compile_behind = _behind_once


def _folder_of(policy: Policy, what: str) -> Path | None:
    """A folder each: the product keeps those of one policy in one."""
    shared = os.environ.get(_SHARED)
    name = hashlib.sha256(repr(policy).encode()).hexdigest()[:16]
    return Path(shared) / f"{what}-{name}" if shared else None


def give_compiled(home: Path) -> None:
    """Put this session's compiled marts, and the rows behind them, where a run of ``home`` looks for them: for a
    process that starts cold, and of which a test proves something else than that it compiles."""
    policy = load_policy()
    _compiled_once(policy)
    _behind_once(policy)
    for what in ("marts", "behind"):
        folder = _folder_of(policy, what)
        if folder is not None:
            home.mkdir(mode=0o700, exist_ok=True)
            shutil.copytree(folder, home / COMPILED, dirs_exist_ok=True)
