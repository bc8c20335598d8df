"""A list of databases, tables, columns, indexes or transactions: searched, queried, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.server.calls import Answer, Call, reply
from sandbox.server.parameters import query_texts, text, wants_total
from sandbox.server.queries.in_memory import check_catalogue, select_catalogue
from sandbox.storage.records import StoredColumn, StoredTable

# what may be asked for of an index, or of a column
ENTRY_FIELDS = {"key": "varchar", "type": "varchar", "status": "varchar", "error": "varchar"}


def catalogue_answer(
    call: Call,
    items: Callable[[], Sequence[Mapping[str, Any]]],
    name: str,
    fields: Mapping[str, str],
    identity: str,
    label: str,
) -> Answer:
    """A list of catalogue entries. ``fields``: what may be asked for → the kind of its values."""
    schema = StoredTable(name, name, 0, "")
    schema.columns = {key: StoredColumn(key, kind, size=256) for key, kind in fields.items()}
    queries = check_catalogue(query_texts(call), schema)
    search, counted = text(call, "search", 256, "", 0), wants_total(call)
    found = items()
    if search:
        found = [i for i in found if search.lower() in f"{i.get('name', '')} {i.get('$id', '')}".lower()]
    chosen, total = select_catalogue(found, queries, identity, label)
    return reply(200, {"total": total if counted else 0, name: chosen})
