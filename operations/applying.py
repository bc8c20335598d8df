"""Applying a plan, and undoing an action: each write entered in the ledger before it is made and settled after it.

In this order, never another: what is still open is found out; the row is asked for again; what is to be written is
staged; the row is asked for once more, for a change between the two is no conflict to the server; the ledger says that
it begins; the server carries it out, all of an action or nothing; the ledger says how that ended. A server without
transactions gets the writes one after the other, each on the condition that its row is still the one that was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from marketplace.operations import BY_ORDER, PLAN_HOLDS_FOR, ActionState, Mode, most_actions
from messages.message import Message
from operations import steps
from operations.action import Action, Kind, Moment, Sending, Skip, Unsent
from operations.every import kind_of
from operations.planning import LOCK_PATIENCE_S, operations_lock, planned, rows_of
from operations.port import published
from operations.recovery import Settler, action_of, moment_of, write_one
from operations.settling import (
    Record,
    is_as_written,
    record_of,
    same_instant,
)
from operations.writing import ActingGateway, ActingStopped
from resources.acting import stopped
from resources.appwrite.failures import CallFailure, PermanentFailure, TransientFailure
from resources.appwrite.refusals import is_refusal
from resources.appwrite.writing import Change, Create, Write, answer_of
from resources.errors import UNREACHABLE, BookwatchError, UsageError
from resources.ledger.actions import ActionEntry, Actions, Plan, Purpose, Settled
from resources.settings import Settings

MOST_STAGED: Final = 100
"""Operations a transaction takes."""
ACTIONS_AT_A_TIME: Final = 100
MOST_TRIES: Final = 3
"""How often an action is tried whose transaction met another's."""
FAILURES_IN_A_ROW: Final = 5
"""After so many the rest is left: what fails so often fails for all, and another look is due."""

Tell = Callable[[Message], None]


class ApplyFailed(BookwatchError):
    """A run of actions that ended before its end, for a reason that would have ended every further action, too."""

    exit_status = UNREACHABLE


class NoWayBack(BookwatchError):
    """An action that cannot be taken back: the business has no way back, or its row is another one by now."""


@dataclass(frozen=True)
class Applied:
    """What a run did. ``plan``: that was applied; ``instead_of``: the one that was asked for, where it had become too
    old and was made anew. ``problem``: why the run ended early; its other actions are planned still."""

    plan: Plan
    actions: tuple[ActionEntry, ...]
    instead_of: str | None = None
    problem: BookwatchError | None = None

    @property
    def counts(self) -> dict[str, int]:
        """State → actions of the plan."""
        return {state.value: sum(a.state is state for a in self.actions) for state in ActionState}


@dataclass(frozen=True)
class Prepared:
    """An action with what it writes by its rows as they were just read."""

    action: Action
    writes: tuple[Write, ...]
    records: tuple[Record, ...]
    seen: Mapping[tuple[str, str], object] = field(default_factory=dict[tuple[str, str], object])
    """(collection, id) → ``$updatedAt`` of each row that must not have moved."""


def _silent(said: Message) -> None:
    """Say nothing."""


def apply_plan(
    settings: Settings,
    plan_id: str,
    *,
    by: str,
    reason: str = "",
    tell: Tell = _silent,
    patience_s: float = LOCK_PATIENCE_S,
) -> Applied:
    """Apply what is planned in a plan. ``by`` and ``reason`` stand with each action.

    Raises UsageError (no such plan, another one took its place, the operation is not enforced, no acting key, nobody
    named), ActingStopped, RunActive (another process is at it), sqlite3.Error (then nothing was written that the
    ledger does not know of).
    """
    ledger = Actions(settings.home.ledger)
    plan = _plan_to_apply(settings, ledger, plan_id)
    _require_name(by)
    if plan.operation in BY_ORDER and not (reason.strip() or plan.reason.strip()):
        raise UsageError.of("operations.reason_wanted")
    with (
        operations_lock(settings, patience_s=patience_s),
        ledger.held(),
        ActingGateway(settings, settings.clock) as gateway,
    ):
        run = _Run(settings, ledger, gateway, kind_of(plan.operation), by, reason, tell)
        return run.apply(plan)


def settle_open(settings: Settings, *, patience_s: float = LOCK_PATIENCE_S) -> int:
    """Find out what became of the calls that are not settled; how many still are not. Asks nothing where there are
    none. Raises as ``apply_plan``, and ApplyFailed where Appwrite cannot be asked."""
    ledger = Actions(settings.home.ledger)
    if not ledger.path.exists() or not ledger.open_calls():
        return 0
    with operations_lock(settings, patience_s=patience_s), ActingGateway(settings, settings.clock) as gateway:
        try:
            return Settler(settings, ledger, gateway).settle()
        except CallFailure as failed:
            raise _failed(failed) from None


def undo_action(
    settings: Settings,
    action_id: str,
    *,
    by: str,
    reason: str = "",
    tell: Tell = _silent,
    patience_s: float = LOCK_PATIENCE_S,
) -> ActionEntry:
    """Take a done action back, where the business has a way back. Its entry afterwards: undone, or with why not.

    Raises UsageError (no such action, it is not done, its operation is not enforced, nobody named), ApplyFailed, and as
    ``apply_plan``.
    """
    ledger = Actions(settings.home.ledger)
    entry = ledger.action(action_id) if ledger.path.exists() else None
    if entry is None:
        raise UsageError.of("operations.no_action", action=action_id)
    _require_enforced(settings, entry.operation.value, settings.mode_of(entry.operation))
    _require_going(settings)
    _require_name(by)
    with operations_lock(settings, patience_s=patience_s), ActingGateway(settings, settings.clock) as gateway:
        run = _Run(settings, ledger, gateway, kind_of(entry.operation), by, reason, tell, "undo")
        return run.undo(action_id)


def _plan_to_apply(settings: Settings, ledger: Actions, plan_id: str) -> Plan:
    plan = ledger.plan(plan_id) if ledger.path.exists() else None
    if plan is None:
        raise UsageError.of("operations.no_plan", plan=plan_id)
    _require_enforced(settings, plan.operation.value, settings.mode_of(plan.operation))
    if plan.replaced_by is not None:
        raise UsageError.of("operations.replaced", plan=plan_id, other=plan.replaced_by)
    _require_going(settings)
    return plan


def _require_enforced(settings: Settings, name: str, mode: Mode) -> None:
    if mode is not Mode.ENFORCE:
        raise UsageError.of("operations.not_enforced", name=name, mode=mode.value)


def _require_going(settings: Settings) -> None:
    stop = stopped(settings.home)
    if stop is not None:
        raise ActingStopped.by(stop)


def _require_name(by: str) -> None:
    if not by.strip():
        raise UsageError.of("operations.who")


def _failed(failure: CallFailure) -> ApplyFailed:
    return ApplyFailed(
        Message("operations.ended_early", {"why": failure.said}), Message("operations.ended_early_do")
    )


