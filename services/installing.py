"""Makes the collections, columns, indexes and buckets of tables.py that a marketplace lacks, with the acting key, and
waits until each can be used. What is there stays as it is; it can be begun anew wherever it ended.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast
from urllib.parse import quote

from appwrite.query import Query

from marketplace.collections import COLLECTIONS
from messages.message import Message
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import COLUMNS_A_CALL, TABLE_MISSING, Gateway, json_object
from resources.appwrite.writing import answer_of
from resources.settings import Settings
from services.tables import BUCKETS, FURTHER, TABLES, TEXT_LENGTH, Bucket, Column, Index, Table

READY_S: Final = 120.0
"""How long columns or indexes of a collection may take until they can be used; a large index takes longer, and is
waited for no further."""
INDEXED_CHARACTERS: Final = 64
"""Of a text column, so many are in an index."""
_THERE_ALREADY: Final = 409
_USED: Final = ("bookings", "chat_messages", "commission_records")
"""Collections whose indexes that bookwatch wants are those that services' queries go by."""


class State(StrEnum):
    THERE = "there"
    MADE = "made"
    MISSING = "missing"
    PROCESSING = "processing"
    """It is being built still."""
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Part:
    """A collection, column, index or bucket, and how it stands. ``vital``: services cannot work without it."""

    kind: str
    name: str
    state: State
    vital: bool = False
    said: Message | None = None

    @property
    def well(self) -> bool:
        return self.state in (State.THERE, State.MADE)


def lacking(parts: Sequence[Part]) -> list[Part]:
    """Those that services cannot work without."""
    return [part for part in parts if part.vital and not part.well]


def look(settings: Settings) -> list[Part]:
    """How everything stands but the buckets, with the key of ``settings``; makes nothing. Raises CallFailure."""
    with Gateway(settings, settings.clock, lambda event: None) as gateway:
        return list(_Installation(gateway, None).parts())


def install(
    settings: Settings, tell: Callable[[Part], None] = lambda part: None, *, wait_s: float = READY_S
) -> list[Part]:
    """Make what is missing; how everything stands then. ``tell`` is told of each; ``wait_s``: so long the indexes of a
    collection are waited for. Raises UsageError where there is no acting key, CallFailure for a server that does not
    answer."""
    parts: list[Part] = []
    with Gateway(settings.acting(), settings.clock, lambda event: None) as gateway:
        for part in _Installation(gateway, wait_s).parts():
            parts.append(part)
            tell(part)
    return parts


