"""What an earlier report said: the snapshot it rests on, opened beside the one a package is made of, else its own
manifest. What is asked of them stands in the modules of the tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from pipelines.exports.manifest import MANIFEST, DamagedManifest, Manifest, read_manifest, sha256_of_bytes
from pipelines.exports.month.table import Earlier
from pipelines.exports.report_files import sha256_of
from resources.errors import BookwatchError
from resources.snapshots import open_snapshot

#: Whoever opens an earlier snapshot opens it so: DuckDB opens a file once a process and configuration.
MEMORY: Final = "256MB"
_NOT_AS_PUBLISHED: Final = "The snapshot that report rests on cannot be read, or is not as it was published."
_HERE: Final = "SELECT path FROM duckdb_databases() WHERE NOT internal AND database_name = current_database()"


@contextmanager
def reported(
    con: duckdb.DuckDBPyConnection, earlier: Earlier
) -> Iterator[tuple[duckdb.DuckDBPyConnection | None, str]]:
    """A connection to the snapshot an earlier report rests on, or None and why there is none, in a sentence.

    Where it is the very snapshot of ``con``, a second cursor on that. Else it is hashed: a report is held against it.
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
                open_snapshot(earlier.snapshot, memory_limit=MEMORY, spill_folder=spill, in_full=True)
            )
        except BookwatchError:
            # (No word of where it lies: a package is the same bytes in any home.)
            yield None, _NOT_AS_PUBLISHED
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


def reported_manifest(earlier: Earlier) -> Manifest | None:
    """The manifest of the report; None where it is gone or not the one handed out."""
    try:
        data = (earlier.folder / MANIFEST).read_bytes()
        return read_manifest(data) if sha256_of_bytes(data) == earlier.manifest_sha256 else None
    except (OSError, DamagedManifest):
        return None


def reported_figures(earlier: Earlier) -> dict[str, int | None]:
    """The figures that the report itself says, by its manifest; none where that is gone or not the one handed out."""
    manifest = reported_manifest(earlier)
    return dict(manifest.month.figures) if manifest and manifest.month else {}


def reported_file(earlier: Earlier, ending: str) -> Path | None:
    """A file of the report, by the end of its name; None where it, or the manifest, is gone or not what was handed
    out."""
    manifest = reported_manifest(earlier)
    for entry in manifest.files if manifest else []:
        path = earlier.folder / entry.name
        if entry.name.endswith(ending) and Path(entry.name).name == entry.name and not path.is_symlink():
            return path if path.is_file() and sha256_of(path) == entry.sha256 else None
    return None
