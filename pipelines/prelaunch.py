"""The checklist before the launch: each line proven, failed or unknown by evidence that is there, and by what and when.

Evidence is the ledger, status.json, what doctor found last, the settings in force and the newest snapshot, which the
caller gives a way to ask. Nothing is tried out for it: what nothing proves is unknown, never fine. Rules of the
business are not made here: how a point or a check stands was judged by the run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from marketplace.backups import BACKUP_OLD_AFTER, BackupState, DrillState
from marketplace.events import ScanOutcome
from marketplace.findings import Severity
from marketplace.health import HEALTH_POINTS, UNMEASURED_AFTER, PointStatus
from messages.catalogue import understood
from messages.message import Message, message_of
from resources.doctor_answers import DoctorAnswers, newest
from resources.errors import DONE, PROBLEMS, BookwatchError
from resources.instants import instant_of
from resources.ledger import Ledger
from resources.ledger.alerts import AlertStore
from resources.ledger.outbox import LetterState
from resources.roles_file import load_roles
from resources.settings import Settings
from resources.status_file import read_status
from resources.sweep_mark import last_sweep_age

SWEPT_WITHIN: Final = timedelta(hours=25)
DRILLED_WITHIN: Final = timedelta(days=8)
"""A week, and a day to look at it."""
EXAMINED_WITHIN: Final = timedelta(days=7)
TOLD_WITHIN: Final = timedelta(days=30)
FAILED_WITHIN: Final = timedelta(days=7)

Ask = Callable[[str], Sequence[Mapping[str, Any]]]
"""The rows of a query on the newest snapshot. Raises BookwatchError where it cannot be answered."""


class LineState(StrEnum):
    """How a line of the checklist stands."""

    PROVEN = "proven"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Line:
    """One line. ``evidence``: what proves it, or speaks against it, or is missing; ``at``: of when that is."""

    line: str
    state: LineState
    evidence: Message
    at: datetime | None = None


Told = tuple[LineState, Message, datetime | None]


def _proven(code: str, at: datetime | None, **args: Any) -> Told:
    return LineState.PROVEN, Message(f"prelaunch.{code}", args), at


def _failed(code: str, at: datetime | None = None, **args: Any) -> Told:
    return LineState.FAILED, Message(f"prelaunch.{code}", args), at


def _unknown(code: str, at: datetime | None = None, **args: Any) -> Told:
    return LineState.UNKNOWN, Message(f"prelaunch.{code}", args), at


class Seen:
    """The evidence, each part read when the first line asks for it."""

    def __init__(self, settings: Settings, ask: Ask | None) -> None:
        self.settings, self.now, self._ask = settings, settings.clock.now(), ask

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.home.ledger)

    @cached_property
    def status(self) -> dict[str, Any] | None:
        return read_status(self.settings.home)

    @cached_property
    def doctor(self) -> DoctorAnswers | None:
        return newest(self.settings.home)

    def ask(self, sql: str) -> Sequence[Mapping[str, Any]] | None:
        """None where nothing is published."""
        return None if self._ask is None else self._ask(sql)

    @cached_property
    def looked_at(self) -> datetime | None:
        """When the newest run that ended well ended: what it published or stood by is of then."""
        ended = [
            run.finished_at
            for run in self.ledger.newest_runs(50)
            if run.finished_at and run.exit_status in (DONE, PROBLEMS)
        ]
        return max(ended).replace(tzinfo=UTC) if ended else None

    def stale(self) -> Told | None:
        """Why what was published says nothing of now; None where it does."""
        if self.looked_at is None:
            return _unknown("no_run")
        if self.now - self.looked_at > UNMEASURED_AFTER:
            return _unknown("old_run", self.looked_at)
        return None


# What is read -----------------------------------------------------------------------------------------------


def _runs(seen: Seen) -> Told:
    run = next((run for run in seen.ledger.newest_runs(50) if run.finished_at is not None), None)
    if run is None or run.finished_at is None:
        return _unknown("no_run")
    at = run.finished_at.replace(tzinfo=UTC)
    if run.exit_status not in (DONE, PROBLEMS):
        return _failed("run_failed", at, status=run.exit_status if run.exit_status is not None else -1)
    return seen.stale() or _proven("run_ended", at)


def _scans(seen: Seen) -> Told:
    if (stale := seen.stale()) is not None:
        return stale
    rows = seen.ask(
        "SELECT collection, outcome, completed_at FROM ops.scans WHERE required ORDER BY collection"
    )
    if not rows:
        return _unknown("not_published")
    bad = [
        str(row["collection"])
        for row in rows
        if row["outcome"] != ScanOutcome.COMPLETE or not row["completed_at"]
    ]
    if bad:
        return _failed("scans_partial", seen.looked_at, names=bad)
    return _proven("scans_complete", min(_utc(row["completed_at"]) for row in rows), n=len(rows))


def _swept(seen: Seen) -> Told:
    age = last_sweep_age(seen.settings.home)
    if age is None:
        return _unknown("no_sweep")
    # Real time, as the mark is.
    began = datetime.now(UTC) - age
    if age > SWEPT_WITHIN:
        return _failed("old_sweep", began)
    since = (began - timedelta(seconds=1)).replace(tzinfo=None).isoformat(sep=" ")
    rows = seen.ask(
        "SELECT count(*) AS n, count(*) FILTER (outcome <> 'ok') AS bad FROM ops.timings"
        f" WHERE operation = 'sweep_rows' AND called_at >= TIMESTAMP '{since}'"
    )
    if not rows or not rows[0]["n"]:
        return _unknown("sweep_unseen", began)
    if rows[0]["bad"]:
        return _failed("sweep_broken", began, n=int(rows[0]["bad"]))
    return _proven("swept", began, n=int(rows[0]["n"]))


def _quarantine(seen: Seen) -> Told:
    if (stale := seen.stale()) is not None:
        return stale
    rows = seen.ask("SELECT count(*) AS n FROM ops.quarantine")
    if not rows:
        return _unknown("not_published")
    n = int(rows[0]["n"])
    return _failed("quarantined", seen.looked_at, n=n) if n else _proven("none_quarantined", seen.looked_at)


# What it says -----------------------------------------------------------------------------------------------


def _point(number: int) -> Callable[[Seen], Told]:
    states = {PointStatus.WORKING: LineState.PROVEN, PointStatus.BROKEN: LineState.FAILED}

    def told(seen: Seen) -> Told:
        if (stale := seen.stale()) is not None:
            return stale
        points = (seen.status or {}).get("health", {}).get("points", [])
        point = next((one for one in points if one.get("point") == number), None)
        if point is None:
            return _unknown("point_unmeasured")
        said = message_of(point.get("code"), point.get("args"))
        if said is None or not understood(said):
            said = Message("prelaunch.point", {"n": number, "status": str(point.get("status"))})
        return states.get(point.get("status"), LineState.UNKNOWN), said, seen.looked_at

    return told


def _check(name: str) -> Callable[[Seen], Told]:
    def told(seen: Seen) -> Told:
        if (stale := seen.stale()) is not None:
            return stale
        found = [row for row in _verdicts(seen) if row["check_name"] == name]
        if not found:
            return _unknown("check_unmade", name=name)
        at = max(_utc(row["evaluated_at"]) for row in found)
        broken = sum(int(row["failed_rows"] or 1) for row in found if not row["passed"])
        return (
            _failed("check_broken", at, name=name, n=broken)
            if broken
            else _proven("check_holds", at, name=name)
        )

    return told


def _checks(seen: Seen) -> Told:
    if (stale := seen.stale()) is not None:
        return stale
    rows = _verdicts(seen)
    if not rows:
        return _unknown("not_published")
    bad = sorted(
        {
            row["check_name"]
            for row in rows
            if not row["passed"] and row["severity"] in (Severity.CRITICAL, Severity.HIGH)
        }
    )
    at = max(_utc(row["evaluated_at"]) for row in rows)
    return (
        _failed("checks_broken", at, names=bad[:5], n=len(bad))
        if bad
        else _proven("checks_hold", at, n=len(rows))
    )


def _verdicts(seen: Seen) -> Sequence[Mapping[str, Any]]:
    """The verdicts of the newest snapshot's own run."""
    return (
        seen.ask(
            "SELECT check_name, passed, severity, failed_rows, evaluated_at FROM ops.check_results"
            " WHERE run_id = (SELECT run_id FROM ops.snapshot)"
        )
        or ()
    )


