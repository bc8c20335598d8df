"""Erases a person from raw.duckdb: current rows, history and rejects, then the file itself, which DuckDB never wipes.

Whose a row is and what of it goes: marketplace/erasure.py. What must not come back: forgotten.py.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from marketplace.blanked_rows import addressee_names, renamed, said_by_customer, viewed, without
from marketplace.collections import PROVIDER_COLLECTIONS
from marketplace.erasure import (
    MAILS,
    NAMES,
    PERSON_KEYS,
    PHONES,
    PLACES,
    SHOWN_NAMES,
    TOLD_OF_PROVIDERS,
    PersonValues,
    blanked,
    json_object,
    personal,
    references,
    text_of,
    told_by_id,
    word_in,
)
from marketplace.pseudonyms import PREFIX
from marketplace.text import BLANK
from marketplace.traces import Mark, Traces, marks_of
from resources.forgotten import (
    Forgotten,
    Identities,
    business_names,
    meant,
    open_sql,
    plainly_open,
    provider_texts,
)
from resources.own_files import sync
from resources.raw.file import StoreFailure
from resources.raw.large_rows import LONG_TEXT, half_of_this_machine, large_rows, needed, pieces
from resources.raw.merging import TYPICAL_ROW
from resources.raw.store import RawStore
from resources.sql import attach, literal, quoted

_TOKEN = r"""[^"\s\\:,{}\[\]]+"""
"""A value inside JSON text, also where it was encoded twice: a first look, the JSON itself decides."""
REJECTS_AT_ONCE = 256
COUNTED_AT_ONCE = 64
REWRITING_MEMORY = 400_000_000
Key = tuple[str, int]
"""(table, rowid) of a stored version."""


@dataclass
class Erased:
    """What an erasure did. ``rows``: collection → rows of which something was erased (versions counted apart)."""

    known: bool
    rows: dict[str, int] = field(default_factory=dict[str, int])
    versions: int = 0
    rejects: int = 0
    published: str = ""
    """What is published of the person's id."""
    traces: Traces | None = None
    own: frozenset[tuple[str, str]] = frozenset()
    """(collection, ``$id``) of their rows."""

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class _View(Mapping[str, Any]):
    """A stored row by attribute. Long texts are read when they are asked for, and not kept: a person may have a
    thousand of them."""

    def __init__(self, held: Mapping[str, Any], long: Mapping[str, Callable[[], Any]]) -> None:
        self._held = held
        self._long = long

    def __getitem__(self, attribute: str) -> Any:
        return self._long[attribute]() if attribute in self._long else self._held[attribute]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._held, **self._long})

    def __len__(self) -> int:
        return len(self._held.keys() | self._long.keys())


@dataclass(frozen=True)
class _Version:
    """A stored version: its table and rowid, and the row by attribute."""

    collection: str
    table: str
    rowid: int
    row_id: str
    view: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return self.table, self.rowid


def _is_long(text: str) -> str:
    """SQL: whether a text is one that is read by itself."""
    return f"coalesce(strlen({text}) > {LONG_TEXT}, false)"


def _or_long(text: str, condition: str) -> str:
    """SQL of a first look at a text; a long one is looked at by itself, as DuckDB would copy 2,048 of them."""
    return f"CASE WHEN {_is_long(text)} THEN true ELSE {condition} END"


def _digits(text: str) -> str:
    return f"regexp_replace({text}, '[^0-9]', '', 'g')"


