"""What is known of a table's rows: contents that were judged whole, and what was made of them since, each row of which
was validated as it was written. So a row is validated once.

Nobody but this process can write a file while it has it open, and what it writes into declared tables it tells here
(``Writing``, ``rewritten``). So as long as nobody wrote the file between two openings (resources/file_marks.py) what is
known is trusted, and no row is read to know it again. Where somebody may have, every value of every row is compared
once, by a digest: the number of rows and the sum of their hashes. That goes from process to process in a file beside
the warehouse, written once it is closed: a process that is killed leaves the file of before, which then fits no more.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson
import polars as pl

from checks.schemas.table import Declaration, Table
from resources import file_marks, own_files
from resources.few_rows import TOLD_KEYS, seek
from resources.sql import quoted

#: The form of the file beside the warehouse.
_FORM: Final = 1


@dataclass(frozen=True)
class Contents:
    """Some rows: how many, and the sum of their hashes."""

    rows: int = 0
    digest: int = 0

    def __add__(self, more: Contents) -> Contents:
        return Contents(self.rows + more.rows, self.digest + more.digest)

    def __neg__(self) -> Contents:
        return Contents(-self.rows, -self.digest)


@dataclass(frozen=True)
class Proof:
    """The rows of a table hold to what ``model`` names. ``keys``: its keys are known to be ones too. ``chain``: of the
    openings for which that is trusted without a look; None: where the contents are still these. ``told``: what the
    build that wrote the table says of it itself."""

    model: Any
    contents: Contents
    keys: bool = True
    chain: int | None = None
    told: str = ""


#: (file, table) → what is known of it.
_PROVEN: dict[tuple[str, str], Proof] = {}
#: (file, check) → a text of the rows of which it held last (held.py).
_HELD: dict[tuple[str, str], str] = {}
#: File → the chain of openings at whose beginning what another process knew was read.
_READ: dict[str, int] = {}


def row_hash(columns: Iterable[str]) -> str:
    """SQL of the hash of a row, from its columns in the order of their table."""
    return f"hash({', '.join(quoted(column) for column in columns)})"


def digest(columns: Iterable[str]) -> str:
    """SQL of what ``Contents`` holds, of all rows with these columns in the order of their table."""
    return f"count(*), coalesce(sum({row_hash(columns)}::HUGEINT), 0)"


def contents_of(con: duckdb.DuckDBPyConnection, one: Declaration, rows: str) -> Contents:
    """The contents of a relation of SQL (a table, a subquery) that has the columns of a declared table by name."""
    typed = ", ".join(
        f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in one.sql_columns.items()
    )
    found = con.execute(f"SELECT {digest(one.sql_columns)} FROM (SELECT {typed} FROM {rows})").fetchall()
    return Contents(*map(int, found[0]))


def known(con: duckdb.DuckDBPyConnection, model: Any, table: str) -> Proof | None:
    """What is known of the rows of a table by this model."""
    proof = _proof(_file(con), table)
    return proof if proof is not None and proof.model == _named(model) else None


def trusted(con: duckdb.DuckDBPyConnection, model: Any, table: str) -> Proof | None:
    """The same, where nobody can have written the table since."""
    proof, chain = known(con, model, table), file_marks.chain_of(_file(con))
    if proof is None or chain is None or proof.chain != chain.number:
        return None
    # A second witness: a mart that was written without a word here has another digest in the build's own books.
    return proof if proof.told == _told(con, table) else None


def prove(con: duckdb.DuckDBPyConnection, model: Any, table: str, found: Contents) -> None:
    """The rows were judged whole, and hold; their keys are ones."""
    file = _file(con)
    if file:
        _PROVEN[(file, table)] = Proof(_named(model), found, True, _chain(file), _told(con, table))


def rewritten(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """The table is written without a look at its rows: nothing is known of them until they are looked at."""
    file = _file(con)
    _proof(file, table)  # read before it is forgotten, else it would be read after
    _PROVEN.pop((file, table), None)


def has_file(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a connection's tables stand in a file: of others nothing is known from process to process."""
    return bool(_file(con))


def held_of(con: duckdb.DuckDBPyConnection, check: str) -> str | None:
    """Of which rows a check held last."""
    file = _file(con)
    _read(file)
    return _HELD.get((file, check))


