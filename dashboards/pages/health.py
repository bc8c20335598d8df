"""Health: the seven points in full, their uptime and history, each collection and its scan, quarantine, and the checks
that do not hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards import data_age
from dashboards.kit import cards, parts
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page, beside
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import health, reading
from dashboards.sections import shared
from dashboards.wording import NOTHING, Wording, count, share
from marketplace.events import NOT_THERE
from marketplace.health import UPTIME_WINDOWS
from messages.message import message_in

COURSE = timedelta(days=7)


def points(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("health.points")))
    rows = data_age.points(screen.status, shared.marts_points(screen))
    if not rows:
        show(parts.note("none", say("health.no_points"), say("health.no_points_text")))
        return
    since = _since(screen)
    rows = [{"since": since.get((row.get("point"), row.get("status"))), **row} for row in rows]
    show(
        cards.system_line(
            data_age.system_state(screen.status, rows),
            rows,
            shared.judged(screen),
            screen.condition.state != "fresh",
            say,
        ),
        parts.gap(),
        cards.points_card(rows, screen.condition.state != "fresh", screen.now, say),
    )


def _since(screen: Screen) -> dict[tuple[Any, Any], Any]:
    """Since when each point is as it is, by the snapshot's history; nothing where it keeps none."""
    try:
        return health.health_since(screen.snapshot)
    except reading.NotInSnapshot:
        return {}


