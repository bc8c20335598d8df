"""A plan applied on the sandbox: what is written, what the ledger says, and what is not done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketplace.operations import ActionState
from messages.catalogue import english
from operations import applying, steps
from operations.applying import ActingStopped, NoWayBack, undo_action
from operations.settling import record_of
from operations.writing import ActingGateway
from resources.acting import resume, stop, stopped
from resources.appwrite.writing import Change
from resources.errors import RunActive, UsageError
from resources.settings import Settings
from tests.operations.desk import Desk, Expiring

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def modes(desk: Desk, mode: str) -> None:
    desk.settings = desk.settings.model_copy(
        update={"operations": Settings(operations=f'{{"expire_bookings": "{mode}"}}').operations}
    )


def at(desk: Desk, now: datetime) -> None:
    desk.settings = desk.settings.model_copy(update={"now": now})


def counts(applied: applying.Applied) -> dict[str, int]:
    return {state: number for state, number in applied.counts.items() if number}


def test_a_plan_is_applied_once_and_all_of_it(desk: Desk) -> None:
    desk.bookings(120)
    plan = desk.plan()
    applied = desk.apply(plan)
    assert (applied.problem, counts(applied)) == (None, {"done": 120})
    assert set(desk.statuses()) == {"expired"}
    messages = desk.all("chat_messages")
    assert sorted(row["bookingRef"] for row in messages.values()) == sorted(desk.kind.rows)
    assert all(row["$permissions"] == ['read("any")'] for row in messages.values())
    assert desk.server.writes()["writes"] == 240
    # 50 actions of two writes a transaction: three of them, opened, staged and committed, and nothing else.
    assert desk.server.writes()["calls"] == 9
    entry = desk.ledger.actions(state=ActionState.DONE, limit=1)[0]
    assert (entry.by, entry.reason, entry.answer, entry.tries) == ("Ani", "deadline", "200 committed", 1)
    assert counts(desk.apply(plan)) == {"done": 120}
    assert desk.server.writes()["writes"] == 240


def test_what_is_observed_or_off_is_not_applied_and_no_call_writes(desk: Desk) -> None:
    desk.bookings(3)
    modes(desk, "observe")
    plan = desk.plan()
    with pytest.raises(UsageError, match=r"set to observe.*enforce in BOOKWATCH_OPERATIONS"):
        desk.apply(plan)
    modes(desk, "off")
    with pytest.raises(UsageError, match="is off"):
        desk.plan()
    with pytest.raises(UsageError, match="set to off"):
        desk.apply(plan)
    assert desk.server.writes() == {**desk.server.writes(), "writes": 0, "calls": 0}
    assert [a.state for a in desk.ledger.actions()] == [ActionState.PLANNED] * 3


def test_acting_has_a_key_of_its_own(desk: Desk) -> None:
    with pytest.raises(ValueError, match="another key than APPWRITE_API_KEY"):
        Settings(appwrite_api_key="k", appwrite_write_key="k")
    desk.bookings(1)
    plan = desk.plan()
    desk.settings = desk.settings.model_copy(
        update={"appwrite_write_key": type(desk.settings.appwrite_write_key)("")}
    )
    with pytest.raises(UsageError, match="APPWRITE_WRITE_KEY is not set"):
        desk.apply(plan)


def test_a_row_that_moved_since_the_plan_is_skipped_and_planned_anew(desk: Desk) -> None:
    first, second, third = desk.bookings(3)
    plan = desk.plan()
    desk.change(second, status="accepted")
    # The third one between reading and writing: staged already, which the server itself would not notice.
    seen: list[str] = []

    def meanwhile(step: str) -> None:
        if step == "staged" and not seen:
            seen.append(step)
            desk.change(third, seats="2")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "reached", meanwhile)
        applied = desk.apply(plan)
    states = {a.row_id: (a.state, a.said and english(a.said)) for a in applied.actions}
    assert states[first][0] is ActionState.DONE
    assert states[second] == (ActionState.SKIPPED, "Its row was changed meanwhile.")  # the kind's own word
    assert states[third] == (ActionState.SKIPPED, "Its row was changed meanwhile.")
    assert {row: one["status"] for row, one in desk.all("bookings").items()} == {
        first: "expired",
        second: "accepted",
        third: "pending",
    }
    again = desk.plan()
    assert again != plan
    assert counts(desk.apply(again)) == {"done": 1, "skipped": 1}
    assert sorted(row["bookingRef"] for row in desk.all("chat_messages").values()) == [first, third]


def test_a_row_that_is_changed_at_the_very_last_is_a_conflict_and_the_others_are_done(desk: Desk) -> None:
    ids = desk.bookings(5)
    plan = desk.plan()
    taken: list[str] = []

    def meanwhile(step: str) -> None:
        if step == "begun" and not taken:
            taken.append(step)
            desk.change(ids[2], status="accepted")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "reached", meanwhile)
        applied = desk.apply(plan)
    assert counts(applied) == {"done": 4, "skipped": 1}
    assert desk.all("bookings")[ids[2]]["status"] == "accepted"
    assert len(desk.all("chat_messages")) == 4


def test_two_machines_do_each_thing_once(desk: Desk, tmp_path: Path) -> None:
    """Both have planned the same; the second one applies between the first one's last look and its commit."""
    desk.bookings(6)
    other = desk.other(tmp_path / "other")
    plan, theirs = desk.plan(), other.plan()
    applied: list[applying.Applied] = []

    def meanwhile(step: str) -> None:
        if step == "begun" and not applied:
            applied.append(applying.Applied(None, ()))  # type: ignore[arg-type] - stands for: it is at it
            applied[0] = other.apply(theirs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "reached", meanwhile)
        mine = desk.apply(plan)
    assert counts(applied[0]) == {"done": 6}
    assert counts(mine) == {"skipped": 6}
    assert len(desk.all("chat_messages")) == 6


