"""`bookwatch operations`: what bookwatch would do to the marketplace, what it did, and the switch that ends it."""

from __future__ import annotations

import getpass
import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from marketplace.operations import FURTHER
from messages.catalogue import english
from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, PROBLEMS, BookwatchError, UsageError
from resources.ledger import LedgerTooNew
from resources.ledger.actions import ActionEntry, Actions, Plan
from resources.ledger.outbox import Letter
from resources.settings import Settings, load_settings

app = typer.Typer(
    help="Act on the marketplace: plan, look, apply, take back, stop.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who has it done (default: this user).")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; no personal data.")]
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def _who(by: str) -> str:
    if by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


def _own_settings() -> Settings:
    """The settings, for what writes into the home: its files are their owner's alone."""
    os.umask(0o077)
    return load_settings()


@contextmanager
def _ledger(settings: Settings) -> Generator[Actions]:
    try:
        yield Actions(settings.home.ledger)
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError.of("operations.ledger", path=str(settings.home.ledger)) from None


def action_as_json(action: ActionEntry) -> dict[str, Any]:
    """An action for programs."""
    said = action.undo_said or action.said
    return {
        "action_id": action.action_id,
        "operation": action.operation,
        "plan_id": action.plan_id,
        "row_id": action.row_id,
        "collection": action.collection,
        "state": action.state,
        "before": dict(action.before),
        "after": dict(action.after),
        "why": english(action.why),
        "rule": action.rule,
        "by": action.by,
        "reason": action.reason,
        "planned_at": action.planned_at,
        "begun_at": action.begun_at,
        "settled_at": action.settled_at,
        "said": None if said is None else english(said),
        "answer": action.answer,
        "seconds": action.duration_s,
        "undone_by": action.undone_by,
        "undo_reason": action.undo_reason,
        "undone_at": action.undone_at,
    }


def plan_as_json(plan: Plan, actions: list[ActionEntry]) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "plan_id": plan.plan_id,
        "operation": plan.operation,
        "mode": plan.mode,
        "snapshot_id": plan.snapshot_id,
        "planned_at": plan.planned_at,
        "limit": plan.limit,
        "left_out": plan.left_out,
        "actions": [action_as_json(action) for action in actions],
    }


def _print_json(content: object) -> None:
    import orjson

    echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    # What stands in before alone is what it rests on, and stays as it is.
    stays = [f"{name} {_shown(value)}" for name, value in before.items() if name not in after]
    changes = [f"{name} {_shown(before.get(name))} → {_shown(value)}" for name, value in after.items()]
    return ", ".join(changes + stays)


def _shown(value: object) -> str:
    return "—" if value is None else str(value)


def sentence(action: ActionEntry) -> str:
    """An action for a person."""
    told = f"{action.state} · {action.collection} {action.row_id} · {_changes(action.before, action.after)}"
    said = action.undo_said or action.said
    return f"{told} · {english(action.why if said is None else said)} ({action.action_id})"


@app.command("list")
def list_operations(json: Json = False) -> int:
    """Every operation, how far it is let, and how its actions stand."""
    settings = load_settings()
    from operations.every import every_kind
    from resources.acting import stopped
    from resources.ledger.actions import Counts

    with _ledger(settings) as ledger:
        plans, counts = ledger.newest_plans(), ledger.counts()
    stop = stopped(settings.home)
    listed: list[dict[str, Any]] = []
    for operation, kind in every_kind().items():
        plan, count = plans.get(operation), counts.get(operation, Counts())
        listed.append(
            {
                "operation": operation,
                "mode": settings.mode_of(operation),
                "description": kind.description,
                "last_plan": None if plan is None else plan.plan_id,
                "planned_at": None if plan is None else plan.planned_at,
                "waiting": count.planned,
                "done": count.done,
                "skipped": count.skipped,
                "failed": count.failed,
                "undone": count.undone,
                "stopped": stop is not None,
            }
        )
    if json:
        _print_json(listed)
        return DONE
    if stop is not None:
        echo(f"Acting is stopped (by {stop.by or '—'}: {stop.reason or '—'}).")
    for one in listed:
        echo(f"{one['operation']} · {one['mode']} · {one['description']}")
        told = ", ".join(
            f"{one[name]:,} {name}" for name in ("waiting", "done", "skipped", "failed", "undone")
        )
        last = f"last plan {one['last_plan']}" if one["last_plan"] else "never planned"
        echo(f"  {told} · {last}")
    return DONE


@app.command("plan")
def plan(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The operation.", show_default=False)],
    row: Annotated[
        str, typer.Option("--row", metavar="ID", help="Of which row, for an admin's operation.")
    ] = "",
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="What an admin's operation takes besides; may be repeated."
        ),
    ] = None,
    by: By = "",
    reason: Reason = "",
    json: Json = False,
) -> int:
    """What an operation would do, by what is published. Nothing is written to the marketplace."""
    settings = _own_settings()
    from operations.every import operation_named
    from operations.planning import make_plan
    from pipelines.operations import find_out

    operation = operation_named(name)
    ordered = _ordered(row, given or [])
    with _ledger(settings) as ledger:
        if (unsettled := find_out(settings, operation)) is not None:
            echo(str(unsettled), err=True)
        made = make_plan(settings, operation, by=_who(by), reason=reason.strip(), ordered=ordered)
        actions = ledger.actions(plan_id=made.plan_id, limit=max(1, made.proposed))
    if json:
        _print_json(plan_as_json(made, actions))
        return DONE
    echo(f"Plan {made.plan_id} · {made.operation} · {made.mode} · of snapshot {made.snapshot_id}")
    for action in actions:
        echo(sentence(action))
    more = f"; {made.left_out:,} more are over the limit of {made.limit:,} a run" if made.left_out else ""
    echo(f"{len(actions):,} actions{more}.")
    return DONE


