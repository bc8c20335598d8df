"""The declared tables of core, marts and ops, and those the mirror keeps for itself, column by column."""

from __future__ import annotations

from checks.schemas import CORE, MARTS, OPS, SUBJECTS
from checks.schemas.table import Column, Declaration
from pipelines.reference.layout import bullets, code, heading, listed, paragraph, sentence, whole
from resources.raw.control_tables import CONTROL_TABLES, ControlTable

_OPENING = """
The collections' tables of raw.duckdb, and private.duckdb, are in [tables.md](../tables.md). A snapshot says the same of
itself: `bookwatch sql "SELECT table_name, column_name, comment FROM duckdb_columns()"`.
"""
_ALL = """
Ids are Appwrite's `$id`. `_idr` is integer rupiah. Instants are naive UTC `TIMESTAMP` (microseconds). Dates named
`local_*` are days in the provider's zone, null while that zone is not known: its provider was not read yet
(docs/decisions.md, 49). Nothing in core, marts or ops holds personal data.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [paragraph(_OPENING), paragraph(_ALL), heading("core: the marketplace's rows")]
    parts += map(_table, CORE.values())
    for subject in SUBJECTS:
        tables = [one for one in MARTS.values() if one.model.__module__ == subject.__name__]
        if tables:
            parts.append(heading(f"marts: {subject.__name__.rsplit('.', 1)[-1]}"))
            parts.append(paragraph(subject.__doc__ or ""))
            parts += map(_table, tables)
    parts += [heading("ops: bookwatch's own working"), *map(_table, OPS.values())]
    parts += [heading("raw.duckdb: what the mirror keeps for itself"), *map(_control_table, CONTROL_TABLES)]
    return whole(
        "Tables", "the declarations in `checks/schemas/` and `resources/raw/control_tables.py`", *parts
    )


def _control_table(one: ControlTable) -> str:
    what = sentence(f"{one.told[0].upper()}{one.told[1:]}")
    columns = (f"{code(column.name)} {column.type}: {column.told}" for column in one.columns)
    return "\n".join([heading(one.name, 3), paragraph(what), bullets(columns)])


def _table(one: Declaration) -> str:
    key = f" Key: {listed(one.key)}." if one.key else ""
    view = " A view." if one.view else ""
    return "\n".join(
        [heading(one.table, 3), paragraph(f"{one.what}{key}{view}"), bullets(map(_column, one.columns))]
    )


def _column(column: Column) -> str:
    told = column.told
    if column.null and "null" not in column.what:
        told += "; may be null"
    if column.words:
        told += f" ({', '.join(str(word) for word in column.words)})"
    return f"{code(column.name)} {column.sql}: {told}"
