"""How a run takes in what other processes spooled (spool.py): each line becomes a call of the ledger, on its way
into the warehouse, once, wherever this is cut off.

How far a file was read and the calls that were in it are written in one transaction of the ledger; a file goes when it
was read to its end and nobody appends to it. A line that cannot be read is counted, and an error event says so.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import orjson

from marketplace.collection import Category
from marketplace.error_rate import SLOW_SECONDS
from marketplace.events import CallOutcome, EventSeverity
from resources.ledger import Ledger, LedgerCall
from resources.ledger.calls import KEEP_CALLS
from resources.own_files import no_link
from resources.spool import OPERATION, SOURCE, fit

AT_ONCE: Final = 4_000_000
"""Bytes of a file that one transaction takes in; a line is far shorter."""
MOST: Final = KEEP_CALLS // 4
"""Lines taken in before they go on into the warehouse; the ledger lets four times as many wait, and takes none of these
in where half of that is waiting."""
OF_THE_SPOOL: Final = "pipeline"
"""The category of what went wrong with the spool itself."""

_LARGEST_STATUS: Final = 999
_NAME: Final = re.compile(rf"({SOURCE})-\d+-\w+\.jsonl")
_APART: Final = ("collection", "reason", "error_type", "attempts")
"""What of a context has a column of its own."""


@dataclass
class _Read:
    """Of a part of a file: its calls, how many lines and bytes that was, how many lines could not be read."""

    calls: list[LedgerCall] = field(default_factory=list[LedgerCall])
    lines: int = 0
    bytes: int = 0
    broken: int = 0


def take_in(folder: Path, ledger: Ledger, now: datetime, *, most: int = MOST) -> bool:
    """Enter what waits in the spool into the ledger; whether there may be more than it takes now, ``most`` lines.
    ``now``: naive UTC. A file that cannot be read stays, and an error event says so. Raises sqlite3.Error."""
    left = min(most, KEEP_CALLS // 2 - ledger.waiting_calls())
    if left <= 0:
        return True
    names = _names(folder)
    for name in names:
        while left > 0:
            try:
                taken, ended = _take(folder / name, ledger, now)
            except FileNotFoundError:
                break
            except OSError:
                # Its number is of no line, and another one at each run.
                ledger.record_calls([_event(name, int(now.timestamp()), now, "spool_unreadable", 1)])
                break
            left -= taken
            if ended:
                break
        if left <= 0:
            return True
    gone = [name for name in ledger.spooled_files() if not (folder / name).exists()]
    if gone:
        ledger.forget_spooled(gone)
    return False


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _take(path: Path, ledger: Ledger, now: datetime) -> tuple[int, bool]:
    """Take in the next part of a file: how many lines, and whether that was all of it for now."""
    with open(path, "rb", opener=no_link) as file:
        left_alone = _is_left(file.fileno())

        def read(offset: int, lines: int) -> tuple[list[LedgerCall], int, int]:
            file.seek(offset)
            found = _read(path.name, file.read(AT_ONCE), lines, now, to_the_end=left_alone)
            if found.broken:
                number = lines + found.lines
                found.calls.append(_event(path.name, number, now, "unreadable_line", found.broken))
            return found.calls, offset + found.bytes, lines + found.lines

        offset, lines = ledger.take_spooled(path.name, read)
        ended = os.fstat(file.fileno()).st_size <= offset or (lines == 0 and not left_alone)
        if ended and left_alone:
            path.unlink()
    return lines, ended


def _is_left(descriptor: int) -> bool:
    """Whether nobody appends to a file any more; as long as it is open here nobody will."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(name: str, part: bytes, before: int, now: datetime, *, to_the_end: bool) -> _Read:
    """The calls of the whole lines of a part. A line without its end waits, unless nobody will end it."""
    found = _Read()
    whole = part.rfind(b"\n") + 1
    if len(part) == AT_ONCE:
        whole = whole or len(part)
    elif to_the_end:
        whole = len(part)
    found.bytes = whole
    lines = part[:whole].split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        found.lines += 1
        call = _call(name, before + found.lines, line)
        if call is None:
            found.broken += 1
        else:
            found.calls.append(call)
    return found


def _call(name: str, number: int, line: bytes) -> LedgerCall | None:
    """One line; None where it is none of ours."""
    try:
        told = cast("Mapping[str, Any]", orjson.loads(line))
        at = datetime.fromisoformat(told["at"])
        if at.tzinfo is not None:
            return None
        if "lost" in told:
            return _event(name, number, at, "lines_lost", int(told["lost"]))
        context = cast("dict[str, Any]", told.get("context", {}))
        if not OPERATION.fullmatch(told["operation"]) or fit(context) != context:
            return None
        seconds, status = float(told["seconds"]), told["status"]
        if status is not None and not 0 <= int(status) <= _LARGEST_STATUS:
            return None
        return LedgerCall(
            run_id=_origin(name),
            number=number,
            at=at,
            operation=str(told["operation"]),
            collection=str(context.get("collection", "")),
            seconds=seconds,
            outcome=CallOutcome(told["outcome"]).value,
            status=None if status is None else int(status),
            category=Category(told["category"]).value,
            severity=EventSeverity(told["severity"]).value,
            attempts=int(context.get("attempts", 1)),
            reason=str(context.get("reason", "")),
            slow=seconds > SLOW_SECONDS,
            error_type=str(context.get("error_type", "")),
            source=_source(name),
            context=_rest(context),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _rest(context: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in sorted(context.items()) if key not in _APART}
    return orjson.dumps(rest).decode() if rest else ""


def _event(name: str, number: int, at: datetime, reason: str, lines: int) -> LedgerCall:
    """What went wrong with the spool itself: an error event, and no call, which is what a number below 1 says."""
    return LedgerCall(
        run_id=_origin(name),
        number=-number,
        at=at,
        operation="spool",
        collection="",
        seconds=0.0,
        outcome=CallOutcome.PERMANENT.value,
        status=None,
        category=OF_THE_SPOOL,
        severity=EventSeverity.ERROR.value,
        attempts=1,
        reason=reason,
        slow=False,
        source=_source(name),
        context=orjson.dumps({"lines": lines}).decode(),
    )


def _origin(name: str) -> str:
    return name.removesuffix(".jsonl")


def _source(name: str) -> str:
    return name.partition("-")[0]