def _ordered(row: str, given: list[str]) -> dict[str, str]:
    ordered: dict[str, str] = {"row": row.strip()} if row.strip() else {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or key.strip() == "row":
            raise UsageError.of("operations.set_form")
        if key.strip() not in FURTHER:
            raise UsageError.of("operations.set_unknown", names=[*FURTHER])
        ordered[key.strip()] = value.strip()
    return ordered


@app.command("apply")
def apply(
    plan_id: Annotated[str, typer.Argument(metavar="PLAN_ID", help="The plan.", show_default=False)],
    by: By = "",
    reason: Reason = "",
    json: Json = False,
) -> int:
    """Do what a plan says, where its operation is enforced."""
    settings = _own_settings()
    from operations.applying import apply_plan

    with _ledger(settings):
        applied = apply_plan(
            settings,
            plan_id,
            by=_who(by),
            reason=reason.strip(),
            tell=lambda said: None if json else echo(english(said), err=True),
        )
    if json:
        _print_json(
            {
                "plan_id": applied.plan.plan_id,
                "operation": applied.plan.operation,
                "instead_of": applied.instead_of,
                **applied.counts,
                "problem": None if applied.problem is None else str(applied.problem),
                "actions": [action_as_json(action) for action in applied.actions],
            }
        )
    else:
        for action in applied.actions:
            echo(sentence(action))
        echo(", ".join(f"{number:,} {state}" for state, number in applied.counts.items()))
        if applied.problem is not None:
            echo(str(applied.problem), err=True)
    if applied.problem is not None:
        return applied.problem.exit_status
    return PROBLEMS if applied.counts["failed"] else DONE


@app.command("undo")
def undo(
    action_id: Annotated[str, typer.Argument(metavar="ACTION_ID", help="The action.", show_default=False)],
    by: By = "",
    reason: Reason = "",
    json: Json = False,
) -> int:
    """Take a done action back, where the business has a way back."""
    settings = _own_settings()
    from operations.applying import undo_action

    with _ledger(settings):
        entry = undo_action(settings, action_id, by=_who(by), reason=reason.strip())
    if json:
        _print_json(action_as_json(entry))
    else:
        echo(sentence(entry))
    return DONE if entry.undone_at is not None else PROBLEMS


@app.command("dead")
def dead(json: Json = False) -> None:
    """Notifications that could not be sent again as often as they were tried: dead letters."""
    settings = load_settings()
    from resources.ledger.outbox import LetterState, Outbox

    with _ledger(settings):
        letters = Outbox(settings.home.ledger).letters(state=LetterState.DEAD)
    if json:
        _print_json([_letter_as_json(letter) for letter in letters.values()])
        return
    for letter in letters.values():
        echo(f"{letter.notification_id} · {letter.tries:,} tries · {letter.answer} · {letter.ended_at}")
    echo(f"{len(letters):,} dead letters.")


def _letter_as_json(letter: Letter) -> dict[str, Any]:
    return {
        "notification_id": letter.notification_id,
        "state": letter.state,
        "tries": letter.tries,
        "answer": letter.answer,
        "tried_at": letter.tried_at,
        "ended_at": letter.ended_at,
        "again_by": letter.again_by,
        "again_reason": letter.again_reason,
        "again_at": letter.again_at,
    }


@app.command("resend")
def resend(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[NOTIFICATION_ID]...", help="Which.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    by: By = "",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Have dead letters sent again: the next plan of retry_notifications has them."""
    settings = _own_settings()
    from resources.ledger.outbox import Outbox

    if bool(ids) == every:
        raise UsageError.of("outbox.which")
    with _ledger(settings):
        chosen = Outbox(settings.home.ledger).send_again(
            None if every else ids, by=_who(by), reason=reason.strip(), at=settings.clock.now()
        )
    if not chosen and not every:
        raise UsageError.of("outbox.none_dead")
    if json:
        _print_json({"resent": chosen})
    else:
        echo(f"{len(chosen):,} dead letters are sent again by the next plan of retry_notifications.")


@app.command("stop")
def stop(by: By = "", reason: Reason = "", json: Json = False) -> None:
    """End all acting at once: a run that is at it makes no further call."""
    _switch(True, by, reason, json=json)


@app.command("resume")
def resume(by: By = "", reason: Reason = "", json: Json = False) -> None:
    """Let acting go on."""
    _switch(False, by, reason, json=json)


def _switch(stops: bool, by: str, reason: str, *, json: bool) -> None:
    settings = _own_settings()
    from resources import acting

    who, at, was = _who(by), settings.clock.now(), True
    try:
        with _ledger(settings):
            if stops:
                acting.stop(settings.home, by=who, reason=reason.strip(), at=at)
            else:
                was = acting.resume(settings.home, by=who, reason=reason.strip(), at=at)
    except OSError as refused:
        raise BookwatchError.of(
            "operations.switch", path=str(settings.home.operations_stop), why=str(refused.strerror)
        ) from None
    if json:
        _print_json({"stopped": stops, "by": who, "reason": reason.strip(), "at": at})
    else:
        going_on = "Acting may go on." if was else "Acting was not stopped: it goes on."
        echo("Acting is stopped: nothing further is written." if stops else going_on)