# What is kept, told and signed ------------------------------------------------------------------------------


def _backup(seen: Seen) -> Told:
    made = [
        one for one in seen.ledger.backups() if one.state not in (BackupState.RUNNING, BackupState.EXPIRED)
    ]
    if not made:
        return _unknown("no_backup")
    last = made[0]
    if last.state is not BackupState.WHOLE or last.verified is False:
        return _failed("backup_bad", last.finished_at or last.started_at, id=last.backup_id)
    if seen.now - last.started_at > BACKUP_OLD_AFTER:
        return _failed("backup_old", last.started_at, id=last.backup_id)
    verified = next((one for one in made if one.state is BackupState.WHOLE and one.verified), None)
    if verified is None or verified.verified_at is None:
        return _unknown("backup_unverified", last.started_at, id=last.backup_id)
    if seen.now - verified.started_at > BACKUP_OLD_AFTER:
        return _unknown("backup_unverified", verified.verified_at, id=last.backup_id)
    return _proven("backup_verified", verified.verified_at, id=verified.backup_id)


def _drill(seen: Seen) -> Told:
    drills = [one for one in seen.ledger.drills() if one.state is not DrillState.RUNNING]
    if not drills:
        return _unknown("no_drill")
    last = drills[0]
    at = last.finished_at or last.started_at
    if last.state is not DrillState.SAME:
        return _failed("drill_bad", at, id=last.backup_id)
    if seen.now - at > DRILLED_WITHIN:
        return _unknown("drill_old", at, id=last.backup_id)
    return _proven("drilled", at, id=last.backup_id, seconds=round(last.seconds or 0))


