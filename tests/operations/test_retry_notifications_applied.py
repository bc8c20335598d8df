"""The engine with the kind that sends: a plan that marks what was taken, dead letters that are seen and sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from checks.schemas import CORE, OPS
from checks.schemas.sql import create_table
from marketplace.operations import Mode, Operation
from operations import applying, outbox, planning
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


def test_what_is_taken_is_marked_at_appwrite_and_dead_letters_alarm_until_they_are_sent_again(
    empty_sandbox: SandboxProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(outbox, "sleep", lambda seconds: None)
    with empty_sandbox.own_database() as server, receiving() as receiver:
        columns = [{"key": key, "kind": "string", "size": 255} for key in COLUMNS]
        table = {"database": server.database, "table": "notifications", "columns": columns}
        server.control("POST", "tables", table)
        sent = datetime.now(UTC) - timedelta(minutes=10)
        given = {"recipientId": "u1", "title": "T", "message": "M", "sentAt": sent.isoformat()}
        rows = [
            {"$id": f"n{n}", "$createdAt": sent.isoformat(), "$updatedAt": sent.isoformat()}
            for n in (1, 2, 3)
        ]
        server.load_rows("notifications", [{**row, **given} for row in rows])
        settings = Settings(
            appwrite_endpoint=server.endpoint,
            appwrite_project_id=server.project,
            appwrite_database_id=server.database,
            appwrite_api_key=SecretStr(server.read_only_key),
            appwrite_write_key=SecretStr(server.key),
            home=Home(tmp_path / "home"),
            operations={Operation.RETRY_NOTIFICATIONS: Mode.ENFORCE},
            receiver=SecretStr(receiver.url),
        )
        _publish(monkeypatch, sent.replace(tzinfo=None))
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


def cli(argv: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _firing(settings: Settings) -> set[str]:
    return {one.name for one in acting(standings(settings)) if one.active}


def _publish(monkeypatch: pytest.MonkeyPatch, sent: datetime) -> None:
    """A snapshot of three notifications of which nobody heard; it stays as it is."""

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
                "INSERT INTO core.notifications BY NAME SELECT unnest(['n1', 'n2', 'n3']) AS notification_id,"
                " 'u1' AS recipient_id, 'x' AS kind, ?::TIMESTAMP AS sent_at, ?::TIMESTAMP AS created_at",
                [sent, sent],
            )
            yield Published(con, "s", sent.replace(tzinfo=UTC))

    for module in (planning, applying):
        monkeypatch.setattr(module, "published", published)
