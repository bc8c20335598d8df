"""Timings: how long each operation takes, the slow ones, and the course by the hour."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.kit import parts
from dashboards.kit.charts import hours_chart
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import operations
from dashboards.sections import shared
from dashboards.wording import count
from marketplace.error_rate import SLOW_SECONDS


def by_operation(screen: Screen) -> None:
    """Half, 95 and 99 of a hundred calls take at most so long, operation by operation."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("timings.operations"), say("timings.operations_note")))
    begin, _ = shared.reach(screen)
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
        row["operation"],
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
    begin, _ = shared.reach(screen)
    hours = operations.hourly_timings(screen.snapshot, begin)
    if hours["hour"].n_unique() < 2:
        return
    show(parts.section(say("timings.course"), say("timings.course_note")))
    shared.chart(hours_chart(hours, SLOW_SECONDS, say), "hourly_timings", say("timings.alt_course"))


def slow(screen: Screen) -> None:
    """Every call over the limit, the slowest first."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("timings.slow_calls"), say("timings.slow_note", limit=say.seconds(SLOW_SECONDS))))
    begin, _ = shared.reach(screen)
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


PAGE = Page(
    name="timings",
    group="system",
    icon=":material/timer:",
    role="engineer",
    place=7,
    sections=(
        shared.choose_reach,
        by_operation,
        course,
        slow,
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