def uptime(screen: Screen) -> None:
    """How much of the measured time each point worked, and its course; unknown and unmeasured time stand apart."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("uptime.title"), say("uptime.note")))
    windows: dict[int, dict[str, dict[str, Any]]] = {}
    for row in health.health_uptime(path):
        windows.setdefault(int(row["point"]), {})[str(row["time_window"])] = row
    if not windows:
        show(parts.note("none", say("uptime.none")))
        return
    legend = [("good", "working"), ("bad", "broken"), ("none", "unknown"), ("gap", "unmeasured")]
    known = {name for row in windows.values() for name in row}
    names = [name for name, _ in UPTIME_WINDOWS if name in known]
    end = screen.published_at or screen.now.replace(tzinfo=None)
    spells = health.health_spells_since(path, end - COURSE)
    show(
        parts.table(
            [
                (say("health.point"), False),
                (say("uptime.course", days=COURSE.days), False),
                *((say("uptime.window", window=say.stretch("window", name)), False) for name in names),
            ],
            [
                (
                    parts.below(f"{point} · {say(f'point.{point}')}", ""),
                    parts.strip(_course(spells.filter(pl.col("point") == point), end, screen)),
                    *(_window(row.get(name), screen) for name in names),
                )
                for point, row in sorted(windows.items())
            ],
            top=parts.legend([(kind, say(f"uptime.{name}")) for kind, name in legend]),
        )
    )


def _window(row: dict[str, Any] | None, screen: Screen) -> Child:
    """The share of the measured time, and a bar of the whole window."""
    say = screen.text
    if row is None:
        return NOTHING
    working = row["measured_seconds"] - row["broken_seconds"]
    untold = [
        say(f"uptime.{name}_for", span=say.span(row[f"{name}_seconds"]))
        for name in ("broken", "unknown", "unmeasured")
        if row[f"{name}_seconds"] >= 1
    ]
    bar = parts.bar(
        [
            ("good", working),
            ("bad", row["broken_seconds"]),
            ("none", row["unknown_seconds"]),
            ("gap", row["unmeasured_seconds"]),
        ]
    )
    said = share(row["working_share"]) if row["working_share"] is not None else say("uptime.nothing_measured")
    return joined(element("b", said), bar, parts.small(", ".join(untold)))


def _course(spells: pl.DataFrame, end: datetime, screen: Screen) -> list[tuple[str, float, str]]:
    """The spells of the last seven days, the oldest first, with gaps where nobody looked."""
    say, at = screen.text, end - COURSE
    drawn: list[tuple[str, float, str]] = []
    for row in spells.sort("since").iter_rows(named=True):
        since, until = max(row["since"], at), min(row["until"] or end, end)
        drawn.append(("gap", (since - at).total_seconds(), say("uptime.unmeasured")))
        kind = {"working": "good", "broken": "bad"}.get(row["status"], "none")
        said = f"{say.word('status', row['status'])} · {say.time(row['since'], screen.now)}"
        drawn.append((kind, (until - since).total_seconds(), said))
        at = max(at, until)
    drawn.append(("gap", (end - at).total_seconds(), say("uptime.unmeasured")))
    return drawn


def history(screen: Screen) -> None:
    """Every state a point was in, the newest first."""
    say, path = screen.text, screen.snapshot
    total = health.HISTORY.count(path)
    if not total:
        return
    with st.expander(say("uptime.history", n=count(total))):
        grid(screen, health.HISTORY, say("uptime.title"))


def collections(screen: Screen) -> None:
    say = screen.text
    rows = data_age.collections(screen.status, screen.scans)
    show(parts.section(say("health.collections")))
    if not rows:
        show(parts.note("none", say("health.no_collections"), say("health.no_collections_text")))
        return
    unread = [row for row in rows if row.get("outcome") in NOT_THERE]
    warning = (
        parts.note(
            "bad" if any(row.get("required") for row in unread) else "warn",
            say("health.unread", n=count(len(unread)), all=count(len(rows))),
            say("health.unread_text", collections=", ".join(str(row.get("collection")) for row in unread)),
        )
        if unread
        else ""
    )
    show(
        warning,
        parts.table(
            [
                (say("col.collection"), False),
                (say("col.outcome"), False),
                (say("col.completed"), True),
                (say("col.watermark"), True),
            ],
            [_collection(row, screen) for row in rows],
        ),
    )


def _collection(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    outcome = str(row.get("outcome") or "unknown")
    late = str(row.get("collection")) in screen.condition.behind
    kind = parts.tone(outcome)
    if kind == "bad" and not row.get("required"):
        kind = "warn"
    if kind == "good" and late:
        kind = "warn"
    need = say("health.required") if row.get("required") else say("health.optional")
    completed = row.get("completed_at")
    when = (
        parts.below(say.time(completed, screen.now), say.ago(completed, screen.now))
        if say.local(completed)
        else say("health.never")
    )
    return (
        joined(row.get("collection"), parts.tag(need), by=" "),
        parts.word(
            kind, say.word("outcome", outcome), say.message(message_in(row.get("said")), row.get("detail"))
        ),
        when,
        say.time(row.get("watermark"), screen.now),
    )


def quarantine(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("health.quarantine")))
    held = shared.quarantine(screen)
    if not held["count"]:
        show(parts.note("good", say("health.quarantine_none"), say("health.quarantine_none_text")))
        return
    oldest, reasons = held.get("oldest_first_seen_at"), held.get("reasons")
    facts = sorted(reasons.items(), key=lambda pair: -int(pair[1])) if isinstance(reasons, dict) else []
    label = say("health.quarantine_one") if held["count"] == 1 else say("health.quarantine_some")
    since = (
        say("health.quarantine_oldest", time=say.time(oldest, screen.now), ago=say.ago(oldest, screen.now))
        if say.local(oldest)
        else ""
    )
    show(parts.tally("warn", count(held["count"]), label, since, [(k, count(v)) for k, v in facts]))


def _check(technical: object, text: Wording) -> Child:
    called = text.broken(technical)
    return parts.coded(called, str(technical)) if called else str(technical)


def checks(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("health.checks")))
    held, failed, failing = shared.check_results(screen)
    sentence = shared.checks_sentence(screen, held, failed)
    if not failed:
        show(parts.note("good" if held else "none", sentence))
        return
    show(
        parts.table(
            [(say("col.check"), False), (say("col.severity"), False), (say("col.failed_rows"), True)],
            [
                (
                    parts.below(_check(row.get("check_name"), say), row.get("asset") or ""),
                    say.word("severity", str(row.get("severity")).lower()),
                    count(row.get("failed_rows")),
                )
                for row in failing
            ],
            top=parts.above(parts.badge("warn", sentence)),
        )
    )


PAGE = Page(
    name="health",
    group="system",
    icon=":material/monitor_heart:",
    role="engineer",
    place=3,
    sections=(
        points,
        uptime,
        history,
        collections,
        beside(quarantine, checks),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
