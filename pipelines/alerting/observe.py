"""What a run saw, as observations of the alert rules. Reads the run and its status; decides nothing, sends nothing.

What could not be judged gives no observation: an unknown health point, a check that could not be made, a check of a run
that stopped before it. Its alert then stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from marketplace.collections import REQUIRED
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS, SCAN_AGE
from marketplace.policy import Policy
from pipelines.alerting.engine import Observation
from pipelines.alerting.rules import RULES, AlertRule
from resources.errors import UNREACHABLE
from resources.instants import instant_of
from resources.ledger.alerts import Alert
from resources.policy_file import load_policy
from resources.run_report import CheckOutcome, RunReport

SHOWN_IDS = 5


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
        *_checks(run.checks, {scan.collection for scan in run.scans if scan.outcome != "complete"}),
        *_scan_age(run, status),
        *_collections(run),
        *_quarantine(run, status),
        *_left(known, watched),
    ]


def died(run_ids: Iterable[str]) -> Observation:
    """Runs that never finished."""
    ids = list(run_ids)
    return _of(RULES.of("run_died"), True, detail=f"run {_some(ids)}" if ids else "")


def schedules_stopped(names: str) -> Observation:
    """What stands still in Dagster, by name; empty where everything runs."""
    return _of(RULES.of("schedule_stopped"), bool(names), detail=names)


def ledger_unreadable() -> Observation:
    """That the memory of the alerts is lost."""
    return _of(RULES.of("ledger_unreadable"), True)


def _of(rule: AlertRule, active: bool, *, detail: str = "", **more: Any) -> Observation:
    parts = (detail, rule.what_to_do) if active else ()
    told = {
        "summary": rule.summary,
        "severity": rule.severity or "high",
        "page": rule.page,
        "detail": "\n".join(part for part in parts if part),
    }
    return Observation(rule.name, active, **{**told, **more})


def _some(ids: Iterable[str], total: int | None = None) -> str:
    listed = list(ids)
    more = (len(listed) if total is None else total) - SHOWN_IDS
    return ", ".join(listed[:SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")


def _run(run: RunReport) -> Iterator[Observation]:
    """How the run itself ended. One that a person stopped says nothing."""
    yield _of(RULES.of("ledger_unreadable"), False)
    if run.stopped:
        return
    unreachable = run.failure is not None and run.failure.exit_status == UNREACHABLE
    failed = run.failure is not None and not unreachable
    words = run.failure.problem if run.failure else ""
    if unreachable or run.scans:
        yield _of(RULES.of("source_unavailable"), unreachable, detail=words if unreachable else "")
    if not unreachable:
        # Whether a run that could read nothing would otherwise have failed is not known.
        yield _of(RULES.of("run_failed"), failed, detail=words if failed else "")
    if run.snapshot_id is not None:
        told = "\n".join(f"{warning.step}: {warning.problem}" for warning in run.warnings)
        yield _of(RULES.of("after_publishing"), bool(run.warnings), detail=told)
    yield _of(RULES.of("run_died"), False)


def _health(status: Mapping[str, Any], checks: Iterable[CheckOutcome]) -> Iterator[Observation]:
    """The seven points as measured: broken or working. Unknown is neither."""
    rules = {rule.source: rule for rule in RULES}
    for point in status["health"]["points"]:
        number, verdict = point["point"], point["status"]
        if verdict not in ("working", "broken") or number not in HEALTH_POINTS:
            continue
        rule = rules[f"point:{number}"]
        broken = verdict == "broken"
        yield _of(
            rule,
            broken,
            labels=(("asset", "marts/health_points"),),
            summary=point.get("message") or HEALTH_POINTS[number].broken,
            severity=point.get("severity") or rule.severity,
            figure=point.get("figure"),
            limit=point.get("limit_value"),
            unit=HEALTH_POINTS[number].unit,
            since=_instant(point.get("since")) if broken else None,
        )


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
            detail=check.detail if not check.made else "",
        )
        rule = RULES.of(check.check_name)
        # A point's check says whether it is not broken, and holds for an unknown one: the point itself says more.
        if not check.made or rule.source.startswith("point:"):
            continue
        ids = f"ids: {_some(check.sample_ids, check.failed_rows)}" if check.sample_ids else ""
        failing = not check.passed
        yield Observation(
            check.check_name,
            failing,
            severity=rule.severity or check.severity,
            summary=_summary(rule, policy)
            or (check.detail if failing and check.detail else check.check_name),
            labels=(("asset", check.asset),) if "asset" in rule.labels else (),
            detail="\n".join(p for p in (ids, check.what_to_do or rule.what_to_do) if p) if failing else "",
            figure=float(check.failed_rows) if failing else None,
            limit=rule.limit if failing else None,
            unit=rule.unit if failing else "",
            page=rule.page,
        )


def _summary(rule: AlertRule, policy: Policy | None) -> str:
    """What the rule of a check says: of a finding with the numbers of the policy that is in force."""
    finding = FINDINGS.get(rule.source.removeprefix("check:no_"))
    return rule.summary if finding is None or policy is None else finding.said(policy)


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
        unit="minutes",
        since=oldest + SCAN_AGE if stale else None,
    )


def _collections(run: RunReport) -> Iterator[Observation]:
    for scan in run.scans:
        unread = not scan.is_read
        outcome = "references" if scan.outcome == "complete" else scan.outcome
        yield _of(
            RULES.of("collection_unreadable"),
            unread,
            labels=(("collection", scan.collection),),
            severity="high" if scan.required else "medium",
            summary=f"The collection {scan.collection} could not be read: {outcome}"
            if unread
            else f"The collection {scan.collection} is read",
            detail=scan.detail if unread else "",
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
        figure=float(content["count"]),
        limit=0.0,
        unit="rows",
        detail=reasons if held else "",
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
