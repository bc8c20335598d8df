"""How the scan of a collection ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from marketplace.events import ScanOutcome
from messages.catalogue import english
from messages.message import Message, Words
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import TABLE_MISSING
from resources.appwrite.refusals import is_refusal
from resources.appwrite.unavailable import blank_id
from resources.raw.columns import ColumnChanges
from resources.raw.runs import Counts
from resources.settings import Settings


@dataclass(frozen=True)
class CollectionOutcome:
    """How the scan of a collection ended. ``outcome`` other than complete: ``why`` is one sentence. ``unread``:
    relationship columns the server does not hand out."""

    collection: str
    outcome: ScanOutcome
    counts: Counts
    seconds: float
    watermark: datetime | None
    why: Words = ""
    changes: ColumnChanges = field(default_factory=ColumnChanges)
    failure: CallFailure | None = None
    unread: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """The sentence, in English."""
        return english(self.why)


def outcome_of(failure: CallFailure, something_kept: bool, settings: Settings) -> tuple[ScanOutcome, Words]:
    """The outcome a failed scan has, and its sentence."""
    if isinstance(failure, PermanentFailure):
        if is_refusal(failure):
            return ScanOutcome.FORBIDDEN, failure.said
        blank = blank_id(failure, settings)
        if blank:
            return ScanOutcome.MISSING, Message("call.blank", {"failure": failure.said, "names": blank})
        if failure.error_type in TABLE_MISSING:
            return ScanOutcome.MISSING, failure.said
    return (ScanOutcome.PARTIAL if something_kept else ScanOutcome.FAILED), failure.said