def _alerts(seen: Seen) -> Told:
    schemes = sorted({channel.scheme for channel in seen.settings.alert_channels})
    if not schemes:
        return _failed("no_channel")
    last = {
        delivery.channel: delivery
        for _, delivery in AlertStore(seen.ledger.path).deliveries()
        if seen.now - delivery.at <= TOLD_WITHIN
    }
    lost = [scheme for scheme in schemes if scheme in last and not last[scheme].delivered]
    if lost:
        return _failed("alert_lost", max(last[scheme].at for scheme in lost), names=lost)
    silent = [scheme for scheme in schemes if scheme not in last]
    if silent:
        return _unknown("alert_untold", names=silent)
    return _proven("alert_delivered", min(last[scheme].at for scheme in schemes), names=schemes)


def _signed(seen: Seen) -> Told:
    today = seen.now.astimezone(ZoneInfo(seen.settings.timezone)).date()
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    standing = seen.ledger.sign_offs(month)
    if not standing:
        return _unknown("unsigned", month=f"{month:%Y-%m}")
    last = standing[-1]
    if last.manifest_sha256 is None:
        return _failed("signed_without_report", last.at, month=f"{month:%Y-%m}")
    return _proven("signed", last.at, month=f"{month:%Y-%m}")


# Who may what -----------------------------------------------------------------------------------------------


def _doctor(seen: Seen) -> Told:
    return _examined(seen, "", "")


def _reads_only(seen: Seen) -> Told:
    return _examined(seen, "", "writing")


def _acting_key(seen: Seen) -> Told:
    if not seen.settings.appwrite_write_key.get_secret_value().strip():
        return _unknown("no_acting_key")
    return _examined(seen, "acting key", "")


def _examined(seen: Seen, topic: str, about: str) -> Told:
    found = seen.doctor
    verdicts = [] if found is None else found.verdicts(topic, about)
    if found is None or not verdicts:
        return _unknown("unexamined")
    if seen.now - found.at > EXAMINED_WITHIN:
        return _unknown("examined_long_ago", found.at)
    if untold := verdicts.count("could not tell"):
        return _unknown("doctor_untold", found.at, n=untold)
    wrong = sum(verdict != "ok" for verdict in verdicts)
    return (
        _failed("doctor_wrong", found.at, n=wrong)
        if wrong
        else _proven("doctor_ok", found.at, n=len(verdicts))
    )


