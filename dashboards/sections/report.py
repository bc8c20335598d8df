"""The auditor's report ordered from the page: the same export as `bookwatch export commissions`, made by the pipeline,
with its entry in the ledger, and its files to download. What is in them is pipelines/exports' business.
"""

from __future__ import annotations

import io
import sqlite3
import zipfile
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards import acts
from dashboards.kit import downloads, parts
from dashboards.kit.address import Choice, choose, chosen
from dashboards.kit.choosing import told_apart
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.wording import count
from pipelines.exports.folder import BESIDE
from pipelines.exports.manifest import MANIFEST, DamagedManifest, Manifest, read_manifest, sha256_of_bytes
from resources.ledger import ExportEntry, Ledger, require_here

KIND = "commissions"
FORMS: tuple[str, ...] = ("csv", "xlsx", "json")
MIME = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DIGITS: Final = 16
#: Which of the reports made so far is looked at: the first digits of its manifest's SHA-256.
REPORT: Final = Choice("report", form=rf"[0-9a-f]{{{DIGITS}}}")
EARLIER_SHOWN = 10
# A ZIP is made in memory when it is asked for; above this the files are handed out one by one.
ZIP_BYTES = 200_000_000


def report(screen: Screen) -> None:
    """Choose the days and order the report of the pipeline; the reports that were made, and the files of one."""
    say = screen.text
    show(parts.section(say("report.title"), say("report.note"), anchor="report"))
    first, last = last_month(screen.now.astimezone(say.zone).date())
    days_place, form_place = st.columns([1.6, 1], vertical_alignment="bottom")
    days = days_place.date_input(
        say("report.days"),
        (first, last),
        format="DD/MM/YYYY",
        key="report_days",
        persist_state="session",
    )
    form = form_place.segmented_control(
        say("report.form"),
        FORMS,
        default=FORMS[0],
        required=True,
        format_func=str.upper,
        key="report_format",
    )
    if not isinstance(days, tuple) or len(days) != 2:
        show(parts.banner("warn", say("report.days_wanted")))
    else:
        until = days[1] + timedelta(days=1)
        acts.order_form(
            screen,
            "report",
            first=days[0].isoformat(),
            until=until.isoformat(),
            format=str(form or FORMS[0]),
        )
    _made(screen)


