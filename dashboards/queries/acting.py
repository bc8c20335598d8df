"""Actions on the marketplace as a snapshot has them: for looking back, where the ledger says what is so now. Asked
through reading.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboards.queries.reading import ask, cached
from messages.message import message_of

Row = Mapping[str, Any]
"""An action, by the columns of ops.actions; ``before`` and ``after`` are mappings, ``why`` and ``outcome`` messages, of
a snapshot with their English as ``why_written`` and ``outcome_written``."""
PAGE_ROWS: Final = 50


@dataclass(frozen=True)
class Asked:
    """Which actions are asked for; '' asks for any. ``sought``: the id of an action or of its row."""

    operation: str = ""
    state: str = ""
    by: str = ""
    plan: str = ""
    sought: str = ""

    def condition(self) -> tuple[str, list[Any]]:
        """SQL on ops.actions, and its parameters."""
        said = [
            (f"{column} = ?", [value])
            for column, value in (
                ("operation", self.operation),
                ("state", self.state),
                ('"by"', self.by),
                ("plan_id", self.plan),
            )
            if value
        ]
        if self.sought:
            said.append(("(action_id = ? OR row_id = ?)", [self.sought, self.sought]))
        return " AND ".join(sql for sql, _ in said) or "true", [value for _, more in said for value in more]


@cached
def listed(path: str, asked: Asked, limit: int, offset: int) -> tuple[list[Row], int]:
    """Actions, what happened last first, and how many there are in all."""
    condition, values = asked.condition()
    rows = ask(
        path,
        f"""SELECT * FROM ops.actions WHERE {condition}
            ORDER BY coalesce(undone_at, settled_at, planned_at) DESC, action_id LIMIT ? OFFSET ?""",
        [*values, limit, offset],
    ).to_dicts()
    total = ask(path, f"SELECT count(*) AS n FROM ops.actions WHERE {condition}", values)["n"][0]
    return [_read(row) for row in rows], int(total)


def _read(row: dict[str, Any]) -> Row:
    return {
        **row,
        "before": json.loads(row["before"]),
        "after": json.loads(row["after"]),
        "why": message_of(row["code"], row["args"]),
        "why_written": row["why"],
        "outcome": message_of(row["outcome_code"], row["outcome_args"]),
        "outcome_written": row["outcome"],
    }
