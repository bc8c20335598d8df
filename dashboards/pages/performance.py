"""Performance: an outage while it lasts; events a minute against the limit, timings and slow calls, and the runs. The
first comes of status.json and the ledger, which every run writes, whatever became of it; the others of the snapshot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboards import data_age
from dashboards.kit import address, glance, glossary, links, parts, plots
from dashboards.kit.address import Choice
from dashboards.kit.glance import Tile
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.markup import Child, element
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import operations, reading
from dashboards.queries.query import Column, Held
from dashboards.sections.report import changed
from dashboards.wording import NOTHING, count, instant
from marketplace.error_rate import ERRORS_A_MINUTE, SLOW_SECONDS
from marketplace.events import EVENT_SEVERITIES
from resources.errors import DONE, PROBLEMS
from resources.ledger import EnteredRun, Ledger, LedgerCall

PARTS = ("errors", "timings", "runs")
SHOW = Choice("show", PARTS, "errors")
REACH = Choice("reach", tuple(operations.REACHES), "day")
#: Where Dagster is, told by `bookwatch serve` and `demo`.
DAGSTER = "BOOKWATCH_DAGSTER_URL"
RUNS_SHOWN = 500
_EVENTS_SHOWN = 20


def reach(screen: Screen) -> tuple[datetime, datetime]:
    """From when to when (naive UTC): up to the instant of the snapshot, for of what came later it knows nothing."""
    end = screen.published_at or screen.now.replace(tzinfo=None)
    return end - operations.REACHES[address.chosen(REACH)], end


# Now ---------------------------------------------------------------------------------------------


def outage(screen: Screen) -> None:
    """While runs fail: since when, how often, and what the calls said, without waiting for a snapshot."""
    say = screen.text
    if not screen.condition.failed:
        return
    runs, calls = _entered(screen.settings.home.ledger), _waiting(screen)
    failed = _failing(runs)
    since = failed[-1].started_at if failed else screen.condition.failed_at
    title = say("performance.outage")
    known = say.elapsed(since, screen.now)
    told = (
        say(
            "performance.outage_text",
            time=say.time(since, screen.now),
            span=say.span(known),
            n=count(len(failed)),
        )
        if known is not None and failed
        else ""
    )
    why = say.messages(screen.condition.said, screen.condition.failure)
    show(parts.banner("bad", title, told, why))
    events = _since_snapshot(screen, calls)
    if not events:
        show(parts.note("none", say("performance.no_new_events")))
        return
    show(
        parts.table(
            [
                (say("errors.at", zone=say.zone_name(screen.now)), False),
                (say("errors.operation"), False),
                (say("col.collection"), False),
                (say("errors.reason"), False),
                (say("errors.status"), True),
            ],
            [
                (
                    say.stamp(row["called_at"]),
                    row["operation"],
                    row["collection"] or NOTHING,
                    parts.word(
                        parts.tone(row["severity"]),
                        say.word("reason", row["reason"]),
                        say.word("severity", row["severity"]),
                    ),
                    count(row["status"]),
                )
                for row in events[:_EVENTS_SHOWN]
            ],
            top=parts.above(element("b", say("performance.new_events", n=count(len(events))))),
        )
    )


def _failing(runs: tuple[EnteredRun, ...]) -> list[EnteredRun]:
    """The runs that failed since the last that did not, the newest first; one that goes on is none of them."""
    failed: list[EnteredRun] = []
    for run in runs:
        if run.exit_status in (DONE, PROBLEMS):
            break
        if run.finished_at is not None:
            failed.append(run)
    return failed


def _since_snapshot(screen: Screen, calls: tuple[LedgerCall, ...]) -> list[dict[str, Any]]:
    """Error events that came after the snapshot, the newest first: of the status, and those that wait in the ledger."""
    begin = instant(screen.published_at)
    waiting = [
        {
            "called_at": call.at,
            "severity": call.severity,
            "operation": call.operation,
            "collection": call.collection,
            "reason": call.reason,
            "status": call.status,
        }
        for call in calls
    ]
    told = data_age.rows(data_age.part(screen.status, "errors").get("recent"))
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (*waiting, *told):
        at = instant(row.get("called_at"))
        if at is None or (begin is not None and at <= begin):
            continue
        # The status tells whole seconds; the same call stands in both until a run carried it over.
        key = (at.replace(microsecond=0), row.get("operation"), row.get("collection"), row.get("reason"))
        found.setdefault(key, {"severity": "error", "status": None, **row, "called_at": at})
    return sorted(found.values(), key=lambda row: row["called_at"], reverse=True)


def _waiting(screen: Screen) -> tuple[LedgerCall, ...]:
    since = screen.now.replace(tzinfo=None) - timedelta(days=1)
    try:
        return tuple(Ledger(screen.settings.home.ledger).waiting_errors(since))
    except sqlite3.Error:
        return ()  # what the status says is shown all the same


def _entered(ledger: Path) -> tuple[EnteredRun, ...]:
    """The newest runs of the ledger, the newest first; asked again once it was written to. None where it cannot be
    read."""
    mark = changed(ledger)
    return _runs(ledger, mark, changed(ledger.with_name(f"{ledger.name}-wal"))) if mark else ()


@lru_cache(maxsize=2)
def _runs(ledger: Path, *_marks: tuple[int, int] | None) -> tuple[EnteredRun, ...]:
    try:
        return tuple(Ledger(ledger).newest_runs(RUNS_SHOWN))
    except sqlite3.Error:
        return ()


# The parts ---------------------------------------------------------------------------------------


def overall(screen: Screen) -> None:
    """What each part found, and which is shown below."""
    shown = address.chosen(SHOW)
    show(glance.tiles(_tile(screen, name, shown) for name in PARTS))


def _tile(screen: Screen, name: str, shown: str) -> Tile:
    label = screen.text(f"performance.{name}")
    along = {"show": name, "reach": address.chosen(REACH)}
    link = None if name == shown else links.to_page("performance", label, **along)
    try:
        tone, number, beneath = _FOUND[name](screen)
    except reading.SnapshotUnreadable:
        tone, number, beneath = "none", NOTHING, screen.text("fresh.absent")
    return Tile(tone, number, label, link, beneath)


Found = tuple[str, str, str]


def _of_errors(screen: Screen) -> Found:
    begin, _ = reach(screen)
    worst = operations.busiest(screen.snapshot, begin)
    calls = _calls(screen)
    if worst is None:
        return ("good" if calls else "none"), count(0 if calls else None), screen.text("performance.a_minute")
    tone = "bad" if worst["events"] >= ERRORS_A_MINUTE else "warn"
    return tone, count(worst["events"]), screen.text("performance.at_most", limit=ERRORS_A_MINUTE)


def _of_timings(screen: Screen) -> Found:
    begin, _ = reach(screen)
    frame = operations.calls(screen.snapshot, begin)
    if frame.is_empty():
        return "none", NOTHING, screen.text("timings.none")
    slow = int(frame["slow"].sum() or 0)
    return (
        ("warn" if slow else "good"),
        count(slow),
        screen.text("performance.of_calls", n=count(_calls(screen))),
    )


def _of_runs(screen: Screen) -> Found:
    say, runs = screen.text, _entered(screen.settings.home.ledger)
    if not runs:
        return "none", NOTHING, say("performance.no_runs")
    begin, _ = reach(screen)
    of_reach = [run for run in runs if run.started_at >= begin]
    failed = sum(
        _outcome(run, number == 0) in ("failed", "died") for number, run in enumerate(runs) if run in of_reach
    )
    return ("warn" if failed else "good"), count(failed), say("performance.of_runs", n=count(len(of_reach)))


_FOUND: dict[str, Callable[[Screen], Found]] = {
    "errors": _of_errors,
    "timings": _of_timings,
    "runs": _of_runs,
}


def _calls(screen: Screen) -> int:
    return int(operations.calls(screen.snapshot, reach(screen)[0])["calls"].sum() or 0)


def choose_reach(screen: Screen) -> None:
    """How far back is looked."""
    st.segmented_control(
        screen.text("reach.title"),
        tuple(operations.REACHES),
        required=True,
        format_func=lambda option: screen.text(f"reach.{option}"),
        **address.widget(REACH),
    )


def part(screen: Screen) -> None:
    """The chosen part."""
    for section in _DRAWN[address.chosen(SHOW)]:
        screen.draw(section)


def rate(screen: Screen) -> None:
    """Events a minute up to the instant of the snapshot, with the limit drawn."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("errors.rate"), say("errors.rate_note", limit=ERRORS_A_MINUTE)))
    begin, end = reach(screen)
    minutes = operations.error_minutes(path, begin)
    _verdict(screen, minutes, begin)
    known = [word for word in EVENT_SEVERITIES if word in minutes["severity"].to_list()]
    others = [
        word
        for word in minutes["severity"].unique(maintain_order=True).to_list()
        if word not in EVENT_SEVERITIES
    ]
    if not minutes.is_empty():
        drawn = plots.errors_by_minute(minutes, begin, end, ERRORS_A_MINUTE, [*known, *others], say)
        _chart(drawn, "error_rate", say("errors.alt_rate"))