def last_month(today: date) -> tuple[date, date]:
    """First and last day of the month before: the newest one that is over."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _made(screen: Screen) -> None:
    """The files of the report that is chosen, the newest where none is; and every report ever made, from here or at the
    command line."""
    say = screen.text
    try:
        entries = earlier(screen.settings.home.ledger)
    except sqlite3.Error:
        if screen.elsewhere:
            return  # the form above it says so
        show(parts.note("none", say("report.ledger_unread")))
        return
    reports = {entry.manifest_sha256[:DIGITS]: entry for entry in reversed(entries) if entry.kind == KIND}
    asked = chosen(REPORT)
    if asked and asked not in reports:
        show(parts.note("none", say("report.unknown", report=asked)))
    elif reports:
        digest = asked or next(iter(reports))
        called = told_apart({one: _called(entry, screen) for one, entry in reports.items()})
        st.selectbox(
            say("report.which"),
            [*reports],
            index=[*reports].index(digest),
            format_func=lambda one: called.get(str(one), str(one)),
            key="report_which",
            on_change=lambda: choose(REPORT, st.session_state["report_which"]),
        )
        _prepared(screen, Path(reports[digest].folder))
    _earlier(screen, entries)


def _called(entry: ExportEntry, screen: Screen) -> str:
    """A report by when it was made, by whom, and its days."""
    return f"{screen.text.time(entry.made_at, screen.now)} · {entry.made_by} · {entry.filters}"


def _prepared(screen: Screen, folder: Path) -> None:
    """What was made and its files, manifest last. Says so where the folder is not what it was."""
    say = screen.text
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = read_manifest(data)
    except (OSError, DamagedManifest):
        show(parts.banner("bad", say("report.damaged", folder=folder)))
        return
    digest = sha256_of_bytes(data)
    until = date.fromisoformat(manifest.filters["to"])
    days = say.days(date.fromisoformat(manifest.filters["from"]), until - timedelta(days=1))
    facts = [
        (say("report.period"), days),
        (say("report.made_by"), manifest.made_by),
        (say("app.snapshot"), manifest.snapshot),
        (say("report.policy"), ", ".join(manifest.policy_versions) or say("report.no_policy")),
    ]
    notes = [
        say("report.entered"),
        "" if manifest.period_over else say("report.not_over"),
        say("report.no_day_rows", n=count(manifest.rows_without_day)) if manifest.rows_without_day else "",
        say("report.no_day_findings", n=count(manifest.findings_without_day))
        if manifest.findings_without_day
        else "",
    ]
    show(
        parts.terms_card(facts, " ".join(note for note in notes if note)),
        parts.table(
            [(say("report.file"), False), (say("col.rows"), True), ("SHA-256", False)],
            [
                *(
                    (
                        entry.name,
                        count(entry.rows),
                        parts.verbatim(f"{entry.sha256[:16]}…"),
                    )
                    for entry in manifest.files
                ),
                (MANIFEST, "", parts.verbatim(digest)),
            ],
        ),
        parts.hint(say("report.verify"), f"bookwatch verify {folder}"),
    )
    _downloads(screen, folder, manifest)


def _downloads(screen: Screen, folder: Path, manifest: Manifest) -> None:
    say = screen.text
    names = names_of(folder, manifest)
    stem = manifest.files[0].name.rsplit(".", 1)[0]
    with st.container(horizontal=True, key="report_files"):
        if sum(entry.bytes for entry in manifest.files) <= ZIP_BYTES:
            downloads.button(
                screen,
                st,
                say("report.all_files"),
                lambda: zipped(folder, names),
                file_name=f"{stem}.zip",
                mime="application/zip",
                type="primary",
                icon=":material/folder_zip:",
                key="report_zip",
            )
        for name in names:
            downloads.button(
                screen,
                st,
                name.removeprefix(f"{stem}_")
                if name.startswith(f"{stem}_") or name in (MANIFEST, *BESIDE)
                else f"{KIND}.{manifest.format}",
                (folder / name).read_bytes,
                file_name=name,
                mime=MIME.get(Path(name).suffix, "application/octet-stream"),
                icon=":material/download:",
                key=f"report_file_{name.removeprefix(stem)}",
            )


def names_of(folder: Path, manifest: Manifest) -> list[str]:
    """What makes up a report: its files, the manifest, and beside it the signature and the time-stamp where there are
    such: without its signature a report is not the one that was handed out. What a manifest calls a file and is none of
    its folder is left out: others may have written it."""
    beside = (name for name in BESIDE if _is_own(folder, name))
    return [*(entry.name for entry in manifest.files if _is_own(folder, entry.name)), MANIFEST, *beside]


def _is_own(folder: Path, name: str) -> bool:
    path = folder / name
    return Path(name).name == name and path.is_file() and not path.is_symlink()


def zipped(folder: Path, names: list[str]) -> bytes:
    """The files of a report in one ZIP, as they stand in the folder."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(folder / name, name)
    return made.getvalue()


def _earlier(screen: Screen, entries: tuple[ExportEntry, ...]) -> None:
    """The newest entries of the ledger."""
    say = screen.text
    if not entries:
        return
    with st.expander(say("report.earlier", n=count(len(entries)))):
        show(
            parts.table(
                [
                    (say("report.made_at"), False),
                    (say("report.made_by"), False),
                    (say("report.what"), False),
                    (say("app.snapshot"), False),
                    (MANIFEST, False),
                ],
                [
                    (
                        say.time(entry.made_at, screen.now),
                        entry.made_by,
                        parts.below(entry.kind, entry.filters),
                        entry.snapshot_id,
                        parts.verbatim(f"{entry.manifest_sha256[:16]}…"),
                    )
                    for entry in reversed(entries[-EARLIER_SHOWN:])
                ],
            )
        )


def earlier(ledger: Path) -> tuple[ExportEntry, ...]:
    """Every export in the ledger, oldest first; none where there is no ledger yet. Asked again once it was written to.
    Raises sqlite3.Error where it can't be read."""
    mark = changed(ledger)
    require_here(ledger)
    return _entries(ledger, mark, changed(ledger.with_name(f"{ledger.name}-wal"))) if mark else ()


def changed(path: Path) -> tuple[int, int] | None:
    """A mark of a file that is another once it was written to; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2)
def _entries(ledger: Path, *_marks: tuple[int, int] | None) -> tuple[ExportEntry, ...]:
    return tuple(Ledger(ledger).exports())