def test_two_of_one_home_wait_for_each_other(desk: Desk) -> None:
    desk.bookings(1)
    plan = desk.plan()
    with (
        applying.operations_lock(desk.settings),
        pytest.raises(RunActive, match="Another process plans or applies"),
    ):
        desk.apply(plan, patience_s=0.05)
    assert counts(desk.apply(plan)) == {"done": 1}


def test_the_switch_ends_a_run_before_its_next_call(desk: Desk) -> None:
    desk.bookings(120)
    plan = desk.plan()

    def meanwhile(step: str) -> None:
        if step == "settled":
            stop(desk.home, by="Ketut", reason="wrong prices", at=NOW)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "reached", meanwhile)
        applied = desk.apply(plan)
    assert counts(applied) == {"planned": 70, "done": 50}
    assert str(applied.problem).startswith("Acting is stopped (by Ketut: wrong prices).")
    calls = desk.server.writes()["calls"]
    with pytest.raises(ActingStopped):
        desk.apply(plan)
    assert desk.server.writes()["calls"] == calls
    assert resume(desk.home, by="Made", reason="mended", at=NOW)
    assert counts(desk.apply(plan)) == {"done": 120}
    assert [(entry[0], entry[1]) for entry in desk.ledger.switch_log()] == [
        ("resumed", "Made"),
        ("stopped", "Ketut"),
    ]


def test_a_file_put_there_by_hand_stops_as_well(desk: Desk) -> None:
    desk.bookings(1)
    plan = desk.plan()
    desk.home.operations_stop.touch()
    assert stopped(desk.home) is not None
    with pytest.raises(ActingStopped):
        desk.apply(plan)
    assert desk.statuses() == ["pending"]


def test_limits_keep_a_plan_small_and_say_what_is_left_out(desk: Desk) -> None:
    desk.bookings(30)
    desk.settings = desk.settings.model_copy(update={"actions_a_run": 200, "actions_share": 0.02})
    desk.size = 700
    plan = desk.ledger.plan(desk.plan())
    assert plan is not None
    assert (plan.limit, plan.proposed, plan.left_out) == (14, 14, 16)
    # Lowered since: a run takes no more than it may by now.
    desk.size = 100
    assert counts(desk.apply(plan.plan_id)) == {"planned": 4, "done": 10}


def test_a_plan_that_is_too_old_is_made_anew(desk: Desk) -> None:
    desk.bookings(2)
    plan = desk.plan()
    at(desk, datetime.now(UTC) + timedelta(minutes=11))
    desk.kind.rows.pop()
    said: list[str] = []
    applied = desk.apply(plan, tell=lambda message: said.append(english(message)))
    assert said[0] == f"The plan {plan} was too old and was made anew."
    assert (applied.instead_of, len(applied.actions)) == (plan, 1)
    with pytest.raises(UsageError, match=f"was replaced by {applied.plan.plan_id}"):
        desk.apply(plan)


@pytest.mark.parametrize("ours", [timedelta(hours=1), timedelta(hours=-1)])
def test_by_a_clock_an_hour_off_nothing_is_past_that_is_not_past_by_both(desk: Desk, ours: timedelta) -> None:
    """A deadline in half an hour, by a clock that is an hour ahead; one of half an hour ago, by one an hour behind."""
    now = datetime.now(UTC)
    deadline = now + ours / 2
    desk.bookings(1, responseDeadline=deadline.isoformat(timespec="milliseconds"))
    at(desk, now + ours)
    plan = desk.plan()
    assert counts(desk.apply(plan)) == {"skipped": 1}
    assert desk.statuses() == ["pending"]


