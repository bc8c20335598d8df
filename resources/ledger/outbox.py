"""The outbox: notifications that are sent again, how often each was tried, and those that are dead letters. Holds ids
and answers, never a recipient or a text; what is sent and when is operations/outbox.py's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile


class LetterState(StrEnum):
    """How a notification stands in the outbox."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    """Every way took it."""
    DEAD = "dead"
    """It was tried as often as it is tried; a person can have it sent again."""


@dataclass(frozen=True)
class Letter:
    """A notification in the outbox. ``tries``: how many ended, since it was entered or a person had it sent again;
    ``begun``: one was begun whose end nobody heard. ``taken``: the ways that took it, by their key. ``answer``: the
    last one, such as ``500`` or ``ConnectionError``."""

    notification_id: str
    state: LetterState
    entered_at: datetime
    tries: int = 0
    begun: bool = False
    tried_at: datetime | None = None
    taken: tuple[str, ...] = ()
    answer: str = ""
    ended_at: datetime | None = None
    again_by: str | None = None
    again_reason: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True)
class TryEnd:
    """How one try ended."""

    notification_id: str
    state: LetterState
    taken: Sequence[str]
    answer: str


class Outbox(LedgerFile):
    """The outbox of a home."""

    def letters(
        self,
        ids: Iterable[str] | None = None,
        *,
        state: LetterState | None = None,
        limit: int | None = None,
    ) -> dict[str, Letter]:
        """Letters by the id of their notification, the newest first; of these ids, in this state."""
        given = {
            "ids": None if ids is None else json.dumps(list(ids)),
            "state": state,
            "limit": -1 if limit is None else limit,
        }
        with self.reading() as db:
            found = db.execute(
                "SELECT * FROM outbox WHERE (:ids IS NULL OR notification_id IN (SELECT value FROM json_each(:ids)))"
                " AND (:state IS NULL OR state = :state) ORDER BY coalesce(ended_at, entered_at) DESC, notification_id"
                " LIMIT :limit",
                given,
            )
            return {row["notification_id"]: _letter(row) for row in found}

    def letter_counts(self) -> dict[LetterState, int]:
        """How many stand how."""
        with self.reading() as db:
            return {
                LetterState(row["state"]): row["n"]
                for row in db.execute("SELECT state, count(*) AS n FROM outbox GROUP BY state")
            }

    def begin_tries(self, ids: Iterable[str], *, at: datetime) -> None:
        """Enter, before they are sent, that these are tried."""
        with self.writing() as db:
            db.executemany(
                "INSERT INTO outbox (notification_id, state, entered_at, tries, begun, tried_at, taken, answer)"
                " VALUES (:id, 'waiting', :at, 0, 1, :at, '[]', '')"
                " ON CONFLICT (notification_id) DO UPDATE SET begun = 1, tried_at = :at",
                [{"id": one, "at": text_of(at)} for one in ids],
            )

    def end_tries(self, ends: Iterable[TryEnd], *, at: datetime) -> None:
        """Enter how tries ended."""
        with self.writing() as db:
            db.executemany(
                "UPDATE outbox SET state = :state, tries = tries + 1, begun = 0, taken = :taken, answer = :answer,"
                " ended_at = CASE WHEN :state = 'waiting' THEN NULL ELSE :at END WHERE notification_id = :id",
                [
                    {
                        "id": end.notification_id,
                        "state": end.state,
                        "taken": json.dumps(list(end.taken)),
                        "answer": end.answer,
                        "at": text_of(at),
                    }
                    for end in ends
                ],
            )

    def take_out(self, ids: Iterable[str]) -> None:
        """Forget dead letters that need no sending any more."""
        with self.writing() as db:
            db.executemany(
                "DELETE FROM outbox WHERE state = 'dead' AND notification_id = ?", [(one,) for one in ids]
            )

    def send_again(self, ids: Iterable[str] | None, *, by: str, reason: str, at: datetime) -> list[str]:
        """Dead letters wait again, all or those of these ids; which did. What took one is not asked again."""
        with self.writing() as db:
            dead = [
                row["notification_id"]
                for row in db.execute(
                    "SELECT notification_id FROM outbox WHERE state = 'dead' ORDER BY notification_id"
                )
            ]
            chosen = dead if ids is None else [one for one in dead if one in set(ids)]
            db.executemany(
                "UPDATE outbox SET state = 'waiting', tries = 0, begun = 0, ended_at = NULL, again_by = ?,"
                " again_reason = ?, again_at = ? WHERE notification_id = ?",
                [(by, reason, text_of(at), one) for one in chosen],
            )
            return chosen


def _letter(row: sqlite3.Row) -> Letter:
    return Letter(
        row["notification_id"],
        LetterState(row["state"]),
        instant_of(row["entered_at"]),
        row["tries"],
        bool(row["begun"]),
        optional_instant_of(row["tried_at"]),
        tuple(json.loads(row["taken"])),
        row["answer"],
        optional_instant_of(row["ended_at"]),
        row["again_by"],
        row["again_reason"],
        optional_instant_of(row["again_at"]),
    )
