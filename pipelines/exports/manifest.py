"""manifest.json: what a report rests on and what its files must be. Writes and reads it; compares nothing."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson

from marketplace.difference import COLUMNS

MANIFEST: Final = "manifest.json"
# 2: the difference, the locale, the sheets of a workbook, spreadsheet files whose text can be had back exactly.
MANIFEST_VERSION: Final = 2
# 3: the month's package, and it alone.
MONTH_VERSION: Final = 3
MONTH_KIND: Final = "month"
DEFAULT_LOCALE: Final = "en"
TABLE_KIND: Final = "table"
"""The report that is a table of the snapshot as it is: it has no period, no zone, and no difference."""


class DamagedManifest(ValueError):
    """The bytes are not a manifest. The message says what is wrong, in words that follow 'manifest.json'."""


@dataclass(frozen=True)
class SheetEntry:
    """A table of a workbook: its rows and totals, and the CSV they lie in where they are too many for a sheet."""

    name: str
    rows: int
    totals: dict[str, int]
    file: str | None


@dataclass(frozen=True)
class FileEntry:
    """A file of the report. ``totals``: the sum of each ``_idr`` column in rupiah, nulls left out.

    Of a workbook ``rows`` and ``totals`` are those its first sheet holds; ``sheets`` has every table's, else None.
    """

    name: str
    rows: int
    bytes: int
    totals: dict[str, int]
    sha256: str
    sheets: list[SheetEntry] | None = None


@dataclass(frozen=True)
class RewriteEntry:
    """The report was written anew: when (ISO 8601 UTC), why, which files, and the hash of the manifest before."""

    at: str
    because: str
    files: list[str]
    manifest_sha256_before: str


@dataclass(frozen=True)
class MonthEntry:
    """What the manifest of a month's package says beyond a report's.

    ``open``: the period was not closed when its snapshot was judged. ``ageing_at``: the instant ages are as of (ISO
    8601 UTC). ``figures``: by name, rupiah or a count; null: cannot be told. ``bridges``: of the whole, bridge → line →
    rupiah. ``supersedes`` and ``opening_from``: the earlier reports its tables were compared with (manifest_sha256,
    snapshot, made_at, made_by). ``made_by_how``: how it is known who made it. ``signed_off``: who had signed the period
    off by then. ``clock_frozen``: the instants of its making are those of a stopped clock. ``made_under``: the system's
    account it was made under. ``signed_with``: the public key (minisign) of the signature beside the manifest;
    None: it was made without one. ``mart_digests``: marts.<table> → SHA-256 of its rows (digests.py).
    """

    open: bool
    ageing_at: str
    clock_frozen: bool
    made_by_how: str
    bookwatch_version: str
    snapshot_sha256: str | None
    mart_digests: dict[str, str]
    figures: dict[str, int | None]
    bridges: dict[str, dict[str, int]]
    supersedes: dict[str, str] | None
    opening_from: dict[str, str] | None
    signed_off: list[dict[str, str]]
    made_under: str
    signed_with: str | None


@dataclass(frozen=True)
class Manifest:
    """Everything an auditor needs to defend a report. Instants are ISO 8601 UTC; days are local accrual days.

    ``as_of`` is the instant the states were judged at (null where commission records were never scanned).
    ``time_zones`` counts the report's rows by the zone of their day; ``time_zone`` is the default one.
    ``locale`` is how the spreadsheet CSV is written: en (comma, decimal point), id (semicolon, decimal comma).
    ``rows_without_day`` and ``findings_without_day`` are in the snapshot and belong to no period. ``difference``: of
    the machine file's rows, as marketplace/difference.py has it; None in a manifest of version 1. Of a table
    ``period_over`` and ``difference`` are None, and nothing is counted by zone or day. ``rewritten``: since
    it was exported; not written where it never was.
    """

    report: str
    format: str
    locale: str
    snapshot: str
    published_at: str | None
    as_of: str | None
    period_over: bool | None
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
    rewritten: list[RewriteEntry] = field(default_factory=list[RewriteEntry])
    month: MonthEntry | None = None

    def to_bytes(self) -> bytes:
        """The manifest as it is written: indented JSON, keys in this order, a final newline."""
        content = asdict(self)
        if self.manifest_version < 2:
            content = {key: value for key, value in content.items() if key not in _SINCE_2}
            content["files"] = [
                {key: value for key, value in entry.items() if key not in _SINCE_2_OF_FILES}
                for entry in content["files"]
            ]
        if not self.rewritten:
            del content["rewritten"]
        content |= content.pop("month") or {}
        ordered = {"manifest_version": content.pop("manifest_version"), **content}
        return orjson.dumps(ordered, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @property
    def same_report(self) -> tuple[str, str, str, str, tuple[tuple[str, str], ...]]:
        """What two exports have in common when their data files must be the same bytes."""
        return self.report, self.format, self.locale, self.snapshot, tuple(sorted(self.filters.items()))

    @property
    def in_ledger(self) -> str:
        return ledger_words(self.filters, self.format, self.locale)


def ledger_words(filters: dict[str, str], form: str, locale: str) -> str:
    """What the ledger says of a report's period and form: JSON. The locale only where it is not the usual one."""
    usual = locale == DEFAULT_LOCALE
    return orjson.dumps({**filters, "format": form, **({} if usual else {"locale": locale})}).decode()


