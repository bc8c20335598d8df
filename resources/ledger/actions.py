"""Plans and actions: what operations want to do to the marketplace, what they did, and each call that wrote. Decides
none of it: that is operations/.

A call is entered before it is made and settled after it. One that is not settled belongs to a process that died or got
no answer: its rows are read before anything else is done (operations/settling.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from marketplace.operations import ActionState, Mode, Operation
from messages.message import Message, message_in
from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile

KEEPS_EMPTY_PLANS: Final = timedelta(days=7)
_CAME_TO_BE: Final = (ActionState.DONE, ActionState.UNDONE)
Purpose = Literal["apply", "undo"]
CallEnd = Literal["done", "not_done", "skipped", "failed"]


@dataclass(frozen=True)
class Plan:
    """One plan. ``ordered``: the row and arguments of an admin's order, without a personal value; else empty.
    ``proposed``: how many actions it had when it was made, ``left_out``: how many more the limit kept out of it.
    ``replaced_by``: the plan that was made in its place; its actions that never began went with it."""

    plan_id: str
    operation: Operation
    mode: Mode
    snapshot_id: str
    planned_at: datetime
    ordered: Mapping[str, str]
    by: str
    reason: str
    limit: int
    proposed: int
    left_out: int
    replaced_by: str | None = None


@dataclass(frozen=True)
class ActionEntry:
    """One action. ``by`` and ``reason``: who had it applied (before that: planned), and why. ``said``: why it was
    skipped or failed, or what was done. ``answer``: what the server answered, such as ``200`` or ``409
    transaction_conflict``. ``tries``: how many calls were begun for it."""

    action_id: str
    plan_id: str
    operation: Operation
    collection: str
    row_id: str
    state: ActionState
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: Message
    rule: str
    arguments: Mapping[str, str]
    planned_at: datetime
    by: str
    reason: str = ""
    begun_at: datetime | None = None
    settled_at: datetime | None = None
    said: Message | None = None
    answer: str = ""
    duration_s: float | None = None
    tries: int = 0
    undone_by: str | None = None
    undo_reason: str | None = None
    undone_at: datetime | None = None
    undo_said: Message | None = None

    @property
    def open(self) -> bool:
        """Whether it waits to be applied, or to be examined."""
        return self.state is ActionState.PLANNED


@dataclass(frozen=True)
class OpenCall:
    """A call that was begun and not settled. ``writes``: rows, kinds and digests of what was to be written
    (operations/settling.py); ``transaction_id``: '' where the server has none."""

    call_id: int
    action_id: str
    purpose: Purpose
    begun_at: datetime
    transaction_id: str
    writes: tuple[Mapping[str, Any], ...]
    by: str
    reason: str


@dataclass(frozen=True)
class Settled:
    """How a call ended, and what becomes of its action: ``end`` not_done leaves it as it was."""

    call_id: int
    action_id: str
    end: CallEnd
    said: Message | None = None
    answer: str = ""
    duration_s: float | None = None


@dataclass(frozen=True)
class Counts:
    """How many actions of an operation stand how."""

    planned: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    undone: int = 0
    last_settled_at: datetime | None = None


@dataclass(frozen=True)
class LastTry:
    """How the newest actions on a row ended: ``tries`` in a row that were skipped or failed, the last with this
    before and after, and planned for this reason."""

    row_id: str
    state: ActionState
    settled_at: datetime
    before: str
    after: str
    why: str
    tries: int = 1

    def is_of(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Whether they wanted the same."""
        return (self.before, self.after) == (_json(before), _json(after))


@dataclass(frozen=True)
class NewAction:
    """An action of a plan that is being entered."""

    action_id: str
    collection: str
    row_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: Message
    rule: str
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])


