"""Orders: what people in the dashboards want the pipeline to do, and what became of it. Does none of it: that is
pipelines/orders.py."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from marketplace.roles import Right
from messages.message import Message, message_in, messages_of
from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile

OrderKind = Literal["forget", "report", "package", "sign_off", "sweep", "plan", "apply", "undo", "act"]
OrderState = Literal["queued", "running", "done", "failed"]
ORDER_KINDS: tuple[OrderKind, ...] = get_args(OrderKind)

#: What it takes to order something.
NEEDS: Final[Mapping[OrderKind, Right]] = {
    "forget": Right.FORGET,
    "report": Right.REPORT,
    "package": Right.REPORT,
    "sign_off": Right.SIGN_OFF,
    "sweep": Right.SWEEP,
    "plan": Right.OPERATE,
    "apply": Right.OPERATE,
    "undo": Right.UNDO,
    "act": Right.OPERATE,
}


@dataclass(frozen=True)
class Order:
    """One order. ``arguments``: what it is about, without a personal value (a customer by the published id). ``known``:
    an identity provider says who ordered it. ``attempts``: how often it was begun; more than once where a worker was
    killed. ``progress``: what is being done; ``outcome``: how it ended, or why it could not be done and what to do."""

    order_id: int
    kind: OrderKind
    arguments: Mapping[str, str]
    ordered_by: str
    role: str
    known: bool
    ordered_at: datetime
    state: OrderState = "queued"
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: Message | None = None
    progress_at: datetime | None = None
    outcome: tuple[Message, ...] = field(default=())

    @property
    def open(self) -> bool:
        return self.state in ("queued", "running")


class Orders(LedgerFile):
    """The orders of a home."""

    def enter_order(
        self, kind: OrderKind, arguments: Mapping[str, str], *, by: str, role: str, known: bool, at: datetime
    ) -> Order:
        """Enter an order; the same one that is not done yet is returned instead, so that a second click orders
        nothing."""
        # As it was typed: a forgotten person's name is found in what is not escaped.
        written = json.dumps(dict(arguments), sort_keys=True, ensure_ascii=False)
        with self.writing() as db:
            row = db.execute(
                "SELECT * FROM orders WHERE kind = ? AND arguments = ? AND state IN ('queued', 'running')"
                " ORDER BY order_id LIMIT 1",
                (kind, written),
            ).fetchone()
            if row is None:
                number = db.execute(
                    "INSERT INTO orders (kind, arguments, ordered_by, role, known, ordered_at, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'queued')",
                    (kind, written, by, role, int(known), text_of(at)),
                ).lastrowid
                row = db.execute("SELECT * FROM orders WHERE order_id = ?", (number,)).fetchone()
            return _order(row)

    def orders(self, *kinds: OrderKind, limit: int = 50) -> list[Order]:
        """The newest orders first, at most ``limit``; of these kinds, else of all."""
        wanted = kinds or ORDER_KINDS
        with self.reading() as db:
            return [
                _order(row)
                for row in db.execute(
                    f"SELECT * FROM orders WHERE kind IN ({', '.join('?' * len(wanted))})"
                    " ORDER BY order_id DESC LIMIT ?",
                    (*wanted, limit),
                )
            ]

    def orders_waiting(self) -> int:
        """How many are not done yet: queued, or begun by a worker that is at it or was killed."""
        with self.reading() as db:
            return int(
                db.execute("SELECT count(*) FROM orders WHERE state IN ('queued', 'running')").fetchone()[0]
            )

    def take_order(self, *, at: datetime) -> Order | None:
        """Begin the next order: one that was begun and never ended first, then the oldest; None where none waits. Only
        who holds the lock of the workers asks: one that runs is nobody else's then."""
        with self.writing() as db:
            row = db.execute(
                "SELECT order_id FROM orders WHERE state IN ('running', 'queued')"
                " ORDER BY state = 'queued', order_id LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE orders SET state = 'running', attempts = attempts + 1,"
                " started_at = coalesce(started_at, ?), progress = NULL, progress_at = NULL WHERE order_id = ?",
                (text_of(at), row["order_id"]),
            )
            return _order(
                db.execute("SELECT * FROM orders WHERE order_id = ?", (row["order_id"],)).fetchone()
            )

    def tell_progress(self, order_id: int, said: Message, *, at: datetime) -> None:
        """What is being done of an order now."""
        with self.writing() as db:
            db.execute(
                "UPDATE orders SET progress = ?, progress_at = ? WHERE order_id = ? AND state = 'running'",
                (said.json, text_of(at), order_id),
            )

    def end_order(
        self, order_id: int, state: Literal["done", "failed"], outcome: Sequence[Message], *, at: datetime
    ) -> None:
        """How an order ended. What ended stays so."""
        with self.writing() as db:
            db.execute(
                "UPDATE orders SET state = ?, outcome = ?, ended_at = ?, progress = NULL"
                " WHERE order_id = ? AND state = 'running'",
                (state, f"[{','.join(said.json for said in outcome)}]", text_of(at), order_id),
            )


def _order(row: sqlite3.Row) -> Order:
    said = row["progress"]
    return Order(
        row["order_id"],
        row["kind"],
        json.loads(row["arguments"]),
        row["ordered_by"],
        row["role"],
        bool(row["known"]),
        instant_of(row["ordered_at"]),
        row["state"],
        row["attempts"],
        optional_instant_of(row["started_at"]),
        optional_instant_of(row["ended_at"]),
        message_in(json.loads(said)) if said else None,
        optional_instant_of(row["progress_at"]),
        messages_of(row["outcome"]) or (),
    )