def sha256_of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_SINCE_2: Final = {"locale", "difference"}
_SINCE_2_OF_FILES: Final = {"sheets"}
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "report": str,
    "format": str,
    "locale": str,
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
    "difference": dict,
}
_MONTH_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "open": bool,
    "ageing_at": str,
    "clock_frozen": bool,
    "made_by_how": str,
    "bookwatch_version": str,
    "snapshot_sha256": (str, type(None)),
    "mart_digests": dict,
    "figures": dict,
    "bridges": dict,
    "supersedes": (dict, type(None)),
    "opening_from": (dict, type(None)),
    "signed_off": list,
    "made_under": str,
    "signed_with": (str, type(None)),
}
_REWRITE_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "at": str,
    "because": str,
    "files": list,
    "manifest_sha256_before": str,
}
_FILE_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "name": str,
    "rows": int,
    "bytes": int,
    "totals": dict,
    "sha256": str,
    "sheets": (list, type(None)),
}
_SHEET_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "name": str,
    "rows": int,
    "totals": dict,
    "file": (str, type(None)),
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
    version = content.get("manifest_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > MONTH_VERSION:
        raise DamagedManifest(f"is of version {version}, which only a newer bookwatch reads")
    left_out, left_out_of_files = (_SINCE_2, _SINCE_2_OF_FILES) if version == 1 else (set(), set())
    kinds = {name: kind for name, kind in _KINDS.items() if name not in left_out}
    file_kinds = {name: kind for name, kind in _FILE_KINDS.items() if name not in left_out_of_files}
    if isinstance(content, dict) and content.get("report") == TABLE_KIND:
        kinds |= {"period_over": type(None), "difference": type(None)}
    is_month = isinstance(content, dict) and content.get("report") == MONTH_KIND
    if is_month:
        kinds |= _MONTH_KINDS
    if isinstance(content, dict) and "rewritten" in content:
        kinds["rewritten"] = list
    content = _require(content, {"manifest_version": int, **kinds}, "the manifest")
    rewritten = [
        RewriteEntry(**_require(entry, _REWRITE_KINDS, f"rewriting {number}"))
        for number, entry in enumerate(content.pop("rewritten", []), 1)
    ]
    if kinds.get("difference") is dict:
        difference = content["difference"]
        if list(difference) != list(COLUMNS) or any(not isinstance(v, int) for v in difference.values()):
            raise DamagedManifest("is not as bookwatch writes it (its difference is not one)")
    if is_month:
        content["month"] = MonthEntry(**{name: content.pop(name) for name in _MONTH_KINDS})
    files = [_file(entry, file_kinds, f"file {number}") for number, entry in enumerate(content["files"], 1)]
    return Manifest(
        **{"locale": DEFAULT_LOCALE, "difference": None, **content, "files": files, "rewritten": rewritten}
    )


def _file(entry: object, kinds: dict[str, Any], where: str) -> FileEntry:
    content = _require(entry, kinds, where)
    _require_whole(content["totals"], where)
    sheets: list[SheetEntry] | None = None
    if content.get("sheets") is not None:
        sheets = []
        for number, sheet in enumerate(content["sheets"], 1):
            here = f"{where}, sheet {number}"
            sheets.append(SheetEntry(**_require(sheet, _SHEET_KINDS, here)))
            _require_whole(sheets[-1].totals, here)
    return FileEntry(**{**content, "sheets": sheets})


def _require_whole(totals: dict[str, Any], where: str) -> None:
    if any(not isinstance(total, int) for total in totals.values()):
        raise DamagedManifest(f"is not as bookwatch writes it ({where}: a total is no integer)")