class _Erasure:
    """One person's erasure, inside one transaction."""

    def __init__(
        self, store: RawStore, con: duckdb.DuckDBPyConnection, customer_id: str, identities: Identities
    ) -> None:
        self.store = store
        self.con = con
        self.identities = identities
        self.customer_id, self.alone = meant(con, self.identities, customer_id)
        """As ``Identities.of`` tells it."""
        stored = store.columns.collections()
        self.collections = [c for c in stored if c in PERSON_KEYS]
        self.providers = [c for c in stored if c in PROVIDER_COLLECTIONS]
        self.columns: dict[str, tuple[tuple[str, str], ...]] = {}
        for collection in (*self.collections, *self.providers):
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
        self.large = large_rows(con)
        self.keys: set[str] = set()
        self.own: set[tuple[str, str]] = set()
        self.values = PersonValues()
        self.businesses = business_names(con)
        self.cities: frozenset[str] = frozenset()
        self.spellings = self._spellings()
        self.published = self._published()
        self._is_hashed = self.published.startswith(PREFIX)

    # -- whose a row is ------------------------------------------------------------------------------------

    @property
    def hidden(self) -> bool:
        """Whether the person's id is none that is published as it is written."""
        return self.customer_id.startswith(PREFIX)

    def _spellings(self) -> set[str]:
        """Every text that refers to the person, as it is written: of an id the id itself."""
        found = {self.customer_id}
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            for name in keys.people:
                attribute, _, path = name.partition(".")
                for text in self._texts(collection, [name]):
                    for table in self._tables(collection):
                        found |= self._spelled(table, text, attribute, path)
        return found

    def _spelled(self, table: str, text: str, attribute: str, path: str) -> set[str]:
        """Of the texts of a column those that refer to the person and are no plain id."""
        if path:
            if not self.hidden:
                return set()
            odd = f"NOT regexp_matches({text}, $2) AND contains({text}, $3)"
            asked = [BLANK, plainly_open(path), f'"{path}']
        else:
            nested = f"regexp_matches({text}, '^[ \\t\\n]*[\\[{{\"]')"
            odd = nested if not self.hidden else f"NOT {open_sql(f'trim({text}, $1)')}"
            asked = [BLANK]
        texts = self.con.execute(
            f"SELECT DISTINCT trim({text}, $1) FROM {quoted(table)} WHERE NOT {_is_long(text)} AND {odd}",
            asked,
        ).fetchall()
        written = [str(row[0]) for row in texts]
        named = [
            text_of({attribute: value}, f"{attribute}.{path}" if path else attribute) for value in written
        ]
        told = self.identities.of_all(pl.Series(named, dtype=pl.String))
        return {
            value
            for value, name, identity in zip(written, named, told.to_list(), strict=True)
            if name is not None and self._is(identity)
        }

    def _is(self, identity: str | None) -> bool:
        if identity is None:
            return False
        return identity == self.customer_id or (self.alone and identity.lower() == self.customer_id.lower())

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
                f"SELECT rowid AS _rid, {self._columns_of(collection, table)} FROM {quoted(table)} WHERE {where}",
                list(parameters),
            )
            names = [d[0] for d in cursor.description or ()]
            for values in cursor.fetchall():
                row: dict[str, Any] = dict(zip(names, values, strict=True))
                version = self._version(collection, table, row)
                found.append(self.versions.setdefault(version.key, version))
        return found

    def _columns_of(self, collection: str, table: str) -> str:
        """SQL of a row: where rows are large, without long texts, whose columns ``_long`` names."""
        if not self.large.get(collection):
            return "*"
        cursor = self.con.execute(f"SELECT * FROM {quoted(table)} LIMIT 0")
        texts = [str(d[0]) for d in cursor.description or () if str(d[1]) in ("VARCHAR", "STRING")]
        texts = [column for column in texts if column not in ("_id", "_misfits")]
        cut = ", ".join(
            f"CASE WHEN {_is_long(quoted(c))} THEN NULL ELSE {quoted(c)} END AS {quoted(c)}" for c in texts
        )
        which = ", ".join(f"CASE WHEN {_is_long(quoted(c))} THEN {literal(c)} END" for c in texts)
        return f"* REPLACE ({cut}), list_filter([{which}], lambda c: c IS NOT NULL) AS _long"

    def _version(self, collection: str, table: str, row: dict[str, Any]) -> _Version:
        rowid = int(row.pop("_rid"))
        long = frozenset(cast("list[str]", row.pop("_long", None) or []))
        view: Mapping[str, Any] = viewed(row, self.columns[collection])
        if long:
            first: dict[str, str] = {}
            for attribute, column in self.columns[collection]:
                if column in long or row.get(column) is not None:
                    first.setdefault(attribute, column)
            view = _View(
                view,
                {a: self._reader(table, rowid, column) for a, column in first.items() if column in long},
            )
        return _Version(collection, table, rowid, str(row["_id"]), view)

    def _reader(self, table: str, rowid: int, column: str) -> Callable[[], Any]:
        def read() -> Any:
            told = self.con.execute(
                f"SELECT {quoted(column)} FROM {quoted(table)} WHERE rowid = {rowid}"
            ).fetchone()
            return told[0] if told else None

        return read

    def _mentioning(self, collection: str, attributes: Iterable[str], keys: Iterable[str]) -> list[_Version]:
        """Versions in which one of the attributes may be one of the keys, except for case: a first look."""
        attributes, wanted = tuple(attributes), sorted({key.lower() for key in keys if key})
        if not attributes or not wanted:
            return []
        texts = self._texts(collection, attributes)
        sql = [f"(NOT {_is_long(text)} AND list_contains($1, lower(trim({text}, $2))))" for text in texts]
        if any("." in name for name in attributes):
            sql += [
                _or_long(text, f"list_has_any($1, regexp_extract_all(lower({text}), '{_TOKEN}'))")
                for text in texts
            ]
            sql += [
                f"(NOT {_is_long(text)} AND list_contains($1, lower(trim({text}, $2))))" for text in texts
            ]
        sql.append(_or_long("_misfits", f"list_has_any($1, regexp_extract_all(lower(_misfits), '{_TOKEN}'))"))
        if self.hidden:
            sql.append("_misfits IS NOT NULL")
        return self._select(collection, " OR ".join(sql), [wanted, BLANK] if texts else [wanted])

    def _linked(self, collection: str, attributes: Iterable[str]) -> list[_Version]:
        """Versions in which one of the attributes is the key of a booking or room of theirs."""
        attributes, wanted = tuple(attributes), {key.lower() for key in self.keys}
        found = self._mentioning(collection, attributes, wanted)
        return [v for v in found if any((text_of(v.view, n) or "").lower() in wanted for n in attributes)]

    def _naming(self, collection: str, attributes: tuple[str, ...]) -> list[_Version]:
        """Versions in which one of the attributes names the person."""
        found = self._mentioning(collection, attributes, self.spellings)
        return [v for v in found if any(self._is_theirs(text_of(v.view, name)) for name in attributes)]

    def _is_theirs(self, written: str | None) -> bool:
        """Whether an id, as written, is the person's: except for case too, where they are alone in being called so."""
        return written is not None and self._is(self.identities.of(written))

    def _hash_of(self, written: str) -> str | None:
        """What a reference to them is written as, where their id is none."""
        told = self.identities.of(written)
        return told if self._is_hashed and told != written and self._is(told) else None

    # -- finding -------------------------------------------------------------------------------------------

    def find(self) -> None:
        """Rows of the person, of their bookings and rooms, and copies of their values elsewhere."""
        for collection in self.collections:
            self._take(self._naming(collection, PERSON_KEYS[collection].owner))
        self._collect_keys()
        for collection in self.collections:
            if PERSON_KEYS[collection].own_room:
                # A room of a booking of theirs is theirs, also where it names no customer.
                self._take(self._linked(collection, PERSON_KEYS[collection].booking))
        self._collect_keys()
        linked: list[_Version] = []
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            of_theirs = self._linked(collection, keys.linked)
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
        self.values.businesses = frozenset(
            business
            for business in self.businesses
            if any(word_in(name, business) for name in self.values.whole_names)
        )
        for version in linked:
            self._copies(version, nearby=True)
        for key, version in list(self.versions.items()):
            if (version.collection, version.row_id) in self.own:
                self.gone.setdefault(key, set()).update(personal(version.collection))
                self._copies(version, nearby=False)
        self._copies_elsewhere()
        self._copies_of_providers()

    def _take(self, versions: Iterable[_Version]) -> None:
        self.own |= {(v.collection, v.row_id) for v in versions}

    def _other_versions(self, collection: str) -> list[_Version]:
        ids = [row_id for name, row_id in self.own if name == collection]
        return self._select(collection, "list_contains($1, _id)", [ids]) if ids else []

    def _of_own(self) -> list[_Version]:
        return [v for v in self.versions.values() if (v.collection, v.row_id) in self.own]

    def _collect_keys(self) -> None:
        for version in self._of_own():
            keys = PERSON_KEYS[version.collection]
            for name in keys.own:
                text = text_of(version.view, name)
                if text is not None:
                    self.keys.add(text)

    def _collect_values(self) -> None:
        for version in self._of_own():
            only = None
            if PERSON_KEYS[version.collection].addressee:
                only = personal(version.collection) & NAMES - addressee_names(version.collection)
            self.values.collect(version.view, only=only)
        self._collect_ids()

    def _collect_ids(self) -> None:
        """An id that is a phone or an address is one of theirs; one of words is a name."""
        if not self.hidden:
            return
        named = (text_of({"id": text}, "id") for text in self.spellings if text[:1] not in ("{", "[", '"'))
        for text in named:
            if text is None or text.startswith(PREFIX):
                continue
            self.values.collect(told_by_id(text))

    def _copies(self, version: _Version, *, nearby: bool) -> None:
        """Mark attributes that repeat a value of theirs; ``nearby``: in a row of their bookings or rooms."""
        own, kept = personal(version.collection), references(version.collection)
        for attribute, value in version.view.items():
            if not isinstance(value, str) or attribute in kept or attribute == "_id":
                continue
            if attribute not in own:
                holds = self.values.in_text(value, shown=True)
            else:
                holds = self.values.hinted_in(value) if nearby else self.values.in_text(value)
            if holds:
                self.gone.setdefault(version.key, set()).add(attribute)

    def _copies_elsewhere(self) -> None:
        """Rows of others that repeat a value nobody else has: a notification to the provider, a note, a review."""
        rare = PersonValues(
            names={n for n in self.values.names if not self._shared(n, NAMES)},
            phones={p for p in self.values.phones if not self._shared(p, PHONES)},
            mails={m for m in self.values.mails if not self._shared(m, MAILS)},
        )
        rare.businesses = self.values.businesses
        folded = sorted(rare.whole_names | rare.addresses)
        numbers = sorted(rare.numbers)
        for collection in self.collections:
            attributes = personal(collection)
            sql: list[str] = []
            asked: list[str] = []
            for text in (*self._texts(collection, attributes), "_misfits"):
                sql += [_or_long(text, f"contains(lower({text}), ?)") for _ in folded]
                sql += [_or_long(text, f"contains({_digits(text)}, ?)") for _ in numbers]
                asked += [*folded, *numbers]
            shown = SHOWN_NAMES & {attribute for attribute, _ in self.columns[collection]}
            for text in self._texts(collection, shown):
                sql += [_or_long(text, f"contains(lower({text}), ?)") for _ in self.values.whole_names]
                sql += [_or_long(text, f"contains(lower({text}), ?)") for _ in rare.addresses]
                sql += [_or_long(text, f"contains({_digits(text)}, ?)") for _ in numbers]
                asked += [*self.values.whole_names, *rare.addresses, *numbers]
            if not sql:
                continue
            for version in self._select(collection, " OR ".join(sql), asked):
                for attribute in attributes | shown:
                    value = version.view.get(attribute)
                    if not isinstance(value, str):
                        continue
                    if attribute in attributes:
                        holds = rare.in_text(value)
                    else:
                        # A customer's name is no business's, whoever else has it.
                        holds = self.values.called(value) or rare.in_text(value, shown=True)
                    if holds:
                        self.gone.setdefault(version.key, set()).add(attribute)

    def _copies_of_providers(self) -> None:
        """A city that is a name of theirs, and nobody's city: what is published of a provider besides its name."""
        seen = [
            str(city)
            for table, text in provider_texts(self.con, [TOLD_OF_PROVIDERS])
            for (city,) in self.con.execute(
                f"SELECT lower(trim({text}, ?)) FROM {table} WHERE {text} IS NOT NULL", [BLANK]
            ).fetchall()
        ]
        self.cities = frozenset(city for city, count in Counter(seen).items() if count > 1)
        for collection in self.providers:
            for text in self._texts(collection, [TOLD_OF_PROVIDERS]):
                names = [name for name in self.values.whole_names if name not in self.cities]
                where = " OR ".join(f"contains(lower({text}), ?)" for _ in names)
                for version in self._select(collection, where, names) if names else ():
                    city = version.view.get(TOLD_OF_PROVIDERS)
                    if (
                        isinstance(city, str)
                        and city.strip(BLANK).lower() not in self.cities
                        and (self.values.called(city) or self.values.in_text(city, shown=True))
                    ):
                        self.gone.setdefault(version.key, set()).add(TOLD_OF_PROVIDERS)

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
                same = _or_long(text, f"contains(lower({text}), lower(?))")
                asked = [value]
                if digits:
                    same += " OR " + _or_long(text, f"contains({_digits(text)}, ?)")
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
        versions = change = 0
        tables: dict[str, list[_Version]] = {}
        for key in self.gone:
            tables.setdefault(key[0], []).append(self.versions[key])
        for table, due in tables.items():
            sizes = [self.large.get(v.collection, {}).get(v.row_id, TYPICAL_ROW) for v in due]
            for start, length in pieces(pl.Series(sizes, dtype=pl.Int64)):
                blanks = self._blanks(table, due[start : start + length])
                if not blanks:
                    continue
                versions += len(blanks)
                if table in self.columns:
                    change = change or self.store.file.next_change()
                    blanks = {rowid: {**blank, "_change": change} for rowid, blank in blanks.items()}
                rows.setdefault(due[0].collection, set()).update(str(b["_id"]) for b in blanks.values())
                schema = self.con.sql(f"SELECT * FROM {quoted(table)} LIMIT 0").pl().schema
                self.con.execute(f"DELETE FROM {quoted(table)} WHERE list_contains(?, rowid)", [list(blanks)])
                frame = pl.DataFrame(list(blanks.values()), schema=schema)
                self.con.register("_blanked", cast("Any", frame.to_arrow()))
                self.con.execute(f"INSERT INTO {quoted(table)} BY NAME SELECT * FROM _blanked")
                self.con.unregister("_blanked")
        return Counter({collection: len(ids) for collection, ids in rows.items()}), versions

    def count(self) -> int:
        """How many versions lose something."""
        tables: dict[str, list[_Version]] = {}
        for key in self.gone:
            tables.setdefault(key[0], []).append(self.versions[key])
        found = 0
        for table, due in tables.items():
            for start in range(0, len(due), COUNTED_AT_ONCE):
                found += len(self._blanks(table, due[start : start + COUNTED_AT_ONCE]))
        return found

    def _blanks(self, table: str, versions: Sequence[_Version]) -> dict[int, dict[str, Any]]:
        """Of some versions those that lose something: rowid → what is left of the row."""
        places = ", ".join(str(v.rowid) for v in versions)
        cursor = self.con.execute(f"SELECT rowid AS _rid, * FROM {quoted(table)} WHERE rowid IN ({places})")
        names = [d[0] for d in cursor.description or ()]
        blanks: dict[int, dict[str, Any]] = {}
        by_place = {v.rowid: v for v in versions}
        while values := cursor.fetchone():
            row: dict[str, Any] = dict(zip(names, values, strict=True))
            rowid = int(row.pop("_rid"))
            version = by_place[rowid]
            columns = self.columns[version.collection]
            blank = without(version.collection, row, columns, self.gone[version.key])
            blank = renamed(version.collection, blank, columns, self._hash_of)
            if blank != row:
                blanks[rowid] = blank
        return blanks

    def write_rejects(self, *, only_count: bool = False) -> int:
        """Blank the kept contents of quarantined rows; how many."""
        blanks = 0
        for collection in self.collections:
            keys = PERSON_KEYS[collection]
            names = (*keys.owner, *keys.linked, *keys.own)
            for rowid, row_id, content in self._rejected(collection):
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
                blank = {
                    n: blanked(n, v, view) if n in gone and v is not None else v for n, v in view.items()
                }
                blank = renamed(collection, blank, [(name, name) for name in blank], self._hash_of)
                if blank != view:
                    if not only_count:
                        self.con.execute(
                            "UPDATE _rejects SET content = ? WHERE rowid = ?",
                            [json.dumps(blank, ensure_ascii=False), rowid],
                        )
                    blanks += 1
        return blanks

    def _rejected(self, collection: str) -> Iterator[tuple[int, str, str]]:
        """(rowid, row_id, content) of the quarantine, a few at a time."""
        places = [
            str(row[0])
            for row in self.con.execute(
                "SELECT rowid FROM _rejects WHERE collection = ?", [collection]
            ).fetchall()
        ]
        for start in range(0, len(places), REJECTS_AT_ONCE):
            some = ", ".join(places[start : start + REJECTS_AT_ONCE])
            yield from self.con.execute(
                f"SELECT rowid, row_id, content FROM _rejects WHERE rowid IN ({some})"
            ).fetchall()

    def named_in_rejects(self) -> bool:
        """Whether a quarantined row that stands in no table names the person."""
        spelled = sorted(text.lower() for text in self.spellings)
        for collection in self.collections:
            # A spelling that stands in no table is found only by reading them all.
            spells = "len(list_filter($2, lambda t: contains(lower(content), t))) > 0"
            where = "true" if self.hidden else spells
            asked: list[object] = [collection] if self.hidden else [collection, spelled]
            for (content,) in self.con.execute(
                f"SELECT content FROM _rejects WHERE collection = $1 AND {where}", asked
            ).fetchall():
                view = json_object(content) or {}
                if any(self._is_theirs(text_of(view, name)) for name in PERSON_KEYS[collection].owner):
                    return True
        return False

    def _marked(self, collection: str, row_id: str) -> list[set[str]]:
        return [
            attributes
            for key, attributes in self.gone.items()
            if self.versions[key].collection == collection and self.versions[key].row_id == row_id
        ]

    def remember(self, now: datetime, rewritten: bool) -> None:
        """Write the tombstone: the id, keys of bookings and rooms, and which attributes repeated a value; what they are
        published as, and keyed hashes of the values."""
        if self.before() is None:
            marks = [self.store.watermarks.of(collection).watermark for collection in self.collections]
            until = min((m for m in marks if m is not None), default=None)
            self.con.execute(
                "INSERT INTO _forgotten VALUES (?, ?, ?, ?)", [self.listed, now, until, rewritten]
            )
        elif not rewritten:
            self.con.execute("UPDATE _forgotten SET rewritten = false WHERE customer_id = ?", [self.listed])
        keys = self.identities.of_all(pl.Series(sorted(self.keys), dtype=pl.String)).drop_nulls()
        self.con.execute(
            "INSERT INTO _forgotten_keys SELECT ?, key FROM (SELECT DISTINCT unnest(?::VARCHAR[]) AS key) "
            "WHERE key NOT IN (SELECT key FROM _forgotten_keys WHERE customer_id = ?)",
            [self.listed, keys.to_list(), self.listed],
        )
        known = set(self.marks())
        for mark in sorted(marks_of(self.values, self.identities.key, self._is_shared) - known):
            self.con.execute(
                "INSERT INTO _forgotten_marks VALUES (?, ?, ?, ?)",
                [self.listed, mark.kind, mark.words, mark.digest],
            )
        entries = sorted(
            {
                (v.collection, v.row_id, attribute)
                for key, attributes in self.gone.items()
                for v in (self.versions[key],)
                # Of their own rows the personal attributes go whatever they hold.
                for attribute in (
                    attributes - personal(v.collection)
                    if (v.collection, v.row_id) in self.own
                    else attributes
                )
            }
        )
        for entry in entries:
            self.con.execute(
                "INSERT INTO _forgotten_values SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM _forgotten_values "
                "WHERE customer_id = ? AND collection = ? AND row_id = ? AND attribute = ?)",
                [self.listed, *entry, self.listed, *entry],
            )

    def _is_shared(self, value: str) -> bool:
        return self._shared(value, NAMES) or self._shared(value, PLACES)

    def before(self) -> bool | None:
        """Whether the file was written anew when they were forgotten last; None where they never were."""
        row = self.con.execute(
            "SELECT rewritten FROM _forgotten WHERE customer_id = ?", [self.listed]
        ).fetchone()
        return None if row is None else bool(row[0])

    def marks(self) -> list[Mark]:
        return [
            Mark(*row)
            for row in self.con.execute(
                "SELECT kind, words, digest FROM _forgotten_marks WHERE customer_id = ?", [self.listed]
            ).fetchall()
        ]

    def _published(self) -> str:
        """What is published of their id: of a word the word itself, where a row is called so."""
        told = (self.identities.published(text) for text in sorted(self.spellings))
        return next((name for name in told if not name.startswith(PREFIX)), self.customer_id)

    @cached_property
    def listed(self) -> str:
        """What they stand under in the list of the forgotten."""
        names = [str(row[0]) for row in self.con.execute("SELECT customer_id FROM _forgotten").fetchall()]
        return next((name for name in names if self.identities.of(name) == self.customer_id), self.published)

    def traces(self) -> Traces:
        """What is to be sought of them in files that are kept."""
        names = self.identities.names
        return Traces(
            names,
            self.published,
            self.alone,
            frozenset(self.marks()),
            self.businesses | self.cities,
        )


