"""What raw.duckdb remembers of people who were forgotten, and how rows of theirs are blanked when they come again.

Holds published ids and keyed hashes, never a personal value. Finding and erasing what is stored: erasure.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from marketplace.blanked_rows import Columns, addressee_names, renamed, said_by_customer, viewed, without
from marketplace.collections import PROVIDER_COLLECTIONS, USERS
from marketplace.erasure import (
    BUSINESS_NAMES,
    PERSON_KEYS,
    PersonValues,
    own_slips,
    personal,
    text_of,
)
from marketplace.identifiers import TOKEN, named
from marketplace.pseudonyms import PREFIX, Pseudonyms
from marketplace.text import BLANK
from marketplace.traces import Mark, Traces
from resources.phone_key import read_phone_key


def open_sql(text: str) -> str:
    """SQL: a text is published as it is written, whoever is stored. A first look: identifiers.py says."""
    return (
        f"(regexp_full_match({text}, '{TOKEN}') AND regexp_matches({text}, '[A-Za-z]')"
        f" AND regexp_matches({text}, '[0-9]|[A-Za-z][._:/-]+[A-Za-z]')"
        f" AND NOT regexp_matches({text}, '(?i)^(whatsapp:|tel:|(https?://)?wa[.]me/)'))"
    )


def plainly_open(path: str) -> str:
    """Of a JSON object, also encoded twice: its value at a path is one token with a letter and a digit: an id."""
    token = (
        r"[A-Za-z0-9._:/-]*(?:[A-Za-z][A-Za-z0-9._:/-]*[0-9]|[0-9][A-Za-z0-9._:/-]*[A-Za-z])[A-Za-z0-9._:/-]*"
    )
    return rf'\\?"{path}\\?"\s*:\s*\\?"{token}\\?"'


class Identities:
    """What the ids of a home are published as. Words, which are published only where a row is called so, are told by
    their hash here, so that who is forgotten stays so when the row is gone."""

    def __init__(self, con: duckdb.DuckDBPyConnection, raw_path: Path) -> None:
        self._con = con
        self._raw_path = raw_path
        self._told: dict[str, str] = {}

    @cached_property
    def key(self) -> bytes:
        return read_phone_key(self._raw_path)

    @cached_property
    def names(self) -> Pseudonyms:
        return Pseudonyms(self.key)

    def of(self, text: str) -> str:
        """What tells whom a reference means."""
        told = self._told.get(text)
        if told is None:
            if len(self._told) > 1 << 16:
                self._told.clear()
            told = self._told[text] = self.names.id_of(text)
        return told

    def of_all(self, texts: pl.Series) -> pl.Series:
        return self.names.ids(texts).values

    def published(self, text: str) -> str:
        """What is published of a reference."""
        return Pseudonyms(self.key, self._stored).id_of(text)

    @cached_property
    def odd_users(self) -> pl.Series:
        """What the ids of users that are no plain ids are told by."""
        ids = self._con.sql(f"SELECT _id FROM {USERS} WHERE NOT {open_sql('_id')}").pl()["_id"]
        return self.of_all(ids.cast(pl.String)).drop_nulls()

    def _stored(self, words: Collection[str]) -> list[str]:
        tables = [
            str(name)
            for (name,) in self._con.execute(
                "SELECT DISTINCT collection FROM _columns WHERE collection IN (SELECT table_name FROM duckdb_tables())"
            ).fetchall()
        ]
        return [
            word
            for word in words
            if any(
                self._con.execute(f'SELECT 1 FROM "{table}" WHERE lower(_id) = ? LIMIT 1', [word]).fetchone()
                for table in tables
            )
        ]


def meant(con: duckdb.DuckDBPyConnection, identities: Identities, customer_id: str) -> tuple[str, bool]:
    """(the id of the user a customer's id means, as ``Identities.of`` tells it; whether it is theirs in any case). Two
    users who differ by case alone are two people: then only what is spelled exactly so is theirs."""
    told = identities.of(customer_id)
    known: set[str] = set()
    if con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [USERS]).fetchone():
        if told.startswith(PREFIX):
            odd = identities.odd_users
            known = set(odd.filter(odd.str.to_lowercase() == told.lower()).to_list())
        else:
            rows = con.execute(f"SELECT _id FROM {USERS} WHERE lower(_id) = lower(?)", [told]).fetchall()
            known = {str(row[0]) for row in rows}
    if told not in known and len(known) == 1:
        return known.pop(), True
    return told, len(known) <= 1


def business_names(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of therapists and places, in lower case."""
    found: set[str] = set()
    for text in provider_texts(con, BUSINESS_NAMES):
        found |= {
            str(name)
            for (name,) in con.execute(
                f"SELECT DISTINCT lower(trim({text[1]}, ?)) FROM {text[0]}", [BLANK]
            ).fetchall()
            if name
        }
    return frozenset(found)


def provider_texts(con: duckdb.DuckDBPyConnection, attributes: Iterable[str]) -> list[tuple[str, str]]:
    """(table, SQL of the text) of some attributes of therapists and places, as far as they are there."""
    wanted = [name for name in attributes if "." not in name]
    return [
        (f'"{collection}"', f'CAST("{column}" AS VARCHAR)')
        for collection, column in con.execute(
            "SELECT collection, column_name FROM _columns WHERE list_contains(?, collection)"
            " AND list_contains(?, attribute) AND collection IN (SELECT table_name FROM duckdb_tables())",
            [list(PROVIDER_COLLECTIONS), wanted],
        ).fetchall()
    ]


def is_business(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a therapist or place is called so."""
    return any(
        con.execute(
            f"SELECT 1 FROM {table} WHERE lower(trim({text}, $1)) = lower($2) LIMIT 1", [BLANK, name.strip()]
        ).fetchone()
        for table, text in provider_texts(con, BUSINESS_NAMES)
    )


@dataclass(frozen=True)
class Forgotten:
    """The people forgotten. Instants are naive UTC by the server's clock. ``folded``: ids, in lower case, that are
    theirs in any case; ``keys`` are in lower case too; all as ``Identities.of`` tells them."""

    ids: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()
    keys: Mapping[str, datetime | None] = field(default_factory=dict[str, "datetime | None"])
    values: Mapping[str, Mapping[str, frozenset[str]]] = field(
        default_factory=dict[str, "Mapping[str, frozenset[str]]"]
    )
    identities: Identities | None = None
    is_business: Callable[[str], bool] = lambda name: False
    hashed: frozenset[str] = frozenset()
    """Of ``ids`` those that stand for what may not be published."""
    marks: frozenset[Mark] = frozenset()

    @classmethod
    def load(cls, con: duckdb.DuckDBPyConnection, raw_path: Path, only: str | None = None) -> Forgotten:
        """From the tables of raw.duckdb, also those of a version that wrote ids and keys as they were. ``only``: one
        person, by what is published of their id."""
        written = [str(row[0]) for row in con.execute("SELECT customer_id FROM _forgotten").fetchall()]
        identities = Identities(con, raw_path)
        if only is not None:
            written = [name for name in written if only in (name, identities.published(name))]
        if not written:
            return cls()
        ids = frozenset(identities.of(name) for name in written)
        hashed = frozenset(name for name in map(identities.published, written) if name.startswith(PREFIX))
        linked = con.sql(
            "SELECT key, min(known_until) AS until FROM _forgotten_keys JOIN _forgotten USING (customer_id)"
            " WHERE key IS NOT NULL AND list_contains($1, customer_id) GROUP BY ALL",
            params=[written],
        ).pl()
        keys: dict[str, datetime | None] = {}
        told = identities.of_all(linked["key"].cast(pl.String)).str.to_lowercase()
        for key, until in zip(told.to_list(), linked["until"].to_list(), strict=True):
            earlier = keys.get(key, until)
            # No instant at all: nothing was known of the collection, and every row of theirs is a later one.
            keys[key] = None if until is None or earlier is None else min(earlier, until)
        folded = frozenset(identities.of(name).lower() for name in written if meant(con, identities, name)[1])
        values: dict[str, dict[str, frozenset[str]]] = {}
        for collection, row_id, attribute in con.execute(
            "SELECT collection, row_id, attribute FROM _forgotten_values WHERE list_contains($1, customer_id)",
            [written],
        ).fetchall():
            rows = values.setdefault(collection, {})
            rows[row_id] = rows.get(row_id, frozenset()) | {attribute}
        marks = frozenset(
            Mark(*row)
            for row in con.execute(
                "SELECT kind, words, digest FROM _forgotten_marks WHERE list_contains($1, customer_id)",
                [written],
            ).fetchall()
        )
        return cls(ids, folded, keys, values, identities, lambda name: is_business(con, name), hashed, marks)

    def _hash_of(self, written: str) -> str | None:
        """What a reference to somebody whose id is none is written as."""
        told = self._of(written)
        return told if told != written and told in self.hashed and self._is_theirs(written) else None

    def _of(self, written: str) -> str:
        return written if self.identities is None else self.identities.of(written)

    def _is_theirs(self, written: str | None) -> bool:
        if written is None:
            return False
        told = self._of(written)
        return told in self.ids or told.lower() in self.folded

    def mean(self, references: pl.Series) -> pl.Series:
        """Boolean: whether references, as written or as published, name somebody who was forgotten."""
        if self.identities is None:
            return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(references))
        told = self.identities.of_all(references)
        theirs = told.is_in(list(self.ids)) | told.str.to_lowercase().is_in(list(self.folded))
        return theirs.fill_null(False)

    @cached_property
    def _traces(self) -> Traces | None:
        """What is to be sought of all of them."""
        if self.identities is None or not self.marks:
            return None
        return Traces(self.identities.names, "", False, self.marks)

    def hold(self, texts: pl.Series) -> pl.Series:
        """Boolean: whether texts that stand where an id belongs hold a phone, an address or a name of theirs."""
        if self._traces is None:
            return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(texts))
        found = self._traces.replacements(set(texts.drop_nulls().to_list()), "id")
        return texts.is_in(list(found)).fill_null(False)

    @cached_property
    def hidden(self) -> bool:
        """Whether somebody, or a booking or room of theirs, is told by a hash."""
        return any(name.startswith(PREFIX) for name in (*self.ids, *self.keys))

    def _texts(self, text: pl.Series) -> pl.Series:
        """References as they are compared with ``ids`` and ``keys``, in lower case."""
        text = text.cast(pl.String).str.strip_chars(BLANK)
        told = self.identities.of_all(text) if self.hidden and self.identities is not None else named(text)
        return told.str.to_lowercase()

    def __bool__(self) -> bool:
        return bool(self.ids)

    def attributes_of(
        self, collection: str, view: Mapping[str, Any], updated_at: datetime | None
    ) -> frozenset[str]:
        """Which attributes of a row must go."""
        gone = self.values.get(collection, {}).get(str(view.get("_id")), frozenset[str]())
        keys = PERSON_KEYS.get(collection)
        if keys is None:
            return gone
        everything = personal(collection)
        if any(self._is_theirs(text_of(view, name)) for name in keys.owner):
            values = PersonValues()
            values.collect(view)
            return everything | gone | own_slips(collection, view, values, self.is_business)
        told = (text_of(view, name) for name in keys.linked)
        linked = [key for text in told if text is not None and (key := self._of(text).lower()) in self.keys]
        for key in linked:
            until = self.keys[key]
            if until is None or updated_at is None or updated_at > until or said_by_customer(keys, view):
                return everything
        if any(self._is_theirs(text_of(view, name)) for name in keys.addressee):
            gone = gone | addressee_names(collection)
        return gone

    def blank(self, collection: str, rows: pl.DataFrame, columns: Columns) -> pl.DataFrame:
        """Rows just fetched (as PageDecoder gives them), without what must not come back."""
        keys = PERSON_KEYS.get(collection)
        marked = self.values.get(collection, {})
        if not self.ids or not rows.height or (keys is None and not marked):
            return rows
        columns = tuple(columns)
        names = dict(columns) | {"_id": "_id"}
        # Looked for in any case; which are theirs is said row by row.
        ids, linked = sorted({name.lower() for name in self.ids}), list(self.keys)
        wanted = [rows["_id"].is_in(list(marked))]
        if keys is not None:
            # What did not fit its column is JSON, in which a hash cannot be looked for: few rows have any.
            odd = rows["_misfits"].str.to_lowercase()
            wanted.append(odd.is_not_null() if self.hidden else odd.str.contains_any([*ids, *linked]))
            for name in keys.people:
                attribute, _, path = name.partition(".")
                if attribute not in names:
                    continue
                text = rows[names[attribute]].cast(pl.String)
                if not path:
                    wanted.append(self._texts(text).is_in(ids))
                    continue
                wanted.append(text.str.to_lowercase().str.contains_any(ids))
                if self.hidden:
                    wanted.append(
                        text.str.contains(f'"{path}\\\\?"') & ~text.str.contains(plainly_open(path))
                    )
            for name in keys.linked:
                if name in names and self.keys:
                    wanted.append(self._texts(rows[names[name]]).is_in(linked))
        mask = pl.select(pl.any_horizontal(w.fill_null(False) for w in wanted)).to_series()
        if not mask.any():
            return rows
        touched: list[dict[str, Any]] = []
        for row in rows.filter(mask).iter_rows(named=True):
            gone = self.attributes_of(collection, viewed(row, columns), row.get("_updated_at"))
            blank = without(collection, row, columns, gone) if gone else row
            touched.append(renamed(collection, blank, columns, self._hash_of) if self.hashed else blank)
        order = rows.with_row_index("_place")["_place"]
        changed = pl.DataFrame(touched, schema=rows.schema)
        both = pl.concat([rows.filter(~mask), changed])
        places = pl.concat([order.filter(~mask), order.filter(mask)])
        return both.with_columns(places.alias("_place")).sort("_place").drop("_place")
