"""`bookwatch operations`, the job and the schedule of an operation, and the turns of `watch`, on the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import RunRequest, SkipReason, build_schedule_context

from marketplace.operations import ActionState, Operation
from pipelines import operations as turns
from pipelines.alerting.observe import Standing, acting
from pipelines.alerting.standing import standings
from pipelines.cli import main
from pipelines.dagster import acting as in_dagster
from resources.acting import resume, stop
from resources.errors import DONE, FAILED, PROBLEMS, USAGE
from tests.operations.desk import Desk
from tests.operations.test_applying import at, modes

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Command:
    """The command line in this process, on the home and the marketplace of a desk."""

    def __init__(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._desk, self._patch, self._capsys = desk, monkeypatch, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        settings = self._desk.settings
        for name, value in {
            "APPWRITE_ENDPOINT": settings.appwrite_endpoint,
            "APPWRITE_PROJECT_ID": settings.appwrite_project_id,
            "APPWRITE_DATABASE_ID": settings.appwrite_database_id,
            "APPWRITE_API_KEY": settings.appwrite_api_key.get_secret_value(),
            "APPWRITE_WRITE_KEY": settings.appwrite_write_key.get_secret_value(),
            "BOOKWATCH_HOME": str(settings.home.root),
            "BOOKWATCH_OPERATIONS": json.dumps(settings.operations),
            "BOOKWATCH_ACTIONS_SHARE": "1",
        }.items():
            self._patch.setenv(name, value)
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["operations", *words])
        told = self._capsys.readouterr()
        return int(str(ended.value.code)), told.out, told.err

    def json(self, *words: str) -> Any:
        _, out, _ = self(*words, "--json")
        return json.loads(out)


@pytest.fixture
def command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(desk, monkeypatch, capsys)


def test_from_a_plan_to_an_undo(desk: Desk, command: Command) -> None:
    first, _ = desk.bookings(2)
    modes(desk, "observe")
    plan = command.json("plan", "expire_bookings", "--by", "Ani")
    assert (plan["operation"], plan["mode"], plan["limit"], plan["left_out"]) == (
        "expire_bookings",
        "observe",
        200,
        0,
    )
    action = plan["actions"][0]
    assert {name: action[name] for name in ("row_id", "collection", "state", "before", "after", "by")} == {
        "row_id": first,
        "collection": "bookings",
        "state": "planned",
        "before": {"status": "pending"},
        "after": {"status": "expired"},
        "by": "Ani",
    }
    status, out, err = command("apply", plan["plan_id"])
    assert (status, out) == (USAGE, "")
    assert err.count("\n") == 1
    assert "observe" in err
    modes(desk, "enforce")
    applied = command.json("apply", plan["plan_id"], "--by", "Ani", "--reason", "deadline")
    assert {name: applied[name] for name in ActionState} == {
        "planned": 0, "done": 2, "skipped": 0, "failed": 0, "undone": 0,
    }  # fmt: skip
    assert applied["problem"] is None
    (listed,) = command.json("list")
    assert (listed["last_plan"], listed["waiting"], listed["done"]) == (plan["plan_id"], 0, 2)
    undone = command.json("undo", action["action_id"], "--by", "Made", "--reason", "a mistake")
    assert (undone["state"], undone["undone_by"], undone["undo_reason"]) == ("undone", "Made", "a mistake")
    status, out, _ = command("apply", plan["plan_id"])
    assert (status, out.splitlines()[-1]) == (DONE, "0 planned, 1 done, 0 skipped, 0 failed, 1 undone")


def test_stop_and_resume(desk: Desk, command: Command) -> None:
    desk.bookings(1)
    plan = command.json("plan", "expire_bookings")["plan_id"]
    told = command.json("stop", "--by", "Ketut", "--reason", "wrong prices")
    assert (told["stopped"], told["by"], told["reason"]) == (True, "Ketut", "wrong prices")
    status, _, err = command("apply", plan)
    assert (status, err.count("\n")) == (FAILED, 1)
    assert err.startswith("Acting is stopped (by Ketut: wrong prices). Nothing further is written;")
    assert command("list")[1].startswith("Acting is stopped (by Ketut: wrong prices).")
    assert command.json("resume")["stopped"] is False
    assert command("resume")[1] == "Acting was not stopped: it goes on.\n"
    assert command("apply", plan)[0] == DONE


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "expire"), "There is no operation expire."),
        (("plan", "expire_bookings", "--row", "b1"), "plans by itself and takes no row"),
        (("plan", "expire_bookings", "--set", "provider"), "--set takes KEY=VALUE"),
        (("plan", "expire_bookings", "--set", "phone=1"), "--set takes collection"),
        (("apply", "nothing"), "There is no plan nothing."),
        (("undo", "act_1"), "There is no action act_1."),
    ],
)
def test_what_is_asked_wrongly_gets_a_sentence(command: Command, words: tuple[str, ...], told: str) -> None:
    status, out, err = command(*words)
    assert (status, out, err.count("\n")) == (USAGE, "", 1)
    assert told in err


def test_a_failed_action_is_a_problem_and_an_alert(
    desk: Desk, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.bookings(1)

    def odd(*_: object) -> None:
        raise ValueError("a name")

    monkeypatch.setattr(type(desk.kind), "writes", odd)
    plan = command.json("plan", "expire_bookings")["plan_id"]
    status, out, _ = command("apply", plan)
    assert status == PROBLEMS
    assert "a name" not in out
    (standing,) = standings(desk.settings)
    assert standing == Standing(Operation.EXPIRE_BOOKINGS, 1, 0, 1, None)
    assert [seen.active for seen in acting([standing])] == [True, False]


def test_a_plan_that_grows_is_an_alert(desk: Desk) -> None:
    now = datetime.now(UTC)
    for minutes, number in ((0, 5), (61, 30)):
        at(desk, now + timedelta(minutes=minutes))
        desk.kind.rows = [f"b{n}" for n in range(number)]
        desk.plan()
    (standing,) = standings(desk.settings)
    assert standing == Standing(Operation.EXPIRE_BOOKINGS, 0, 0, 30, 5)
    assert [seen.active for seen in acting([standing])] == [False, True]
    modes(desk, "off")
    assert [seen.active for seen in acting(standings(desk.settings))] == [False, False]


def test_by_itself_an_operation_plans_and_acts_where_it_is_enforced(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "every_kind", lambda: {desk.kind.operation: desk.kind})
    operation = desk.kind.operation
    assert turns.turn(desk.settings, operation).idle is not None  # nothing is published
    monkeypatch.setattr(turns, "current_snapshot", lambda home: home.root)
    desk.bookings(3)
    modes(desk, "observe")
    assert turns.OperationTurns(desk.settings).look() == []
    assert desk.server.writes()["calls"] == 0
    assert len(desk.ledger.actions(state=ActionState.PLANNED)) == 3
    modes(desk, "enforce")
    stop(desk.home, by="Ketut", reason="", at=NOW)
    assert turns.OperationTurns(desk.settings).look() == []
    resume(desk.home, by="Ketut", reason="", at=NOW)
    assert turns.OperationTurns(desk.settings).look() == ["expire_bookings: 3 done."]
    entry = desk.ledger.actions(limit=1)[0]
    assert (entry.by, entry.reason) == (turns.SCHEDULE, turns.SCHEDULE_REASON)


def test_dagster_starts_a_job_where_something_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = desk.kind.operation
    monkeypatch.setattr(turns, "every_kind", lambda: {operation: desk.kind})
    monkeypatch.setattr(turns, "current_snapshot", lambda home: home.root)
    monkeypatch.setattr(in_dagster, "load_settings", lambda: desk.settings)
    monkeypatch.setattr(in_dagster, "prepare", lambda settings: settings.home.create())
    schedule = {one.name: one for one in in_dagster.SCHEDULES}[f"plan_{operation}"]

    def evaluated() -> object:
        with build_schedule_context(scheduled_execution_time=NOW) as context:
            return schedule(context)

    assert schedule.cron_schedule == "* * * * *"
    assert isinstance(evaluated(), SkipReason)  # there is nothing to do
    desk.bookings(2)
    modes(desk, "observe")
    assert isinstance(evaluated(), SkipReason)
    modes(desk, "enforce")
    assert isinstance(evaluated(), RunRequest)
    assert in_dagster.JOBS[operation].execute_in_process().success
    assert set(desk.statuses()) == {"expired"}
    stop(desk.home, by="Ketut", reason="", at=NOW)
    assert isinstance(evaluated(), SkipReason)