def _publish_ids(con: duckdb.DuckDBPyConnection, identities: Identities) -> None:
    """What a version before wrote of people as it was: their ids, and keys of bookings and rooms."""
    for table, column in (
        ("_forgotten", "customer_id"),
        ("_forgotten_keys", "customer_id"),
        ("_forgotten_keys", "key"),
        ("_forgotten_values", "customer_id"),
    ):
        for (written,) in con.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL AND NOT {open_sql(column)}"
        ).fetchall():
            told = identities.of(written) if column == "key" else identities.published(written)
            if told != written:
                con.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [told, written])
                con.execute("UPDATE _forgotten SET rewritten = false")


def erase(store: RawStore, customer_id: str, *, now: datetime, mirror: Path | None = None) -> Erased:
    """Erase a person's names, phones, words and whereabouts in one transaction, and remember not to take them again.

    ``customer_id``: their id as it is written anywhere, or as it is published. Whatever publishes as the same id is
    theirs, and so are ids that are the same except for case, as core reads them.
    ``mirror``: of a copy of raw.duckdb the mirror of its home, whose key hashes are made with.
    ``known`` is False where the mirror has no row of theirs and never forgot them: nothing is written then.
    The freed blocks of the file still hold the values: ``rewrite`` is due. Raises StoreFailure.
    """
    with store.transaction() as con:
        identities = Identities(con, mirror or store.path)
        _publish_ids(con, identities)
        erasure = _Erasure(store, con, customer_id, identities)
        erasure.find()
        before = erasure.before()
        known = bool(erasure.own) or before is not None or erasure.named_in_rejects()
        published = erasure.published
        if not known:
            return Erased(False, published=published)
        rows, versions = erasure.write()
        rejects = erasure.write_rejects()
        touched = bool(versions or rejects)
        erasure.remember(now, rewritten=before is True and not touched)
        erased = Erased(
            True, dict(rows), versions, rejects, published, erasure.traces(), frozenset(erasure.own)
        )
    store.merge.reload_forgotten()
    return erased


def still_held(store: RawStore, customer_id: str, *, mirror: Path) -> int:
    """How many versions and quarantined contents of a copy of raw.duckdb hold something of theirs; it only reads."""
    with store.transaction() as con:
        erasure = _Erasure(store, con, customer_id, Identities(con, mirror))
        erasure.find()
        return erasure.count() + erasure.write_rejects(only_count=True)


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
                "memory_limit": f"{REWRITING_MEMORY}B",
                "temp_directory": str(spill),
                "autoinstall_known_extensions": "false",
            }
        ) as con:
            con.execute("SET enable_progress_bar = false")
            for file, name in ((path, "old"), (making, "new")):
                attach(con, file, name)
            limit = min(needed(large_rows(con, "old.main")), half_of_this_machine())
            con.execute(f"SET memory_limit = '{max(limit, REWRITING_MEMORY)}B'")
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
        sync(making)
        os.replace(making, path)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        sync(path.parent)
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


__all__ = ["Erased", "Forgotten", "erase", "leave_nothing", "must_rewrite", "rewrite"]
