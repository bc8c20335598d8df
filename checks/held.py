"""Where a check held, and of which rows: of the same rows it holds again, and is not asked.

What a text of the rows is made of is known from the tables' own proofs (proven.py), so no row of a large table is read
for it; a small one is read. Where a check did not hold, or could not tell something, it is asked each time. Which
checks rest on rows alone they say themselves (check.py).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import duckdb

from checks.proven import has_file, trusted
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.table import Declaration
from resources.sql import quoted

#: So many rows of a table are read, of the columns that are named; of more the proof has to say what they are.
FEW_ROWS: Final = 100_000
_DECLARED: Final = {one.table: one for layer in (CORE, MARTS, OPS) for one in layer.values()}


def rows_of(con: duckdb.DuckDBPyConnection, queries: Iterable[str]) -> str | None:
    """A text that is another where one of these queries is, or a row of a table that one names; None where it would
    take reading a large table, or nothing is kept: the tables are in memory. Of a small table a column that no query
    names tells nothing: the clock alone moves some of them."""
    if not has_file(con):
        return None
    text = "\n".join(queries)
    words = set(re.findall(r"\w+", text))
    told = [text]
    for table in sorted(set(re.findall(r"\b(?:core|marts|ops)\.\w+", text))):
        found = _rows(con, _DECLARED[table], words)
        if found is None:
            return None
        told.append(f"{table} {found}")
    return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


def _rows(con: duckdb.DuckDBPyConnection, one: Declaration, words: set[str]) -> str | None:
    counted = con.execute(f"SELECT count(*) FROM {one.table}").fetchone()
    rows = int(counted[0]) if counted else 0
    if rows <= FEW_ROWS:
        named = ", ".join(quoted(name) for name in one.sql_columns if name in words) or "1"
        return str(
            con.execute(
                f"SELECT count(*), coalesce(sum(hash({named})::HUGEINT), 0) FROM {one.table}"
            ).fetchone()
        )
    proof = trusted(con, one.model, one.table)
    if proof is None or proof.contents.rows != rows:
        return None
    return str(proof.contents)
