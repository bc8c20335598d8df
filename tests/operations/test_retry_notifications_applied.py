"""The engine with the kind that sends: a plan that marks what was taken, dead letters that are seen and sent again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from checks.schemas import CORE, OPS
from checks.schemas.sql import create_table
from marketplace.notification_tries import idempotency_key
from marketplace.operations import Mode, Operation
from operations import applying, outbox, planning, steps
from operations.port import Published
from pipelines.alerting.observe import acting
from pipelines.alerting.standing import standings
from pipelines.cli import main
from pipelines.operations import waits
from resources.home import Home
from resources.settings import Settings
from tests.operations.desk import Desk, Expiring
from tests.operations.receiver import receiving
from tests.sandbox_server import SandboxProcess

COLUMNS = ("recipientId", "recipientType", "type", "title", "message", "sentAt", "deliveredAt", "failedAt")


@contextmanager
def waiting(
    server: SandboxProcess, home: Path, *rows: str
) -> Iterator[tuple[SandboxProcess, Settings, datetime]]:
    """A database of notifications that nobody heard of, and settings on it that may have them sent."""
    columns = [{"key": key, "kind": "string", "size": 255} for key in COLUMNS]
    with server.own_database() as own:
        own.control(
            "POST", "tables", {"database": own.database, "table": "notifications", "columns": columns}
        )
        sent = datetime.now(UTC) - timedelta(minutes=10)
        given = {"recipientId": "u1", "title": "T", "message": "M", "sentAt": sent.isoformat()}
        dated = {"$createdAt": sent.isoformat(), "$updatedAt": sent.isoformat()}
        own.load_rows("notifications", [{"$id": row, **dated, **given} for row in rows])
        settings = Settings(
            appwrite_endpoint=own.endpoint,
            appwrite_project_id=own.project,
            appwrite_database_id=own.database,
            appwrite_api_key=SecretStr(own.read_only_key),
            appwrite_write_key=SecretStr(own.key),
            home=Home(home),
            operations={Operation.RETRY_NOTIFICATIONS: Mode.ENFORCE},
        )
        yield own, settings, sent.replace(tzinfo=None)


def test_what_is_taken_is_marked_at_appwrite_and_dead_letters_alarm_until_they_are_sent_again(
    empty_sandbox: SandboxProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(outbox, "sleep", lambda seconds: None)
    rows = ("n1", "n2", "n3")
    with waiting(empty_sandbox, tmp_path / "home", *rows) as (server, known, sent), receiving() as receiver:
        settings = known.model_copy(update={"receiver": SecretStr(receiver.url)})
        _publish(monkeypatch, sent)
        desk = Desk(server, settings, Expiring())

        def turn() -> dict[str, str]:
            plan = planning.make_plan(settings, Operation.RETRY_NOTIFICATIONS, by="schedule")
            done = applying.apply_plan(settings, plan.plan_id, by="Ani")
            return {action.row_id: action.state.value for action in done.actions}

        # Without anywhere to send to the schedule plans and applies nothing.
        plan = planning.make_plan(settings, Operation.RETRY_NOTIFICATIONS, by="schedule")
        nowhere = settings.model_copy(update={"receiver": SecretStr("")})
        assert (waits(nowhere, plan), waits(settings, plan)) == (False, True)
        receiver.answers = {"n2": [500, 500, 500]}
        server.forget_writes()
        assert turn() == {"n1": "done", "n2": "failed", "n3": "done"}
        assert server.writes()["writes"] == 2
        assert {row: bool(held["deliveredAt"]) for row, held in desk.all("notifications").items()} == {
            "n1": True, "n2": False, "n3": True,
        }  # fmt: skip
        assert _firing(settings) == {"dead_letters", "operations_failed"}
        # The snapshot still shows all three: what was sent is not sent again, nor planned.
        assert turn() == {}
        monkeypatch.setenv("BOOKWATCH_HOME", str(settings.home.root))
        assert cli(["operations", "dead", "--json"]) == 0
        (dead,) = json.loads(capsys.readouterr().out)
        assert (dead["notification_id"], dead["tries"], dead["answer"]) == ("n2", 3, "500")
        assert cli(["operations", "resend"]) == 2
        assert cli(["operations", "resend", "n1"]) == 2
        assert cli(["operations", "resend", "--all", "--by", "Ani", "--reason", "mended"]) == 0
        assert turn() == {"n2": "done"}
        assert _firing(settings) == set()
        assert [len(receiver.of(row)) for row in ("n1", "n2", "n3")] == [1, 4, 1]


class Forked:
    """A process that waits to be told where to send and what plan to apply, and is killed at a point of that. It is
    begun before the receiver, whose threads no fork would have."""

    def __init__(self, settings: Settings, point: str) -> None:
        read, self._tell = os.pipe()
        self._pid, self._point = os.fork(), point
        if self._pid:
            os.close(read)
            return
        try:
            os.close(self._tell)
            told = json.loads(os.fdopen(read).readline())  # those forked after it hold the other end too
            steps.reached = lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None
            own = settings.model_copy(update={"receiver": SecretStr(told["receiver"])})
            applying.apply_plan(own, told["plan"], by="Ani")
        finally:
            os._exit(7)

    def apply(self, receiver: str, plan: str) -> None:
        with os.fdopen(self._tell, "w") as pipe:
            print(json.dumps({"receiver": receiver, "plan": plan}), file=pipe)
        _, status = os.waitpid(self._pid, 0)
        assert os.WIFSIGNALED(status), f"{self._point} was not reached"
        assert os.WTERMSIG(status) == signal.SIGKILL


def test_killed_at_any_point_it_is_sent_under_one_key_and_marked_once(
    empty_sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = ("sending", "sent", "entered", "staged", "begun", "committed", "settled")
    with waiting(empty_sandbox, tmp_path / "home", *points) as (server, known, sent):
        rows: list[str] = []
        _publish(monkeypatch, sent, rows)
        forked = [Forked(known, point) for point in points]
        with receiving() as receiver:
            settings = known.model_copy(update={"receiver": SecretStr(receiver.url)})
            for point, process in zip(points, forked, strict=True):
                rows[:] = [point]
                plan = planning.make_plan(settings, Operation.RETRY_NOTIFICATIONS, by="schedule").plan_id
                server.forget_writes()
                process.apply(receiver.url, plan)
                done = applying.apply_plan(settings, plan, by="Ani")
                assert [action.state.value for action in done.actions] == ["done"], point
                assert server.writes()["writes"] == 1, point
        assert {point: len(receiver.of(point)) for point in points} == dict.fromkeys(points, 1) | {"sent": 2}
        assert all(set(receiver.of(point)) == {idempotency_key(point)} for point in points)
        heard = Desk(server, settings, Expiring()).all("notifications")
        assert all(heard[point]["deliveredAt"] for point in points)


def cli(argv: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _firing(settings: Settings) -> set[str]:
    return {one.name for one in acting(standings(settings)) if one.active}


def _publish(
    monkeypatch: pytest.MonkeyPatch, sent: datetime, rows: Sequence[str] = ("n1", "n2", "n3")
) -> None:
    """A snapshot of notifications of which nobody heard; it stays as it is."""

    @contextmanager
    def published(home: Any) -> Iterator[Published]:
        with duckdb.connect(config={"threads": 1}) as con:
            con.execute("CREATE SCHEMA core; CREATE SCHEMA ops")
            con.execute(create_table(OPS["mirror_rows"]))
            con.execute(create_table(CORE["notifications"]))
            con.execute(
                "INSERT INTO ops.mirror_rows BY NAME SELECT 'notifications' AS collection, 3 AS rows, 0 AS deleted"
            )
            con.execute(
                "INSERT INTO core.notifications BY NAME SELECT unnest(?::VARCHAR[]) AS notification_id,"
                " 'u1' AS recipient_id, 'x' AS kind, ?::TIMESTAMP AS sent_at, ?::TIMESTAMP AS created_at",
                [[*rows], sent, sent],
            )
            yield Published(con, "s", sent.replace(tzinfo=UTC))

    for module in (planning, applying):
        monkeypatch.setattr(module, "published", published)
