"""What a run saw, as observations of the alert rules. Reads the run and its status; decides nothing, sends nothing.

What could not be judged gives no observation: an unknown health point, a check that could not be made, a check of a run
that stopped before it. Its alert then stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketplace.collections import REQUIRED
from marketplace.events import ScanOutcome
from marketplace.findings import FINDINGS, Severity
from marketplace.health import HEALTH_POINTS, SCAN_AGE, PointStatus
from marketplace.operations import Operation, grows
from marketplace.policy import Policy
from messages.catalogue import understood
from messages.message import Arg, Message, Words, as_message, in_a_row, message_of
from messages.rules import broken as worded
from messages.rules import rule as rule_of
from pipelines.alerting.engine import Observation
from pipelines.alerting.rules import RULES, AlertRule
from resources.errors import UNREACHABLE
from resources.instants import instant_of
from resources.ledger.alerts import Alert
from resources.policy_file import load_policy
from resources.run_report import CheckOutcome, RunReport

SHOWN_IDS = 5


@dataclass(frozen=True)
class Standing:
    """How an operation stands. ``failing``: rows whose newest action failed; ``unsettled``: calls that nobody heard the
    end of and that are not found out for a while; ``found``: rows that its plan finds to act on, ``before``: that it
    found an hour ago (None: none was made then)."""

    operation: Operation
    failing: int
    unsettled: int
    found: int
    before: int | None
    dead_letters: int | None = None
    """Notifications that nobody could send; None for an operation that sends none."""


def observations(
    run: RunReport,
    status: Mapping[str, Any],
    *,
    known: Iterable[Alert] = (),
    watched: Collection[str] | None = None,
) -> list[Observation]:
    """Everything this run can say. ``status``: the content of its status.json.

    ``known``: the alerts there are; those of a check that is not ``watched`` any more (it left bookwatch) end.
    """
    return [
        *_run(run),
        *_health(status, run.checks),
        *_checks(run.checks, {scan.collection for scan in run.scans if scan.outcome != ScanOutcome.COMPLETE}),
        *_scan_age(run, status),
        *_collections(run),
        *_quarantine(run, status),
        *_left(known, watched),
    ]


def died(run_ids: Iterable[str]) -> Observation:
    """Runs that never finished."""
    return _of(RULES.of("run_died"), True, _some("alert.died", list(run_ids)))


def schedules_stopped(names: str) -> Observation:
    """What stands still in Dagster, by name; empty where everything runs."""
    return _of(RULES.of("schedule_stopped"), bool(names), names)


def ledger_unreadable() -> Observation:
    """That the memory of the alerts is lost."""
    return _of(RULES.of("ledger_unreadable"), True)


def report_failed(names: Sequence[str]) -> Observation:
    """The notebooks of the morning's report that failed, by name; none where all were made."""
    failed = Message("alert.monitoring_report_failed", {"names": list(names)})
    return _of(RULES.of("monitoring_report"), bool(names), failed)


def acting(stands: Iterable[Standing]) -> Iterator[Observation]:
    """How the operations stand that were ever planned: actions that failed, plans that grow."""
    for one in stands:
        label = (("operation", one.operation.value),)
        unsettled = one.failing + one.unsettled
        failed = Message("alert.operations_failed_rows", {"operation": one.operation.value, "n": unsettled})
        yield _of(RULES.of("operations_failed"), unsettled > 0, failed, labels=label)
        if one.dead_letters is not None:
            dead = Message("alert.dead_letters_rows", {"n": one.dead_letters})
            yield _of(RULES.of("dead_letters"), one.dead_letters > 0, dead, labels=label)
        args: dict[str, Arg] = {"operation": one.operation.value, "n": one.found, "before": one.before or 0}
        growing = one.before is not None and grows(one.found, one.before)
        told = Message("alert.operations_growing_rows", args)
        yield _of(RULES.of("operations_growing"), growing, told, labels=label)


def backup_failed(failed: bool, why: Message | None) -> Observation:
    """How the newest backup ended."""
    return _of(RULES.of("backup_failed"), failed, why or "")