class _Installation:
    """``wait_s``: seconds that indexes are waited for; None: nothing is made."""

    def __init__(self, gateway: Gateway, wait_s: float | None) -> None:
        self.gateway, self.makes, self.wait_s = gateway, wait_s is not None, wait_s or 0.0
        is_new = gateway.settings.appwrite_api == "tablesdb"
        self.columns = "columns" if is_new else "attributes"
        self.id_word = "tableId" if is_new else "collectionId"
        self.security = "rowSecurity" if is_new else "documentSecurity"

    def parts(self) -> Iterator[Part]:
        for table in TABLES:
            yield from self._table(table)
        for collection in COLLECTIONS:
            if collection.name in _USED or collection.name in FURTHER:
                yield from self._marketplace(collection.name)
        if self.makes:
            yield from map(self._bucket, BUCKETS)

    # A collection of ours -----------------------------------------------------------------------------------

    def _table(self, table: Table) -> Iterator[Part]:
        there = self._definition(table.name)
        state, said = State.THERE, None
        if there is None and not self.makes:
            yield Part("collection", table.name, State.MISSING, True)
            return
        if there is None:
            state, said = self._made_table(table)
            if state is State.REFUSED:
                yield Part("collection", table.name, state, True, said)
                return
            there = self._definition(table.name) or {}
        yield Part("collection", table.name, state, True, said)
        known = {str(column["key"]) for column in _listed(there, self.columns)}
        refused: set[str] = set()
        for column in table.columns:
            if column.key in known:
                continue
            name = f"{table.name}.{column.key}"
            if not self.makes:
                yield Part("column", name, State.MISSING, True)
                continue
            state, said = self._made_column(table.name, column)
            if state is State.REFUSED:
                refused.add(column.key)
                yield Part("column", name, state, True, said)
        if not self.makes:
            yield from self._unmade_indexes(table.name, there, table.indexes)
            return
        waited = self._await(table.name, {column.key for column in table.columns} - refused)
        yield from (Part("column", f"{table.name}.{key}", state, True) for key, state in waited.items())
        yield from self._indexes(table.name, table.indexes)

    def _made_table(self, table: Table) -> tuple[State, Message | None]:
        words = self.gateway.settings.table_id(table.name)
        body: dict[str, Any] = {
            self.id_word: words,
            "name": table.name,
            "permissions": [],
            self.security: True,
            self.columns: [{**column.body, "type": column.kind} for column in table.columns],
            "indexes": [self._index_body(index, {}, "attributes") for index in table.indexes],
        }
        made = self._make("make_collection", self._tables, body)
        if made[0] is State.REFUSED and made[1] is None:
            # A server that takes no columns with a collection, or not one of these: one by one, it says which.
            bare = {name: value for name, value in body.items() if name not in (self.columns, "indexes")}
            made = self._make("make_collection", self._tables, bare, final=True)
        return made

    def _made_column(self, collection: str, column: Column) -> tuple[State, Message | None]:
        base = f"{self._tables}/{self._id(collection)}/{self.columns}"
        state, said = self._make("make_column", f"{base}/{column.kind}", column.body)
        if state is State.REFUSED and said is None and column.kind in ("varchar", "text"):
            # Before there were kinds of texts, every one was a string of a size.
            size = column.size or TEXT_LENGTH
            return self._make("make_column", f"{base}/string", {**column.body, "size": size}, final=True)
        return state, said or (
            Message("services.install_refused", {"answer": ""}) if state is State.REFUSED else None
        )

    # Indexes ----------------------------------------------------------------------------------------------------

    def _marketplace(self, collection: str) -> Iterator[Part]:
        """Indexes of one of the marketplace's own, which is never made here."""
        there = self._definition(collection)
        if there is None:
            return
        attributes = frozenset(str(column["key"]) for column in _listed(there, self.columns))
        declared = next(one for one in COLLECTIONS if one.name == collection)
        wanted = [
            Index(columns, index.descending)
            for index in (declared.indexes if collection in _USED else ())
            if (columns := index.on(attributes)) is not None
        ]
        wanted += [index for index in FURTHER.get(collection, ()) if attributes.issuperset(index.columns)]
        if self.makes:
            yield from self._indexes(collection, wanted)
        else:
            yield from self._unmade_indexes(collection, there, wanted)

    def _unmade_indexes(
        self, collection: str, there: Mapping[str, Any], wanted: Sequence[Index]
    ) -> Iterator[Part]:
        known = {tuple(self._columns_of(index)) for index in _listed(there, "indexes")}
        for index in wanted:
            state = State.THERE if index.columns in known else State.MISSING
            yield Part("index", f"{collection} by {', '.join(index.columns)}", state)

    def _indexes(self, collection: str, wanted: Sequence[Index]) -> Iterator[Part]:
        there = self._definition(collection) or {}
        kinds = {str(column["key"]): column for column in _listed(there, self.columns)}
        known = {tuple(self._columns_of(index)): index for index in _listed(there, "indexes")}
        made: dict[str, Index] = {}
        for index in wanted:
            name = f"{collection} by {', '.join(index.columns)}"
            held = known.get(index.columns)
            if held is not None and held.get("status", "available") == "available":
                yield Part("index", name, State.THERE)
                continue
            if held is None:
                path = f"{self._tables}/{self._id(collection)}/indexes"
                body = self._index_body(index, kinds, self.columns)
                state, said = self._make("make_index", path, body, final=True)
                if state is State.REFUSED:
                    yield Part("index", name, state, said=said)
                    continue
            made[name] = index
        until = time.monotonic() + self.wait_s
        pause = 0.05
        while made:
            there = self._definition(collection) or {}
            states = {
                tuple(self._columns_of(index)): str(index.get("status", "available"))
                for index in _listed(there, "indexes")
            }
            for name, index in list(made.items()):
                status = states.get(index.columns, "gone")
                if status in ("available", "failed", "stuck", "gone") or time.monotonic() > until:
                    del made[name]
                    state = {"available": State.MADE, "processing": State.PROCESSING}.get(
                        status, State.FAILED
                    )
                    yield Part("index", name, state)
            if made:
                time.sleep(pause)  # it is built in the server's own time, and nobody tells when it is there
                pause = min(2.0, 2 * pause)

    def _index_body(
        self, index: Index, columns: Mapping[str, Mapping[str, Any]], word: str
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"key": index.key, "type": "key", word: list(index.columns)}
        if index.descending:
            body["orders"] = ["DESC"] * len(index.columns)
        lengths = [
            INDEXED_CHARACTERS
            if column.get("type") in ("string", "varchar", "text", "mediumtext", "longtext")
            and int(column.get("size") or TEXT_LENGTH) > 2 * INDEXED_CHARACTERS
            else 0
            for column in (columns.get(name, {}) for name in index.columns)
        ]
        return {**body, "lengths": lengths} if any(lengths) else body

    def _columns_of(self, index: Mapping[str, Any]) -> list[str]:
        return [str(name) for name in index.get("columns") or index.get("attributes") or ()]

    # Buckets ----------------------------------------------------------------------------------------------------

    def _bucket(self, bucket: Bucket) -> Part:
        try:
            self._get("get_bucket", f"/storage/buckets/{bucket.id}")
            return Part("bucket", bucket.id, State.THERE)
        except PermanentFailure as refused:
            if refused.error_type != "storage_bucket_not_found":
                said = Message("services.install_refused", {"answer": answer_of(refused)})
                return Part("bucket", bucket.id, State.REFUSED, said=said)
        body = {
            "bucketId": bucket.id,
            "name": bucket.id,
            "permissions": [],
            "fileSecurity": True,
            "enabled": True,
            "maximumFileSize": bucket.most_bytes,
            "allowedFileExtensions": list(bucket.extensions),
            "encryption": True,
        }
        state, said = self._make("make_bucket", "/storage/buckets", body, final=True)
        return Part("bucket", bucket.id, state, said=said)

    # Calls ------------------------------------------------------------------------------------------------------

    @property
    def _tables(self) -> str:
        return self.gateway.api.tables.format(database=quote(self.gateway.database, safe=""))

    def _id(self, collection: str) -> str:
        return quote(self.gateway.settings.table_id(collection), safe="")

    def _get(self, operation: str, path: str, **params: Any) -> dict[str, Any]:
        return self.gateway.client.request(
            operation, "", "get", path, params, json_object, expected=True
        ).value

    def _definition(self, collection: str) -> dict[str, Any] | None:
        """A collection as the server has it, with all its columns and indexes; None where there is none."""
        path = f"{self._tables}/{self._id(collection)}"
        try:
            told = self._get("get_collection", path)
            for part in (self.columns, "indexes"):
                told[part] = self._get(
                    f"list_{part}", f"{path}/{part}", queries=[Query.limit(COLUMNS_A_CALL)]
                )[part]
            return told
        except PermanentFailure as refused:
            if refused.error_type in TABLE_MISSING:
                return None
            raise

    def _make(
        self, operation: str, path: str, body: Mapping[str, Any], *, final: bool = False
    ) -> tuple[State, Message | None]:
        """Make something once; one that is there already is as good. Where the server does not take it: REFUSED, with
        what it said where another way would not help (``final``, or the key may not). Raises CallFailure."""
        for last in (False, True):
            try:
                self.gateway.client.request(
                    operation,
                    "",
                    "post",
                    path,
                    body,
                    lambda told, kind: json_object(told, kind) if told else {},
                    expected=True,
                )
                return State.MADE, None
            except PermanentFailure as refused:
                if refused.status == _THERE_ALREADY:
                    return State.MADE, None
                said = Message("services.install_refused", {"answer": answer_of(refused)})
                return State.REFUSED, said if final or refused.reason == "scope" else None
            except CallFailure:
                if last:
                    raise
        raise AssertionError

    def _await(self, collection: str, keys: set[str]) -> dict[str, State]:
        """Wait until columns can be used; those that cannot."""
        until = time.monotonic() + READY_S
        pause = 0.05
        while True:
            there = self._definition(collection) or {}
            states = {
                str(one["key"]): str(one.get("status", "available")) for one in _listed(there, self.columns)
            }
            waits = {key for key in keys if states.get(key, "gone") != "available"}
            dead = {
                key: State.FAILED for key in waits if states.get(key, "gone") in ("failed", "stuck", "gone")
            }
            if not waits or dead or time.monotonic() > until:
                return dead or dict.fromkeys(waits, State.PROCESSING)
            time.sleep(pause)  # it is built in the server's own time, and nobody tells when it is there
            pause = min(2.0, 2 * pause)


def _listed(told: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", told.get(part) or [])
