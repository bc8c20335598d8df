"""The tables of raw.duckdb beside the collections' own, declared: from here comes what a new file is made with, what is
added to one of an earlier version, and docs/reference/tables.md.

Each is read and written by the module of its subject. The collections' tables are columns.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ControlColumn:
    """``later``: not in the first version of its table; added to a file that lacks it."""

    name: str
    type: str
    told: str
    later: bool = False


@dataclass(frozen=True)
class ControlTable:
    """A table, what it holds, and its columns in their order (one that is ``later`` stands at the end)."""

    name: str
    told: str
    columns: tuple[ControlColumn, ...]

    @property
    def ddl(self) -> str:
        """Statements that leave it as declared, whether or not it is there."""
        fields = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        added = (
            f"ALTER TABLE {self.name} ADD COLUMN IF NOT EXISTS {column.name} {column.type};\n"
            for column in self.columns
            if column.later
        )
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({fields});\n{''.join(added)}"


_COLLECTION: Final = ControlColumn("collection", "VARCHAR", "the collection")
_ROW_ID: Final = ControlColumn("row_id", "VARCHAR", "$id of the row")
_PERSON: Final = ControlColumn("customer_id", "VARCHAR", "the person, as published")

CONTROL_TABLES: Final = (
    ControlTable(
        "_mirror",
        "one row: what this file mirrors",
        (
            ControlColumn("endpoint", "VARCHAR", "of the server"),
            ControlColumn("project", "VARCHAR", "id of the project"),
            ControlColumn("database", "VARCHAR", "id of the database"),
            ControlColumn("created_at", "TIMESTAMP", "when this file was made"),
            ControlColumn("last_change", "BIGINT", "the highest change number given"),
        ),
    ),
    ControlTable(
        "_columns",
        "the attributes of each collection, and the raw column of each",
        (
            _COLLECTION,
            ControlColumn("attribute", "VARCHAR", "its key in Appwrite"),
            ControlColumn("column_name", "VARCHAR", "the raw column"),
            ControlColumn("kind", "VARCHAR", "Appwrite's type"),
            ControlColumn("is_array", "BOOLEAN", "a list of such values"),
            ControlColumn("first_seen_at", "TIMESTAMP", "when it was first listed"),
            ControlColumn("gone_at", "TIMESTAMP", "when it was no longer listed; null while it is"),
            ControlColumn(
                "unread",
                "BOOLEAN",
                "a relationship Appwrite does not hand out; null: not looked at yet",
                later=True,
            ),
        ),
    ),
    ControlTable(
        "_watermarks",
        "how far each collection is known",
        (
            _COLLECTION,
            ControlColumn(
                "watermark",
                "TIMESTAMP",
                "bound of the last complete scan, server's clock: every row made by then is here, a few as they were"
                " after it",
            ),
            ControlColumn("completed_at", "TIMESTAMP", "the clock when it completed"),
            ControlColumn("scan_bound", "TIMESTAMP", "of an unfinished scan: its upper end"),
            ControlColumn(
                "resume_sequence", "BIGINT", "of an unfinished scan: the $sequence it goes on behind"
            ),
            ControlColumn("run_id", "VARCHAR", "the run that wrote this"),
            ControlColumn("scan_lower", "TIMESTAMP", "of an unfinished scan: its lower end"),
            ControlColumn("rescan", "BOOLEAN", "columns came or changed: the next scan reads everything"),
            ControlColumn("rules_version", "VARCHAR", "the rules stored rows were judged by"),
            ControlColumn(
                "resume_id", "VARCHAR", "as resume_sequence, where rows are followed by $id", later=True
            ),
            ControlColumn("ordered_by", "VARCHAR", "$sequence, $id: what rows are followed by", later=True),
            ControlColumn(
                "read_until",
                "TIMESTAMP",
                "the moment as of which the last complete scan read: the watermark, or later where clocks disagree and"
                " the newest row had to be the watermark",
                later=True,
            ),
            ControlColumn("scan_until", "TIMESTAMP", "that of an unfinished scan", later=True),
        ),
    ),
    ControlTable(
        "_rejects",
        "rows in quarantine",
        (
            _COLLECTION,
            _ROW_ID,
            ControlColumn("sequence", "BIGINT", "its $sequence"),
            ControlColumn("reasons", "VARCHAR", "JSON list"),
            ControlColumn("content", "VARCHAR", "JSON, private"),
            ControlColumn("first_seen_at", "TIMESTAMP", "when it was first rejected"),
            ControlColumn("last_tried_at", "TIMESTAMP", "when it was last judged, or asked for again"),
            ControlColumn("rules_version", "VARCHAR", "the rules it was judged by"),
        ),
    ),
    ControlTable(
        "_ingest_runs",
        "what became of a collection in a run",
        (
            ControlColumn("run_id", "VARCHAR", "the run"),
            _COLLECTION,
            *(
                ControlColumn(name, "BIGINT", "rows")
                for name in ("fetched", "inserted", "updated", "unchanged", "deleted", "rejected")
            ),
            ControlColumn("started_at", "TIMESTAMP", "when its scan began"),
            ControlColumn("seconds", "DOUBLE", "how long it took"),
            ControlColumn("watermark", "TIMESTAMP", "how far the collection was known after it"),
            ControlColumn("outcome", "VARCHAR", "complete, partial, forbidden, missing, failed"),
            ControlColumn("detail", "VARCHAR", "one sentence, where there is something to say"),
        ),
    ),
    ControlTable(
        "_sweeps",
        "unfinished sweeps",
        (
            _COLLECTION,
            ControlColumn("started_at", "TIMESTAMP", "when it began"),
            ControlColumn("resume_sequence", "BIGINT", "the $sequence it goes on behind"),
            ControlColumn("seen", "BIGINT", "rows it came by so far"),
            ControlColumn(
                "resume_id", "VARCHAR", "as resume_sequence, where rows are followed by $id", later=True
            ),
            ControlColumn("since_change", "BIGINT", "the last change before it", later=True),
        ),
    ),
    ControlTable(
        "_sweep_missing",
        "rows an unfinished sweep found missing so far",
        (_COLLECTION, _ROW_ID, ControlColumn("sequence", "BIGINT", "its $sequence")),
    ),
    ControlTable(
        "_sweep_seen",
        "the rows an unfinished sweep came by so far, where it follows $id",
        (_COLLECTION, _ROW_ID),
    ),
    ControlTable(
        "_page_sizes",
        "what scans learned of the size of pages",
        (
            _COLLECTION,
            ControlColumn("rows", "BIGINT", "that could be had at once; null: as many as were asked for"),
            ControlColumn("failed", "BIGINT", "so many could not"),
            ControlColumn("row_bytes", "BIGINT", "what a row weighs, to a power of two"),
        ),
    ),
    ControlTable(
        "_large_rows",
        "the rows over 64 KiB as they stand",
        (_COLLECTION, _ROW_ID, ControlColumn("bytes", "BIGINT", "what the row takes")),
    ),
    ControlTable(
        "_forgotten",
        "people who were forgotten",
        (
            _PERSON,
            ControlColumn("forgotten_at", "TIMESTAMP", "when"),
            ControlColumn(
                "known_until",
                "TIMESTAMP",
                "rows of their bookings and rooms changed after it are blanked whole: whether they repeat a value can"
                " no longer be told",
            ),
            ControlColumn("rewritten", "BOOLEAN", "the file is rid of the values"),
        ),
    ),
    ControlTable(
        "_forgotten_keys",
        "bookings and rooms of theirs",
        (_PERSON, ControlColumn("key", "VARCHAR", "a booking or room, as published")),
    ),
    ControlTable(
        "_forgotten_values",
        "attributes of other rows that repeated a value of theirs",
        (_PERSON, _COLLECTION, _ROW_ID, ControlColumn("attribute", "VARCHAR", "the attribute")),
    ),
    ControlTable(
        "_forgotten_marks",
        "keyed hashes of a forgotten person's values, by which kept files are looked through (marketplace/traces.py)",
        (
            _PERSON,
            ControlColumn("kind", "VARCHAR", "what kind of value"),
            ControlColumn("words", "BIGINT", "words of it"),
            ControlColumn("digest", "VARCHAR", "the keyed hash"),
        ),
    ),
)

DDL: Final = "".join(table.ddl for table in CONTROL_TABLES)
"""What leaves a file with all of them, as it is run at every opening for writing."""
