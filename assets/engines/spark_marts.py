"""Makes steps and marts on a Spark session, from Parquet files to Parquet files.

Not here: how a mart is said in Spark's SQL (spark.py), where its sources lie (resources/lake.py), and what becomes of
the results (spark_build.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from assets.engines.compiled import Compiled
from assets.engines.side_by_side import in_their_order
from assets.engines.spark import markers, typed, view
from assets.marts.mart import Mart

#: Marts made at a time. To plan one keeps a core of this machine busy as long as a small one takes the workers, who had
#: nothing to do meanwhile; how many tasks run at a time is the cluster's to say, so it asks for no more memory there.
AT_ONCE: Final = 4


@dataclass(frozen=True)
class Made:
    """A mart or step that was made: the folder of its Parquet files, and the seconds it took beside others."""

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
    wanted: Sequence[Mart],
    compiled: Mapping[str, Compiled],
    instants: Sequence[Any],
    results: Path,
    *,
    at_once: int = AT_ONCE,
) -> dict[str, Made]:
    """Make ``wanted``, each after those it reads and ``at_once`` of them at a time, as Parquet files in folders of
    ``results``, which every worker must reach. Where one fails what it raised is raised, when no other is being made
    any more."""
    values = markers(instants)

    def one(mart: Mart) -> Made:
        started = time.perf_counter()
        sql = typed(compiled[mart.name])
        used = {name: value for name, value in values.items() if f":{name} " in sql}
        folder = (results / mart.name).as_uri()
        session.sql(sql, args=used).write.mode("overwrite").parquet(folder)
        frame = session.read.schema(_listed(compiled[mart.name].columns)).parquet(folder)
        frame.createOrReplaceTempView(view("temp" if mart.step else "marts", mart.name))
        return Made(folder, time.perf_counter() - started)

    return in_their_order(
        {mart.name: partial(one, mart) for mart in wanted},
        {mart.name: mart.needs for mart in wanted},
        at_once=at_once,
        stop=lambda: session.sparkContext.cancelAllJobs(),
    )
