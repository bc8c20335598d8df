"""What a build was given beside core's rows, kept with what it made: the next one compares it with its own, to know
which rows time alone changes, and whether anything makes all of them be made anew.

It stands in ``since.made``, which goes with the warehouse; readers of a snapshot have no use for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from assets.marts.parts.part import Judged
from marketplace.aliases import RECORD_REFERENCES
from marketplace.commission import COMMISSION_COLLECTION
from marketplace.events import ScanOutcome

_BROKE_OFF: Final = (ScanOutcome.PARTIAL.value, ScanOutcome.FAILED.value)


def judged(
    con: Any,
    *,
    now: datetime,
    judged_at: datetime | None,
    waived: Iterable[str],
    rules: str,
    offset: int,
    beside: Mapping[str, str],
) -> Judged | None:
    """What this build is given. ``rules``: a fingerprint of the rules and the policy; ``offset``: minutes of the
    marketplace's zone; ``beside``: as of ``Judged``. None where rows cannot be told that time reaches: records were
    never scanned whole, or what they refer to is not handed out."""
    if judged_at is None:
        return None
    scans = con.execute(
        "SELECT collection, coalesce(read_until, watermark), completed_at IS NOT NULL, outcome, unread FROM ops.scans"
        " ORDER BY collection"
    ).fetchall()
    rest: list[Any] = [rules, offset]
    until: dict[str, datetime] = {}
    for collection, read, whole, outcome, unread in scans:
        if collection == COMMISSION_COLLECTION and any(
            f'"{name}"' in (unread or "") for name in RECORD_REFERENCES
        ):
            return None
        # First scans that broke off, and what is not handed out, say what can be told of any row.
        rest.append((collection, read is not None, whole, not whole and outcome in _BROKE_OFF, unread))
        if read is not None:
            until[collection] = read
    return Judged(now, judged_at, until, frozenset(waived), json.dumps(rest), beside)


def written(one: Judged) -> str:
    """As JSON."""
    return json.dumps(
        {
            "now": one.now.isoformat(),
            "judged_at": one.judged_at.isoformat(),
            "read_until": {name: until.isoformat() for name, until in sorted(one.read_until.items())},
            "waived": sorted(one.waived),
            "rest": one.rest,
            "beside": dict(one.beside),
        }
    )


def read(text: str) -> Judged:
    """What ``written`` wrote."""
    told = json.loads(text)
    return Judged(
        datetime.fromisoformat(told["now"]),
        datetime.fromisoformat(told["judged_at"]),
        {name: datetime.fromisoformat(until) for name, until in told["read_until"].items()},
        frozenset(told["waived"]),
        told["rest"],
        told.get("beside", {}),  # an earlier version did not say
    )


def went_back(before: Judged, now: Judged) -> bool:
    """Whether the clock, or what was read, is of an earlier instant than before."""
    return (
        now.now < before.now
        or now.judged_at < before.judged_at
        or any(until < before.read_until[name] for name, until in now.read_until.items())
    )
