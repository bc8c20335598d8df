"""How a row is served: under the names of the API that was called, with what is related to it."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.server.apis import Words
from sandbox.server.rows.related import Related
from sandbox.storage.records import StoredTable
from sandbox.storage.store import Store

_TABLE_HEAD = len(b'{"$tableId"')


def served(words: Words, text: bytes | str) -> bytes:
    """A stored text under the names of one API."""
    raw = text.encode() if isinstance(text, str) else text
    return raw if words.api == "tablesdb" else b'{"$collectionId"' + raw[_TABLE_HEAD:]


class Rendering:
    """The rows of one table, in one API's words."""

    def __init__(self, store: Store, table: StoredTable, words: Words) -> None:
        self._words = words
        # what stands for an array that was never given: kept as null, served as an empty list
        self._unset_arrays = [f',"{c.key}":null'.encode() for c in table.columns.values() if c.array]
        self.related = Related(store, table, lambda text: served(words, text))

    def served(self, text: bytes | str) -> bytes:
        """A stored text as this table's API serves it."""
        raw = served(self._words, text)
        for unset in self._unset_arrays:
            raw = raw.replace(unset, unset[:-4] + b"[]", 1)
        return raw

    def served_list(self, texts: Sequence[bytes | str], total: int) -> bytes:
        """Rows as a list of them answers."""
        joined = b",".join([self.served(text) for text in texts])
        return b'{"total":%d,"%s":[%s]}' % (total, self._words.rows.encode(), joined)

    def written(self, text: str) -> bytes:
        """A row as a write answers it."""
        return self.served(self.related.written(text) if self.related.columns else text)