class _Run:
    """One run: the actions of a plan, or one undo."""

    def __init__(
        self,
        settings: Settings,
        ledger: Actions,
        gateway: ActingGateway,
        kind: Kind,
        by: str,
        reason: str,
        tell: Tell,
        purpose: Purpose = "apply",
    ) -> None:
        self._purpose: Purpose = purpose
        self._settings, self._ledger, self._gateway, self._kind = settings, ledger, gateway, kind
        self._by, self._reason, self._tell = by, reason, tell
        self._settler = Settler(settings, ledger, gateway)
        self._moment = Moment(settings.clock.now(), settings.timezone)
        self._tries: dict[str, int] = {}
        self._done = self._failures = 0
        self._of = 0

    # A plan ---------------------------------------------------------------------------------------------

    def apply(self, plan: Plan) -> Applied:
        asked, problem = plan.plan_id, None
        try:
            self._settler.settle()
            plan = self._fresh_plan(plan)
            self._reason = self._reason or plan.reason
            self._moment = moment_of(self._settings, self._gateway)
            waiting = self._ledger.actions(
                plan_id=plan.plan_id, state=ActionState.PLANNED, limit=self._most(plan)
            )
            at_it = {call.action_id for call in self._ledger.open_calls()}
            left = [action_of(one, self._by, self._reason) for one in waiting if one.action_id not in at_it]
            self._of = len(left)
            while left:
                some, rest = left[:ACTIONS_AT_A_TIME], left[ACTIONS_AT_A_TIME:]
                left = self._some(some, more=bool(rest)) + rest
        except CallFailure as failed:
            problem = _failed(failed)
        except (ActingStopped, ApplyFailed) as ended:
            problem = ended
        found = self._ledger.actions(plan_id=plan.plan_id, limit=max(1, plan.proposed))
        return Applied(plan, tuple(found), None if plan.plan_id == asked else asked, problem)

    def _fresh_plan(self, plan: Plan) -> Plan:
        """The plan, made anew where it is too old (or from a time to come)."""
        if abs(self._settings.clock.now() - plan.planned_at) <= PLAN_HOLDS_FOR:
            return plan
        if not self._ledger.actions(plan_id=plan.plan_id, state=ActionState.PLANNED, limit=1):
            return plan  # nothing of it waits
        self._tell(Message("operations.made_anew", {"plan": plan.plan_id}))
        return planned(self._settings, self._kind, by=plan.by, reason=plan.reason, ordered=plan.ordered)

    def _most(self, plan: Plan) -> int:
        """What a run may take by the settings of today and the plan's own limit."""
        with published(self._settings.home) as snapshot:
            rows = rows_of(snapshot, self._kind.collection)
        most = most_actions(rows, a_run=self._settings.actions_a_run, share=self._settings.actions_share)
        return min(plan.limit, most)

    # Some actions ---------------------------------------------------------------------------------------

    def _some(self, actions: Sequence[Action], *, more: bool) -> list[Action]:
        """Do some actions; those that have to wait: for another one of them, which writes the same row, or (where
        ``more`` follow) for those that fill their transaction."""
        prepared = self._prepared(actions)
        groups, later = _groups(prepared)
        if more and len(groups) > 1:
            later = [one.action for one in groups.pop()] + later
        for group in groups:
            self._write(group)
        return later

    def _prepared(self, actions: Sequence[Action]) -> list[Prepared]:
        """Those that are still to be done, with what they write. What is not is settled."""
        self._gateway.forget()
        wanted = [(a.proposed.collection, a.proposed.row_id) for a in actions]
        self._gateway.read([*wanted, *(more for action in actions for more in self._kind.reads(action))])
        steps.reached("read")
        unsent = self._sent(actions)
        ready: list[Prepared] = []
        unwritten: list[tuple[str, Literal["skipped", "failed"], Message]] = []
        for action in actions:
            found = unsent.get(action.action_id) or self._writes_of(action)
            if isinstance(found, Prepared):
                ready.append(found)
            else:
                unwritten.append((action.action_id, *found))
        if unwritten:
            self._settle_unwritten(unwritten)
        return ready

    def _sent(self, actions: Sequence[Action]) -> Mapping[str, Unsent]:
        """Send what a kind sends before it writes; the actions that nothing is written for, and why."""
        if not isinstance(self._kind, Sending) or self._purpose == "undo":
            return {}
        read = ((a, self._gateway.row(a.proposed.collection, a.proposed.row_id)) for a in actions)
        rows = {action.action_id: (action, row) for action, row in read if row is not None}
        return self._kind.send(self._settings, rows, self._gateway)

    def _writes_of(self, action: Action) -> Prepared | tuple[Literal["skipped", "failed"], Message]:
        proposed = action.proposed
        row = self._gateway.row(proposed.collection, proposed.row_id)
        if row is None:
            return "skipped", Message("operations.row_gone")
        ask = self._kind.writes if self._purpose == "apply" else self._kind.undo
        try:
            wanted = ask(action, row, self._gateway, self._moment)
        except (CallFailure, BookwatchError):
            raise
        except Exception as unforeseen:  # noqa: BLE001 - an odd row fails its own action, and its error can carry values
            return "failed", Message("operations.unforeseen", {"kind": type(unforeseen).__name__})
        if isinstance(wanted, Skip):
            return "skipped", wanted.why
        writes = tuple(wanted)
        if not writes:
            return "skipped", Message("operations.nothing_to_write")
        if len(writes) > MOST_STAGED:
            return "failed", Message("operations.too_many_writes", {"n": len(writes)})
        beside = {key: self._gateway.row(*key) for key in self._kind.reads(action)}
        seen: dict[tuple[str, str], object] = {
            # What it was decided by: a debt that is paid by now restricts nobody.
            **{key: other.get("$updatedAt") for key, other in beside.items() if other is not None},
            (proposed.collection, proposed.row_id): row.get("$updatedAt"),
            **{(w.collection, w.row_id): w.seen for w in writes if isinstance(w, Change)},
        }
        records = tuple(
            record_of(
                write,
                self._gateway.row(write.collection, write.row_id) if isinstance(write, Change) else None,
                action.action_id,
            )
            for write in writes
        )
        return Prepared(action, writes, records, seen)

    def _settle_unwritten(self, settled: Sequence[tuple[str, Literal["skipped", "failed"], Message]]) -> None:
        if self._purpose == "undo":
            raise NoWayBack(Message("operations.no_way_back", {"why": settled[0][2]}))
        self._ledger.settle_unwritten(
            settled, by=self._by, reason=self._reason, at=self._settings.clock.now()
        )
        steps.reached("settled_unwritten")
        for _, state, _ in settled:
            self._count(state)

    def _count(self, state: str, number: int = 1) -> None:
        if state == "failed":
            self._failures += number
        elif state == "done":
            self._failures = 0
        self._done += number
        if self._purpose == "apply":
            self._tell(Message("operations.progress", {"n": self._done, "of": self._of}))
        if self._failures >= FAILURES_IN_A_ROW:
            raise ApplyFailed.of("operations.keeps_failing", n=self._failures)

    # Writing them ---------------------------------------------------------------------------------------

    def _write(self, group: Sequence[Prepared]) -> None:
        if not group:
            return
        if self._gateway.has_transactions:
            self._together(group)
        else:
            for one in group:
                self._one_by_one(one)

    def _unmoved(self, group: Sequence[Prepared]) -> list[Prepared]:
        """Those whose rows are still what they were when they were read; the others are skipped."""
        rows = self._gateway.fresh(key for one in group for key in one.seen)
        kept: list[Prepared] = []
        moved: list[tuple[str, Literal["skipped", "failed"], Message]] = []
        for one in group:
            now = {key: rows[key] for key in one.seen}
            if all(
                row is not None and same_instant(row.get("$updatedAt"), one.seen[key])
                for key, row in now.items()
            ):
                kept.append(one)
            else:
                moved.append((one.action.action_id, "skipped", Message("operations.moved")))
        if moved:
            self._settle_unwritten(moved)
        return kept

    def _together(self, group: Sequence[Prepared]) -> None:
        """Write actions in one transaction."""
        gateway = self._gateway
        transaction = gateway.open_transaction()
        steps.reached("opened")
        try:
            gateway.stage(transaction, [write for one in group for write in one.writes])
        except PermanentFailure as refused:
            if is_refusal(refused):
                raise
            gateway.roll_back(transaction)
            self._apart(group, refused)
            return
        steps.reached("staged")
        kept = self._unmoved(group)
        if len(kept) < len(group):
            gateway.roll_back(transaction)
            self._write(kept)
            return
        steps.reached("looked_again")
        calls = self._begin(group, transaction)
        if len(calls) < len(group):  # what is not planned any more
            gateway.roll_back(transaction)
            self._end(group, calls, "not_done", "not committed")
            self._write([one for one in group if one.action.action_id in calls])
            return
        steps.reached("begun")
        began = time.perf_counter()
        try:
            gateway.commit(transaction)
        except PermanentFailure as refused:
            if _leaves_open(refused):
                self._unheard(group, calls, transaction, refused, time.perf_counter() - began)
                return
            self._end(group, calls, "not_done", answer_of(refused), time.perf_counter() - began)
            if is_refusal(refused):
                raise
            steps.reached("refused")
            self._apart(group, refused)
        except TransientFailure as unheard:
            self._unheard(group, calls, transaction, unheard, time.perf_counter() - began)
        else:
            steps.reached("committed")
            self._end(group, calls, "done", "200 committed", time.perf_counter() - began)
            steps.reached("settled")

    def _unheard(
        self,
        group: Sequence[Prepared],
        calls: Mapping[str, int],
        transaction: str,
        failure: CallFailure,
        seconds: float,
    ) -> None:
        """The commit had no answer that says anything: the server is asked what became of it, else it stays open."""
        status = self._gateway.status_of(transaction)
        if status == "pending" and self._gateway.roll_back(transaction):
            status = "failed"
        if status == "committed":
            self._end(group, calls, "done", f"{answer_of(failure)}, committed", seconds)
        elif status == "failed":
            self._end(group, calls, "not_done", f"{answer_of(failure)}, not committed", seconds)
            self._apart(group, failure)
        else:
            raise failure

    def _apart(self, group: Sequence[Prepared], failure: CallFailure) -> None:
        """Actions that could not be written together, in two halves, each by its rows as they are now; a single one as
        often as it is worth it."""
        actions = [one.action for one in group]
        if len(actions) > 1:
            half = len(actions) // 2
            for some in (actions[:half], actions[half:]):
                self._write(self._prepared(some))
            return
        action = actions[0]
        if (there := self._made_before(group[0])) is not None:
            self._settle_unwritten([(action.action_id, *there)])
            return
        tries = self._tries[action.action_id] = self._tries.get(action.action_id, 1) + 1
        if tries > MOST_TRIES or not _passes(failure):
            said = Message("operations.refused", {"answer": answer_of(failure)})
            self._settle_unwritten([(action.action_id, "failed", said)])
            return
        self._write(self._prepared([action]))

    def _made_before(self, one: Prepared) -> tuple[Literal["skipped", "failed"], Message] | None:
        """Where a row that an action makes is there: who made it, made the same or something else."""
        made = [(w, r) for w, r in zip(one.writes, one.records, strict=True) if isinstance(w, Create)]
        rows = self._gateway.fresh((write.collection, write.row_id) for write, _ in made)
        for write, record in made:
            row = rows[write.collection, write.row_id]
            if row is not None:
                same = is_as_written(record, row, one.action.action_id)
                told = "operations.made_before" if same else "operations.other_there"
                return ("skipped" if same else "failed"), Message(told, {"row": write.row_id})
        return None

    def _one_by_one(self, one: Prepared) -> None:
        """Write an action on a server without transactions."""
        if not self._unmoved([one]):
            return
        steps.reached("looked_again")
        calls = self._begin([one], "")
        if not calls:
            return
        steps.reached("begun")
        began = time.perf_counter()
        for number, (write, record) in enumerate(zip(one.writes, one.records, strict=True)):
            try:
                answer = self._one_write(write, record, one.action.action_id)
            except PermanentFailure as refused:
                if is_refusal(refused) and number == 0:
                    self._end([one], calls, "not_done", answer_of(refused), time.perf_counter() - began)
                    raise
                first = number == 0
                conflict = refused.error_type.endswith("_update_conflict")
                code = "operations.moved" if conflict else "operations.refused"
                said = Message(code if first else "operations.partly", {"answer": answer_of(refused)})
                end: Literal["skipped", "failed"] = "skipped" if first and conflict else "failed"
                self._end([one], calls, end, answer_of(refused), time.perf_counter() - began, said)
                return
            if answer == "other":
                said = Message("operations.other_there", {"row": write.row_id})
                self._end([one], calls, "failed", "409 row_already_exists", time.perf_counter() - began, said)
                return
            steps.reached(f"wrote_{number}")
        self._end([one], calls, "done", "200", time.perf_counter() - began)
        steps.reached("settled")

    def _one_write(self, write: Write, record: Record, salt: str) -> Literal["done", "other"]:
        """Make one write; of one without an answer it is read first whether it is there. Raises CallFailure: what
        cannot be told stays open."""
        for last in (False, True):
            try:
                write_one(self._gateway, write)
                return "done"
            except TransientFailure:
                if last:
                    raise
                row = self._gateway.fresh([(write.collection, write.row_id)])[write.collection, write.row_id]
                if row is not None and is_as_written(record, row, salt):
                    return "done"
            except PermanentFailure as refused:
                row = self._gateway.fresh([(write.collection, write.row_id)])[write.collection, write.row_id]
                if refused.status != 409 or row is None:
                    raise
                if is_as_written(record, row, salt):
                    return "done"
                if isinstance(write, Create):
                    return "other"
                raise
        raise AssertionError("the second try ends it")

    # The ledger -----------------------------------------------------------------------------------------

    def _begin(self, group: Sequence[Prepared], transaction: str) -> dict[str, int]:
        return self._ledger.begin_calls(
            [(one.action.action_id, one.records) for one in group],
            purpose=self._purpose,
            by=self._by,
            reason=self._reason,
            at=self._settings.clock.now(),
            transaction_id=transaction,
        )

    def _end(
        self,
        group: Sequence[Prepared],
        calls: Mapping[str, int],
        end: Literal["done", "not_done", "skipped", "failed"],
        answer: str,
        seconds: float | None = None,
        said: Message | None = None,
    ) -> None:
        begun = [one.action.action_id for one in group if one.action.action_id in calls]
        self._ledger.settle_calls(
            [Settled(calls[action], action, end, said, answer, seconds) for action in begun],
            at=self._settings.clock.now(),
        )
        if end != "not_done":
            self._count(end, len(begun))

    # An undo --------------------------------------------------------------------------------------------

    def undo(self, action_id: str) -> ActionEntry:
        try:
            self._settler.settle()
            entry = self._ledger.action(action_id)
            assert entry is not None, "it was there before the lock"
            if entry.state is not ActionState.DONE:
                raise UsageError.of("operations.not_done", action=action_id, state=entry.state.value)
            self._moment = moment_of(self._settings, self._gateway)
            wrote = self._ledger.rows_written(action_id)
            self._write(self._prepared([action_of(entry, self._by, self._reason, wrote)]))
        except CallFailure as failed:
            raise _failed(failed) from None
        after = self._ledger.action(action_id)
        assert after is not None
        return after


