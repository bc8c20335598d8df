"""Who looked at personal data, and at whose: a log that is only appended to.

It holds ids and no value that was shown. Who may look is marketplace/roles.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile


class Looked(StrEnum):
    """What was looked at."""

    CONTACT = "contact"
    """A name and a phone."""
    TEXTS = "texts"
    """The words of a conversation."""
    SEARCH = "search"
    """Words or a phone were searched for; what was searched for is not kept."""


@dataclass(frozen=True)
class Reveal:
    """A line of the log: ``viewer`` in a ``role`` looked at ``kind`` of the record ``of_kind`` with the published id
    ``of_id`` ('' where it was every one)."""

    revealed_at: datetime
    viewer: str
    role: str
    kind: Looked
    of_kind: str
    of_id: str


class Revealed(LedgerFile):
    """The log of a home."""

    def enter(self, reveal: Reveal) -> None:
        """Append a line."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO revealed (revealed_at, viewer, role, kind, of_kind, of_id) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    text_of(reveal.revealed_at),
                    reveal.viewer,
                    reveal.role,
                    reveal.kind,
                    reveal.of_kind,
                    reveal.of_id,
                ),
            )

    def entries(self) -> list[Reveal]:
        """Every line, oldest first."""
        with self.reading() as db:
            return [
                Reveal(
                    instant_of(row["revealed_at"]),
                    row["viewer"],
                    row["role"],
                    Looked(row["kind"]),
                    row["of_kind"],
                    row["of_id"],
                )
                for row in db.execute(
                    "SELECT revealed_at, viewer, role, kind, of_kind, of_id FROM revealed ORDER BY entry_id"
                )
            ]
