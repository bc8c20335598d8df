"""manifest.json: what a report rests on and what its files must be. Writes and reads it; compares nothing."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson

from marketplace.difference import COLUMNS

MANIFEST: Final = "manifest.json"
#: Since version 2 a manifest holds ``difference``.
MANIFEST_VERSION: Final = 2


class DamagedManifest(ValueError):
    """The bytes are not a manifest. The message says what is wrong, in words that follow 'manifest.json'."""


@dataclass(frozen=True)
class FileEntry:
    """A file of the report. ``totals``: the sum of each ``_idr`` column in rupiah, nulls left out."""

    name: str
    rows: int
    bytes: int
    totals: dict[str, int]
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything an auditor needs to defend a report. Instants are ISO 8601 UTC; days are local accrual days.

    ``as_of`` is the instant the states were judged at (null where commission records were never scanned).
    ``time_zones`` counts the report's rows by the zone of their day; ``time_zone`` is the default one.
    ``rows_without_day`` and ``findings_without_day`` are in the snapshot and belong to no period. ``difference``: of
    the machine file's rows, as marketplace/difference.py has it; None in a manifest of version 1.
    """

    report: str
    format: str
    snapshot: str
    published_at: str | None
    as_of: str | None
    period_over: bool
    created_at: str
    made_by: str
    time_zone: str
    time_zones: dict[str, int]
    rules_version: str | None
    policy_versions: list[str]
    source: dict[str, str | None]
    filters: dict[str, str]
    rows_without_day: int
    findings_without_day: int
    difference: dict[str, int] | None
    files: list[FileEntry]
    previous_manifest_sha256: str | None
    manifest_version: int = field(default=MANIFEST_VERSION)

    def to_bytes(self) -> bytes:
        """The manifest as it is written: indented JSON, keys in this order, a final newline."""
        content = asdict(self)
        if self.difference is None:
            del content["difference"]
        ordered = {"manifest_version": content.pop("manifest_version"), **content}
        return orjson.dumps(ordered, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @property
    def same_report(self) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
        """What two exports have in common when their data files must be the same bytes."""
        return self.report, self.format, self.snapshot, tuple(sorted(self.filters.items()))


def sha256_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "report": str,
    "format": str,
    "snapshot": str,
    "published_at": (str, type(None)),
    "as_of": (str, type(None)),
    "period_over": bool,
    "created_at": str,
    "made_by": str,
    "time_zone": str,
    "time_zones": dict,
    "rules_version": (str, type(None)),
    "policy_versions": list,
    "source": dict,
    "filters": dict,
    "rows_without_day": int,
    "findings_without_day": int,
    "files": list,
    "previous_manifest_sha256": (str, type(None)),
}
_FILE_KINDS: Final[dict[str, type]] = {
    "name": str,
    "rows": int,
    "bytes": int,
    "totals": dict,
    "sha256": str,
}


def _require(content: object, kinds: dict[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise DamagedManifest(f"is not as bookwatch writes it ({where} is not an object)")
    for name, kind in kinds.items():
        if name not in content or not isinstance(content[name], kind):
            raise DamagedManifest(
                f"is not as bookwatch writes it ({where}: {name} is missing or of the wrong kind)"
            )
    strangers = sorted(str(name) for name in content.keys() - kinds.keys())
    if strangers:
        raise DamagedManifest(
            f"is not as bookwatch writes it ({where}: {', '.join(strangers)} does not belong there)"
        )
    return content


def read_manifest(data: bytes) -> Manifest:
    """The manifest in ``data``. Raises DamagedManifest when it is none, or of a version this bookwatch cannot read."""
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise DamagedManifest("cannot be read: it is not JSON") from None
    if isinstance(content, dict):
        version = content.get("manifest_version")
        if isinstance(version, int) and version > MANIFEST_VERSION:
            raise DamagedManifest(f"is of version {version}, which only a newer bookwatch reads")
    kinds = {"manifest_version": int, **_KINDS}
    if isinstance(content, dict) and content.get("manifest_version") == 1:
        content = {"difference": None, **_require(content, kinds, "the manifest")}
    else:
        content = _require(content, {**kinds, "difference": dict}, "the manifest")
        difference = content["difference"]
        if list(difference) != list(COLUMNS) or any(not isinstance(v, int) for v in difference.values()):
            raise DamagedManifest("is not as bookwatch writes it (its difference is not one)")
    files: list[FileEntry] = []
    for number, entry in enumerate(content["files"], 1):
        entry = _require(entry, _FILE_KINDS, f"file {number}")
        if any(not isinstance(total, int) for total in entry["totals"].values()):
            raise DamagedManifest(f"is not as bookwatch writes it (file {number}: a total is no integer)")
        files.append(FileEntry(**entry))
    return Manifest(**{**content, "files": files})
