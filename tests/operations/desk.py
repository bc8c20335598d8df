"""A marketplace small enough to see through: bookings that expire, a message each, on the session's sandbox; and the
kind of operation that expires them. What is published is told by hand: the engine is tried here, no query.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appwrite.query import Query

from marketplace.operations import Operation, told_id
from messages.message import Message
from operations import applying, every, planning
from operations.action import Action, Asking, Moment, Proposed, Skip
from resources.appwrite.writing import Change, Create, Row, Write
from resources.home import Home
from resources.ledger.actions import Actions
from resources.settings import Settings
from tests.sandbox_server import SandboxProcess

WHY = Message("operations.moved")  # any sentence: what the kinds say stands with them
COLUMNS = {
    "bookings": ("status", "responseDeadline", "seats"),
    "chat_messages": ("bookingRef", "body"),
}


@dataclass
class Expiring:
    """Bookings past their deadline become expired, and a message says so."""

    operation: Operation = Operation.EXPIRE_BOOKINGS
    collection: str = "bookings"
    description: str = "Bookings that nobody answered in time expire."
    rows: list[str] = field(default_factory=list[str])
    messages: int = 1
    why: Message = WHY
    wrote: list[str] = field(default_factory=list[str])
    """The actions that writes were asked of, in order."""

    def plan(self, published: object, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        for row in self.rows:
            yield Proposed(
                "bookings",
                row,
                {"status": "pending"},
                {"status": "expired"},
                self.why,
                "deadline",
                {"room": "r"},
            )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return ()

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        self.wrote.append(action.action_id)
        if row["status"] != "pending" or datetime.fromisoformat(row["responseDeadline"]) > moment.now:
            return Skip(WHY)
        told = [
            Create(
                "chat_messages",
                told_id(action.action_id, str(number)),
                {"bookingRef": row["$id"], "body": "Nobody answered in time."},
                ['read("any")'],
            )
            for number in range(self.messages)
        ]
        return [Change("bookings", row["$id"], {"status": "expired"}, row["$updatedAt"]), *told]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        if row["status"] != "expired":
            return Skip(WHY)
        return [Change("bookings", row["$id"], {"status": "pending"}, row["$updatedAt"])]


class FewRows:
    """What is published, told by hand: how many rows a collection has."""

    def __init__(self, at: datetime, rows: int) -> None:
        self.snapshot_id, self.at, self._rows = "told", at, rows

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return [{"n": self._rows}]


@dataclass
class Desk:
    """A home, its settings, the sandbox, the kind that is tried."""

    server: SandboxProcess
    settings: Settings
    kind: Expiring
    size: int = 10_000

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def ledger(self) -> Actions:
        return Actions(self.home.ledger)

    def bookings(self, number: int, **attributes: Any) -> list[str]:
        """So many bookings whose deadline is past, and which the kind proposes."""
        past = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="milliseconds")
        ids = [f"b{index:05}" for index in range(number)]
        given = {"status": "pending", "responseDeadline": past, "seats": "1", **attributes}
        self.server.load_rows(
            "bookings", [{"$id": row, "$createdAt": past, "$updatedAt": past, **given} for row in ids]
        )
        self.kind.rows += ids
        return ids

    def all(self, table: str) -> dict[str, dict[str, Any]]:
        """Every row of a table by its id."""
        client = self.server.client()
        told = client.call(
            "get",
            f"/tablesdb/{self.server.database}/tables/{table}/rows",
            {"content-type": "application/json", "x-appwrite-project": self.server.project},
            {"queries": [Query.limit(5000)]},
        )
        return {row["$id"]: row for row in told["rows"]}

    def change(self, row: str, **data: Any) -> None:
        """Somebody else changes a booking."""
        self.server.client().call(
            "patch",
            f"/tablesdb/{self.server.database}/tables/bookings/rows/{row}",
            {"content-type": "application/json", "x-appwrite-project": self.server.project},
            {"data": data},
        )

    def statuses(self) -> list[str]:
        return [row["status"] for row in self.all("bookings").values()]

    def plan(self) -> str:
        return planning.make_plan(self.settings, self.kind.operation, by="schedule").plan_id

    def apply(self, plan: str, **given: Any) -> applying.Applied:
        return applying.apply_plan(self.settings, plan, by="Ani", reason="deadline", **given)

    def other(self, home: Path) -> Desk:
        """Another machine that acts on the same marketplace."""
        return Desk(self.server, self.settings.model_copy(update={"home": Home(home)}), self.kind, self.size)


def make_tables(server: SandboxProcess) -> None:
    for table, columns in COLUMNS.items():
        server.control(
            "POST",
            "tables",
            {
                "database": server.database,
                "table": table,
                "columns": [{"key": key, "kind": "string", "size": 255} for key in columns],
            },
        )


@contextmanager
def told(desk: Desk, monkeypatch: Any) -> Generator[Desk]:
    """The kind of a desk in the place of those there are, and what is published as the desk tells it."""

    @contextmanager
    def published(home: Home) -> Generator[FewRows]:
        yield FewRows(desk.settings.clock.now(), desk.size)

    for module in (planning, applying):
        monkeypatch.setattr(module, "published", published)
    monkeypatch.setattr(every, "every_kind", lambda: {desk.kind.operation: desk.kind})
    yield desk