def backup_old(old: bool, said: Message, *, since: datetime) -> Observation:
    """How old the newest whole backup is."""
    return _of(RULES.of("backup_old"), old, said, since=since if old else None)


def drill_failed(failed: bool, why: Message | None) -> Observation:
    """What the newest drill showed."""
    return _of(RULES.of("drill_failed"), failed, why or "")


def _of(rule: AlertRule, active: bool, *lines: Words, **given: Any) -> Observation:
    """``lines``: what stands below what it says, before what to do."""
    told = {
        "says": rule.says or "",
        "severity": rule.severity_word or Severity.HIGH.value,
        "page": rule.page,
        "more": _lines(*lines, rule.what_to_do) if active else (),
    }
    return Observation(rule.name, active, **{**told, **given})


def _lines(*lines: Words | None) -> tuple[Words, ...]:
    return tuple(line for line in lines if line)


def _some(code: str, ids: Sequence[str], total: int | None = None) -> Words:
    """The first of some ids and how many more there are; '' where there is none. ``code``: of the line."""
    shown: dict[str, Arg] = {"ids": list(ids[:SHOWN_IDS])}
    more = (len(ids) if total is None else total) - SHOWN_IDS
    if not ids:
        return ""
    return Message(f"{code}_more", {**shown, "more": more}) if more > 0 else Message(code, shown)


def _run(run: RunReport) -> Iterator[Observation]:
    """How the run itself ended. One that a person stopped says nothing."""
    yield _of(RULES.of("ledger_unreadable"), False)
    if run.stopped:
        return
    unreachable = run.failure is not None and run.failure.exit_status == UNREACHABLE
    failed = run.failure is not None and not unreachable
    why = run.failure.why if run.failure else ""
    if unreachable or run.scans:
        yield _of(RULES.of("source_unavailable"), unreachable, why)
    if not unreachable:
        # Whether a run that could read nothing would otherwise have failed is not known.
        yield _of(RULES.of("run_failed"), failed, why)
    if run.snapshot_id is not None:
        told = (
            Message("failure.step", {"step": warning.step, "problem": as_message(warning.words)})
            for warning in run.warnings
        )
        yield _of(RULES.of("after_publishing"), bool(run.warnings), *told)
    yield _of(RULES.of("run_died"), False)


def _health(status: Mapping[str, Any], checks: Iterable[CheckOutcome]) -> Iterator[Observation]:
    """The seven points as measured: broken or working. Unknown is neither."""
    rules = {rule.source: rule for rule in RULES}
    for point in status["health"]["points"]:
        number, verdict = point["point"], point["status"]
        if verdict not in (PointStatus.WORKING, PointStatus.BROKEN) or number not in HEALTH_POINTS:
            continue
        rule = rules[f"point:{number}"]
        broken = verdict == PointStatus.BROKEN
        yield _of(
            rule,
            broken,
            labels=(("asset", "marts/health_points"),),
            says=_said(point) or point.get("message") or worded(number),
            severity=point.get("severity") or rule.severity_word,
            figure=point.get("figure"),
            limit=point.get("limit_value"),
            unit=rule.unit,
            since=_instant(point.get("since")) if broken else None,
        )


def _said(point: Mapping[str, Any]) -> Message | None:
    """The message of a point; None where it has none that our catalogues know: then its words stand."""
    said = message_of(point.get("code"), point.get("args"))
    return said if said is not None and understood(said) else None


def _instant(text: str | None) -> datetime | None:
    return instant_of(text) if text else None


