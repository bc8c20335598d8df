"""What is said of the reading itself: how a scan of a collection ended, how a call went and how bad that is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from marketplace.statuses import values


class ScanOutcome(StrEnum):
    """How a scan or a sweep ended. Columns hold the plain word (``value``), as with statuses."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    FAILED = "failed"


class CallOutcome(StrEnum):
    """How a call to Appwrite ended, its retries included; as above. ``OPEN``: the breaker did not let it out."""

    OK = "ok"
    PERMANENT = "permanent"
    TRANSIENT = "transient"
    OPEN = "open"


class EventSeverity(StrEnum):
    """How bad a call went; as above. An event of ``INFO`` is none of ops.errors."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


SCAN_OUTCOMES: Final = values(*ScanOutcome)
#: The collection is not there for us: it does not exist, or the key may not read it.
NOT_THERE: Final = values(ScanOutcome.MISSING, ScanOutcome.FORBIDDEN)
EVENT_SEVERITIES: Final = values(*EventSeverity)

CONTEXT_WORDS: Final = ("collection", "reason", "error_type", "code", "entry")
CONTEXT_IDS: Final = ("booking", "provider", "room", "offer")
CONTEXT_NUMBERS: Final = ("attempts", "calls", "round")
"""What an event may say besides, by the form of its values: fixed words, ids that are published as they are written
(never a person's), small numbers."""