def _verdict(screen: Screen, minutes: pl.DataFrame, begin: datetime) -> None:
    """Whether the limit was reached, in a sentence, as the alert counts; where nothing was called there is nothing to
    say."""
    say, path = screen.text, screen.snapshot
    calls = _calls(screen)
    total = int(minutes["events"].sum() or 0)
    if not total:
        said = (
            parts.note("good", say("errors.none"), say("errors.none_text", calls=count(calls)))
            if calls
            else parts.note("none", say("errors.unmeasured"), say("errors.unmeasured_text"))
        )
        show(said)
        return
    worst = operations.busiest(path, begin)
    over = worst is not None and worst["events"] >= ERRORS_A_MINUTE
    facts = (
        say("performance.only_uncounted", total=count(total), calls=count(calls))
        if worst is None
        else say(
            "performance.worst",
            events=count(worst["events"]),
            time=say.time(worst["until"], screen.now),
            total=count(total),
            calls=count(calls),
        )
    )
    title = say("performance.over", limit=ERRORS_A_MINUTE) if over else say("errors.under")
    show(parts.note("bad" if over else "warn", title, facts))


def by_kind(screen: Screen) -> None:
    """What the events are, three ways."""
    begin, _ = reach(screen)
    tables = [
        (kind, operations.errors_by(screen.snapshot, kind, begin))
        for kind in ("severity", "category", "operation")
    ]
    if all(frame.is_empty() for _, frame in tables):
        return
    say = screen.text
    show(parts.section(say("errors.kinds")))
    show(
        parts.grid(
            "three",
            *(
                parts.table(
                    [(say(f"errors.{kind}"), False), (say("errors.events"), True)],
                    [
                        (say.word(kind, row[kind]), count(row["events"]))
                        for row in frame.iter_rows(named=True)
                    ],
                )
                for kind, frame in tables
            ),
        )
    )


