"""Timings: how long each operation takes, the slow ones, and the course by the hour."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import blocks, parts, service_queries
from dashboards.charts import hours_chart
from dashboards.frame import open_screen
from dashboards.screen import ROWS_SHOWN, Screen
from dashboards.wording import count
from marketplace.error_rate import SLOW_SECONDS


def operations(screen: Screen) -> None:
    """Half, 95 and 99 of a hundred calls take at most so long, operation by operation."""
    say, path = screen.say, screen.snapshot
    st.html(blocks.section(say("timings.operations"), say("timings.operations_note")))
    begin, _ = parts.reach(screen)
    frame = service_queries.calls(path, begin)
    if frame.is_empty():
        st.html(blocks.wrap(blocks.note("none", say("timings.none"), say("timings.none_text"))))
        return
    st.html(
        blocks.wrap(
            blocks.table(
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
    )
    kept = service_queries.oldest_call_at(path)
    if kept is not None and kept > begin:
        st.caption(say("timings.kept", time=say.time(kept, screen.now)))


def _operation(row: dict[str, Any], screen: Screen) -> tuple[str, ...]:
    say = screen.say

    def took(name: str) -> str:
        value = row[name]
        said = blocks.text(say.seconds(value))
        return blocks.differs(said) if value is not None and value > SLOW_SECONDS else said

    return (
        blocks.text(row["operation"]),
        count(row["calls"]),
        took("p50_s"),
        took("p95_s"),
        took("p99_s"),
        took("max_s"),
        count(row["retried"]),
        count(row["failed"]),
        blocks.differs(count(row["slow"])) if row["slow"] else count(row["slow"]),
    )


def course(screen: Screen) -> None:
    """The 95th percentile by the hour, with the limit of 3 s drawn."""
    say = screen.say
    begin, _ = parts.reach(screen)
    hours = service_queries.hourly_timings(screen.snapshot, begin)
    if hours["hour"].n_unique() < 2:
        return
    st.html(blocks.section(say("timings.course"), say("timings.course_note")))
    parts.chart(hours_chart(hours, SLOW_SECONDS, say), "hourly_timings", say("timings.alt_course"))


def slow(screen: Screen) -> None:
    """Every call over the limit, the slowest first."""
    say, path = screen.say, screen.snapshot
    st.html(
        blocks.section(say("timings.slow_calls"), say("timings.slow_note", limit=say.seconds(SLOW_SECONDS)))
    )
    begin, _ = parts.reach(screen)
    calls = service_queries.calls(path, begin)
    number = int(calls["slow"].sum() or 0)
    if not number:
        st.html(
            blocks.wrap(
                blocks.note("good", say("timings.no_slow", n=count(int(calls["calls"].sum() or 0))))
                if calls.height
                else blocks.note("none", say("timings.none"))
            )
        )
        return
    screen.table(
        service_queries.slow_calls(path, begin, ROWS_SHOWN),
        {
            "seconds": say("timings.took"),
            "operation": say("errors.operation"),
            "collection": say("col.collection"),
            "called_at": say("errors.at", zone=say.zone_name(screen.now)),
            "outcome": say("timings.outcome"),
            "status": say("errors.status"),
            "attempts": say("errors.attempts"),
            "run_id": say("errors.run"),
        },
        "slow_calls",
        say("timings.slow_calls"),
        total=number,
        complete=lambda: service_queries.all_slow_calls(path, begin),
        json=True,
    )


screen = open_screen()
screen.show(
    screen.say("timings.title"), parts.subtitle_now(screen), [parts.choose_reach, operations, course, slow]
)
