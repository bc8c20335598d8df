"""What raw.duckdb remembers of people who were forgotten, and how rows of theirs are blanked when they come again.

Holds ids and keys of rows, never a personal value. Finding and erasing what is stored: erasure.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS, USERS
from marketplace.erasure import (
    CUSTOMER_ROLES,
    PERSON_KEYS,
    TEST_NAME,
    PersonKeys,
    blanked,
    is_test_row,
    json_object,
    personal,
    text_of,
)
from marketplace.text import BLANK

FORGOTTEN_TABLES = """
CREATE TABLE IF NOT EXISTS _forgotten (
    customer_id VARCHAR, forgotten_at TIMESTAMP, known_until TIMESTAMP, rewritten BOOLEAN);
CREATE TABLE IF NOT EXISTS _forgotten_keys (customer_id VARCHAR, key VARCHAR);
CREATE TABLE IF NOT EXISTS _forgotten_values (
    customer_id VARCHAR, collection VARCHAR, row_id VARCHAR, attribute VARCHAR);
"""
"""``_forgotten_keys``: bookings and rooms of theirs. ``_forgotten_values``: attributes of other rows that repeated a
value of theirs. Rows of their bookings and rooms written after ``known_until`` are blanked whole: whether they repeat
a value can no longer be told."""

Columns = Iterable[tuple[str, str]]
"""(attribute, column) of a collection's table."""


def viewed(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """A stored row by attribute: values that did not fit their column's type stand in for it."""
    view: dict[str, Any] = {"_id": row.get("_id")}
    for attribute, column in columns:
        if view.get(attribute) is None:
            view[attribute] = row.get(column)
    misfits = json_object(row.get("_misfits"), ours=True)
    if misfits:
        view |= {name: value for name, value in misfits.items() if view.get(name) is None}
    return view


def without(
    collection: str, row: Mapping[str, Any], columns: Columns, attributes: Iterable[str]
) -> dict[str, Any]:
    """A stored row without the values of some attributes. A booking that was a test by its name stays one."""
    columns = tuple(columns)
    gone = frozenset(attributes)
    blank = dict(row)
    for attribute, column in columns:
        if attribute in gone and blank.get(column) is not None:
            blank[column] = blanked(attribute, blank[column])
    misfits = json_object(row.get("_misfits"), ours=True)
    if misfits and gone & misfits.keys():
        rest = {name: blanked(name, v) if name in gone else v for name, v in misfits.items()}
        rest = {name: value for name, value in rest.items() if value is not None}
        blank["_misfits"] = json.dumps(rest, ensure_ascii=False) if rest else None
    if (
        collection in BOOKING_COLLECTIONS
        and is_test_row(viewed(row, columns))
        and not is_test_row(viewed(blank, columns))
    ):
        names = dict(columns)
        place = next((names[n] for n in ALIASES["booking.customer_name"] if n in names), None)
        if place is not None:
            blank[place] = TEST_NAME
    return blank


def said_by_customer(keys: PersonKeys, view: Mapping[str, Any]) -> bool:
    """Whether a message says that a customer wrote it."""
    return any((text_of(view, name) or "").casefold() in CUSTOMER_ROLES for name in keys.authors)


def addressee_names(collection: str) -> frozenset[str]:
    """Attributes that name whom a row was sent to."""
    return personal(collection) & frozenset(ALIASES["message.receiver_name"])


def meant(con: duckdb.DuckDBPyConnection, customer_id: str) -> tuple[str, bool]:
    """(the id of the user a customer's id means, whether it is theirs in any case). Two users who differ by case alone
    are two people: then only what is spelled exactly so is theirs."""
    known: list[str] = []
    if con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [USERS]).fetchone():
        known = [
            str(row[0])
            for row in con.execute(
                f"SELECT _id FROM {USERS} WHERE lower(_id) = lower(?)", [customer_id]
            ).fetchall()
        ]
    if customer_id not in known and len(known) == 1:
        return known[0], True
    return customer_id, len(known) <= 1