def events(screen: Screen) -> None:
    """The latest events, and all of them to download."""
    say = screen.text
    show(parts.section(say("errors.recent"), say("errors.recent_note")))
    happened = operations.errors(reach(screen)[0])
    if happened.first(screen.snapshot, ROWS_SHOWN).is_empty():
        show(parts.note("none", say("errors.no_events")))
        return
    grid(screen, happened, say("errors.recent"), json=True)


def by_operation(screen: Screen) -> None:
    """Half, 95 and 99 of a hundred calls take at most so long, operation by operation."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("timings.operations"), say("timings.operations_note")))
    begin, _ = reach(screen)
    frame = operations.calls(path, begin)
    if frame.is_empty():
        show(parts.note("none", say("timings.none"), say("timings.none_text")))
        return
    show(
        parts.table(
            [
                (say("errors.operation"), False),
                (say("timings.calls"), True),
                ("p50", True),
                ("p95", True),
                ("p99", True),
                (say("timings.max"), True),
                (say("timings.retried"), True),
                (say("timings.failed"), True),
                (say("timings.slow"), True),
            ],
            [_operation(row, screen) for row in frame.iter_rows(named=True)],
        )
    )
    kept = operations.oldest_call_at(path)
    if kept is not None and kept > begin:
        st.caption(say("timings.kept", time=say.time(kept, screen.now)))


def _operation(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text

    def took(name: str) -> Child:
        value = row[name]
        said = say.seconds(value)
        return parts.differs(said) if value is not None and value > SLOW_SECONDS else said

    return (
        parts.below(say.known(f"operation_is.{row['operation']}", row["operation"]), row["operation"]),
        count(row["calls"]),
        took("p50_s"),
        took("p95_s"),
        took("p99_s"),
        took("max_s"),
        count(row["retried"]),
        count(row["failed"]),
        parts.differs(count(row["slow"])) if row["slow"] else count(row["slow"]),
    )


def course(screen: Screen) -> None:
    """The 95th percentile by the hour, with the limit drawn."""
    say = screen.text
    hours = operations.hourly_timings(screen.snapshot, reach(screen)[0])
    if hours["hour"].n_unique() < 2:
        return
    show(parts.section(say("timings.course"), say("timings.course_note")))
    _chart(plots.hours(hours, SLOW_SECONDS, say), "hourly_timings", say("timings.alt_course"))


def slow(screen: Screen) -> None:
    """Every call over the limit, the slowest first."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("timings.slow_calls"), say("timings.slow_note", limit=say.seconds(SLOW_SECONDS))))
    begin, _ = reach(screen)
    calls = operations.calls(path, begin)
    number = int(calls["slow"].sum() or 0)
    if not number:
        show(
            parts.note("good", say("timings.no_slow", n=count(int(calls["calls"].sum() or 0))))
            if calls.height
            else parts.note("none", say("timings.none"))
        )
        return
    grid(screen, operations.slow_calls(begin), say("timings.slow_calls"), json=True)


