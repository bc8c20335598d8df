"""The declared tables as Dagster shows them: each column with its type, its rules and its sentence."""

from __future__ import annotations

from typing import Any

from dagster import TableColumn, TableColumnConstraints, TableConstraints, TableSchema

from checks.schemas.table import Column, Declaration


def shown(one: Declaration) -> dict[str, Any]:
    """The metadata of a table's asset, whatever the run."""
    schema = TableSchema(
        [_column(column, alone=one.key == (column.name,)) for column in one.columns],
        TableConstraints([f"unique: {', '.join(one.key)}"] if one.key else []),
    )
    return {"dagster/column_schema": schema, "dagster/table_name": one.table}


def _column(column: Column, *, alone: bool) -> TableColumn:
    words = [f"one of: {', '.join(map(str, column.words))}"] if column.words else []
    constraints = TableColumnConstraints(nullable=column.null, unique=alone, other=words)
    return TableColumn(column.name, column.sql, column.told, constraints)
