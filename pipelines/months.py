"""What is known of a month beside its figures: the instant it closes, the reports of it, whether their files still are
those that were handed out, who signed it off. What follows from that is marketplace/months.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import orjson

from marketplace.closed_months import closes_at, month_after
from marketplace.months import MonthFacts
from pipelines.exports.commissions import KIND as COMMISSIONS
from pipelines.exports.manifest import (
    MANIFEST,
    MONTH_KIND,
    DamagedManifest,
    Manifest,
    read_manifest,
    sha256_of_bytes,
)
from pipelines.exports.report_files import sha256_of
from resources.instants import instant_of, instant_of_stamp
from resources.ledger import ExportEntry, SignOff

#: Reports that an auditor is handed, the fuller first.
KINDS: Final = (MONTH_KIND, COMMISSIONS)


def closing_instant(month: date, time_zone: str) -> datetime:
    """The instant (naive UTC) from which a month is closed in the marketplace's zone."""
    ended = datetime.combine(month_after(month), time(), ZoneInfo(time_zone))
    offset = ended.utcoffset()
    assert offset is not None
    return closes_at(month, offset)


def judged_at(now: datetime, published_at: datetime | None, as_of: datetime | None) -> datetime | None:
    """Up to which instant a snapshot can know of a month; all naive UTC. None where commission records were never
    read: then nothing of it can be told."""
    if published_at is None or as_of is None:
        return None
    return min(now, published_at, as_of)


def told_of(con: duckdb.DuckDBPyConnection) -> tuple[datetime | None, datetime | None]:
    """When a snapshot was published and its commissions were judged. Raises duckdb.Error."""
    published = con.execute("SELECT published_at FROM ops.snapshot").fetchone()
    judged = con.execute("SELECT as_of FROM marts.commission_summary").fetchone()
    return published[0] if published else None, judged[0] if judged else None


def reports_of(entries: Iterable[ExportEntry], month: date) -> list[ExportEntry]:
    """The reports of the whole month and of every provider, oldest first; packages, where there are any."""
    wanted = {"from": month.isoformat(), "to": month_after(month).isoformat()}
    found = [entry for entry in entries if entry.kind in KINDS and _period(entry) == wanted]
    packages = [entry for entry in found if entry.kind == MONTH_KIND]
    return packages or found


def _period(entry: ExportEntry) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(entry.filters)
    return {name: said[name] for name in ("from", "to", "provider") if name in said}


@dataclass(frozen=True)
class Found:
    """A report as its folder has it now. ``holds``: manifest and files are those that were handed out, by their hashes;
    None: the folder is not here, so it cannot be told. ``why``: what is not so, by the names of files."""

    manifest: Manifest | None
    holds: bool | None
    why: tuple[str, ...] = ()


def found(entry: ExportEntry, *, hashed: bool = True) -> Found:
    """Look at a report's folder: every file hashed, nothing recomputed. That is `bookwatch verify`'s. Not ``hashed``:
    whether they hold is not told."""
    folder = Path(entry.folder)
    if not folder.is_dir():
        return Found(None, None, (str(folder),))
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = read_manifest(data)
        if sha256_of_bytes(data) != entry.manifest_sha256:
            return Found(manifest, False, (MANIFEST,))
        if not hashed:
            return Found(manifest, None)
        wrong = [
            file.name
            for file in manifest.files
            if not (folder / file.name).is_file() or sha256_of(folder / file.name) != file.sha256
        ]
    except (OSError, DamagedManifest):
        return Found(None, False, (MANIFEST,))
    return Found(manifest, not wrong, tuple(wrong))


def facts_of(
    month: date,
    *,
    time_zone: str,
    known_until: datetime | None,
    compared: bool | None,
    changes: list[dict[str, Any]] | None,
    ledger: bool = True,
    report: ExportEntry | None,
    folder: Found | None,
    signed: list[SignOff] | None,
) -> MonthFacts:
    """What is known of a month. ``changes``: rows of marts.closed_month_changes of it (previous_snapshot_id, seen_at,
    waived), None where the snapshot has none to tell; ``ledger``: it could be read; ``report``: the newest of the
    month, and its ``folder``."""
    manifest = folder.manifest if folder else None
    judged = _instant(manifest.as_of) if manifest else None
    published = _instant(manifest.published_at) if manifest else None
    return MonthFacts(
        closes_at=closing_instant(month, time_zone),
        judged_at=known_until,
        compared=compared,
        unacknowledged=None if changes is None else sum(not change["waived"] for change in changes),
        since_report=None if changes is None else _since(changes, report, published),
        reported=report is not None if ledger else None,
        report_judged_at=None if judged is None or published is None else min(judged, published),
        holds=folder.holds if folder else None,
        signed=None if signed is None else len(signed),
        signed_report=signed[-1].manifest_sha256 == (report.manifest_sha256 if report else None)
        if signed
        else None,
    )


def _since(
    changes: list[dict[str, Any]], report: ExportEntry | None, published: datetime | None
) -> int | None:
    """How many changes came after the snapshot a report rests on; 0 without a report, None where it cannot be told."""
    if report is None:
        return 0
    after = [_after(change, report, published) for change in changes]
    return None if None in after and True not in after else after.count(True)


def _after(change: dict[str, Any], report: ExportEntry, published: datetime | None) -> bool | None:
    """Whether a change came after the snapshot a report rests on. A run that compares with that snapshot, or a later
    one, is after it whatever the clock says. Where the report is gone, and with it when its snapshot was published, it
    can be told of what was seen before that snapshot's run began, by its name."""
    if str(change["previous_snapshot_id"]) >= report.snapshot_id:
        return True
    if published is not None:
        return change["seen_at"] > published
    begun = instant_of_stamp(report.snapshot_id.split("-")[0]).replace(tzinfo=None)
    return False if change["seen_at"] < begun else None


def _instant(text: str | None) -> datetime | None:
    return None if text is None else instant_of(text).replace(tzinfo=None)
