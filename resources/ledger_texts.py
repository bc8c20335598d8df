"""A forgotten person's values in the texts of ledger.sqlite: reasons of waivers and silences, alerts, what calls said.
What is a trace is marketplace/traces.py's; what the ledger is for is resources/ledger/'s."""

from __future__ import annotations

import sqlite3

from marketplace.traces import ERASED, Traces, cell_kind
from resources.ledger import Ledger


def blank_texts(ledger: Ledger, traces: Traces) -> dict[str, int]:
    """Take a person's values out of every text of the ledger, in one transaction; table.column → cells.

    Names of people who work with bookwatch stay. Where there must be a text, one says that something was erased.
    """
    changed: dict[str, int] = {}
    with ledger.writing() as db:
        db.execute("PRAGMA secure_delete = ON")
        tables = [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for column in db.execute(f'PRAGMA table_info("{table}")').fetchall():
                name = str(column["name"])
                kind = cell_kind(table, name)
                if kind is None or str(column["type"]).upper() != "TEXT":
                    continue
                texts = [
                    str(row[0])
                    for row in db.execute(
                        f'SELECT DISTINCT "{name}" FROM "{table}" WHERE typeof("{name}") = \'text\''
                    )
                ]
                needed = bool(column["notnull"]) or bool(column["pk"])
                for text, rest in traces.replacements(texts, kind).items():
                    told = ERASED if rest is None and needed else rest
                    cells = db.execute(
                        f'UPDATE "{table}" SET "{name}" = ? WHERE "{name}" = ?', (told, text)
                    ).rowcount
                    changed[f"{table}.{name}"] = changed.get(f"{table}.{name}", 0) + cells
    if changed:
        # The log beside the file holds pages as they were before.
        with sqlite3.connect(ledger.path, timeout=30) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed
