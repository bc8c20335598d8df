"""What people ordered in the dashboards, done one after the other: forget a person, make a report or a package, sign a
month off, sweep; plan an operation, apply a plan, act on one row, take an action back. Who ordered what, and what
became of it, is in the ledger (resources/ledger/orders.py).

An order is taken under a lock that the system releases when its holder dies, so one that is begun and not ended belongs
to a worker that was killed: it is begun again, up to MOST_ATTEMPTS times. Done twice it has no second effect: a report
of one snapshot and period is one entry of the ledger, a sign-off of one person on one snapshot one line; a person who
is forgotten has nothing left; a sweep compares.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from filelock import Timeout

from marketplace.operations import FURTHER, ActionState, Mode, Operation
from marketplace.roles import Role, allows
from messages.message import Message
from pipelines.environment import PROJECT
from pipelines.interrupts import terminable
from resources.errors import BookwatchError, RunActive
from resources.ledger import Ledger, Order
from resources.ledger.orders import NEEDS, OrderKind
from resources.lock import file_lock
from resources.settings import Settings

if TYPE_CHECKING:
    from pipelines.exports.folder import Exported
    from resources.ledger.actions import Plan

T = TypeVar("T")
Said = tuple[Message, ...]

MOST_ATTEMPTS: Final = 3
BUSY_PATIENCE: Final = timedelta(minutes=10)
"""How long an order waits for the runs that are active: they come every minute, and there is time between two."""
LOOK_AGAIN_S: Final = 0.25
#: What no run may go on beside.
ALONE: Final[tuple[OrderKind, ...]] = ("forget", "sweep")


@dataclass(frozen=True)
class Job:
    """An order that is being done."""

    settings: Settings
    order: Order

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.home.ledger)

    @property
    def by(self) -> str:
        """Who answers for it: the name that was signed in with, else the one that was told."""
        told = self.order.arguments.get("by", "").strip()
        return self.order.ordered_by if self.order.known or not told else told

    def tell(self, said: Message) -> None:
        """What is being done of it now."""
        self.ledger.tell_progress(self.order.order_id, said, at=self.settings.clock.now())

    def given(self, name: str, form: str = r".+") -> str:
        """An argument. Raises BookwatchError for one that is missing or has another form."""
        told = self.order.arguments.get(name, "")
        if re.fullmatch(form, told, re.ASCII) is None:
            raise BookwatchError.of("order.argument", name=name)
        return told

    def between_runs(self, work: Callable[[], T]) -> T:
        """Do what takes the run lock, as soon as no run holds it. Raises BookwatchError where that takes too long."""
        until = time.monotonic() + BUSY_PATIENCE.total_seconds()
        told = False
        while True:
            try:
                return work()
            except RunActive:
                if time.monotonic() > until:
                    minutes = int(BUSY_PATIENCE / timedelta(minutes=1))
                    raise BookwatchError.of("order.busy", minutes=minutes) from None
            if not told:
                told = True
                self.tell(Message("order.waits"))
            time.sleep(LOOK_AGAIN_S)  # whoever holds the lock tells nobody that it was let go


# What an order does ----------------------------------------------------------------------------------


def _forget(job: Job) -> Said:
    from pipelines.forget import forget_customer

    customer, anew = job.given("customer"), job.order.arguments.get("rewrite") == "yes"
    done = job.between_runs(lambda: forget_customer(job.settings, customer, by=job.by, anew=anew))
    since = job.order.started_at
    rows = sum(
        rows
        for known, _, at, rows in job.ledger.erasures()
        if known == done.customer_id and since is not None and at >= since
    )
    code = "order.forgot" if rows else "order.forgot_before"
    said = [Message(code, {"customer": done.customer_id, **({"rows": rows} if rows else {})})]
    if done.left:
        said.append(Message("order.forgot_left", {"n": len(done.left)}))
    return tuple(said)


def _report(job: Job) -> Said:
    from pipelines.exports.commissions import KIND, export_commissions

    first, until = (_day(job, name) for name in ("first", "until"))
    form = job.given("format", "csv|xlsx|json")
    snapshot = job.given("snapshot", r"[\w-]+")
    home = job.settings.home
    exported = export_commissions(
        home,
        job.settings.clock,
        first=first,
        until=until,
        out=home.exports / f"{KIND}_{first}_{until}_{snapshot}_{form}",
        made_by=_maker(job),
        time_zone=job.settings.timezone,
        snapshot_id=snapshot,
        form="xlsx" if form == "xlsx" else "json" if form == "json" else "csv",
    )
    return (_made(job, exported),)


def _package(job: Job) -> Said:
    from pipelines.exports.manifest import MONTH_KIND
    from pipelines.exports.month.package import a_month, export_month

    first, until = a_month(job.given("month", r"\d{4}-\d\d"))
    snapshot = job.given("snapshot", r"[\w-]+")
    locale = "id" if job.order.arguments.get("locale") == "id" else "en"
    home = job.settings.home
    exported = export_month(
        home,
        job.settings.clock,
        first=first,
        until=until,
        out=home.exports / f"{MONTH_KIND}_{first:%Y-%m}_{snapshot}{'' if locale == 'en' else f'_{locale}'}",
        made_by=_maker(job),
        time_zone=job.settings.timezone,
        snapshot_id=snapshot,
        locale=locale,
        made_by_how="signed-in" if job.order.known else "self-declared",
    )
    return (_made(job, exported),)


def _made(job: Job, exported: Exported) -> Message:
    """Where it is. What a worker made that was killed then was not made before."""
    before = exported.already_there and job.order.attempts == 1
    folder = f"{exported.folder.parent.name}/{exported.folder.name}"  # in the home: whoever reads it may be elsewhere
    return Message("order.reported_before" if before else "order.reported", {"folder": folder})


def _sign_off(job: Job) -> Said:
    from pipelines.exports.month.package import a_month
    from pipelines.sign_offs import sign_month_off

    first, _ = a_month(job.given("month", r"\d{4}-\d\d"))
    done = sign_month_off(
        job.settings,
        first,
        by=_maker(job),
        reason=job.order.arguments.get("reason", ""),
        snapshot_id=job.given("snapshot", r"[\w-]+"),
    )
    month = f"{first:%Y-%m}"
    # Entered by this order, by the worker that was killed after it had: it was not there before.
    before = done.before is not None and (
        job.order.started_at is None or done.before.at < job.order.started_at
    )
    if before:
        return (Message("order.signed_off_before", {"month": month}),)
    return (Message("order.signed_off", {"month": month, "by": job.by, "snapshot": done.snapshot_id}),)


def _sweep(job: Job) -> Said:
    from marketplace.events import ScanOutcome
    from messages.message import as_message
    from pipelines.run import run
    from resources.run_report import RunOrder, SweepOrder

    order = RunOrder(quiet=True, sweep=SweepOrder(deep=True), say=lambda line: job.tell(as_message(line)))
    found = job.between_runs(lambda: run(job.settings, order))
    if found.stopped:
        raise KeyboardInterrupt
    if found.failure is not None:
        raise found.failure
    compared = [swept for swept in found.sweeps if swept.outcome == ScanOutcome.COMPLETE]
    counts = {
        "rows": sum(swept.server_rows for swept in compared),
        "deleted": sum(swept.deleted for swept in found.sweeps),
        "repaired": sum(swept.repaired for swept in found.sweeps),
    }
    said = [Message("order.swept", dict(counts))]
    # One of which so many rows were missing that none was marked deleted was not compared to its end either.
    left = [s.collection for s in found.sweeps if s.held or s.outcome != ScanOutcome.COMPLETE]
    if left:
        said.append(Message("order.unswept", {"collections": left}))
    return tuple(said)


def _plan(job: Job) -> Said:
    from operations.planning import make_plan

    operation = _operation(job)
    plan = job.between_runs(
        lambda: make_plan(job.settings, operation, by=job.by, reason=job.order.arguments.get("reason", ""))
    )
    return _planned(job, plan)


def _apply(job: Job) -> Said:
    plan_id = job.given("plan", r"[\w-]+")
    return job.between_runs(lambda: _applied(job, plan_id))


def _undo(job: Job) -> Said:
    from operations.applying import undo_action

    action, reason = job.given("action", r"\w+"), job.given("reason")
    known = job.ledger.action(action)
    if known is not None and known.state is ActionState.UNDONE and _since_begun(job, known.undone_at):
        return (Message("order.undone"),)  # by the worker that was killed after it
    done = job.between_runs(
        lambda: undo_action(job.settings, action, by=job.by, reason=reason, tell=job.tell)
    )
    if done.state is not ActionState.UNDONE:
        raise BookwatchError(Message("order.not_undone"), done.undo_said or "")
    return (Message("order.undone"),)


def _act(job: Job) -> Said:
    from operations.planning import make_plan

    operation, reason = _operation(job), job.given("reason")
    ordered = {"row": job.given("row"), **_further(job)}
    if job.order.attempts > 1 and (before := _acted_before(job, operation, ordered)) is not None:
        return before
    plan = job.between_runs(
        lambda: make_plan(job.settings, operation, by=job.by, reason=reason, ordered=ordered)
    )
    if not plan.proposed:
        return (Message("order.nothing_to_act"),)
    # Who was told that nothing would be written said yes to that, whatever the worker's settings are by now.
    if plan.mode is not Mode.ENFORCE or job.order.arguments.get("observed") == "yes":
        return _planned(job, plan)
    return job.between_runs(lambda: _applied(job, plan.plan_id))


def _acted_before(job: Job, operation: Operation, ordered: Mapping[str, str]) -> Said | None:
    """What the worker did that was killed after it; None where the row is still to be acted on."""
    from operations.applying import settle_open

    job.between_runs(lambda: settle_open(job.settings))
    for plan in job.ledger.plans(operation):
        if dict(plan.ordered) == dict(ordered) and _since_begun(job, plan.planned_at):
            done = job.ledger.actions(plan_id=plan.plan_id, state=ActionState.DONE)
            if done:
                return (_counts({ActionState.DONE.value: len(done)}),)
    return None


def _since_begun(job: Job, at: datetime | None) -> bool:
    begun = job.order.started_at
    return at is not None and begun is not None and at >= begun


def _applied(job: Job, plan_id: str) -> Said:
    from operations.applying import apply_plan

    done = apply_plan(job.settings, plan_id, by=job.by, reason=job.given("reason"), tell=job.tell)
    said = _counts(done.counts)
    if done.problem is not None:
        raise BookwatchError(said, done.problem.why)
    reasons = [action.said for action in done.actions if action.said is not None]
    # Of one row what became of it is the answer.
    return (said, *reasons) if len(done.actions) == 1 else (said,)


def _counts(counts: Mapping[str, int]) -> Message:
    ended = (ActionState.DONE, ActionState.SKIPPED, ActionState.FAILED)
    return Message("order.acted", {state.value: counts.get(state.value, 0) for state in ended})


def _planned(job: Job, plan: Plan) -> Said:
    name = plan.operation.value
    said = [Message("order.planned", {"name": name, "n": plan.proposed})]
    if plan.left_out:
        said.append(Message("order.planned_left", {"n": plan.left_out}))
    if plan.mode is not Mode.ENFORCE:
        said.append(Message("order.observed", {"name": name}))
    return tuple(said)


def _operation(job: Job) -> Operation:
    try:
        return Operation(job.given("operation", r"\w+"))
    except ValueError:
        raise BookwatchError.of("order.argument", name="operation") from None


def _further(job: Job) -> dict[str, str]:
    """What an order of one row says beside the row."""
    return {name: job.given(name) for name in FURTHER if job.order.arguments.get(name)}


DOES: Final[Mapping[OrderKind, Callable[[Job], Said]]] = {
    "forget": _forget,
    "report": _report,
    "package": _package,
    "sign_off": _sign_off,
    "sweep": _sweep,
    "plan": _plan,
    "apply": _apply,
    "undo": _undo,
    "act": _act,
}


def _day(job: Job, name: str) -> date:
    try:
        return date.fromisoformat(job.given(name, r"\d{4}-\d\d-\d\d"))
    except ValueError:
        raise BookwatchError.of("order.argument", name=name) from None


def _maker(job: Job) -> str:
    from pipelines.exports.maker import require_name

    require_name(job.by, "who ordered it")
    return job.by


# Doing them -------------------------------------------------------------------------------------------


def work(settings: Settings) -> list[Order]:
    """Do every order that waits, in this process; how each ended. None where another worker is at it.

    Raises sqlite3.Error where the ledger cannot be written, KeyboardInterrupt where somebody ended it: what was begun
    is begun again by the next worker.
    """
    lock = file_lock(settings.home.root / "orders.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return []
    done: list[Order] = []
    ledger = Ledger(settings.home.ledger)
    try:
        with terminable():
            while (order := ledger.take_order(at=settings.clock.now())) is not None:
                state, said = _done(Job(settings, order))
                ledger.end_order(order.order_id, state, said, at=settings.clock.now())
                done.append(order)
    finally:
        lock.release()
    ended = {order.order_id: order for order in ledger.orders(limit=len(done) + 100)}
    return [ended.get(order.order_id, order) for order in done]


def _done(job: Job) -> tuple[Literal["done", "failed"], Said]:
    """Do one order; done or failed, and what there is to say of it."""
    order = job.order
    if order.attempts > MOST_ATTEMPTS:
        return "failed", BookwatchError.of("order.cut_short", n=order.attempts - 1).said
    try:
        role = Role(order.role)
    except ValueError:
        role = None
    if role is None or not allows(role, NEEDS[order.kind]):
        return "failed", BookwatchError.of("order.may_not", role=order.role).said
    job.tell(Message("order.begun" if order.attempts == 1 else "order.again"))
    try:
        return "done", DOES[order.kind](job)
    except BookwatchError as refused:
        return "failed", refused.said
    except Exception as unknown:  # noqa: BLE001 - an order must end in words, and its error can carry values
        if os.environ.get("BOOKWATCH_DEBUG") == "1":
            traceback.print_exc()
        return "failed", BookwatchError.of("order.unexpected", kind=type(unknown).__name__).said


# Who takes them ---------------------------------------------------------------------------------------


class OrderTaker:
    """Starts a worker, in a process of its own, whenever an order waits: what a report takes of memory is given back,
    and whoever serves or runs goes on."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._environment = environment
        self._worker: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start a worker where an order waits and none is at it. A ledger that cannot be read now is asked again."""
        if self._worker is not None and self._worker.poll() is None:
            return
        self._worker = None
        home = self._settings.home
        try:
            waits = home.ledger.exists() and Ledger(home.ledger).orders_waiting()
        except sqlite3.Error:
            return
        if not waits or _is_worked(self._settings):
            return
        self._worker = subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", "orders", "--work"],
            env={**os.environ, "PYTHONPATH": str(PROJECT), **(self._environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def needs_quiet(self) -> bool:
        """Whether an order waits that no run may go on beside: then a rhythm without a pause gives it one."""
        try:
            return any(order.open for order in Ledger(self._settings.home.ledger).orders(*ALONE))
        except sqlite3.Error:
            return False

    def finish(self) -> None:
        """Wait for the worker that was started, if one was."""
        if self._worker is not None:
            self._worker.wait()

    def stop(self) -> None:
        """End the worker that was started, by its own pid: what it had begun is begun again by the next one."""
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            self._worker.wait()


def _is_worked(settings: Settings) -> bool:
    """Whether a worker holds the lock now."""
    path = settings.home.root / "orders.lock"
    if not path.exists():
        return False
    lock = file_lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