@dataclass(frozen=True)
class Forgotten:
    """The people forgotten. Instants are naive UTC by the server's clock. ``folded``: ids, in lower case, that are
    theirs in any case; ``keys`` are in lower case too."""

    ids: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()
    keys: Mapping[str, datetime | None] = field(default_factory=dict[str, "datetime | None"])
    values: Mapping[str, Mapping[str, frozenset[str]]] = field(
        default_factory=dict[str, "Mapping[str, frozenset[str]]"]
    )

    @classmethod
    def load(cls, con: duckdb.DuckDBPyConnection) -> Forgotten:
        """From the tables of raw.duckdb."""
        ids = frozenset(row[0] for row in con.execute("SELECT customer_id FROM _forgotten").fetchall())
        if not ids:
            return cls()
        keys: dict[str, datetime | None] = dict(
            con.execute(
                "SELECT lower(key), min(known_until) FROM _forgotten_keys JOIN _forgotten USING (customer_id)"
                " GROUP BY ALL"
            ).fetchall()
        )
        folded = frozenset(name.lower() for name in ids if meant(con, name)[1])
        values: dict[str, dict[str, frozenset[str]]] = {}
        for collection, row_id, attribute in con.execute(
            "SELECT collection, row_id, attribute FROM _forgotten_values"
        ).fetchall():
            rows = values.setdefault(collection, {})
            rows[row_id] = rows.get(row_id, frozenset()) | {attribute}
        return cls(ids, folded, keys, values)

    def _is_theirs(self, written: str | None) -> bool:
        return written is not None and (written in self.ids or written.lower() in self.folded)

    def __bool__(self) -> bool:
        return bool(self.ids)

    def attributes_of(
        self, collection: str, view: Mapping[str, Any], updated_at: datetime | None
    ) -> frozenset[str]:
        """Which attributes of a row must go."""
        keys = PERSON_KEYS.get(collection)
        if keys is None:
            return frozenset()
        everything = personal(collection)
        if any(self._is_theirs(text_of(view, name)) for name in keys.owner):
            return everything
        gone = self.values.get(collection, {}).get(str(view.get("_id")), frozenset[str]())
        named = ((text_of(view, name) or "").lower() for name in (*keys.booking, *keys.room))
        linked = [key for key in named if key in self.keys]
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
        if not self.ids or keys is None or not rows.height:
            return rows
        columns = tuple(columns)
        names = dict(columns) | {"_id": "_id"}
        # Looked for in any case; which are theirs is said row by row.
        ids, linked = sorted({name.lower() for name in self.ids}), list(self.keys)
        wanted = [pl.col("_id").is_in(list(self.values.get(collection, {})))]
        wanted.append(pl.col("_misfits").str.to_lowercase().str.contains_any([*ids, *linked]))
        for name in (*keys.owner, *keys.addressee):
            attribute, _, path = name.partition(".")
            if attribute in names:
                text = pl.col(names[attribute]).cast(pl.String).str.to_lowercase()
                wanted.append(text.str.contains_any(ids) if path else text.str.strip_chars(BLANK).is_in(ids))
        for name in (*keys.booking, *keys.room):
            if name in names and self.keys:
                text = pl.col(names[name]).cast(pl.String).str.to_lowercase()
                wanted.append(text.str.strip_chars(BLANK).is_in(linked))
        mask = rows.select(pl.any_horizontal(w.fill_null(False) for w in wanted)).to_series()
        if not mask.any():
            return rows
        touched: list[dict[str, Any]] = []
        for row in rows.filter(mask).iter_rows(named=True):
            gone = self.attributes_of(collection, viewed(row, columns), row.get("_updated_at"))
            touched.append(without(collection, row, columns, gone) if gone else row)
        order = rows.with_row_index("_place")["_place"]
        changed = pl.DataFrame(touched, schema=rows.schema)
        both = pl.concat([rows.filter(~mask), changed])
        places = pl.concat([order.filter(~mask), order.filter(mask)])
        return both.with_columns(places.alias("_place")).sort("_place").drop("_place")
