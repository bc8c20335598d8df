"""Erases a person from raw.duckdb: current rows, history and rejects, then the file itself, which DuckDB never wipes.

Whose a row is and what of it goes: marketplace/erasure.py. What must not come back: forgotten.py.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from marketplace.erasure import (
    MAILS,
    NAMES,
    PERSON_KEYS,
    PHONES,
    SHOWN_NAMES,
    PersonValues,
    blanked,
    json_object,
    personal,
    references,
    text_of,
)
from marketplace.text import BLANK
from resources.forgotten import Forgotten, addressee_names, meant, said_by_customer, viewed, without
from resources.raw_store import RawStore, StoreFailure, quoted

_TOKEN = r"""[^"\s\\:,{}\[\]]+"""
"""A value inside JSON text, also where it was encoded twice: a first look, the JSON itself decides."""
Key = tuple[str, int]
"""(table, rowid) of a stored version."""


@dataclass
class Erased:
    """What an erasure did. ``rows``: collection → rows of which something was erased (versions counted apart)."""

    known: bool
    rows: dict[str, int] = field(default_factory=dict[str, int])
    versions: int = 0
    rejects: int = 0

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True)
class _Version:
    """A stored version: its table and rowid, the row by column and by attribute."""

    collection: str
    table: str
    rowid: int
    row: dict[str, Any]
    view: dict[str, Any]

    @property
    def key(self) -> Key:
        return self.table, self.rowid


