"""Rows that stand in quarantine, among them those that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from marketplace.quarantine import UNREAD
from resources.raw.column_types import SYSTEM, Position, instants
from resources.raw.columns import Columns
from resources.raw.file import RawFile
from resources.raw.published_ids import NAMELESS
from resources.sql import quoted

LONGEST_PAUSE = timedelta(hours=1)
"""Between two tries of a row that cannot be read; the first comes with the next run, then after ever longer pauses."""


@dataclass(frozen=True)
class FirstRow:
    """The row that comes next, as far as it can be told. ``position``: where it stands among those that are followed;
    ``content``: a JSON object of what was to be had of it."""

    row_id: str | None
    position: Position
    updated_at: datetime | None
    content: str = "{}"


@dataclass(frozen=True)
class Unread:
    """A row that was set aside because it cannot be read. Instants are naive UTC."""

    row_id: str
    updated_at: datetime | None
    first_seen_at: datetime
    last_tried_at: datetime

    def due(self, now: datetime) -> bool:
        """Whether to try it again: at the next run, and then after twice the time it has been known for."""
        pause = min(LONGEST_PAUSE, self.last_tried_at - self.first_seen_at)
        return now - self.last_tried_at >= pause


class Rejects:
    """``_rejects``."""

    def __init__(self, file: RawFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns

    def listed(self) -> pl.DataFrame:
        """``_rejects`` without the content.

        Collection, row_id, reasons, first_seen_at, last_tried_at, rules_version.
        """
        with self._file.translated_errors("be read"):
            return self._file.connection.sql(
                "SELECT * EXCLUDE (content) FROM _rejects ORDER BY collection, row_id"
            ).pl()

    def unread(self, collection: str) -> list[Unread]:
        """Rows that were set aside because they could not be read."""
        found: list[Unread] = []
        for row_id, content, first_seen_at, last_tried_at in self._file.rows(
            "SELECT row_id, content, first_seen_at, last_tried_at FROM _rejects "
            "WHERE collection = ? AND contains(reasons, ?) AND NOT starts_with(row_id, ?) ORDER BY last_tried_at",
            [collection, UNREAD, NAMELESS],
        ):
            told = json.loads(content).get("$updatedAt")
            moment = instants(pl.Series([told if isinstance(told, str) else None], dtype=pl.String))[0]
            found.append(Unread(row_id, moment, first_seen_at, last_tried_at))
        return found

    def tried_again(self, collection: str, row_id: str, now: datetime) -> None:
        """A row that could not be read was asked for again, and still cannot."""
        with self._file.transaction() as con:
            con.execute(
                "UPDATE _rejects SET last_tried_at = ? WHERE collection = ? AND row_id = ?",
                [now, collection, row_id],
            )

    def no_longer_unread(self, collection: str, ids: Sequence[str]) -> None:
        """Rows that could not be read are gone. What stands here of one is the sweep's to mark."""
        with self._file.transaction() as con:
            con.execute(
                f"DELETE FROM _rejects WHERE collection = ? AND list_contains(?, row_id) AND row_id NOT IN "
                f"(SELECT _id FROM {quoted(collection)})",
                [collection, list(ids)],
            )

    def write(
        self, collection: str, judged: pl.DataFrame, nameless: pl.DataFrame, now: datetime, rules_version: str
    ) -> None:
        """Bring ``_rejects`` in line with rows just judged, each id once.

        Rejected ones stand in it, accepted ones do not, nor does what was entered before the row had an id.
        """
        known = {
            row[0]: row[1]
            for row in self._file.rows(
                "SELECT row_id, first_seen_at FROM _rejects WHERE collection = ?", [collection]
            )
        }
        if not known and not nameless.height and judged["_rejected"].null_count() == judged.height:
            return
        rejected = pl.concat(
            [
                judged.filter(pl.col("_rejected").is_not_null()),
                nameless.with_columns(pl.format(f"{NAMELESS}{{}}", pl.col("_sequence")).alias("_id")),
            ]
        )
        if not known and not rejected.height:
            return
        cleared = [judged["_id"], rejected["_id"]]
        if any(row_id.startswith(NAMELESS) for row_id in known):
            # A row that came without an id stands under its number; with one it is judged by that.
            cleared.append(judged.select(pl.format(f"{NAMELESS}{{}}", pl.col("_sequence"))).to_series())
        with self._file.lent(_judged=pl.DataFrame({"row_id": pl.concat(cleared).unique()})):
            self._file.connection.execute(
                "DELETE FROM _rejects WHERE collection = ? AND row_id IN (SELECT row_id FROM _judged)",
                [collection],
            )
        if not rejected.height:
            return
        entries = pl.DataFrame(
            {
                "collection": [collection] * rejected.height,
                "row_id": rejected["_id"],
                "sequence": rejected["_sequence"],
                "reasons": rejected["_rejected"],
                "content": [self._content(collection, row) for row in rejected.iter_rows(named=True)],
                "first_seen_at": [known.get(row_id, now) for row_id in rejected["_id"]],
                "last_tried_at": [now] * rejected.height,
                "rules_version": [rules_version] * rejected.height,
            },
            schema_overrides={
                "first_seen_at": pl.Datetime("us"),
                "last_tried_at": pl.Datetime("us"),
                "content": pl.String,
            },
        )
        with self._file.lent(_entries=entries):
            self._file.connection.execute("INSERT INTO _rejects BY NAME SELECT * FROM _entries")

    def _content(self, collection: str, row: Mapping[str, Any]) -> str:
        """A rejected row as JSON by attribute, misfits as they were written."""
        content: dict[str, Any] = {attribute: row.get(name) for attribute, name, _ in SYSTEM}
        content |= {c.attribute: row.get(c.name) for c in self._columns.of(collection)}
        if row.get("_misfits"):
            content |= json.loads(row["_misfits"])
        return json.dumps(
            content,
            ensure_ascii=False,
            default=lambda v: v.isoformat() + "Z" if isinstance(v, datetime) else str(v),
        )

    def enter_unread(
        self, collection: str, row: FirstRow, row_id: str, reasons: str, now: datetime, rules_version: str
    ) -> None:
        """Enter a row that cannot be read. Joins the running transaction."""
        con = self._file.connection
        known = con.execute(
            "DELETE FROM _rejects WHERE collection = ? AND row_id = ? RETURNING first_seen_at, reasons",
            [collection, row_id],
        ).fetchone()
        since = known[0] if known is not None and known[1] == reasons else now
        number = row.position if isinstance(row.position, int) else None
        con.execute(
            "INSERT INTO _rejects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [collection, row_id, number, reasons, row.content, since, now, rules_version],
        )

    def clear(self, collection: str, ids: pl.Series) -> None:
        """Rows that are gone stand in it no longer. Joins the running transaction."""
        with self._file.lent(_judged=pl.DataFrame({"row_id": ids})):
            self._file.connection.execute(
                "DELETE FROM _rejects WHERE collection = ? AND row_id IN (SELECT row_id FROM _judged)",
                [collection],
            )

    def judged_by(self, collection: str, rules_version: str, now: datetime) -> None:
        """All of a collection's were judged again by these rules. Joins the running transaction."""
        self._file.connection.execute(
            "UPDATE _rejects SET rules_version = ?, last_tried_at = ? WHERE collection = ?",
            [rules_version, now, collection],
        )
