"""Every report that was ever handed out from a home: whether it still stands, and holds. One report is verify.py's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.exports.manifest import MANIFEST, TABLE_KIND
from pipelines.exports.report_files import sha256_of
from pipelines.exports.verify import HOME_ALONE, Trust, Verdict, is_same_report, ledger_entries, verify_export
from resources.errors import BookwatchError
from resources.ledger import ExportEntry


@dataclass(frozen=True)
class Standing:
    """A report of the ledger. ``verdict``: of the folder it stands in; None where it is gone. ``gone``: that it is, and
    where it was; ``lost``: and nothing makes up for it."""

    entry: ExportEntry
    verdict: Verdict | None = None
    gone: str | None = None
    lost: bool = False

    @property
    def holds(self) -> bool:
        return not self.lost if self.verdict is None else self.verdict.holds


def verify_every(
    ledger: Path, *, under: Sequence[Path] = (), trust: Trust = HOME_ALONE
) -> Iterator[Standing]:
    """Each report that the ledger knows, in the order they were made; each is proven as by ``bookwatch verify``.

    ``under``: folders in which reports are looked for that were moved. A report that is gone is lost, but for a table
    (analysts throw them away) and for one that stands exported again: its data files are the same bytes.
    Raises BookwatchError where there is no ledger: which reports there must be cannot be told then.
    """
    if not ledger.is_file():
        raise BookwatchError(
            f"There is no ledger {ledger}, so which reports there must be cannot be told.",
            "Set BOOKWATCH_HOME to the home they were exported from.",
        )
    entries = ledger_entries(ledger)
    moved = _moved(under)
    standing = {entry.export_id: _folder(entry, moved) for entry in entries}
    for entry in entries:
        folder = standing[entry.export_id]
        if folder is not None:
            yield Standing(entry, verify_export(folder, ledger, alone=True, trust=trust))
            continue
        stands = _manifest_sha256(Path(entry.folder))
        if stands is not None and all(other.manifest_sha256 != stands for other in entries):
            yield Standing(entry, verify_export(Path(entry.folder), ledger, alone=True, trust=trust))
            continue
        where = f"was in {entry.folder} (manifest {entry.manifest_sha256})"
        if stands is not None:
            where += ", where another report stands now"
        if entry.kind == TABLE_KIND:
            yield Standing(entry, gone=f"{where}; a table is no link of the chain of reports.")
        elif any(is_same_report(entry, other) and standing[other.export_id] for other in entries):
            yield Standing(entry, gone=f"{where}; the same report, exported again, stands.")
        else:
            yield Standing(entry, gone=f"{where}.", lost=True)


def _folder(entry: ExportEntry, moved: dict[str, Path]) -> Path | None:
    folder = Path(entry.folder)
    return folder if _manifest_sha256(folder) == entry.manifest_sha256 else moved.get(entry.manifest_sha256)


def _manifest_sha256(folder: Path) -> str | None:
    try:
        return sha256_of(folder / MANIFEST)
    except OSError:
        return None


def _moved(under: Sequence[Path]) -> dict[str, Path]:
    """Hash of a manifest → the folder below ``under`` it lies in."""
    found: dict[str, Path] = {}
    for folder in under:
        for path in sorted(folder.rglob(MANIFEST)):
            if path.is_file():
                found.setdefault(sha256_of(path), path.parent)
    return found
