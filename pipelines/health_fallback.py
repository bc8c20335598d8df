"""Health by the clock, also when a run stopped before its marts: the verdicts, their history, their checks. What failed
in the run itself becomes an error event. Nothing is shown or sent here."""

from __future__ import annotations

import re
from dataclasses import replace

import duckdb

from assets.marts.make import HISTORY, build_marts, record_points
from assets.ops import create_ops, mirror_errors, record_checks
from checks.verdicts import CLOCK_CHECKS, outcome_of
from marketplace.collection import Category
from marketplace.collections import category_of
from marketplace.error_rate import ERROR_RATE_WINDOW
from marketplace.events import CallOutcome, EventSeverity
from marketplace.health import HEALTH_POINTS, UNMEASURED_AFTER, PointStatus
from messages.catalogue import english
from messages.message import Message
from resources.errors import BookwatchError, UsageError
from resources.ledger import HealthVerdict, Ledger, LedgerCall
from resources.run_report import RunFailure, RunReport
from resources.spooled import take_in

#: What no collection of the app's own can be blamed for.
OWN_CATEGORY = "pipeline"


def unmeasured(failure: BookwatchError | None) -> Message:
    """What a point says that could not be measured in a run."""
    why = failure.why if failure else Message("point.stopped_early")
    return Message("point.unmeasured", {"why": why})


def judge(found: RunReport) -> RunReport:
    """Judge health as of now on what the warehouse holds, where the run itself did not come to it; the report with the
    verdicts of the checks that the clock alone can change.

    A source that cannot be reached is when health matters most: the points then say how old the evidence is. Where
    the warehouse cannot be read every point is unknown. A run that was stopped judges nothing: the next one will.
    """
    enter_failure(found)
    if found.points_judged or found.stopped:
        return found
    run = found.run
    try:
        with run.warehouse.open() as con:
            create_ops(con)
            take_in(run.home.spool, Ledger(run.home.ledger), run.clock.naive_now())
            mirror_errors(con, Ledger(run.home.ledger), run.clock.naive_now() - 2 * ERROR_RATE_WINDOW)
            outcome = build_marts(con, run, ["health_points"])
            record_points(con, run, outcome.now)
            build_marts(con, run, HISTORY, now=outcome.now)
            verdicts = [outcome_of(check.run(con), blocking=check.blocking) for check in CLOCK_CHECKS]
            record_checks(con, run, verdicts)
        return replace(found, checks=(*found.checks, *verdicts), points_judged=True)
    except (duckdb.Error, OSError, BookwatchError):  # the last: a commission policy that cannot be used
        said = unmeasured(found.failure)
        Ledger(run.home.ledger).record_health(
            [
                HealthVerdict(point, PointStatus.UNKNOWN.value, english(said), said.code, said.args_json)
                for point in HEALTH_POINTS
            ],
            at=run.clock.naive_now(),
            silence=UNMEASURED_AFTER,
        )
        return found


def enter_failure(found: RunReport) -> None:
    """Enter why a run failed as an error event: which step, what kind, never what a library said."""
    failed, run = found.failed, found.run
    if failed is None or failed.stopped or isinstance(failed.error, UsageError):
        return
    Ledger(run.home.ledger).record_calls(
        [
            LedgerCall(
                run_id=run.run_id,
                number=0,
                at=run.clock.naive_now(),
                operation=f"step {failed.step or 'run'}",
                collection="",
                seconds=(run.clock.now() - run.started_at).total_seconds(),
                outcome="failed",
                status=None,
                category=_category(found, failed),
                severity=EventSeverity.CRITICAL.value,
                attempts=1,
                reason=_snake(type(failed.cause or failed.error).__name__),
                slow=False,
            )
        ]
    )


def _category(found: RunReport, failed: RunFailure) -> str:
    """By what failed: the last call that did, the table whose check blocks, else bookwatch itself."""
    if failed.step == "ingest":
        unanswered = [
            call.category.value for call in found.run.journal.calls if call.outcome is not CallOutcome.OK
        ]
        return unanswered[-1] if unanswered else Category.APPWRITE.value
    tables = [check.asset.split("/")[-1] for check in found.blocked]
    hindered = (category_of(table) for table in tables)
    return next((told.value for told in hindered if told is not Category.APPWRITE), OWN_CATEGORY)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
