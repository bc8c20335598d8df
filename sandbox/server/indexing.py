"""An index as a request asks for it: made, or refused in the server's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.server import errors
from sandbox.server.apis import Words
from sandbox.server.columns import RELATIONSHIP, text_size
from sandbox.server.errors import Failure
from sandbox.storage.records import StoredIndex, StoredTable
from sandbox.storage.store import Store

INDEX_MAX = 768


def make_index(
    store: Store, words: Words, table: StoredTable, key: Any, kind: Any, names: Sequence[str],
    orders: Sequence[Any], lengths: Sequence[Any],
) -> StoredIndex:  # fmt: skip
    """An index of a table. Raises Failure where it cannot be."""
    if not names:
        raise errors.index_invalid(words, "No attributes provided for index")
    total = 0
    for place, name in enumerate(names):
        column = table.columns.get(name)
        if column is None and name not in ("$id", "$createdAt", "$updatedAt"):
            raise errors.index_column_unknown(words, name)
        if column is not None and column.kind == RELATIONSHIP:
            raise errors.column_failure(
                words, "type_invalid", f"Cannot create an index for a relationship {words.column}: {name}"
            )
        if column is not None and column.array:
            raise Failure(
                400, "index_invalid", "Creating indexes on array attributes is not currently supported."
            )
        if kind == "spatial" and column is not None and not column.required:
            told = f'Spatial indexes do not allow null values. Mark the attribute "{name}" as required or create the '
            raise errors.index_invalid(words, f"{told}index on a column with no null values.")
        is_text = name == "$id" or (column is not None and column.is_text)
        if kind == "fulltext":
            if not is_text:
                raise errors.index_invalid(
                    words, f'Attribute "{name}" cannot be part of a fulltext index, must be of type string'
                )
            continue
        size = (
            (255 if column is None else text_size(column))
            if is_text
            else (2 if column and column.kind == "float" else 1)
        )
        given = lengths[place] if place < len(lengths) and lengths[place] else 0
        if given > size:
            raise errors.index_invalid(
                words, f'Index length {given} is larger than the size for {name}: {size}"'
            )
        total += (given or size) if is_text else size
    if len(set(map(str.lower, names))) != len(names):
        raise errors.index_invalid(words, "Duplicate attributes provided")
    if kind != "fulltext" and total > INDEX_MAX:
        raise errors.index_invalid(words, f"Index length is longer than the maximum: {INDEX_MAX}")
    with store.writing():
        if key in table.indexes:
            raise errors.index_exists(words, key)
        kept = [int(lengths[place] or 0) if place < len(lengths) else 0 for place in range(len(names))]
        return store.create_index(table, key, kind, list(names), [str(o) for o in orders if o], kept)
