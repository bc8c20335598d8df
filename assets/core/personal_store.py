"""published/private.duckdb: personal data by id, the present version only, in a file of its own behind a
link.

Beside what a person wrote stands where to find it: its conversation, and ``change``, the number of the change that
brought it, which rises as time goes on. Rows stand about in its order, so that a search in the last days reads but
those (dashboards/queries/words.py). When a message was sent says the snapshot: a bare time is read in its provider's
zone, which is not known here.

The file is never changed in place: a copy is made, changed, renamed, and the link swapped, so that a reader
keeps what it opened. Where a row has to leave, the file is written anew: a deleted row's bytes would stay in
a copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from assets.core.raw_reader import CATALOG, Mirror, attach
from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.collections import (
    BOOKING_COLLECTIONS,
    INGESTED,
    PROVIDER_COLLECTIONS,
    ROOM_COLLECTIONS,
    USERS,
)
from marketplace.erasure import PERSON_KEYS
from marketplace.personal import private_bookings, private_contacts, private_messages
from marketplace.phones import ABSENT, REASONS
from marketplace.pseudonyms import SHARED, Pseudonyms
from marketplace.published import PUBLISHED, hidden_values
from marketplace.quarantine import reject_reasons
from marketplace.rules import RULES_VERSION
from messages.catalogue import say
from messages.message import Message
from resources.few_rows import rows_where
from resources.forgotten import Forgotten
from resources.own_files import sync
from resources.phone_key import read_phone_key
from resources.raw.published_ids import RowNames
from resources.warehouse import DatabaseDamaged, open_warehouse

LINK = "private.duckdb"
MEMORY_LIMIT = "512MB"
LONGEST_WORDS = 32_768
"""Letters of a text that are kept: DuckDB holds those of 2,048 rows in memory. The mirror has the rest."""
_PATTERN = "private_*.duckdb*"
TABLES = {
    "bookings": {
        "booking_id": "VARCHAR",
        "customer_name": "VARCHAR",
        "customer_phone": "VARCHAR",
        "phone_reason": "VARCHAR",
        "room_number": "VARCHAR",
        "location": "VARCHAR",
        "decline_words": "VARCHAR",
        "origin": "VARCHAR",
    },
    "messages": {
        "message_id": "VARCHAR",
        "room_id": "VARCHAR",
        "change": "BIGINT",
        "letters": "INTEGER",
        "text": "VARCHAR",
    },
    "providers": {
        "provider_id": "VARCHAR",
        "name": "VARCHAR",
        "phone": "VARCHAR",
        "phone_reason": "VARCHAR",
        "origin": "VARCHAR",
    },
    "customers": {
        "customer_id": "VARCHAR",
        "name": "VARCHAR",
        "phone": "VARCHAR",
        "phone_reason": "VARCHAR",
        "origin": "VARCHAR",
    },
    "hidden_values": {
        "hash": "VARCHAR",
        "written": "VARCHAR",
        "collection": "VARCHAR",
        "row_id": "VARCHAR",
        "attribute": "VARCHAR",
    },
}


#: Table → columns that say nothing of a person: another value there takes nothing away that has to leave the file.
_PLAIN = {"messages": ("room_id", "change", "letters")}


@dataclass(frozen=True)
class _Source:
    """How one collection becomes rows of a private table. ``scope``: the column that tells its rows from others'.
    ``wanted``: all the attributes that are read; None for every one."""

    collection: str
    table: str
    key: str
    read: Callable[[str, pl.DataFrame, Pseudonyms, Forgotten], pl.DataFrame]
    scope: str | None = None
    wanted: frozenset[str] | None = None


@cache
def _attributes_told() -> str:
    """A fingerprint of the tables, and of the attributes of which it is told what a hash stands for: where another one
    is published the file says so of every row, also of those that have not changed since."""
    told = [TABLES, {collection: sorted(names) for collection, names in PUBLISHED.items()}]
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=8).hexdigest()


@cache
def _reasons_in_words() -> dict[str, str]:
    return {reason: say(Message(reason)) for reason in REASONS if reason != ABSENT}


def _bookings(collection: str, frame: pl.DataFrame, names: Pseudonyms, _: Forgotten) -> pl.DataFrame:
    """Rows with anything personal in them; an erased booking has nothing and is not kept."""
    attributes = Attributes(frame)
    rows = private_bookings(attributes).with_columns(
        names.row_ids(collection, attributes.own("_id", pl.String)).values.alias("booking_id"),
        pl.lit(collection).alias("origin"),
        # whoever reads this file reads words
        pl.col("phone_reason").replace(_reasons_in_words()),
    )
    named = [c for c in TABLES["bookings"] if c not in ("booking_id", "phone_reason", "origin")]
    unreadable_phone = pl.col("phone_reason") != ABSENT
    return rows.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in named) | unreadable_phone).select(
        list(TABLES["bookings"])
    )


def _messages(collection: str, frame: pl.DataFrame, names: Pseudonyms, _: Forgotten) -> pl.DataFrame:
    """What was written, in the order in which it was read; a message without a word is not kept."""
    attributes = Attributes(frame)
    text = private_messages(attributes)
    rooms = names.ids(attributes.first(ALIASES["message.room"]), ROOM_COLLECTIONS)
    rows = pl.DataFrame(
        {
            "message_id": names.row_ids(collection, attributes.own("_id", pl.String)).values,
            "room_id": rooms.values,
            "change": attributes.own("_change", pl.Int64),
            "letters": text.str.len_chars().cast(pl.Int32),
            "text": text,
        }
    )
    return rows.filter(pl.col("text").is_not_null()).sort("change", maintain_order=True)


def _contacts(key: str) -> Callable[[str, pl.DataFrame, Pseudonyms, Forgotten], pl.DataFrame]:
    """How a row of a person or a business becomes its name and phone; ``key``: what its id is called."""

    def read(collection: str, frame: pl.DataFrame, names: Pseudonyms, _: Forgotten) -> pl.DataFrame:
        attributes = Attributes(frame)
        rows = private_contacts(attributes, USERS if collection == USERS else "provider").with_columns(
            names.row_ids(collection, attributes.own("_id", pl.String)).values.alias(key),
            pl.lit(collection).alias("origin"),
            pl.col("phone_reason").replace(_reasons_in_words()),
        )
        known = pl.col("name").is_not_null() | (
            pl.col("phone_reason").is_null() | (pl.col("phone_reason") != ABSENT)
        )
        return rows.filter(known).select(key, "name", "phone", "phone_reason", "origin")

    return read


def _hidden(collection: str, frame: pl.DataFrame, names: Pseudonyms, forgotten: Forgotten) -> pl.DataFrame:
    """What is published as a hash, without whatever would tell of a person who was forgotten: their rows, and their
    phone, address or name in rows of others."""
    attributes = Attributes(frame)
    rows = hidden_values(collection, attributes, names)
    if not forgotten or not rows.height:
        return rows
    ids = attributes.own("_id", pl.String)
    theirs = pl.Series([False], dtype=pl.Boolean).new_from_index(0, frame.height)
    for name in PERSON_KEYS[collection].owner if collection in PERSON_KEYS else ():
        theirs = theirs | forgotten.mean(ids if name == "_id" else attributes.text(name))
    own = names.row_ids(collection, ids).values.filter(theirs)
    return rows.filter(
        ~pl.col("row_id").is_in(own.implode())
        & ~(forgotten.mean(rows["hash"]) | forgotten.hold(rows["written"]))
    )


def _seen(collection: str) -> frozenset[str]:
    """The attributes that tell what of a row is hidden, and whose it is."""
    owner = PERSON_KEYS[collection].owner if collection in PERSON_KEYS else ()
    return frozenset(name.partition(".")[0] for name in (*PUBLISHED.get(collection, ()), *owner))


_SOURCES = (
    *(_Source(c, "bookings", "booking_id", _bookings, "origin") for c in BOOKING_COLLECTIONS),
    _Source("chat_messages", "messages", "message_id", _messages),
    *(
        _Source(c, "providers", "provider_id", _contacts("provider_id"), "origin")
        for c in PROVIDER_COLLECTIONS
    ),
    _Source(USERS, "customers", "customer_id", _contacts("customer_id"), "origin"),
    *(
        _Source(
            c,
            "hidden_values",
            "row_id",
            _hidden,
            "collection",
            _seen(c),
        )
        for c in INGESTED
    ),
)


def update_private(
    raw_path: Path,
    published_dir: Path,
    *,
    rules_version: str = RULES_VERSION,
    chunk_rows: int = 100_000,
) -> Path:
    """Bring the private file up to the mirror and return its real path. Nothing changed: nothing is copied.

    Rows deleted, erased or quarantined in raw leave it. Safe to be killed at any instant: the link always
    points to a whole file, and files nobody points to are removed by the next call.
    """
    published_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    link = published_dir / LINK
    current = link.resolve() if link.is_symlink() and link.resolve().exists() else None

    con = open_warehouse()
    try:
        attach(con, raw_path)
        mirror = Mirror.describe(con)
        # What is gone leaves it, also of rows that have not changed since: then it is written anew.
        gone = {c: sorted(mirror.gone[c]) for s in _SOURCES if mirror.gone.get(c := s.collection)}
        rules = f"{rules_version} of {_attributes_told()}"
        if gone:
            rules += f" without {json.dumps(gone)}"
        mark = _mark(current, rules) if current is not None else None
        newest = mirror.newest_change(con)
        if mark is not None and mark > newest:
            mark = None  # another mirror
        if mark == newest and current is not None:
            _remove_others(published_dir, current)
            return current
        target = published_dir / f"private_{newest:012d}_{secrets.token_hex(4)}.duckdb"
        making = target.with_suffix(".making")
        try:
            if mark is None or current is None:
                _write(con, mirror, making, newest, rules, chunk_rows, raw_path, after=None)
            else:
                _change(con, mirror, current, making, mark, newest, rules, chunk_rows, raw_path)
            os.chmod(making, 0o400)
            sync(making)
            os.replace(making, target)
        finally:
            for leftover in (making, Path(f"{making}.wal")):
                leftover.unlink(missing_ok=True)
    finally:
        con.close()
    fresh_link = published_dir / f".{LINK}.{secrets.token_hex(4)}"
    os.symlink(target.name, fresh_link)
    os.replace(fresh_link, link)
    sync(published_dir)
    _remove_others(published_dir, target)
    return target


def _mark(path: Path, rules_version: str) -> int | None:
    """The change up to which a private file was written; null where it cannot be continued (another layout, damaged):
    it is then written anew from raw."""
    try:
        with open_warehouse(path, read_only=True) as con:
            row = con.execute("SELECT processed_change, rules_version FROM _state").fetchone()
    except (duckdb.Error, DatabaseDamaged):
        return None
    return int(row[0]) if row is not None and row[1] == rules_version else None


def _change(
    con: duckdb.DuckDBPyConnection,
    mirror: Mirror,
    current: Path,
    making: Path,
    mark: int,
    newest: int,
    rules_version: str,
    chunk_rows: int,
    raw_path: Path,
) -> None:
    """A copy of the current file with the changes since its mark; a file written anew where a value has to
    leave."""
    shutil.copyfile(current, making)  # nobody in this process has it open: see publishing on POSIX locks
    try:
        anew = _write(con, mirror, making, newest, rules_version, chunk_rows, raw_path, after=mark)
    except (duckdb.Error, DatabaseDamaged):
        anew = True  # damaged further in; where it is the mirror that cannot be read, that is raised now
        Path(f"{making}.wal").unlink(missing_ok=True)
    if anew:
        making.unlink()
        _write(con, mirror, making, newest, rules_version, chunk_rows, raw_path, after=None)


def _write(
    con: duckdb.DuckDBPyConnection,
    mirror: Mirror,
    path: Path,
    newest: int,
    rules_version: str,
    chunk_rows: int,
    raw_path: Path,
    *,
    after: int | None,
) -> bool:
    """Write all rows (``after`` None) or those changed. True where that took away a value the file held."""
    lost = False
    row_names = RowNames(con.cursor(), read_phone_key(raw_path), CATALOG)
    names = row_names.names
    forgotten = _forgotten(con, mirror, raw_path)
    file = open_warehouse(path)
    try:
        file.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        file.execute("BEGIN TRANSACTION")
        if after is None:
            for table, columns in TABLES.items():
                file.execute(f"CREATE TABLE {table} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
            file.execute("CREATE TABLE _state (processed_change BIGINT, rules_version VARCHAR)")
        else:
            lost = _shown(file, [names.of(word) for word in row_names.new_words(after)])
        for source in _SOURCES:
            for frame in mirror.chunks(
                con.cursor(),
                source.collection,
                after=after,
                again=None,
                rows=chunk_rows,
                wanted=source.wanted,
            ):
                rows = _cut(source.read(source.collection, _kept(source.collection, frame), names, forgotten))
                rows_new = rows.to_arrow()  # not registered: a view would keep it until the commit
                if after is not None:
                    ids = names.row_ids(source.collection, frame["_id"]).values
                    # One of two rows with one $id but for its spelling may stand there under the id it had alone.
                    lost = lost or bool(ids.str.contains(SHARED).any())
                    ids_changed = ids.to_frame("id").to_arrow()
                    file.execute("CREATE OR REPLACE TEMP TABLE ids_now AS SELECT id FROM ids_changed")
                    scope = f" AND {source.scope} = '{source.collection}'" if source.scope else ""
                    theirs = f"{source.key} IN (SELECT id FROM temp.ids_now){scope}"
                    # The texts of the others are not read.
                    those = f"FROM {source.table} WHERE {rows_where(file, source.table, [theirs])}"
                    plain = _PLAIN.get(source.table, ())
                    columns = ", ".join(c for c in TABLES[source.table] if c not in plain)
                    left = file.execute(
                        f"SELECT count(*) FROM (SELECT {columns} {those} EXCEPT SELECT {columns} FROM rows_new)"
                    ).fetchone()
                    lost = lost or (left is not None and left[0] > 0)
                    file.execute(f"DELETE {those}")
                    del ids_changed
                file.execute(f"INSERT INTO {source.table} BY NAME SELECT * FROM rows_new")
                del rows_new
        file.execute("DELETE FROM _state")
        file.execute("INSERT INTO _state VALUES (?, ?)", [newest, rules_version])
        file.execute("COMMIT")
        file.execute("CHECKPOINT")
    finally:
        file.close()
    return lost


def _forgotten(con: duckdb.DuckDBPyConnection, mirror: Mirror, raw_path: Path) -> Forgotten:
    """Whom the mirror was told to forget."""
    if not mirror.has("_forgotten"):
        return Forgotten()
    of_mirror = con.cursor()
    of_mirror.execute(f"USE {CATALOG}")
    return Forgotten.load(of_mirror, raw_path)


def _shown(file: duckdb.DuckDBPyConnection, hashes: list[str]) -> bool:
    """Whether a word is kept that is a key by now: it is published, and hidden no more."""
    found = file.execute(
        "SELECT 1 FROM hidden_values WHERE list_contains($1, lower(hash)) LIMIT 1", [hashes]
    ).fetchone()
    return bool(hashes) and found is not None


def _cut(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without what is beyond LONGEST_WORDS of a text."""
    long = pl.col(pl.String).str.len_bytes() > LONGEST_WORDS
    return rows.with_columns(
        pl.when(long).then(pl.col(pl.String).str.slice(0, LONGEST_WORDS)).otherwise(pl.col(pl.String))
    )


def _kept(collection: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that live and are not quarantined."""
    keep = reject_reasons(collection, frame).is_null()
    for column in ("_rejected", "_deleted_at"):
        if column in frame.columns:
            keep = keep & frame[column].is_null()
    return frame.filter(keep)


def _remove_others(folder: Path, current: Path) -> None:
    for path in (*folder.glob(_PATTERN), *folder.glob("private_*.making*"), *folder.glob(f".{LINK}.*")):
        if path.name != current.name:
            path.unlink(missing_ok=True)