def _checks(checks: Iterable[CheckOutcome], unread: Collection[str]) -> Iterator[Observation]:
    """What the checks found. That a collection was not compared because it is ``unread`` is told by its own alert."""
    checks = list(checks)
    policy = load_policy() if checks else None
    for check in checks:
        if not check.made and check.asset.removeprefix("raw/") in unread:
            continue
        watch = RULES.of("check_not_made")
        yield _of(
            watch,
            not check.made,
            labels=(("check", check.check_name),),
            severity=check.severity,
            more=_lines(_found(check), watch.what_to_do) if not check.made else (),
        )
        rule = RULES.of(check.check_name)
        # A point's check says whether it is not broken, and holds for an unknown one: the point itself says more.
        if not check.made or rule.source.startswith("point:"):
            continue
        if check.passed and any(words.code in rule.stays_with for words in check.found):
            continue
        ids = _some("alert.ids", check.sample_ids, check.failed_rows)
        failing = not check.passed
        yield Observation(
            check.check_name,
            failing,
            severity=rule.severity_word or check.severity,
            says=_says(rule, policy) or (_found(check) if failing else "") or check.check_name,
            labels=(("asset", check.asset),) if "asset" in rule.labels else (),
            more=_lines(ids, check.what_to_do or rule.what_to_do) if failing else (),
            figure=float(check.failed_rows) if failing else None,
            limit=rule.limit if failing else None,
            unit=rule.unit if failing else "",
            page=rule.page,
        )


def _says(rule: AlertRule, policy: Policy | None) -> Message | None:
    """What the rule of a check says: of a finding with the numbers of the policy that is in force."""
    finding = rule.source.removeprefix("check:no_")
    return rule.says if finding not in FINDINGS or policy is None else rule_of(finding, policy)


def _found(check: CheckOutcome) -> Words:
    """What a check found, as one sentence; '' where it says nothing."""
    return in_a_row(check.found) or check.detail


def _scan_age(run: RunReport, status: Mapping[str, Any]) -> Iterator[Observation]:
    """How old the oldest of the required collections' newest complete scans is; before the first, nothing is stale."""
    marks = {c["collection"]: c.get("completed_at") for c in status["freshness"].get("collections", ())}
    scanned = [_instant(marks.get(name)) for name in REQUIRED]
    known = [instant for instant in scanned if instant is not None]
    if not known:
        return
    oldest = min(known)
    age = run.clock.now() - oldest
    stale = age > SCAN_AGE
    if not stale and len(known) < len(scanned):
        return
    yield _of(
        RULES.of("ingestion_stale"),
        stale,
        figure=round(age.total_seconds() / 60, 1),
        limit=SCAN_AGE.total_seconds() / 60,
        unit=RULES.of("ingestion_stale").unit,
        since=oldest + SCAN_AGE if stale else None,
    )


def _collections(run: RunReport) -> Iterator[Observation]:
    for scan in run.scans:
        unread = not scan.is_read
        outcome = "references" if scan.outcome == ScanOutcome.COMPLETE else scan.outcome
        named: dict[str, Arg] = {"collection": scan.collection}
        yield _of(
            RULES.of("collection_unreadable"),
            unread,
            scan.why or scan.detail,
            labels=(("collection", scan.collection),),
            severity=(Severity.HIGH if scan.required else Severity.MEDIUM).value,
            says=Message("alert.collection_unread", {**named, "outcome": Message(f"outcome.{outcome}")})
            if unread
            else Message("alert.collection_read", named),
        )


def _quarantine(run: RunReport, status: Mapping[str, Any]) -> Iterator[Observation]:
    if run.failure is not None:
        return  # not looked at again
    content = status["quarantine"]
    reasons = ", ".join(
        f"{count:,} × {reason}" for reason, count in list(content["reasons"].items())[:SHOWN_IDS]
    )
    held = content["count"] > 0
    yield _of(
        RULES.of("quarantine"),
        held,
        reasons,
        figure=float(content["count"]),
        limit=0.0,
        unit=RULES.of("quarantine").unit,
        since=_instant(content.get("oldest_first_seen_at")) if held else None,
    )


def _left(known: Iterable[Alert], watched: Collection[str] | None) -> Iterator[Observation]:
    """An end for the alerts of checks that are no more: nothing would ever say that they hold again."""
    if watched is None:
        return
    for alert in known:
        labels = dict(alert.labels)
        check = labels.get("check") or (alert.name if "asset" in labels else None)
        if check is not None and check not in watched and alert.state != "resolved":
            yield Observation(alert.name, False, alert.severity, alert.summary, alert.labels, page=alert.page)
