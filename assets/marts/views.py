"""What a snapshot tells of its figures: the views behind.* (the rows behind each mart), ops.figures (how each column
follows from them) and the views metrics.* (the figures that people quote, by name). Written where the rules changed
since they were last, or the warehouse is new.

The rows stand beside each mart (behind.py says how).
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from assets.marts.behind import SCHEMA, explained
from assets.marts.sql_cache import compiled_behind, fingerprint
from assets.ops import create_ops
from checks.schemas import MARTS, OPS
from checks.schemas.figures import Kind, other
from checks.schemas.sql import create_table
from checks.schemas.table import Declaration
from marketplace.metrics import METRICS, Metric
from marketplace.policy import Policy
from messages.figures import called, sentence
from resources.sql import literal, quoted


def write_views(con: duckdb.DuckDBPyConnection, policy: Policy, cache: Path | None = None) -> None:
    """Make the views and ops.figures anew, unless those there were made by the same rules. ``cache``: as build.py."""
    by, rows = fingerprint(policy), explained()
    if con.execute("SELECT views FROM ops.judged").fetchone() == (by,):
        return
    create_ops(con)
    con.execute("BEGIN")
    con.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    con.execute(f"CREATE SCHEMA {SCHEMA}")
    for one in compiled_behind(policy, cache):
        name = f"{SCHEMA}.{quoted(one.name)}"
        con.execute(f"CREATE VIEW {name} AS {one.sql}")
        con.execute(f"COMMENT ON VIEW {name} IS {literal(_told(MARTS[one.name]))}")
    con.execute("DROP SCHEMA IF EXISTS metrics CASCADE")
    con.execute("CREATE SCHEMA metrics")
    for metric in METRICS.values():
        name = f"metrics.{quoted(metric.name)}"
        con.execute(f"CREATE VIEW {name} AS {metric.sql}")
        con.execute(f"COMMENT ON VIEW {name} IS {literal(_defined(metric))}")
    con.execute(create_table(OPS["figures"], anew=True))
    con.executemany(
        f"INSERT INTO ops.figures VALUES ({', '.join('?' * len(OPS['figures'].columns))})",
        [row for name, one in MARTS.items() for row in _figures(one, rows[name].own)],
    )
    con.execute("UPDATE ops.judged SET views = ?", [by])
    con.execute("COMMIT")


def _told(one: Declaration) -> str:
    return f"The rows behind the figures of {one.table}: what each adds, in the column of the figure's name."


def _defined(metric: Metric) -> str:
    """What a metric is, in English."""
    adds = "adds up" if metric.is_additive else "does not add up"
    what = f"{called(metric.name)} ({metric.unit.value}): {sentence(metric.name)}"
    return f"{what}. {metric.formula} of {metric.table}; {adds}."


def _figures(one: Declaration, own: bool) -> list[list[object]]:
    found: list[list[object]] = []
    for column in one.columns:
        if column.key:
            continue
        # One that does not say adds up to nothing (tests/marts/test_behind.py asks it to say so).
        figure = column.figure or other()
        of = figure.of or ((column.name,) if figure.kind is Kind.ADDITIVE else ())
        found.append(
            [
                f"{one.table}.{column.name}",
                one.name,
                column.name,
                figure.kind.value,
                json.dumps(of),
                figure.level,
                None if figure.over is None else json.dumps(figure.over),
                figure.empty,
                json.dumps(one.key),
                own,
                column.what,
                column.unit,
            ]
        )
    return found
