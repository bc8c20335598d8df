"""What of its related rows a row carries in an answer.

A row keeps the related ids on the side that the relationship was made on (one, or a list); the other side of a two-way
one is looked up. Lists carry related rows only where they are selected; a single row carries the bare id of one that is
not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sandbox.server.columns import LISTS_OF_PARENT, RELATIONSHIP, is_list
from sandbox.storage.documents import column_path
from sandbox.storage.records import StoredColumn, StoredTable
from sandbox.storage.store import Store


class Related:
    """What the rows of one table carry of related ones."""

    def __init__(self, store: Store, table: StoredTable, serve: Callable[[bytes], bytes]) -> None:
        self._store, self._table, self._serve = store, table, serve
        self.columns = [column for column in table.columns.values() if column.kind == RELATIONSHIP]

    def listed(self, text: bytes | str, select: Sequence[str]) -> bytes:
        """A row of a list: what is selected; where nothing is, as one that is got by its id."""
        return self._shown(text, select, bare=not select)

    def single(self, text: bytes | str, select: Sequence[str]) -> bytes:
        """A row got by its id: of what is not selected the bare id, where there is one."""
        return self._shown(text, select, bare=True)

    def written(self, text: bytes | str) -> bytes:
        """A row as a write answers it: with the related row whole, where there is one."""
        document = orjson.loads(text)
        selected = [f"{c.key}.*" for c in self.columns if document.get(c.key) or c.side == "child"]
        return self._shown(text, ["*", *selected], bare=False)

    def _shown(self, text: bytes | str, select: Sequence[str], *, bare: bool) -> bytes:
        document = orjson.loads(text)
        related: dict[str, Any] = {}
        for column in self.columns:
            kept = document.pop(column.key, None)
            inner = [name.partition(".")[2] for name in select if name.startswith(f"{column.key}.")]
            if inner:
                related[column.key] = self._value(column, kept, document["$id"], inner)
            elif bare and not is_list(column):
                related[column.key] = next(iter(self._ids(column, kept, document["$id"])), None)
        if select and "*" not in select:
            lists = {column.key: [] for column in self._table.columns.values() if column.array}
            document = {**lists, **{k: v for k, v in document.items() if k[0] == "$" or k in select}}
        return orjson.dumps({**document, **related})

    def _value(self, column: StoredColumn, kept: Any, own: str, inner: Sequence[str]) -> Any:
        found = [self._row(column, identity, inner) for identity in self._ids(column, kept, own)]
        rows = [row for row in found if row is not None]
        return rows if is_list(column) else next(iter(rows), None)

    def _ids(self, column: StoredColumn, kept: Any, own: str) -> list[str]:
        """The ids of the related rows that are there."""
        other = self.table_of(column)
        if column.side == "child":
            path = column_path(str(column.two_way_key))
            holds = f"EXISTS (SELECT 1 FROM json_each(doc, '$.\"{column.two_way_key}\"') WHERE value = ?)"
            condition = holds if column.relation in LISTS_OF_PARENT else f"{path} = ?"
            found = self._store.reader().execute(
                f"SELECT id FROM {other.sql} WHERE {condition} ORDER BY seq", (own,)
            )
            return [str(row[0], "utf-8") if isinstance(row[0], bytes) else row[0] for row in found]
        ids = kept if isinstance(kept, list) else [kept] if kept else []
        return [identity for identity in ids if self._store.get_text(other, identity) is not None]

    def _row(self, column: StoredColumn, identity: str, inner: Sequence[str]) -> dict[str, Any] | None:
        other = self.table_of(column)
        text = self._store.get_text(other, identity)
        if text is None:
            return None
        document = orjson.loads(self._serve(text))
        related = {c.key for c in other.columns.values() if c.kind == RELATIONSHIP}
        return {
            key: value
            for key, value in document.items()
            if key not in related and (key[0] == "$" or "*" in inner or key in inner)
        }

    def table_of(self, column: StoredColumn) -> StoredTable:
        """The table on the other side."""
        return self._store.databases[self._table.database].tables[str(column.related)]
