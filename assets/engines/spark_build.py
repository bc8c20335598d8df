"""A build of the marts on a Spark cluster: the tables they read laid out as Parquet, the marts made there, their
results as queries that the warehouse reads.

Not here: the dialect (spark.py), the order and the writing of marts (assets/marts/build.py), the layout
(resources/lake).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from assets.engines import spark_marts
from assets.engines.compiled import Compiled, Wanted
from assets.engines.spark import TYPES
from assets.marts.every import MARTS
from assets.marts.given import GIVEN
from assets.marts.mart import Mart
from assets.marts.sql_cache import compiled_spark
from checks.schemas import CORE, OPS
from resources import lake
from resources.objects import FolderObjects
from resources.settings import Settings
from resources.spark import SparkFailure, in_a_sentence, ready, session
from resources.sql import literal

#: Spark's name of a type → DuckDB's, where they differ.
_WAREHOUSE: Final = {theirs: ours for ours, theirs in TYPES.items()}
#: Beside the lake's tables, where no listing of them looks: results that the warehouse has not read yet.
_RESULTS: Final = ".results"


def sources(marts: Iterable[Mart]) -> tuple[lake.Source, ...]:
    """The tables of core, ops and what a build is given that these marts and steps read."""
    found: dict[str, lake.Source] = {}
    for mart in marts:
        for name in mart.reads:
            if name in GIVEN:
                found[name] = lake.Source(None, name)
            elif name in CORE:
                found[name] = lake.Source(
                    "core", name, _month({column.name for column in CORE[name].columns})
                )
            elif name in OPS and name not in mart.needs:
                found[name] = lake.Source("ops", name)
    return tuple(found[name] for name in sorted(found))


def _month(columns: Collection[str]) -> str | None:
    """SQL of the month that a row of a table with these columns was made in, as text: the local one where the table
    has its zone (null where that is not known), else UTC's. None where it has no instant."""
    if "created_at" not in columns:
        return None
    local = " + to_minutes(utc_offset_minutes)" if "utc_offset_minutes" in columns else ""
    return f"strftime(created_at{local}, '%Y-%m')"


class SparkBuild:
    """Makes marts on a session that lasts as long as a run. ``folder``: the lake's, which every worker reaches;
    ``making``: of this machine, for files that are being made. ``say`` tells a person who looks on."""

    def __init__(
        self, session: Any, folder: Path, making: Path, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self._session = session
        self._store = FolderObjects(folder)
        self._making = making
        self._say = say
        self.lake_seconds = 0.0
        """Of the last build: how long the lake took, how many of its parts were written, how long the marts took, and
        each of them beside others."""
        self.parts = 0
        self.marts_seconds = 0.0
        self.seconds: Mapping[str, float] = {}

    def make(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> dict[str, Compiled]:
        """Name → a mart as a query of its result. Raises SparkFailure where the cluster fails, StoreFailure where the
        lake cannot be written."""
        compiled = {one.name: one for one in compiled_spark(wanted.policy, wanted.cache)}
        listed = sources(MARTS.values())
        began = time.perf_counter()
        written = lake.write(con, listed, self._store, _state(con), making=self._making)
        self.lake_seconds, self.parts = time.perf_counter() - began, written.parts
        self._say(f"Lake: version {written.version.number}, {written.parts} parts written.")
        results = self._store.root / _RESULTS
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir(mode=0o700)
        began = time.perf_counter()
        with in_a_sentence():
            spark_marts.lay_out(self._session, (self._table(written.version, source) for source in listed))
            made = spark_marts.make(self._session, wanted.marts, compiled, wanted.instants, results)
        self.marts_seconds = time.perf_counter() - began
        self.seconds = {name: one.seconds for name, one in made.items()}
        return {
            mart.name: _read(compiled[mart.name], results / mart.name)
            for mart in wanted.marts
            if not mart.step
        }

    def _table(self, version: lake.Version, source: lake.Source) -> spark_marts.Table:
        columns = [(name, TYPES.get(kind, kind)) for name, kind in version.columns[source.folder]]
        files = [self._store.path(key).as_uri() for key in version.keys(source)]
        return spark_marts.Table(source.layer, source.name, columns, files)

    def clear(self) -> None:
        """Take away results; what was wanted of them is in the warehouse."""
        shutil.rmtree(self._store.root / _RESULTS, ignore_errors=True)


def _state(con: duckdb.DuckDBPyConnection) -> Mapping[str, Any]:
    """What core was made from, as the manifest tells it: texts and numbers."""
    found = con.execute(
        "SELECT rules_version, processed_change, built_at::VARCHAR AS built_at, timezone FROM core.state"
    )
    row = found.fetchone()
    return dict(zip((column[0] for column in found.description or ()), row or (), strict=False))


def _read(made: Compiled, folder: Path) -> Compiled:
    columns = tuple((name, _WAREHOUSE.get(kind, kind)) for name, kind in made.columns)
    return Compiled(made.name, columns, f"SELECT * FROM read_parquet({literal(str(folder / '*.parquet'))})")


def _lake_folder(settings: Settings) -> Path:
    """Raises SparkFailure where the lake would lie in an object store: Spark needs a connector for each kind of those,
    which is none of its own parts."""
    folder = lake.folder_of(settings)
    if folder is None:
        raise SparkFailure.of("failure.spark_store")
    return folder


@contextmanager
def spark_build(settings: Settings, say: Callable[[str], None] = lambda line: None) -> Generator[SparkBuild]:
    """A session for the builds of a run. Raises SparkFailure."""
    folder = _lake_folder(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    working = lake.working_folder(settings)
    with session(settings.spark_master, working) as opened:
        made = SparkBuild(opened, folder, working / "making", say)
        try:
            yield made
        finally:
            made.clear()


def examined(settings: Settings) -> None:
    """Raise what a run would raise for want of an extra, Java, a master or a folder."""
    _lake_folder(settings)
    ready(settings.spark_master)
