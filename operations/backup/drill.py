"""Tries a backup out: restores it into the sandbox, a process of its own that we start and end, and tells how long that
took and that nothing differs. Nothing of it is left.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from marketplace.backups import BackupState, DrillState
from messages.message import Message
from operations.backup.create import backups_lock, in_one
from operations.backup.restore import Restored, require_whole, restore_into
from operations.backup.target import Target
from operations.backup.verify import manifest_of
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway
from resources.errors import BookwatchError
from resources.ledger import Ledger
from resources.settings import Settings
from resources.store import open_store

DATABASE: Final = "drill"
_FOLDER: Final = ".drill-"
_SOURCE: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Drilled:
    """What a drill showed. ``seconds``: of restoring and comparing."""

    backup_id: str
    state: DrillState
    seconds: float
    restored: Restored


def drill(
    settings: Settings,
    *,
    say: Callable[[Message], object] = lambda line: None,
    backup_id: str | None = None,
) -> Drilled:
    """Restore a backup (the newest whole one) into a sandbox and compare. Raises BookwatchError where that cannot be
    done; the ledger says so too."""
    ledger = Ledger(settings.home.ledger)
    store = open_store(settings)
    with backups_lock(settings):
        chosen = backup_id or next(
            (
                entry.backup_id
                for entry in ledger.backups()
                if entry.state == BackupState.WHOLE and entry.store == store.place
            ),
            None,
        )
        if chosen is None:
            raise BookwatchError.of("failure.drill_no_backup")
        number = ledger.begin_drill(chosen, at=settings.clock.now())
        began = time.perf_counter()
        failure: BookwatchError
        try:
            manifest, _ = manifest_of(store, chosen)
            require_whole(store, manifest)
            with (
                _sandbox(settings) as stand_in,
                Gateway(stand_in, settings.clock, lambda event: None) as gateway,
            ):
                target = Target(gateway)
                target.make_database("Drill")
                restored = restore_into(target, store, manifest, say=say)
        except BookwatchError as refused:
            failure = refused
        except CallFailure as refused:
            failure = BookwatchError(refused.said)
        except BaseException:
            ledger.finish_drill(
                number,
                DrillState.FAILED,
                at=settings.clock.now(),
                seconds=time.perf_counter() - began,
                why=Message("backup.stopped"),
            )
            raise
        else:
            seconds = time.perf_counter() - began
            state = DrillState.SAME if restored.same else DrillState.DIFFERENT
            ledger.finish_drill(
                number,
                state,
                at=settings.clock.now(),
                seconds=round(seconds, 3),
                rows=restored.rows,
                differences=restored.differences,
                why=in_one(restored.wrong),
            )
            return Drilled(chosen, state, seconds, restored)
        ledger.finish_drill(
            number,
            DrillState.FAILED,
            at=settings.clock.now(),
            seconds=time.perf_counter() - began,
            why=failure.why,
        )
        raise failure


@contextmanager
def _sandbox(settings: Settings) -> Generator[Settings]:
    """A sandbox without a database, on a free port of this machine; the settings that reach it. It holds names and
    phones while it runs, in a folder of the home that goes with it."""
    root = settings.home.root
    for leftover in root.glob(f"{_FOLDER}*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a drill that was killed: its sandbox ended with it
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=root))
    words = ["serve", "--empty", "--json", "--port", "0", "--die-with-parent", "--data", str(folder / "data")]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(_SOURCE)},
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise BookwatchError.of("failure.drill_sandbox")
        told: dict[str, Any] = json.loads(line)
        yield settings.model_copy(
            update={
                "appwrite_endpoint": told["endpoint"],
                "appwrite_project_id": told["project"],
                "appwrite_api_key": SecretStr(told["key"]),
                "appwrite_database_id": DATABASE,
                "appwrite_api": "tablesdb",
                "tables": {},
            }
        )
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