class _Erasure:
    """One person's erasure, inside one transaction."""

    def __init__(self, store: RawStore, con: duckdb.DuckDBPyConnection, customer_id: str) -> None:
        self.store = store
        self.con = con
        self.customer_id, self.alone = meant(con, customer_id)
        self.collections = [c for c in store.collections() if c in PERSON_KEYS]
        self.columns: dict[str, tuple[tuple[str, str], ...]] = {}
        for collection in self.collections:
            self.columns[collection] = tuple(
                (str(a), str(n))
                for a, n in con.execute(
                    "SELECT attribute, column_name FROM _columns WHERE collection = ? "
                    "ORDER BY gone_at IS NOT NULL, rowid",
                    [collection],
                ).fetchall()
            )
        self.versions: dict[Key, _Version] = {}
        self.gone: dict[Key, set[str]] = {}
        self.keys: set[str] = set()
        self.own: set[tuple[str, str]] = set()
        self.values = PersonValues()

    # -- reading -------------------------------------------------------------------------------------------

    def _tables(self, collection: str) -> tuple[str, str]:
        return collection, f"{collection}_history"

    def _texts(self, collection: str, attributes: Iterable[str]) -> list[str]:
        """SQL of the columns that hold some attributes (paths: of the object they lead into), as text."""
        heads = {name.partition(".")[0] for name in attributes}
        named = [column for attribute, column in self.columns[collection] if attribute in heads]
        return [f"CAST({quoted(c)} AS VARCHAR)" for c in (*named, *(["_id"] if "_id" in heads else []))]

    def _select(self, collection: str, where: str, parameters: Sequence[object] = ()) -> list[_Version]:
        found: list[_Version] = []
        for table in self._tables(collection):
            cursor = self.con.execute(
                f"SELECT rowid AS _rid, * FROM {quoted(table)} WHERE {where}", list(parameters)
            )
            names = [d[0] for d in cursor.description or ()]
            for values in cursor.fetchall():
                row: dict[str, Any] = dict(zip(names, values, strict=True))
                rowid = int(row.pop("_rid"))
                version = _Version(collection, table, rowid, row, viewed(row, self.columns[collection]))
                found.append(self.versions.setdefault(version.key, version))
        return found

    def _mentioning(self, collection: str, attributes: Iterable[str], keys: Iterable[str]) -> list[_Version]:
        """Versions in which one of the attributes is one of the keys, except for case: as references are matched."""
        attributes, wanted = tuple(attributes), sorted({key.lower() for key in keys})
        if not attributes or not wanted:
            return []
        texts = self._texts(collection, attributes)
        sql = [f"list_contains($1, lower(trim({text}, $2)))" for text in texts]
        if any("." in name for name in attributes):
            sql += [f"list_has_any($1, regexp_extract_all(lower({text}), '{_TOKEN}'))" for text in texts]
        sql.append(f"list_has_any($1, regexp_extract_all(lower(_misfits), '{_TOKEN}'))")
        found = self._select(collection, " OR ".join(sql), [wanted, BLANK] if texts else [wanted])
        return [v for v in found if any((text_of(v.view, n) or "").lower() in wanted for n in attributes)]

    def _naming(self, collection: str, attributes: tuple[str, ...]) -> list[_Version]:
        """Versions in which one of the attributes names the person."""
        found = self._mentioning(collection, attributes, [self.customer_id])
        return [v for v in found if any(self._is_theirs(text_of(v.view, name)) for name in attributes)]

    def _is_theirs(self, written: str | None) -> bool:
        """Whether an id, as written, is the person's: except for case too, where they are alone in being called so."""
        if written is None:
            return False
        return written == self.customer_id or (self.alone and written.lower() == self.customer_id.lower())

    # -- finding -------------------------------------------------------------------------------------------

    def find(self) -> None:
        """Rows of the person, of their bookings and rooms, and copies of their values elsewhere."""
        for collection in self.collections:
            self._take(self._naming(collection, PERSON_KEYS[collection].owner))
        self._collect_keys()
        for collection in self.collections:
            if PERSON_KEYS[collection].own_room:
                # A room of a booking of theirs is theirs, also where it names no customer.
                self._take(self._mentioning(collection, PERSON_KEYS[collection].booking, self.keys))
        self._collect_keys()
        linked: list[_Version] = []
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            of_theirs = self._mentioning(collection, (*keys.booking, *keys.room), self.keys)
            self._take([v for v in of_theirs if said_by_customer(keys, v.view)])
            linked += of_theirs
        for collection in self.collections:
            self._take(self._other_versions(collection))
        self._collect_values()
        for collection in self.collections:
            names = addressee_names(collection)
            for version in self._naming(collection, PERSON_KEYS[collection].addressee):
                self.values.collect(version.view, only=names)
                self.gone.setdefault(version.key, set()).update(names)
                linked.append(version)
        for version in linked:
            self._copies(version, nearby=True)
        for key, version in list(self.versions.items()):
            if (version.collection, str(version.row["_id"])) in self.own:
                self.gone.setdefault(key, set()).update(personal(version.collection))
                self._copies(version, nearby=False)
        self._copies_elsewhere()

    def _take(self, versions: Iterable[_Version]) -> None:
        self.own |= {(v.collection, str(v.row["_id"])) for v in versions}

    def _other_versions(self, collection: str) -> list[_Version]:
        ids = [row_id for name, row_id in self.own if name == collection]
        return self._select(collection, "list_contains($1, _id)", [ids]) if ids else []

    def _of_own(self) -> list[_Version]:
        return [v for v in self.versions.values() if (v.collection, str(v.row["_id"])) in self.own]

    def _collect_keys(self) -> None:
        for version in self._of_own():
            keys = PERSON_KEYS[version.collection]
            for name in (*keys.own_booking, *keys.own_room):
                text = text_of(version.view, name)
                if text is not None:
                    self.keys.add(text)

    def _collect_values(self) -> None:
        for version in self._of_own():
            only = None
            if PERSON_KEYS[version.collection].addressee:
                only = personal(version.collection) & NAMES - addressee_names(version.collection)
            self.values.collect(version.view, only=only)

    def _copies(self, version: _Version, *, nearby: bool) -> None:
        """Mark attributes that repeat a value of theirs; ``nearby``: in a row of their bookings or rooms."""
        own, kept = personal(version.collection), references(version.collection) | SHOWN_NAMES
        for attribute, value in version.view.items():
            if not isinstance(value, str) or attribute in kept or attribute == "_id":
                continue
            holds = self.values.hinted_in if nearby and attribute in own else self.values.in_text
            if holds(value):
                self.gone.setdefault(version.key, set()).add(attribute)

    def _copies_elsewhere(self) -> None:
        """Rows of others that repeat a value nobody else has: a notification to the provider, a note, a review."""
        rare = PersonValues(
            names={n for n in self.values.names if not self._shared(n, NAMES)},
            phones={p for p in self.values.phones if not self._shared(p, PHONES)},
            mails={m for m in self.values.mails if not self._shared(m, MAILS)},
        )
        folded = sorted(rare.whole_names | rare.addresses)
        numbers = sorted(rare.numbers)
        if not folded and not numbers:
            return
        for collection in self.collections:
            attributes = personal(collection)
            sql: list[str] = []
            for text in (*self._texts(collection, attributes), "_misfits"):
                sql += [f"contains(lower({text}), ?)" for _ in folded]
                sql += [f"contains(regexp_replace({text}, '[^0-9]', '', 'g'), ?)" for _ in numbers]
            asked = [*folded, *numbers] * (len(sql) // max(1, len(folded) + len(numbers)))
            for version in self._select(collection, " OR ".join(sql), asked):
                for attribute in attributes:
                    value = version.view.get(attribute)
                    if isinstance(value, str) and rare.in_text(value):
                        self.gone.setdefault(version.key, set()).add(attribute)

    def _shared(self, value: str, attributes: frozenset[str]) -> bool:
        """Whether a row of somebody else carries the same name, phone or address."""
        probe = PersonValues()
        probe.collect({next(iter(sorted(n for n in attributes if "." not in n))): value})
        digits = sorted(probe.numbers)
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            if keys.addressee:
                continue
            for text in self._texts(collection, attributes):
                same = f"contains(lower({text}), lower(?))"
                asked = [value]
                if digits:
                    same += f" OR contains(regexp_replace({text}, '[^0-9]', '', 'g'), ?)"
                    asked += digits
                for version in self._select(collection, same, asked):
                    owners = {text_of(version.view, name) for name in keys.owner} - {None}
                    if (
                        owners
                        and not any(self._is_theirs(owner) for owner in owners)
                        and any(probe.in_text(t) for n in attributes if (t := text_of(version.view, n)))
                    ):
                        return True
        return False

    # -- writing -------------------------------------------------------------------------------------------

    def write(self) -> tuple[Counter[str], int]:
        """Write what is blanked: (collection → rows, versions). Current rows get a new change number."""
        rows: dict[str, set[str]] = {}
        versions = 0
        changed: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for key, attributes in self.gone.items():
            version = self.versions[key]
            blank = without(version.collection, version.row, self.columns[version.collection], attributes)
            if blank != version.row:
                rows.setdefault(version.collection, set()).add(str(version.row["_id"]))
                changed.setdefault(version.table, []).append((version.rowid, blank))
                versions += 1
        current = {t: c for t, c in changed.items() if t in self.columns}
        change = self.store.take_change() if current else 0
        for table, blanks in changed.items():
            schema = self.con.sql(f"SELECT * FROM {quoted(table)} LIMIT 0").pl().schema
            stamped = [
                {**blank, "_change": change} if table in self.columns else blank for _, blank in blanks
            ]
            self.con.execute(
                f"DELETE FROM {quoted(table)} WHERE list_contains(?, rowid)", [[rowid for rowid, _ in blanks]]
            )
            self.con.register("_blanked", cast("Any", pl.DataFrame(stamped, schema=schema).to_arrow()))
            self.con.execute(f"INSERT INTO {quoted(table)} BY NAME SELECT * FROM _blanked")
            self.con.unregister("_blanked")
        return Counter({collection: len(ids) for collection, ids in rows.items()}), versions

    def write_rejects(self) -> int:
        """Blank the kept contents of quarantined rows; how many."""
        blanks = 0
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            names = (*keys.owner, *keys.booking, *keys.room, *keys.own_booking, *keys.own_room)
            for rowid, row_id, content in self.con.execute(
                "SELECT rowid, row_id, content FROM _rejects WHERE collection = ?", [collection]
            ).fetchall():
                view = json_object(content)
                if view is None:
                    continue
                known = {text_of({**view, "_id": row_id}, name) for name in names} - {None}
                gone = {name for marked in self._marked(collection, row_id) for name in marked}
                if any(map(self._is_theirs, known)) or (collection, row_id) in self.own:
                    gone |= personal(collection)
                for attribute, value in view.items():
                    if attribute in personal(collection) and isinstance(value, str):
                        near = bool({text.lower() for text in known if text} & {k.lower() for k in self.keys})
                        if self.values.hinted_in(value) if near else self.values.in_text(value):
                            gone.add(attribute)
                blank = {n: blanked(n, v) if n in gone and v is not None else v for n, v in view.items()}
                if blank != view:
                    self.con.execute(
                        "UPDATE _rejects SET content = ? WHERE rowid = ?",
                        [json.dumps(blank, ensure_ascii=False), rowid],
                    )
                    blanks += 1
        return blanks

    def named_in_rejects(self) -> bool:
        """Whether a quarantined row that stands in no table names the person."""
        for collection in self.collections:
            for (content,) in self.con.execute(
                "SELECT content FROM _rejects WHERE collection = ? AND contains(lower(content), lower(?))",
                [collection, self.customer_id],
            ).fetchall():
                view = json_object(content) or {}
                if any(self._is_theirs(text_of(view, name)) for name in PERSON_KEYS[collection].owner):
                    return True
        return False

    def _marked(self, collection: str, row_id: str) -> list[set[str]]:
        return [
            attributes
            for key, attributes in self.gone.items()
            if self.versions[key].collection == collection and self.versions[key].row["_id"] == row_id
        ]

    def remember(self, now: datetime, rewritten: bool) -> None:
        """Write the tombstone: the id, keys of bookings and rooms, and which attributes repeated a value."""
        known = self.con.execute(
            "SELECT rewritten FROM _forgotten WHERE customer_id = ?", [self.customer_id]
        ).fetchone()
        if known is None:
            marks = [self.store.watermark(collection).watermark for collection in self.collections]
            until = min((m for m in marks if m is not None), default=None)
            self.con.execute(
                "INSERT INTO _forgotten VALUES (?, ?, ?, ?)", [self.customer_id, now, until, rewritten]
            )
        elif not rewritten:
            self.con.execute(
                "UPDATE _forgotten SET rewritten = false WHERE customer_id = ?", [self.customer_id]
            )
        self.con.execute(
            "INSERT INTO _forgotten_keys SELECT ?, key FROM (SELECT unnest(?::VARCHAR[]) AS key) "
            "WHERE key NOT IN (SELECT key FROM _forgotten_keys WHERE customer_id = ?)",
            [self.customer_id, sorted(self.keys), self.customer_id],
        )
        entries = sorted(
            {
                (v.collection, str(v.row["_id"]), attribute)
                for key, attributes in self.gone.items()
                for v in (self.versions[key],)
                if (v.collection, str(v.row["_id"])) not in self.own
                for attribute in attributes
            }
        )
        for entry in entries:
            self.con.execute(
                "INSERT INTO _forgotten_values SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM _forgotten_values "
                "WHERE customer_id = ? AND collection = ? AND row_id = ? AND attribute = ?)",
                [self.customer_id, *entry, self.customer_id, *entry],
            )


def erase(store: RawStore, customer_id: str, *, now: datetime) -> Erased:
    """Erase a person's names, phones, words and whereabouts in one transaction, and remember not to take them again.

    Their id, and those of their bookings and rooms, are theirs except for case too, as core reads them.
    ``known`` is False where the mirror has no row of theirs and never forgot them: nothing is written then.
    The freed blocks of the file still hold the values: ``rewrite`` is due. Raises StoreFailure.
    """
    with store.transaction() as con:
        erasure = _Erasure(store, con, customer_id)
        erasure.find()
        before = con.execute(
            "SELECT rewritten FROM _forgotten WHERE customer_id = ?", [erasure.customer_id]
        ).fetchone()
        known = bool(erasure.own) or before is not None or erasure.named_in_rejects()
        if not known:
            return Erased(False)
        rows, versions = erasure.write()
        rejects = erasure.write_rejects()
        touched = bool(versions or rejects)
        erasure.remember(now, rewritten=before is not None and bool(before[0]) and not touched)
    store.reload_forgotten()
    return Erased(True, dict(rows), versions, rejects)


def must_rewrite(store: RawStore) -> bool:
    """Whether the file may still hold erased values in freed blocks."""
    with store.transaction() as con:
        row = con.execute("SELECT count(*) FROM _forgotten WHERE NOT rewritten").fetchone()
    return row is not None and row[0] > 0


def rewrite(path: Path) -> None:
    """Write raw.duckdb anew and put it in place: a changed or deleted value stays in a file's freed blocks.

    The store must be closed. Killed at any instant the old file or the new one stands, whole, and the next call
    starts over. Raises StoreFailure.
    """
    making = path.with_name(f"{path.name}.rewriting")
    spill = path.with_name(f"{path.name}.rewriting.tmp")
    leave_nothing(path)
    failure: StoreFailure
    try:
        with duckdb.connect(
            config={
                "memory_limit": "400MB",
                "temp_directory": str(spill),
                "autoinstall_known_extensions": "false",
            }
        ) as con:
            con.execute("SET enable_progress_bar = false")
            for file, name in ((path, "old"), (making, "new")):
                con.execute(f"ATTACH '{str(file).replace(chr(39), chr(39) * 2)}' AS {name}")
            con.execute("COPY FROM DATABASE old TO new")
            con.execute("UPDATE new._forgotten SET rewritten = true")
            for (table,) in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'old'"
            ).fetchall():
                counts = [
                    con.execute(f"SELECT count(*) FROM {name}.main.{quoted(table)}").fetchone()
                    for name in ("old", "new")
                ]
                if counts[0] != counts[1]:
                    raise duckdb.DataError("the copy is not whole")
            con.execute("CHECKPOINT new")
            con.execute("DETACH new")
            con.execute("DETACH old")
        os.chmod(making, 0o600)
        _fsync(making)
        os.replace(making, path)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        _fsync(path.parent)
        return
    except (duckdb.Error, OSError) as broken:
        failure = StoreFailure(
            f"{path.name} could not be written anew ({type(broken).__name__}).",
            "The values are erased from its tables, not yet from the file: make room beside it and run this again.",
        )
    finally:
        for leftover in (making, making.with_name(f"{making.name}.wal")):
            leftover.unlink(missing_ok=True)
        shutil.rmtree(spill, ignore_errors=True)
    raise failure from None


def leave_nothing(path: Path) -> None:
    """Remove what a killed process left beside a DuckDB file: half-made copies and spilled rows."""
    for leftover in path.parent.glob(f"{path.name}.rewriting*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["Erased", "Forgotten", "erase", "leave_nothing", "must_rewrite", "rewrite"]