class Actions(LedgerFile):
    """The plans and actions of a home."""

    # Plans ----------------------------------------------------------------------------------------------

    def enter_plan(self, plan: Plan, actions: Sequence[NewAction]) -> Plan:
        """Enter a plan in the place of the older ones of its operation (of an order: of the same order): what of those
        never began goes with it. Where the newest one is whole, unbegun and the very same, that one stays and its
        moment and snapshot move on: it is returned."""
        ordered = _json(plan.ordered)
        with self.writing() as db:
            older = db.execute(
                "SELECT * FROM plans WHERE operation = ? AND ordered = ? AND replaced_by IS NULL"
                " ORDER BY sequence DESC",
                (plan.operation, ordered),
            ).fetchall()
            if older and _same(db, older[0], plan, actions):
                db.execute(
                    "UPDATE plans SET planned_at = ?, snapshot_id = ?, mode = ? WHERE plan_id = ?",
                    (text_of(plan.planned_at), plan.snapshot_id, plan.mode, older[0]["plan_id"]),
                )
                kept = db.execute("SELECT * FROM plans WHERE plan_id = ?", (older[0]["plan_id"],)).fetchone()
                return _plan(kept)
            for row in older:
                db.execute(
                    "DELETE FROM actions WHERE plan_id = ? AND state = 'planned' AND tries = 0",
                    (row["plan_id"],),
                )
                # What was begun once and did not come to be leaves its trace; what is begun now is settled first.
                db.execute(
                    "UPDATE actions SET state = 'skipped', said = ?, settled_at = ? WHERE plan_id = ?"
                    " AND state = 'planned' AND action_id NOT IN"
                    " (SELECT action_id FROM action_calls WHERE settled_at IS NULL)",
                    (Message("operations.planned_anew").json, text_of(plan.planned_at), row["plan_id"]),
                )
                db.execute(
                    "UPDATE plans SET replaced_by = ? WHERE plan_id = ?", (plan.plan_id, row["plan_id"])
                )
            # A plan that nothing came of is kept for as long as somebody may ask whether it grows.
            db.execute(
                "DELETE FROM plans WHERE replaced_by IS NOT NULL AND operation = ? AND planned_at < ?"
                " AND NOT EXISTS (SELECT 1 FROM actions WHERE actions.plan_id = plans.plan_id)",
                (plan.operation, text_of(plan.planned_at - KEEPS_EMPTY_PLANS)),
            )
            db.execute(
                "INSERT INTO plans (plan_id, operation, mode, snapshot_id, planned_at, ordered, planned_by, reason,"
                " most, proposed, left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    plan.plan_id,
                    plan.operation,
                    plan.mode,
                    plan.snapshot_id,
                    text_of(plan.planned_at),
                    ordered,
                    plan.by,
                    plan.reason,
                    plan.limit,
                    plan.proposed,
                    plan.left_out,
                ),
            )
            db.executemany(
                "INSERT INTO actions (action_id, plan_id, operation, collection, row_id, state, before, after, why,"
                " rule, arguments, planned_at, acted_by, reason)"
                " VALUES (?, ?, ?, ?, ?, 'planned', ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        action.action_id,
                        plan.plan_id,
                        plan.operation,
                        action.collection,
                        action.row_id,
                        _json(action.before),
                        _json(action.after),
                        action.why.json,
                        action.rule,
                        _json(action.arguments),
                        text_of(plan.planned_at),
                        plan.by,
                        plan.reason,
                    )
                    for action in actions
                ],
            )
        return plan

    def plans(self, operation: Operation | None = None, *, limit: int = 50) -> list[Plan]:
        """The newest plans first, at most ``limit``; of one operation, else of all."""
        with self.reading() as db:
            return [
                _plan(row)
                for row in db.execute(
                    "SELECT * FROM plans WHERE ? IS NULL OR operation = ? ORDER BY sequence DESC LIMIT ?",
                    (operation, operation, limit),
                )
            ]

    def newest_plans(self) -> dict[Operation, Plan]:
        """The newest plan of each operation that was ever planned."""
        with self.reading() as db:
            return {
                Operation(row["operation"]): _plan(row)
                for row in db.execute(
                    "SELECT * FROM plans WHERE sequence IN (SELECT max(sequence) FROM plans GROUP BY operation)"
                )
            }

    def plan(self, plan_id: str) -> Plan | None:
        """A plan; None where there is none of that id."""
        with self.reading() as db:
            row = db.execute("SELECT * FROM plans WHERE plan_id = ?", (plan_id,)).fetchone()
            return None if row is None else _plan(row)

    # Actions --------------------------------------------------------------------------------------------

    def actions(
        self,
        *,
        operation: Operation | None = None,
        state: ActionState | None = None,
        plan_id: str | None = None,
        row_id: str | None = None,
        limit: int = 1000,
        offset: int = 0,
    ) -> list[ActionEntry]:
        """The newest plans' actions first, within a plan in its order; at most ``limit`` after ``offset``."""
        asked = {"operation": operation, "state": state, "plan_id": plan_id, "row_id": row_id}
        given = {name: value for name, value in asked.items() if value is not None}
        where = f"WHERE {' AND '.join(f'{name} = :{name}' for name in given)}" if given else ""
        with self.reading() as db:
            return [
                _action(row)
                for row in db.execute(
                    f"SELECT * FROM actions {where} ORDER BY planned_at DESC, sequence LIMIT :limit OFFSET :offset",
                    {**given, "limit": limit, "offset": offset},
                )
            ]

    def listed(
        self,
        *,
        operation: str = "",
        state: str = "",
        by: str = "",
        plan_id: str = "",
        sought: str = "",
        limit: int,
        offset: int = 0,
    ) -> tuple[list[ActionEntry], int]:
        """Those that fit, what happened last first, and how many there are in all: '' asks for any. ``sought``: the id
        of an action or of its row."""
        asked = {"operation": operation, "state": state, "acted_by": by, "plan_id": plan_id}
        given = {name: value for name, value in asked.items() if value}
        said = [f"{name} = :{name}" for name in given]
        if sought:
            said.append("(action_id = :sought OR row_id = :sought)")
        where = f"WHERE {' AND '.join(said)}" if said else ""
        values = {**given, "sought": sought, "limit": limit, "offset": offset}
        with self.reading() as db:
            total = int(db.execute(f"SELECT count(*) FROM actions {where}", values).fetchone()[0])
            rows = db.execute(
                f"SELECT * FROM actions {where} ORDER BY coalesce(undone_at, settled_at, planned_at) DESC, sequence"
                " LIMIT :limit OFFSET :offset",
                values,
            )
            return [_action(row) for row in rows], total

    def action(self, action_id: str) -> ActionEntry | None:
        """An action; None where there is none of that id."""
        with self.reading() as db:
            row = db.execute("SELECT * FROM actions WHERE action_id = ?", (action_id,)).fetchone()
            return None if row is None else _action(row)

    def counts(self, *, since: datetime | None = None) -> dict[Operation, Counts]:
        """How many actions of each operation stand how; ``since``: of those that are settled only the ones settled
        then or later."""
        found: dict[Operation, dict[str, Any]] = {}
        with self.reading() as db:
            for row in db.execute(
                "SELECT operation, state, count(*) AS n, max(settled_at) AS last FROM actions"
                " WHERE settled_at IS NULL OR ? IS NULL OR settled_at >= ? GROUP BY operation, state",
                (text_of(since), text_of(since)),
            ):
                of = found.setdefault(Operation(row["operation"]), {})
                of[row["state"]] = row["n"]
                if row["last"] and row["last"] > of.get("last", ""):
                    of["last"] = row["last"]
        return {
            operation: Counts(
                **{state.value: of.get(state.value, 0) for state in ActionState},
                last_settled_at=optional_instant_of(of.get("last")),
            )
            for operation, of in found.items()
        }

    def backlog(self, operation: Operation, *, at: datetime) -> int | None:
        """How many rows the plan that stood at an instant found to act on: its actions and those its limit kept out;
        None where none stood. Plans by orders are left out."""
        with self.reading() as db:
            row = db.execute(
                "SELECT proposed + left_out AS n FROM plans WHERE operation = ? AND ordered = '{}'"
                " AND planned_at <= ? ORDER BY sequence DESC LIMIT 1",
                (operation, text_of(at)),
            ).fetchone()
            return None if row is None else int(row["n"])

    def failing(self, *, since: datetime) -> dict[Operation, int]:
        """Rows of each operation whose newest settled action failed, at ``since`` or later."""
        with self.reading() as db:
            return {
                Operation(row["operation"]): row["n"]
                for row in db.execute(
                    "SELECT operation, count(*) AS n FROM actions AS one WHERE state = 'failed' AND settled_at >= ?"
                    " AND NOT EXISTS (SELECT 1 FROM actions AS later WHERE later.row_id = one.row_id"
                    " AND later.collection = one.collection AND later.operation = one.operation"
                    " AND later.settled_at IS NOT NULL AND later.sequence > one.sequence)"
                    " GROUP BY operation",
                    (text_of(since),),
                )
            }

    def last_tries(self, operation: Operation) -> dict[tuple[str, str], LastTry]:
        """(collection, row) → how its newest settled actions of this operation ended."""
        found: dict[tuple[str, str], LastTry] = {}
        over: set[tuple[str, str]] = set()
        with self.reading() as db:
            for row in db.execute(
                "SELECT collection, row_id, state, settled_at, before, after, why FROM actions"
                " WHERE operation = ? AND settled_at IS NOT NULL"
                " AND state IN ('done', 'skipped', 'failed', 'undone')"
                " ORDER BY settled_at DESC, sequence DESC",
                (operation,),
            ):
                key = (row["collection"], row["row_id"])
                state = ActionState(row["state"])
                known = found.get(key)
                if known is None:
                    found[key] = LastTry(
                        row["row_id"],
                        state,
                        instant_of(row["settled_at"]),
                        row["before"],
                        row["after"],
                        row["why"],
                    )
                    if state in _CAME_TO_BE:
                        over.add(key)
                elif key not in over:
                    if state in _CAME_TO_BE or (row["before"], row["after"]) != (
                        known.before,
                        known.after,
                    ):
                        over.add(key)
                    else:
                        found[key] = LastTry(
                            known.row_id,
                            known.state,
                            known.settled_at,
                            known.before,
                            known.after,
                            known.why,
                            known.tries + 1,
                        )
        return found

    def rows_at_work(self) -> set[tuple[str, str]]:
        """(collection, row) of the actions with a call that is not settled."""
        with self.reading() as db:
            return {
                (row["collection"], row["row_id"])
                for row in db.execute(
                    "SELECT collection, row_id FROM actions WHERE action_id IN"
                    " (SELECT action_id FROM action_calls WHERE settled_at IS NULL)"
                )
            }

    # Calls ----------------------------------------------------------------------------------------------

    def begin_calls(
        self,
        calls: Sequence[tuple[str, Sequence[Mapping[str, Any]]]],
        *,
        purpose: Purpose,
        by: str,
        reason: str,
        at: datetime,
        transaction_id: str = "",
    ) -> dict[str, int]:
        """Enter, before it is made, the call that writes these actions: (action id, its writes), one transaction of
        the server's for all of them where it has any. Action id → call id, of those that still may be written: an
        action that is not planned any more (to undo: not done any more) is left out."""
        wanted = ActionState.PLANNED if purpose == "apply" else ActionState.DONE
        given = dict(calls)
        with self.writing() as db:
            some = [
                str(row["action_id"])
                for row in db.execute(
                    f"SELECT action_id FROM actions WHERE state = ? AND action_id IN ({_places(given)})",
                    (wanted, *given),
                )
            ]
            db.executemany(
                "INSERT INTO action_calls (action_id, purpose, begun_at, transaction_id, writes, called_by, reason)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        action_id,
                        purpose,
                        text_of(at),
                        transaction_id,
                        _json([dict(write) for write in given[action_id]]),
                        by,
                        reason,
                    )
                    for action_id in some
                ],
            )
            if purpose == "apply":
                db.execute(
                    "UPDATE actions SET begun_at = coalesce(begun_at, ?), acted_by = ?, reason = ?, tries = tries + 1"
                    f" WHERE action_id IN ({_places(some)})",
                    (text_of(at), by, reason, *some),
                )
            return {
                row["action_id"]: row["call_id"]
                for row in db.execute(
                    "SELECT action_id, max(call_id) AS call_id FROM action_calls WHERE settled_at IS NULL"
                    f" AND action_id IN ({_places(some)}) GROUP BY action_id",
                    some,
                )
            }

    def settle_calls(self, settled: Sequence[Settled], *, at: datetime) -> None:
        """Enter how calls ended. What was settled stays so."""
        by_call = {one.call_id: one for one in settled}
        with self.writing() as db:
            calls = db.execute(
                "SELECT call_id, purpose, called_by, reason FROM action_calls WHERE settled_at IS NULL"
                f" AND call_id IN ({_places(by_call)})",
                [*by_call],
            ).fetchall()
            db.executemany(
                "UPDATE action_calls SET settled_at = ?, ended = ?, answer = ?, duration_s = ? WHERE call_id = ?",
                [
                    (text_of(at), one.end, one.answer, one.duration_s, one.call_id)
                    for one in (by_call[call["call_id"]] for call in calls)
                ],
            )
            applied = [by_call[call["call_id"]] for call in calls if call["purpose"] == "apply"]
            _settle(db, applied, at)
            for call in calls:
                if call["purpose"] == "undo":
                    _settle_undo(db, by_call[call["call_id"]], call["called_by"], call["reason"], at)

    def settle_unwritten(
        self,
        settled: Sequence[tuple[str, Literal["skipped", "failed"], Message]],
        *,
        by: str,
        reason: str,
        at: datetime,
    ) -> None:
        """Enter actions for which no call was made: (action id, state, why)."""
        with self.writing() as db:
            db.executemany(
                "UPDATE actions SET state = ?, said = ?, settled_at = ?, acted_by = ?, reason = ?"
                " WHERE action_id = ? AND state = 'planned'",
                [(state, why.json, text_of(at), by, reason, action_id) for action_id, state, why in settled],
            )

    def rows_written(self, action_id: str) -> frozenset[tuple[str, str]]:
        """(collection, row) of what an action wrote when it was done."""
        with self.reading() as db:
            return frozenset(
                (write["collection"], write["row_id"])
                for row in db.execute(
                    "SELECT writes FROM action_calls WHERE action_id = ? AND purpose = 'apply' AND ended = 'done'",
                    (action_id,),
                )
                for write in json.loads(row["writes"])
            )

    def open_calls(self) -> list[OpenCall]:
        """Calls that were begun and are not settled, oldest first."""
        with self.reading() as db:
            return [
                OpenCall(
                    row["call_id"],
                    row["action_id"],
                    row["purpose"],
                    instant_of(row["begun_at"]),
                    row["transaction_id"],
                    tuple(json.loads(row["writes"])),
                    row["called_by"],
                    row["reason"],
                )
                for row in db.execute("SELECT * FROM action_calls WHERE settled_at IS NULL ORDER BY call_id")
            ]

    # The switch -----------------------------------------------------------------------------------------

    def log_switch(
        self, action: Literal["stopped", "resumed"], *, by: str, reason: str, at: datetime
    ) -> None:
        """Enter that all acting was stopped, or let go on."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO acting_log (action, entered_by, entered_at, reason) VALUES (?, ?, ?, ?)",
                (action, by, text_of(at), reason),
            )

    def switch_log(self, *, limit: int = 50) -> list[tuple[str, str, datetime, str]]:
        """Who stopped acting and let it go on: (action, by, at, reason), the newest first."""
        with self.reading() as db:
            return [
                (row["action"], row["entered_by"], instant_of(row["entered_at"]), row["reason"])
                for row in db.execute("SELECT * FROM acting_log ORDER BY entry_id DESC LIMIT ?", (limit,))
            ]


def _settle(db: sqlite3.Connection, settled: Sequence[Settled], at: datetime) -> None:
    db.executemany(
        "UPDATE actions SET begun_at = NULL, answer = ? WHERE action_id = ? AND state = 'planned'",
        [(one.answer, one.action_id) for one in settled if one.end == "not_done"],
    )
    # Another plan took the place of its own while nobody knew: nothing would ever come back to it.
    db.executemany(
        "UPDATE actions SET state = 'skipped', said = ?, settled_at = ? WHERE action_id = ? AND state = 'planned'"
        " AND plan_id IN (SELECT plan_id FROM plans WHERE replaced_by IS NOT NULL)",
        [
            (Message("operations.planned_anew").json, text_of(at), one.action_id)
            for one in settled
            if one.end == "not_done"
        ],
    )
    db.executemany(
        "UPDATE actions SET state = ?, said = ?, answer = ?, duration_s = ?, settled_at = ? WHERE action_id = ?",
        [
            (
                one.end,
                None if one.said is None else one.said.json,
                one.answer,
                one.duration_s,
                text_of(at),
                one.action_id,
            )
            for one in settled
            if one.end != "not_done"
        ],
    )


def _places(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _settle_undo(db: sqlite3.Connection, one: Settled, by: str, reason: str, at: datetime) -> None:
    said = None if one.said is None else one.said.json
    if one.end == "done":
        db.execute(
            "UPDATE actions SET state = 'undone', undone_by = ?, undo_reason = ?, undone_at = ?, undo_said = ?"
            " WHERE action_id = ?",
            (by, reason, text_of(at), said, one.action_id),
        )
    else:
        db.execute("UPDATE actions SET undo_said = ? WHERE action_id = ?", (said, one.action_id))


def _same(db: sqlite3.Connection, older: sqlite3.Row, plan: Plan, actions: Sequence[NewAction]) -> bool:
    if (older["proposed"], older["left_out"], older["most"]) != (len(actions), plan.left_out, plan.limit):
        return False
    # Who looked at what there is to do is no matter; who orders something of a row, and why, is.
    if plan.ordered and (older["planned_by"], older["reason"]) != (plan.by, plan.reason):
        return False
    standing = db.execute(
        "SELECT collection, row_id, before, after, why, rule, arguments FROM actions"
        " WHERE plan_id = ? AND state = 'planned' AND tries = 0 ORDER BY sequence",
        (older["plan_id"],),
    ).fetchall()
    return [tuple(row) for row in standing] == [
        (
            action.collection,
            action.row_id,
            _json(action.before),
            _json(action.after),
            action.why.json,
            action.rule,
            _json(action.arguments),
        )
        for action in actions
    ]


def _json(value: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(
        dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else list(value),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_plain,
    )


def _plain(value: object) -> str:
    return text_of(value) if isinstance(value, datetime) else str(value)


def _plan(row: sqlite3.Row) -> Plan:
    return Plan(
        row["plan_id"],
        Operation(row["operation"]),
        Mode(row["mode"]),
        row["snapshot_id"],
        instant_of(row["planned_at"]),
        json.loads(row["ordered"]),
        row["planned_by"],
        row["reason"],
        row["most"],
        row["proposed"],
        row["left_out"],
        row["replaced_by"],
    )


def _said(text: str | None) -> Message | None:
    return None if text is None else message_in(json.loads(text))


def _action(row: sqlite3.Row) -> ActionEntry:
    why = _said(row["why"])
    assert why is not None
    return ActionEntry(
        row["action_id"],
        row["plan_id"],
        Operation(row["operation"]),
        row["collection"],
        row["row_id"],
        ActionState(row["state"]),
        json.loads(row["before"]),
        json.loads(row["after"]),
        why,
        row["rule"],
        json.loads(row["arguments"]),
        instant_of(row["planned_at"]),
        row["acted_by"],
        row["reason"],
        optional_instant_of(row["begun_at"]),
        optional_instant_of(row["settled_at"]),
        _said(row["said"]),
        row["answer"],
        row["duration_s"],
        row["tries"],
        row["undone_by"],
        row["undo_reason"],
        optional_instant_of(row["undone_at"]),
        _said(row["undo_said"]),
    )
