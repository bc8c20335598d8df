"""What is said of the reading itself: how a scan of a collection ended, how a call went and how bad that is."""

from __future__ import annotations

from typing import Final, Literal, get_args

ScanOutcome = Literal["complete", "partial", "forbidden", "missing", "failed"]
SCAN_OUTCOMES: Final[tuple[ScanOutcome, ...]] = get_args(ScanOutcome)

CallOutcome = Literal["ok", "permanent", "transient", "open"]
"""``open``: the breaker did not let it out."""
CALL_OUTCOMES: Final[tuple[CallOutcome, ...]] = get_args(CallOutcome)

EventSeverity = Literal["critical", "error", "warning", "info"]
"""How bad a call went; an event of ``info`` is none of ops.errors."""
EVENT_SEVERITIES: Final[tuple[EventSeverity, ...]] = get_args(EventSeverity)