def test_an_undo_takes_an_action_back_once_and_says_who_wanted_it(desk: Desk) -> None:
    first, second = desk.bookings(2)
    desk.apply(desk.plan())
    by_row = {a.row_id: a for a in desk.ledger.actions()}
    entry = undo_action(desk.settings, by_row[first].action_id, by="Made", reason="a mistake")
    assert (entry.state, entry.undone_by, entry.undo_reason) == (ActionState.UNDONE, "Made", "a mistake")
    assert desk.all("bookings")[first]["status"] == "pending"
    with pytest.raises(UsageError, match="is not done"):
        undo_action(desk.settings, entry.action_id, by="Made")
    desk.change(second, status="cancelled")
    with pytest.raises(NoWayBack, match="was not taken back"):
        undo_action(desk.settings, by_row[second].action_id, by="Made")
    assert desk.ledger.action(by_row[second].action_id) == by_row[second]
    with pytest.raises(UsageError, match="There is no action"):
        undo_action(desk.settings, "act_0", by="Made")


def test_a_commit_whose_answer_says_nothing_of_it_is_asked_after(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a proxy sends a commit twice: the second is refused, the first came to stand."""
    desk.bookings(3)
    usual = ActingGateway.commit

    def twice(self: ActingGateway, transaction: str) -> None:
        usual(self, transaction)
        usual(self, transaction)

    monkeypatch.setattr(ActingGateway, "commit", twice)
    assert counts(desk.apply(desk.plan())) == {"done": 3}
    assert len(desk.all("chat_messages")) == 3


def test_a_row_that_an_action_rests_on_and_that_moved_is_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    debt, row = desk.bookings(2)
    desk.kind.rows = [row]
    monkeypatch.setattr(Expiring, "reads", lambda self, action: [("bookings", debt)])
    monkeypatch.setattr(
        steps, "reached", lambda point: desk.change(debt, status="paid") if point == "staged" else None
    )
    assert counts(desk.apply(desk.plan())) == {"skipped": 1}
    assert desk.all("bookings")[row]["status"] == "pending"


def test_no_name_is_kept_of_what_was_there_before() -> None:
    change = Change("bookings", "b1", {"providerName": "Spa Two", "providerId": "p2"}, "2026-01-01")
    record = record_of(change, {"providerName": "Spa One", "providerId": "p1"}, "act_1")
    assert record["was"] == {"providerId": "p1"}


def test_a_row_that_cannot_be_dealt_with_fails_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = desk.bookings(4)
    usual = Expiring.writes

    def odd(self: Expiring, action, row, ask, moment):  # type: ignore[no-untyped-def] - as writes has them
        if row["$id"] == ids[1]:
            raise KeyError("a name that must not be repeated")
        found = usual(self, action, row, ask, moment)
        if row["$id"] == ids[2]:  # what the server refuses at the commit
            object.__setattr__(found[0], "data", {"status": "expired", "seats": ["not a text"]})
        return found

    monkeypatch.setattr(Expiring, "writes", odd)
    applied = desk.apply(desk.plan())
    said = {a.row_id: a.said and english(a.said) for a in applied.actions if a.state is ActionState.FAILED}
    assert counts(applied) == {"done": 2, "failed": 2}
    assert said == {
        ids[1]: "Its row could not be dealt with (KeyError).",
        ids[2]: "Appwrite refused it: 400 document_invalid_structure.",
    }
    assert len(desk.all("chat_messages")) == 2


def test_where_every_action_fails_the_rest_is_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.bookings(30)
    monkeypatch.setattr(applying, "ACTIONS_AT_A_TIME", 10)

    def never(self: Expiring, action, row, ask, moment):  # type: ignore[no-untyped-def] - as writes has them
        raise ValueError

    monkeypatch.setattr(Expiring, "writes", never)
    applied = desk.apply(desk.plan())
    assert applied.problem is not None
    assert counts(applied) == {"planned": 20, "failed": 10}


def test_a_server_without_transactions_is_written_to_one_by_one(desk: Desk) -> None:
    first, second, third = desk.bookings(3)
    desk.server.settings(transactions=False)
    plan = desk.plan()

    def meanwhile(step: str) -> None:
        if (
            step == "begun"
            and desk.all("bookings")[second]["seats"] == "1"
            and desk.statuses()[0] == "expired"
        ):
            desk.change(second, seats="2")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "reached", meanwhile)
        applied = desk.apply(plan)
    states = {a.row_id: (a.state.value, a.answer) for a in applied.actions}
    assert states == {
        first: ("done", "200"),
        second: ("skipped", "409 row_update_conflict"),
        third: ("done", "200"),
    }
    assert sorted(row["bookingRef"] for row in desk.all("chat_messages").values()) == [first, third]


@pytest.mark.parametrize("transactions", [True, False])
def test_the_older_api_is_written_to_as_well(desk: Desk, transactions: bool) -> None:
    desk.bookings(3)
    desk.settings = desk.settings.model_copy(update={"appwrite_api": "databases"})
    desk.server.settings(transactions=transactions)
    assert counts(desk.apply(desk.plan())) == {"done": 3}
    assert set(desk.statuses()) == {"expired"}
    assert {row["$permissions"][0] for row in desk.all("chat_messages").values()} == {'read("any")'}
