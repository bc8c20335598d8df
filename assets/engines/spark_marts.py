"""Makes steps and marts on a Spark session, from Parquet files to Parquet files.

Not here: how a mart is said in Spark's SQL (spark.py), where its sources lie (resources/lake.py), and what becomes of
the results (spark_build.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.engines.compiled import Compiled
from assets.engines.spark import markers, typed, view
from assets.marts.mart import Mart


@dataclass(frozen=True)
class Made:
    """A mart or step that was made: the folder of its Parquet files, and the seconds it took."""

    folder: str
    seconds: float


@dataclass(frozen=True)
class Table:
    """A table to read: its layer (None: what a build is given), name, columns as (name, type in Spark), and the
    addresses of its Parquet files, at least one."""

    layer: str | None
    name: str
    columns: Sequence[tuple[str, str]]
    files: Sequence[str]


def lay_out(session: Any, tables: Iterable[Table]) -> None:
    """Let the SQL find these tables."""
    for table in tables:
        # Told their types, it opens no file to find them out: a task a table.
        read = session.read.schema(_listed(table.columns)).parquet(*table.files)
        read.createOrReplaceTempView(view(table.layer, table.name))


def _listed(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in columns)


def make(
    session: Any,
    wanted: Iterable[Mart],
    compiled: Mapping[str, Compiled],
    instants: Sequence[Any],
    results: Path,
    *,
    done: Callable[[str], None] = lambda name: None,
) -> dict[str, Made]:
    """Make ``wanted``, each after those it reads, as Parquet files in folders of ``results``, which every worker must
    reach. A mart that reads the table of one with a ``through`` is told so by KeyError: those are made here."""
    made: dict[str, Made] = {}
    values = markers(instants)
    for mart in wanted:
        started = time.perf_counter()
        sql = typed(compiled[mart.name])
        used = {name: value for name, value in values.items() if f":{name} " in sql}
        folder = (results / mart.name).as_uri()
        session.sql(sql, args=used).write.mode("overwrite").parquet(folder)
        frame = session.read.schema(_listed(compiled[mart.name].columns)).parquet(folder)
        frame.createOrReplaceTempView(view("temp" if mart.step else "marts", mart.name))
        made[mart.name] = Made(folder, time.perf_counter() - started)
        done(mart.name)
    return made
