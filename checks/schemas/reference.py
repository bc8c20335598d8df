"""The declared tables as a page to read. Nothing is said here that a declaration does not say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from checks.schemas import CORE, MARTS, OPS, SUBJECTS
from checks.schemas.table import Column, Declaration

REFERENCE: Final = "docs/reference/tables.md"
_OPENING: Final = """\
# Tables of the warehouse

Made by `python -m checks.schemas` from the declarations in `checks/schemas/`: change those, not this
page. raw.duckdb and private.duckdb are in [tables.md](../tables.md). A snapshot says the same of
itself: `bookwatch sql "SELECT table_name, column_name, comment FROM duckdb_columns()"`.

Ids are Appwrite's `$id`. `_idr` is integer rupiah. Instants are naive UTC `TIMESTAMP` (microseconds).
Dates named `local_*` are days in the provider's zone, null while that zone is not known: its provider
was not read yet (docs/decisions.md, 49). Nothing in core, marts or ops holds personal data.
"""


def reference() -> str:
    """The page, in Markdown."""
    parts = [_OPENING, "## core: the marketplace's rows\n", *map(_table, CORE.values())]
    for subject in SUBJECTS:
        tables = [one for one in MARTS.values() if one.model.__module__ == subject.__name__]
        if tables:
            parts += [
                f"## marts: {subject.__name__.rsplit('.', 1)[-1]}\n",
                _about(subject.__doc__),
                *map(_table, tables),
            ]
    parts += ["## ops: bookwatch's own working\n", *map(_table, OPS.values())]
    return "\n".join(parts)


def _about(text: str | None) -> str:
    return " ".join((text or "").split()) + "\n"


def _table(one: Declaration) -> str:
    key = f" Key: {', '.join(f'`{name}`' for name in one.key)}." if one.key else ""
    view = " A view." if one.view else ""
    lines = [
        f"### {one.table}",
        "",
        f"{_cell(one.what)}{key}{view}",
        "",
        "| column | type | what |",
        "|---|---|---|",
    ]
    lines += [f"| {c.name} | {c.sql} | {_cell(_told(c))} |" for c in one.columns]
    return "\n".join(lines) + "\n"


def _told(column: Column) -> str:
    told = column.told
    if column.null and "null" not in column.what:
        told += "; may be null"
    if column.words:
        told += f" ({_listed(column.words)})"
    return told


def _listed(words: Iterable[object]) -> str:
    return ", ".join(str(word) for word in words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