def _login(seen: Seen) -> Told:
    if not seen.settings.login:
        return _failed("no_login", seen.now)
    try:
        load_roles(seen.settings.require_login().roles_file)
    except BookwatchError as missing:
        why = (
            missing.why
            if isinstance(missing.why, Message)
            else Message("prelaunch.said", {"words": missing.why})
        )
        return LineState.FAILED, why, seen.now
    return _proven("login_set", seen.now)


def _encrypted(seen: Seen) -> Told:
    if not seen.settings.appwrite_endpoint:
        return _unknown("no_endpoint")
    if seen.settings.sends_in_the_clear or seen.settings.receiver_in_the_clear:
        return _failed("in_the_clear", seen.now)
    return _proven("encrypted", seen.now)


# Acting -----------------------------------------------------------------------------------------------------


def _actions(seen: Seen) -> Told:
    counts = seen.ledger.counts()
    failing = sum(seen.ledger.failing(since=seen.now - FAILED_WITHIN).values())
    left = len(seen.ledger.open_calls())
    dead = seen.ledger.letter_counts().get(LetterState.DEAD, 0)
    if failing or left or dead:
        return _failed("actions_failed", seen.now, failed=failing, open=left, dead=dead)
    settled = [one.last_settled_at for one in counts.values() if one.done and one.last_settled_at is not None]
    if not settled:
        return _unknown("nothing_done")
    return _proven("actions_hold", max(settled), n=sum(one.done for one in counts.values()))


def _stop(seen: Seen) -> Told:
    stops = [at for action, _, at, _ in seen.ledger.switch_log() if action == "stopped"]
    return _proven("stop_tried", max(stops)) if stops else _unknown("stop_untried")


LINES: Final[Mapping[str, Callable[[Seen], Told]]] = {
    "runs_end_well": _runs,
    "collections_read": _scans,
    "every_row_swept": _swept,
    "nothing_quarantined": _quarantine,
    **{f"health_point_{number}": _point(number) for number in HEALTH_POINTS},
    "zero_missing_commission": _check("zero_missing_commission"),
    "every_row_accounted_for": _check("every_row_accounted_for"),
    "checks_hold": _checks,
    "month_signed": _signed,
    "backup_verified": _backup,
    "restore_drilled": _drill,
    "alerts_delivered": _alerts,
    "doctor_finds_nothing": _doctor,
    "reading_key_cannot_write": _reads_only,
    "acting_key_apart": _acting_key,
    "login_configured": _login,
    "sent_encrypted": _encrypted,
    "actions_hold": _actions,
    "stop_tried": _stop,
}
"""Line → what it rests on, in the order they are shown."""


def checklist(settings: Settings, ask: Ask | None) -> list[Line]:
    """Every line as the evidence has it. ``ask``: None where nothing is published. Raises nothing for evidence that
    cannot be read: such a line is unknown."""
    seen = Seen(settings, ask)
    return [_line(name, told, seen) for name, told in LINES.items()]


def _line(name: str, told: Callable[[Seen], Told], seen: Seen) -> Line:
    try:
        return Line(name, *told(seen))
    except (BookwatchError, sqlite3.Error, OSError) as unread:
        return Line(name, LineState.UNKNOWN, Message("prelaunch.unreadable", {"kind": type(unread).__name__}))


def score(lines: Sequence[Line]) -> int:
    """The share of the lines that are proven, in whole percent; 100 only where all are."""
    return sum(line.state is LineState.PROVEN for line in lines) * 100 // len(lines)


def exit_status(lines: Sequence[Line]) -> int:
    """0: everything is proven. 10: something failed, or nothing proves it."""
    return DONE if all(line.state is LineState.PROVEN for line in lines) else PROBLEMS


def _utc(at: datetime | str) -> datetime:
    """An instant of a table, which has naive UTC, or of JSON."""
    moment = instant_of(at) if isinstance(at, str) else at
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
