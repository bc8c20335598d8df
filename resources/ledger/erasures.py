"""Erasures: who was forgotten, when, on whose word. Never a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile


class Erasures(LedgerFile):
    """The erasures of a home."""

    def record_erasure(self, customer_id: str, *, by: str, at: datetime, rows: Mapping[str, int]) -> None:
        """Enter that a person was forgotten: who asked, when, of how many rows a collection. No personal value."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO erasures (customer_id, erased_by, erased_at, rows, detail) VALUES (?, ?, ?, ?, ?)",
                (customer_id, by, text_of(at), sum(rows.values()), json.dumps(dict(rows), sort_keys=True)),
            )

    def erasures(self) -> list[tuple[str, str, datetime, int]]:
        """Every erasure, oldest first: customer id, by whom, when, rows."""
        with self.reading() as db:
            return [
                (
                    row["customer_id"],
                    row["erased_by"],
                    instant_of(row["erased_at"]),
                    int(row["rows"]),
                )
                for row in db.execute("SELECT * FROM erasures ORDER BY erasure_id")
            ]

    def erased_rows(self) -> dict[str, int]:
        """Collection → rows of which erasures took something, each erasure's own count added up."""
        found: dict[str, int] = {}
        with self.reading() as db:
            for (detail,) in db.execute("SELECT detail FROM erasures").fetchall():
                for collection, rows in json.loads(detail).items():
                    found[collection] = found.get(collection, 0) + int(rows)
        return found
