"""Months as an auditor asks for them: is one ready, why not, its package, what changed after it closed, and who signed
it off.

Whether a point is so is marketplace/months.py's, what is known of a month pipelines/months.py's; a package is made by
the command itself, as a report is (report.py).
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from dashboards import acts
from dashboards.kit import downloads, links, parts
from dashboards.kit.address import Choice, choose, chosen
from dashboards.kit.filtered import filtered
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.launch import environment
from dashboards.queries import months, reading
from dashboards.sections.accounts import MONTH, month_of
from dashboards.sections.report import MIME, ZIP_BYTES, changed, earlier, names_of, zipped
from dashboards.wording import count
from marketplace.months import MonthFacts, Point, Standing, points_of, whole
from marketplace.personal import without_contact
from pipelines.exports.folder import BESIDE
from pipelines.exports.manifest import MANIFEST, DamagedManifest, read_manifest
from pipelines.months import Found, facts_of, found, judged_at, reports_of
from resources.ledger import ExportEntry, Ledger, SignOff, require_here
from resources.ledger.sign_offs import CLOSED, standing

VIEWS: Final = ("all", "package", "report", "changes", "log")
VIEW: Final = Choice("view", VIEWS, VIEWS[0])
MONTHS_SHOWN = 12
LOG_SHOWN = 20
#: A page hashes no more than this of a report by itself; `bookwatch verify` does whatever there is.
HASHED_BYTES = 1_000_000_000
_LOOKS = {Standing.DONE: "good", Standing.OPEN: "warn", Standing.UNKNOWN: "none"}
_MIME = {**MIME, ".pdf": "application/pdf", ".md": "text/markdown"}


class Known:
    """What is known of every month: the snapshot's words and the ledger's, asked once a drawing."""

    def __init__(self, screen: Screen) -> None:
        path = screen.snapshot
        self.screen = screen
        self.changes = months.changes(path)
        self.compared = months.compared(path)
        now = screen.now.replace(tzinfo=None)
        self.until = judged_at(now, reading.snapshot(path).published_at, months.judged(path))
        self.exports: tuple[ExportEntry, ...] | None
        self.log: tuple[SignOff, ...] | None
        try:
            self.exports, self.log = earlier(screen.settings.home.ledger), log_of(screen.settings.home.ledger)
            if screen.looked.past:  # what was made and signed since is not of that time
                self.exports = tuple(one for one in self.exports if one.made_at <= screen.now)
                self.log = tuple(one for one in self.log if one.at <= screen.now)
        except sqlite3.Error:
            self.exports = self.log = None

    @property
    def listed(self) -> list[date]:
        """The months to show, the newest first: those with figures, the running one and the one before."""
        today = self.screen.now.astimezone(self.screen.text.zone).date().replace(day=1)
        before = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
        found = {month for month in months.months(self.screen.snapshot) if month <= today}
        return sorted(found | {today, before}, reverse=True)[:MONTHS_SHOWN]

    def report(self, month: date) -> ExportEntry | None:
        return next(reversed(reports_of(self.exports or (), month)), None)

    def signed(self, month: date) -> list[SignOff] | None:
        return None if self.log is None else standing(self.log).get(month, [])

    def facts(self, month: date) -> tuple[MonthFacts, ExportEntry | None, Found | None]:
        report = self.report(month)
        folder = None if report is None else looked_at(report)
        told = facts_of(
            month,
            time_zone=self.screen.settings.timezone,
            known_until=self.until,
            compared=self.compared,
            changes=None if self.changes is None else self.changes.get(month, []),
            ledger=self.exports is not None,
            report=report,
            folder=folder,
            signed=self.signed(month),
        )
        return told, report, folder


def answer(screen: Screen) -> None:
    """The month that the address names, else the newest that is over: ready or not, and at which point it stands."""
    say, known = screen.text, Known(screen)
    month = month_of(chosen(MONTH)) or known.listed[1]
    if month > known.listed[0]:
        show(parts.note("none", say("months.not_begun", month=say.month(month))))
        return
    facts, report, folder = known.facts(month)
    points = points_of(facts)
    state = whole(points)
    title = say(f"months.whole_{state.value}", month=say.month(month))
    left = [say(f"months.{point.value}") for point, stands in points.items() if stands is not Standing.DONE]
    show(parts.section(say("months.one", month=say.month(month)), say("months.note")))
    show(parts.note(_LOOKS[state], title, say("months.left", points=", ".join(left)) if left else ""))
    show(
        parts.table(
            [(say("months.point"), False), (say("months.stands"), False)],
            [
                (say(f"months.{point.value}"), _cell(known, month, point, stands, facts, report, folder))
                for point, stands in points.items()
            ],
        )
    )
    if chosen(MONTH):
        show(
            joined(
                links.back(say("months.back"), MONTH.name),
                links.to_page("commissions", say("months.ledger"), view="ledger", month=f"{month:%Y-%m}"),
                links.to_page("findings", say("months.findings"), month=f"{month:%Y-%m}"),
                by=" · ",
            )
        )


def choose_view(screen: Screen) -> None:
    """What else of the months is looked at."""
    switch(screen, VIEW, "months.view")


def by_month(screen: Screen) -> None:
    """Each month and where it stands, point by point; a month leads to what it lacks."""
    say, known = screen.text, Known(screen)
    show(parts.section(say("months.all"), say("months.all_note")))
    if known.exports is None:
        show(parts.note("none", say("report.ledger_unread")))
    lines: list[tuple[Child, ...]] = []
    for month in known.listed:
        facts, _, _ = known.facts(month)
        points = points_of(facts)
        state = whole(points)
        lines.append(
            (
                filtered(say.month(month), month=f"{month:%Y-%m}"),
                parts.badge(_LOOKS[state], say(f"months.is_{state.value}")),
                *(
                    parts.word(_LOOKS[stands], _said(point, stands, facts, screen))
                    for point, stands in points.items()
                ),
            )
        )
    headings = [say("ledger.month"), say("months.ready"), *(say(f"months.{point.value}") for point in Point)]
    show(parts.table([(heading, False) for heading in headings], lines))


def _said(point: Point, stands: Standing, facts: MonthFacts, screen: Screen) -> str:
    """A point in a word; where no report was made, no file of it can be other than it was."""
    nothing = point is Point.VERIFIED and stands is Standing.OPEN and not facts.reported
    return screen.text("months.nothing_handed_out" if nothing else f"months.{point.value}_{stands.value}")


def _cell(
    known: Known,
    month: date,
    point: Point,
    stands: Standing,
    facts: MonthFacts,
    report: ExportEntry | None,
    folder: Found | None,
) -> Child:
    say, now = known.screen.text, known.screen.now
    beneath = ""
    if point is Point.CLOSED:
        beneath = say(
            "months.closes" if stands is Standing.OPEN else "months.closed_at",
            time=say.time(facts.closes_at, now),
        )
        if stands is Standing.UNKNOWN:
            beneath = say("months.never_read")
    elif point is Point.UNCHANGED:
        if facts.unacknowledged is None:
            beneath = say("months.untold")
        elif facts.since_report:
            beneath = say("months.after_report", n=count(facts.since_report))
        elif facts.unacknowledged:
            beneath = say("months.unacknowledged", n=count(facts.unacknowledged))
        elif stands is Standing.UNKNOWN:
            beneath = say("months.not_compared")
    elif point is Point.REPORTED and report is not None:
        who = say("months.made", who=report.made_by, time=say.time(report.made_at, now))
        beneath = f"{say(f'months.kind_{report.kind}')} · {who}"
        if stands is Standing.OPEN:
            beneath += f" · {say('months.while_open')}"
    elif point is Point.VERIFIED and folder is not None:
        if folder.holds is False:
            beneath = say("months.differs", files=", ".join(folder.why[:3]))
        elif folder.holds is None:
            beneath = say("months.too_long") if folder.manifest else say("months.not_here")
    elif point is Point.SIGNED_OFF:
        beneath = " · ".join(
            say("months.by", who=entry.by, time=say.time(entry.at, now))
            for entry in known.signed(month) or []
        )
        if facts.signed and stands is Standing.OPEN:
            beneath += f" · {say('months.signed_earlier')}"
    said = f"{point.value}_{stands.value}"
    if point is Point.VERIFIED and stands is Standing.OPEN and report is None:
        said = "nothing_handed_out"
    return parts.word(_LOOKS[stands], say(f"months.{said}"), beneath)


# A month's package ----------------------------------------------------------------------------------


def package(screen: Screen) -> None:
    """Choose the month, order its package or prove the newest one, take its files, sign the month off."""
    say, known = screen.text, Known(screen)
    show(parts.section(say("months.package"), say("months.package_note"), anchor="package"))
    options = {f"{month:%Y-%m}": month for month in known.listed}
    asked = chosen(MONTH)
    st.selectbox(
        say("ledger.month"),
        [*options],
        index=[*options].index(asked) if asked in options else 1,
        format_func=lambda one: say.month(options[one]),
        key="package_month",
        on_change=lambda: choose(MONTH, st.session_state["package_month"]),
        width=320,
    )
    named = asked if asked in options else [*options][1]
    month = options[named]
    making, signing = st.columns(2, gap="medium")
    with making:
        acts.order_form(screen, "package", month=named)
        show(parts.hint(say("months.make"), f"bookwatch export month {named} --out DIR"))
    with signing:
        acts.order_form(screen, "sign_off", month=named)
        show(parts.hint(say("months.sign"), f"bookwatch close {named} --by NAME"))
    report = known.report(month)
    if report is not None:
        _handed_out(screen, report)


def _bookwatch(screen: Screen, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: this one has the snapshot open (report.py says why)."""
    return subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
        env={**environment(), "BOOKWATCH_HOME": str(screen.settings.home.root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _handed_out(screen: Screen, report: ExportEntry) -> None:
    """The newest report of a month: its files, and whether it can be proven."""
    say, folder = screen.text, Path(report.folder)
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
    except (OSError, DamagedManifest):
        show(parts.banner("bad", say("report.damaged", folder=folder)))
        return
    facts: list[tuple[str, Child]] = [
        (say("report.period"), say.days(*_days(manifest.filters))),
        (say("report.made_by"), manifest.made_by),
        (say("app.snapshot"), manifest.snapshot),
    ]
    if manifest.month and manifest.month.supersedes:
        facts.append((say("months.supersedes"), manifest.month.supersedes["snapshot"]))
    notes = [say("months.open")] if manifest.month and manifest.month.open else []
    show(
        parts.terms_card(facts, " ".join(notes)),
        parts.hint(say("report.verify"), f"bookwatch verify {folder}"),
    )
    names = names_of(folder, manifest)
    with st.container(horizontal=True, key="month_files"):
        if sum((folder / name).stat().st_size for name in names) <= ZIP_BYTES:
            downloads.button(
                screen,
                st,
                say("report.all_files"),
                lambda: zipped(folder, names),
                file_name=f"{folder.name}.zip",
                mime="application/zip",
                type="primary",
                icon=":material/folder_zip:",
                key="month_zip",
            )
        for name in names:
            if Path(name).suffix in (".xlsx", ".pdf", ".md") or name in (MANIFEST, *BESIDE):
                downloads.button(
                    screen,
                    st,
                    name,
                    (folder / name).read_bytes,
                    file_name=name,
                    mime=_MIME.get(Path(name).suffix, "application/octet-stream"),
                    icon=":material/download:",
                    key=f"month_file_{name}",
                )
        asked = st.button(say("months.prove"), icon=":material/verified:", key="month_prove")
    if asked:
        _prove(screen, folder)


def _days(filters: dict[str, str]) -> tuple[date, date]:
    first, until = date.fromisoformat(filters["from"]), date.fromisoformat(filters["to"])
    return first, date.fromordinal(until.toordinal() - 1)


def _prove(screen: Screen, folder: Path) -> None:
    """What `bookwatch verify` says of a report, in its own words."""
    say = screen.text
    with st.spinner(say("months.proving")):
        told = _bookwatch(screen, "verify", str(folder), "--json")
    try:
        said: dict[str, Any] = json.loads(told.stdout)
    except json.JSONDecodeError:
        show(parts.banner("bad", say("months.not_proven"), told.stderr.strip()))
        return
    if said["holds"]:
        kind, title = ("none", "months.proven_partly") if said["not_checked"] else ("good", "months.proven")
        show(parts.note(kind, say(title), " ".join(said["not_checked"])))
    else:
        show(parts.banner("bad", say("months.not_proven"), *said["differences"]))


# Sign-offs ------------------------------------------------------------------------------------------


def signed(screen: Screen) -> None:
    """Everything that was ever signed off or taken back, the newest first."""
    say, log = screen.text, Known(screen).log
    show(parts.section(say("months.log"), say("months.log_note")))
    if log is None:
        show(parts.note("none", say("report.ledger_unread")))
        return
    if not log:
        show(parts.note("none", say("months.no_log")))
        return
    show(
        parts.table(
            [
                (say("ledger.month"), False),
                (say("months.what"), False),
                (say("months.who"), False),
                (say("months.when"), False),
                (say("app.snapshot"), False),
                (say("months.remark"), False),
            ],
            [
                (
                    say.month(entry.local_month),
                    parts.badge(
                        "good" if entry.action == CLOSED else "none", say(f"months.action_{entry.action}")
                    ),
                    entry.by,
                    say.time(entry.at, screen.now),
                    entry.snapshot_id or "",
                    without_contact(entry.reason),
                )
                for entry in reversed(log[-LOG_SHOWN:])
            ],
        )
    )


def log_of(ledger: Path) -> tuple[SignOff, ...]:
    """The log of sign-offs, oldest first; asked again once the ledger was written to. Raises sqlite3.Error."""
    mark = changed(ledger)
    require_here(ledger)
    return _log(ledger, mark, changed(ledger.with_name(f"{ledger.name}-wal"))) if mark else ()


@lru_cache(maxsize=2)
def _log(ledger: Path, *_marks: tuple[int, int] | None) -> tuple[SignOff, ...]:
    return tuple(Ledger(ledger).sign_off_log())


def looked_at(entry: ExportEntry) -> Found:
    """Whether a report's files are those that were handed out; looked at again once one of them was written to."""
    folder = Path(entry.folder)
    marks = tuple((path.name, changed(path)) for path in sorted(folder.iterdir() if folder.is_dir() else ()))
    return _looked_at(entry, marks)


@lru_cache(maxsize=2 * MONTHS_SHOWN)
def _looked_at(entry: ExportEntry, marks: tuple[tuple[str, tuple[int, int] | None], ...]) -> Found:
    if sum(mark[1] for _, mark in marks if mark) > HASHED_BYTES:
        return found(entry, hashed=False)
    return found(entry)