def hold_of(con: duckdb.DuckDBPyConnection, check: str, rows: str) -> None:
    """A check held of these rows."""
    _HELD[(_file(con), check)] = rows


class Writing:
    """What one transaction writes into declared tables, and takes out of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._made: set[str] = set()
        self._unknown: set[str] = set()
        self._changes: dict[str, tuple[Declaration, Contents]] = {}
        self._keys: dict[str, list[pl.DataFrame]] = {}
        self._apart: dict[str, tuple[str, ...]] = {}

    def made_anew(self, tables: Iterable[Declaration]) -> None:
        """They hold no row."""
        for one in tables:
            self._made.add(one.table)
            self._changes[one.table] = (one, Contents())

    def added(
        self,
        one: Declaration,
        rows: Contents,
        keys: pl.DataFrame | None = None,
        *,
        apart: tuple[str, ...] = (),
    ) -> None:
        """Rows that were validated and written. ``keys``: at least the columns of the table's keys; None: what of
        their keys is not known is looked at when the table is. ``apart``: columns of which no other row of the table
        can have the values of one of these; keys with all of them are compared with one another alone."""
        self._note(one, rows)
        if one.table in self._made:
            return  # its keys are looked at once, when the table is
        if rows.rows and keys is not None:
            wanted = dict.fromkeys(name for columns in _keys_of(one) for name in columns)
            self._keys.setdefault(one.table, []).append(keys.select(list(wanted)))
            self._apart[one.table] = apart if apart == self._apart.get(one.table, apart) else ()
        elif rows.rows:
            self._unknown.add(one.table)

    def taken(self, one: Declaration, rows: Contents) -> None:
        """Rows that were deleted."""
        self._note(one, -rows)

    def lost(self, one: Declaration) -> None:
        """Nothing is known of the table any more: what was written does not hold to its declaration."""
        self._changes[one.table] = (one, Contents())
        self._made.discard(one.table)
        rewritten(self._con, one.table)

    def _note(self, one: Declaration, rows: Contents) -> None:
        _, before = self._changes.get(one.table, (one, Contents()))
        self._changes[one.table] = (one, before + rows)

    def committed(self) -> None:
        """What was written stands: what was known of the tables is known of them with it."""
        file = _file(self._con)
        for table, (one, change) in self._changes.items():
            anew, model = table in self._made, _named(one.model)
            before = Proof(model, Contents(), False, _chain(file)) if anew else _proof(file, table)
            _PROVEN.pop((file, table), None)
            if not file or before is None or before.model != model:
                continue
            # Of a table made anew the keys are looked at once, when it is.
            keys = before.keys and table not in self._unknown and self._are_ones(one)
            contents = before.contents + change
            _PROVEN[(file, table)] = replace(
                before, contents=contents, keys=keys, told=_told(self._con, table)
            )

    def _are_ones(self, one: Declaration) -> bool:
        """Whether no other row has a key of a row that was added. Those of all others were ones before."""
        if one.table not in self._keys or not _keys_of(one):
            return True
        added = pl.concat(self._keys[one.table], how="vertical_relaxed")
        apart = set(self._apart[one.table])
        keys_added = added.unique().to_arrow()
        seek(self._con, TOLD_KEYS)
        try:
            for number, columns in enumerate(_keys_of(one)):
                if apart and apart <= set(columns):
                    if _twice(added, columns, where_present=_is_where_present(one, number)):
                        return False
                    continue
                names = ", ".join(map(quoted, columns))
                # Only the key proper takes a null for a value, and where none may be one blocks can be left out.
                present, nulls = "TRUE", {column.name for column in one.columns if column.null}
                if _is_where_present(one, number):
                    present, nulls = (
                        " AND ".join(f"t.{quoted(column)} IS NOT NULL" for column in columns),
                        set(),
                    )
                both = " AND ".join(
                    f"t.{quoted(column)} {'IS NOT DISTINCT FROM' if column in nulls else '='} a.{quoted(column)}"
                    for column in columns
                )
                asked = (
                    f"SELECT 1 FROM (SELECT {names} FROM {one.table} AS t SEMI JOIN keys_added AS a ON {both}"
                    f" WHERE {present}) GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
                )
                if self._con.execute(asked).fetchone() is not None:
                    return False
        finally:
            del keys_added
        return True


def _keys_of(one: Declaration) -> list[tuple[str, ...]]:
    """Columns that no two rows have the same values in: the key, then those of the rows that have a value in each."""
    return [*([one.key] if one.key else []), *one.unique_where_present]


def _is_where_present(one: Declaration, number: int) -> bool:
    """Whether a key of ``_keys_of`` is one of the rows that have a value in each of its columns only."""
    return number >= len(_keys_of(one)) - len(one.unique_where_present)


def _twice(rows: pl.DataFrame, columns: tuple[str, ...], *, where_present: bool) -> bool:
    """Whether two of these rows have one key."""
    keys = rows.select(list(columns))
    return bool((keys.drop_nulls() if where_present else keys).is_duplicated().any())


# From process to process -------------------------------------------------------------------------------


def keep(path: Path) -> None:
    """Write down what is known of the tables of a file that this process has closed. Where that fails the next process
    looks once more: nothing else rests on it."""
    was_left = file_marks.left(path)
    beside = _beside(path)
    if was_left is None:
        return
    chain, mark = was_left
    tables = {
        table: [proof.model, proof.contents.rows, str(proof.contents.digest), proof.keys, proof.told]
        for (file, table), proof in _PROVEN.items()
        # Names of models of tests, which are no declarations, mean nothing to another process.
        if file == str(path) and proof.chain == chain.number and isinstance(proof.model, str)
    }
    held = {check: rows for (file, check), rows in _HELD.items() if file == str(path)}
    told = {"form": _FORM, "mark": mark, "tables": tables, "held": held}
    content = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    with suppress(OSError):
        if not beside.exists() or beside.read_bytes() != content:
            own_files.replace(beside, content)


def _beside(path: Path) -> Path:
    return path.with_suffix(".proven")


def _proof(file: str, table: str) -> Proof | None:
    _read(file)
    return _PROVEN.get((file, table))


def _read(file: str) -> None:
    """Take up what another process knew of a file, at the beginning of a chain of openings."""
    chain = file_marks.chain_of(file)
    if chain is None or _READ.get(file) == chain.number:
        return
    _READ[file] = chain.number
    try:
        told = orjson.loads(_beside(Path(file)).read_bytes())
        if told["form"] != _FORM:
            return
        # Of another state of the file it is still known what the rows were: they may be the same.
        of_chain = chain.number if chain.begun is not None and told["mark"] == chain.begun else None
        found = {
            (file, table): Proof(
                str(model), Contents(int(rows), int(digest)), bool(keys), of_chain, str(by_build)
            )
            for table, (model, rows, digest, keys, by_build) in told["tables"].items()
        }
        # (Of which rows a check held is true whatever became of the file.)
        held = {(file, str(check)): str(rows) for check, rows in told.get("held", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # none yet, or not ours: every row is looked at once
    if of_chain is None:
        found = {key: proof for key, proof in found.items() if key not in _PROVEN}
    _PROVEN.update(found)
    _HELD.update({key: rows for key, rows in held.items() if key not in _HELD})


def _told(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """The digest of a mart in the books of the builds; empty for other tables, and where there are no such books."""
    layer, _, name = table.partition(".")
    if layer != "marts":
        return ""
    try:
        found = con.execute("SELECT digest FROM ops.mart_digests WHERE mart = ?", [name]).fetchone()
    except duckdb.CatalogException:
        return ""
    return str(found[0]) if found else ""


def _chain(file: str) -> int | None:
    chain = file_marks.chain_of(file)
    return None if chain is None else chain.number


def _named(model: Any) -> Any:
    """A declared model by what it asks for, the same in every process; any other schema by itself."""
    return _fingerprint(model) if isinstance(model, type) and issubclass(model, Table) else model


@cache
def _fingerprint(model: type[Table]) -> str:
    """Of a model's rules, and of the text of its module: the rules on rows are functions there."""
    rules = [
        (name, str(annotation.arg), field.properties["nullable"], list(map(repr, field.properties["checks"])))
        for name, (annotation, field) in model.__fields__.items()
    ]
    place = Path(inspect.getfile(model))
    text = place.read_bytes() if place.exists() else b""
    told = orjson.dumps([rules, list(getattr(model.Config, "unique", None) or ())])
    return hashlib.blake2b(told + text, digest_size=16).hexdigest()


def _file(con: duckdb.DuckDBPyConnection) -> str:
    """The file of a connection's database; empty: it is in memory."""
    found = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return str(found[0] or "") if found else ""
