"""What an earlier report said: the snapshot it rests on, opened beside the one a package is made of, else its own
manifest. What is asked of them stands in the modules of the tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from pipelines.exports.manifest import MANIFEST, DamagedManifest, read_manifest, sha256_of_bytes
from pipelines.exports.month.table import Earlier
from resources.errors import BookwatchError
from resources.snapshots import open_snapshot

#: Whoever opens an earlier snapshot opens it so: DuckDB opens a file once a process and configuration.
MEMORY: Final = "256MB"
_HERE: Final = "SELECT path FROM duckdb_databases() WHERE NOT internal AND database_name = current_database()"


@contextmanager
def reported(
    con: duckdb.DuckDBPyConnection, earlier: Earlier
) -> Iterator[tuple[duckdb.DuckDBPyConnection | None, str]]:
    """A connection to the snapshot an earlier report rests on, or None and why there is none, in a sentence.

    Where it is the very snapshot of ``con``, a second cursor on that.
    """
    if earlier.snapshot is None:
        yield None, "The snapshot that report rests on is not kept any more."
        return
    here = con.execute(_HERE).fetchone()
    with ExitStack() as stack:
        if here and here[0] and Path(str(here[0])).resolve() == earlier.snapshot.resolve():
            yield stack.enter_context(con.cursor()), ""
            return
        spill = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bookwatch-earlier-")))
        try:
            before = stack.enter_context(
                open_snapshot(earlier.snapshot, memory_limit=MEMORY, spill_folder=spill)
            )
        except BookwatchError as refused:
            yield None, str(refused)
            return
        yield before, ""


def same_rules(con: duckdb.DuckDBPyConnection, before: duckdb.DuckDBPyConnection) -> bool:
    """Whether both snapshots are of one version of the rules, one zone and the same bounds of amounts."""
    return _described(con) == _described(before)


def _described(con: duckdb.DuckDBPyConnection) -> list[Any]:
    said: list[Any] = []
    for query in (
        "SELECT rules_version FROM ops.snapshot",
        "SELECT timezone, amount_min, amount_max FROM core.state",
    ):
        try:
            said += con.execute(query).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            said.append(None)
    return said


def reported_figures(earlier: Earlier) -> dict[str, int | None]:
    """The figures that the report itself says, by its manifest; none where that is gone or not the one handed out."""
    try:
        data = (earlier.folder / MANIFEST).read_bytes()
        if sha256_of_bytes(data) != earlier.manifest_sha256:
            return {}
        manifest = read_manifest(data)
    except (OSError, DamagedManifest):
        return {}
    return dict(manifest.month.figures) if manifest.month else {}