def runs(screen: Screen) -> None:
    """Every run that the ledger has, with how long it took and how it ended."""
    say = screen.text
    show(parts.section(say("performance.runs_title"), say("performance.runs_note", n=RUNS_SHOWN)))
    if where := os.environ.get(DAGSTER, ""):
        there = {"href": f"{where}/runs", "target": "_blank", "rel": "noopener"}
        show(element("p", element("a", say("performance.dagster"), **there)))
    entered = _entered(screen.settings.home.ledger)
    if not entered:
        show(parts.note("none", say("performance.no_runs")))
        return
    frame = pl.DataFrame(
        [
            (
                run.started_at,
                None if run.finished_at is None else (run.finished_at - run.started_at).total_seconds(),
                _outcome(run, number == 0),
                run.exit_status,
                run.snapshot_id,
                run.message or None,
                run.run_id,
            )
            for number, run in reversed(list(enumerate(entered)))
        ],
        schema={
            "started_at": pl.Datetime,
            "seconds": pl.Float64,
            "outcome": pl.String,
            "exit_status": pl.Int64,
            "snapshot_id": pl.String,
            "message": pl.String,
            "run_id": pl.String,
        },
        orient="row",
    )
    columns = (
        Column("started_at", "performance.started"),
        Column("seconds", "timings.took"),
        Column("outcome", "performance.outcome", words="run_outcome"),
        Column("exit_status", "performance.exit_status"),
        Column("snapshot_id", "app.snapshot"),
        Column("message", "performance.message"),
        Column("run_id", "errors.run"),
    )
    grid(screen, Held("runs", frame, columns), say("performance.runs_title"), json=True)


def _outcome(run: EnteredRun, newest: bool) -> str:
    """done, failed, or without an end: running, if it is the newest, else died."""
    if run.finished_at is None:
        return "running" if newest else "died"
    return "done" if run.exit_status in (DONE, PROBLEMS) else "failed"


def _chart(drawn: plots.Drawn, name: str, alt_text: str) -> None:
    with st.container(border=True, key=name):
        st.altair_chart(drawn, key=f"{name}_chart", width="stretch", alt=alt_text)


_DRAWN: dict[str, tuple[Callable[[Screen], None], ...]] = {
    "errors": (rate, by_kind, events),
    "timings": (by_operation, course, slow),
    "runs": (runs,),
}

PAGE = Page(
    name="performance",
    group="system",
    icon=":material/speed:",
    role="engineer",
    place=5,
    choices=(SHOW, REACH),
    sections=(
        outage,
        overall,
        choose_reach,
        part,
        glossary.words("error_event", "percentile", "run", "snapshot", "alert"),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