def _leaves_open(refused: PermanentFailure) -> bool:
    """Whether an answer to a commit does not say that nothing came of it: one that is no Appwrite's, or that the
    transaction is over, as after a commit that something between us and the server sent twice."""
    return refused.error_type in ("", "transaction_not_ready")


def _passes(failure: CallFailure) -> bool:
    """Whether another try may end otherwise: rows had moved, or the server failed."""
    return isinstance(failure, TransientFailure) or failure.status in (404, 409)


def _groups(prepared: Sequence[Prepared]) -> tuple[list[list[Prepared]], list[Action]]:
    """Whole actions by transaction, MOST_STAGED operations each; and those that write a row that another of them
    writes or rests on, or rest on one that another writes: their turn comes when that is done."""
    groups: list[list[Prepared]] = []
    later: list[Action] = []
    written: set[tuple[str, str]] = set()
    touched: set[tuple[str, str]] = set()
    room = 0
    for one in prepared:
        rows = {(write.collection, write.row_id) for write in one.writes}
        if rows & touched or one.seen.keys() & written:
            later.append(one.action)
            continue
        written |= rows
        touched |= rows | one.seen.keys()
        if not groups or len(one.writes) > room:
            groups.append([])
            room = MOST_STAGED
        groups[-1].append(one)
        room -= len(one.writes)
    return groups, later
