"""The commands follow the model of bookings, providers, queue and money: one after another, with another one in the
middle of them, with a server that fails them, with two dispatchers."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from marketplace.collections import OFFERS
from resources.appwrite.failures import CallFailure
from services import store
from services.problems import Problem
from services.store import Contended, Doubtful
from tests.services.memory import no_answer
from tests.services.moves_desk import ADMIN, Desk, iso
from tests.services.moves_held import NOT_LIVE, held
from tests.services.moves_model import Action, Model, Outcome

THERAPISTS = ("t1", "t2", "t3", "t4")
STARTS = (30, 60, 100, 150, 240)
FAULTS = ("none", "none", "none", "stage", "commit_before", "commit_after", "reset")
COMMANDS = ("accept", "accept", "accept", "decline", "decline", "confirm", "complete", "cancel", "reassign")
DISPATCH: Action = ("dispatch", "", "", "")
DISPATCHED = -1
Step = tuple[int, Action]
"""(which of the actions, DISPATCHED for what a dispatcher does; what is done)."""


class Moves(RuleBasedStateMachine):
    """What is asked, answered and left. Time moves between the commands, never in one."""

    transactions = True

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.model, self.numbers = Desk(4, transactions=self.transactions), Model(), count(1)
        self.model.status = dict.fromkeys(THERAPISTS, "AVAILABLE")

    @initialize(starts=st.sampled_from(STARTS))
    def first(self, starts: int) -> None:
        self.book("t1", starts)

    @rule(whose=st.sampled_from(THERAPISTS), starts=st.sampled_from(STARTS))
    def book(self, whose: str, starts: int) -> None:
        if len(self.model.bookings) >= 6:
            return
        number, now = next(self.numbers), self.desk.server.now
        begins = timedelta(minutes=starts)
        self.model.book(f"b{number}", f"u{number}", whose, now, now + begins)
        made = self.model.bookings[f"b{number}"]
        self.desk.book(f"b{number}", whose, by=f"u{number}", starts=begins, answers=made.answers)

    @rule(seconds=st.sampled_from((1, 60, 299, 300, 1_800, 5_400)))
    def time_goes_by(self, seconds: int) -> None:
        self.desk.passes(seconds=seconds)

    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def one(self, data: st.DataObject, fault: str) -> None:
        """A command, and what becomes of it where the server fails."""
        action = self._drawn(data)
        self._with_fault(fault)
        outcome = self._ask(action)
        self._healed()
        self._follows([action], [outcome])

    @rule(data=st.data(), at=st.integers(0, 3))
    def two(self, data: st.DataObject, at: int) -> None:
        """A command, and another one in its middle."""
        outer, inner = self._drawn(data), self._drawn(data)
        outcomes: list[Outcome | None] = []
        calls = count()

        def fail(call: str, before: bool) -> None:
            if next(calls) == at:
                self._healed()
                outcomes.append(self._ask(inner))

        self.desk.server.fail = fail
        outcome = self._ask(outer)
        self._healed()
        if outcomes:
            self._follows([outer, inner], [outcome, *outcomes])
        else:
            self._follows([outer], [outcome])

    @invariant()
    def holds(self) -> None:
        held(self.desk, at_rest=False)

    def teardown(self) -> None:
        for _ in range(2):
            self.desk.passes(minutes=61)
            self.desk.sweep()
            self.desk.dispatch()
        self.desk.sweep()
        held(self.desk)

    # How ------------------------------------------------------------------------------------------------

    def _drawn(self, data: st.DataObject) -> Action:
        if data.draw(st.integers(0, 9)) < 2:
            return DISPATCH
        what = data.draw(st.sampled_from(COMMANDS))
        name = data.draw(st.sampled_from(sorted(self.model.bookings)))
        booking = self.model.bookings[name]
        likely = [one for one in (booking.waits_for, booking.whose) if one is not None]
        who = data.draw(st.sampled_from((*likely, *likely, booking.by, "boss", *THERAPISTS)))
        if what == "reassign":
            who = "boss"
        return what, name, who, data.draw(st.sampled_from(THERAPISTS)) if what == "reassign" else ""

    def _with_fault(self, fault: str) -> None:
        if fault == "none":
            return
        left = [1]

        def fail(call: str, before: bool) -> None:
            call_wanted = "stage" if fault == "stage" else "commit"
            if call in (call_wanted, "create", "change") and before == (fault == "commit_before") and left:
                left.clear()
                raise no_answer(call)

        def gone(transaction: str) -> Any:
            raise no_answer("transaction")

        self.desk.server.fail = fail
        if fault == "reset":
            self.desk.server.status_of = gone  # type: ignore[method-assign] - this server, now

    def _healed(self) -> None:
        self.desk.server.fail = lambda call, before: None
        self.desk.server.__dict__.pop("status_of", None)

    def _ask(self, action: Action) -> Outcome | None:
        """What is answered; None where nobody can tell."""
        what, name, who, to = action
        if what == "dispatch":
            with suppress(CallFailure):
                self.desk.dispatch()
            return None
        caller: Any = ADMIN if who == "boss" else who
        more: tuple[Any, ...] = {"cancel": ("u", "ill")}.get(what, ("u",))[1:]
        try:
            if what == "reassign":
                moved = self.desk.reassign(to, name, caller)
            else:
                moved = getattr(self.desk, what)(caller, name, *more)
        except Problem as problem:
            return problem.status, problem.state or ""
        except (CallFailure, Doubtful, Contended):
            return None
        return 200, cast("str", moved.status)

    def _follows(self, actions: list[Action], outcomes: list[Outcome | None]) -> None:
        """What was answered and what stands is what the model says of some order of the actions; one that nobody can
        tell of was done or not."""
        now, failures = self.desk.server.now, list[str]()
        for order in self._orders(actions):
            for done in _done(order, outcomes):
                model = copy.deepcopy(self.model)
                told = {number: model.do(action, now) for number, action in done}
                wrong = [
                    (actions[number], outcome, told[number])
                    for number, outcome in enumerate(outcomes)
                    if outcome is not None and not _same(outcome, told[number])
                ]
                differs = wrong or self._differs(model)
                if not differs:
                    self.model = model
                    return
                failures.append(f"{done}: {differs}")
        raise AssertionError("\n".join([f"{actions} answered {outcomes}", *failures]))

    def _orders(self, actions: list[Action]) -> list[list[Step]]:
        """The orders in which they may have been done; a dispatcher does many things, one after another."""
        overdue = self.model.overdue(self.desk.server.now)
        steps: list[list[Step]] = [
            [(DISPATCHED, ("expire", name, "", "")) for name in overdue]
            if action == DISPATCH
            else [(number, action)]
            for number, action in enumerate(actions)
        ]
        if len(steps) == 1 or actions[0] == actions[1] == DISPATCH:
            return steps[:1]
        first, second = steps
        if actions[1] == DISPATCH:
            first, second = second, first
        return [[*first[:at], *second, *first[at:]] for at in range(len(first), -1, -1)]

    def _differs(self, model: Model) -> list[object]:
        """What stands otherwise than the model says."""
        wrong: list[object] = []
        for name, meant in model.bookings.items():
            row = self.desk.booking(name)
            waits = [
                offer["providerId"]
                for offer in self.desk.rows(OFFERS).values()
                if offer["bookingId"] == name and offer["state"] == "offered"
            ]
            charged = [
                (r["therapistId"], "live" if r["paymentStatus"] not in NOT_LIVE else "taken back")
                for r in sorted(self.desk.records(name), key=lambda r: r["$sequence"])
            ]
            stands = (row["status"], row["providerId"], waits, charged)
            wants = (meant.status, meant.whose, [meant.waits_for] if meant.waits_for else [], meant.charged)
            if stands != wants:
                wrong.append((name, stands, wants))
            if meant.status == "pending" and row["responseDeadline"] != iso(meant.deadline):
                wrong.append((name, row["responseDeadline"], meant.deadline))
            if meant.status == "completed" and row.get("completedAt") != iso(meant.ends):
                wrong.append((name, row.get("completedAt"), meant.ends))
        for whose, status in model.status.items():
            if self.desk.status_of(whose) != status:
                wrong.append((whose, self.desk.status_of(whose), status))
        return wrong


def _done(order: list[Step], outcomes: list[Outcome | None]) -> list[list[Step]]:
    """An order with and without what nobody can tell of; of what a dispatcher does each step may have failed."""
    unsure = [at for at, (number, _) in enumerate(order) if number == DISPATCHED or outcomes[number] is None]
    found: list[list[Step]] = []
    for failed in range(2 ** len(unsure)):
        left_out = {at for bit, at in enumerate(unsure) if failed >> bit & 1}
        found.append([step for at, step in enumerate(order) if at not in left_out])
    return found


def _same(outcome: Outcome, meant: Outcome) -> bool:
    return outcome[0] == meant[0] and (outcome[0] in (403, 404, 422) or outcome[1] == meant[1])


class WithoutTransactions(Moves):
    """Of a server without transactions only what holds in the middle and at rest is looked at."""

    transactions = False

    def _follows(self, actions: list[Action], outcomes: list[Outcome | None]) -> None:
        for name, meant in self.model.bookings.items():
            row = self.desk.booking(name)
            meant.status, meant.whose = row["status"], row["providerId"]


def _run(machine: type[Moves], examples: int, steps: int, *, same: bool = False) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call] - Hypothesis has no types for it
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=same,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.parametrize("machine", [Moves, WithoutTransactions])
def test_the_commands_follow_the_model(machine: type[Moves], monkeypatch: pytest.MonkeyPatch) -> None:
    _at_once(monkeypatch)
    _run(machine, 20, 20, same=True)


@pytest.mark.long
@pytest.mark.parametrize("machine", [Moves, WithoutTransactions])
@pytest.mark.timeout(1_800)
def test_the_commands_follow_the_model_for_long(
    machine: type[Moves], monkeypatch: pytest.MonkeyPatch
) -> None:
    _at_once(monkeypatch)
    _run(machine, 200, 40)


def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits before it is tried again: nobody else is there meanwhile."""
    for pause in ("_FIRST_PAUSE_S", "_LONGEST_PAUSE_S"):
        monkeypatch.setattr(store, pause, 0.0)
