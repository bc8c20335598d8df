"""Errors: how many a minute against the limit, of which severity, category and operation, and the latest events."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from dashboards.kit import parts
from dashboards.kit.charts import rate_chart
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import operations
from dashboards.sections import shared
from dashboards.wording import count
from marketplace.error_rate import ERRORS_A_MINUTE
from marketplace.events import EVENT_SEVERITIES


def rate(screen: Screen) -> None:
    """Events a minute up to the instant of the snapshot, with the limit drawn."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("errors.rate"), say("errors.rate_note", limit=ERRORS_A_MINUTE)))
    begin, end = shared.reach(screen)
    minutes = operations.error_minutes(path, begin)
    _verdict(screen, minutes, begin)
    known = [word for word in EVENT_SEVERITIES if word in minutes["severity"].to_list()]
    others = [
        word
        for word in minutes["severity"].unique(maintain_order=True).to_list()
        if word not in EVENT_SEVERITIES
    ]
    shared.chart(
        rate_chart(minutes, begin, end, ERRORS_A_MINUTE, [*known, *others], say),
        "error_rate",
        say("errors.alt_rate"),
    )


def _verdict(screen: Screen, minutes: pl.DataFrame, begin: datetime) -> None:
    """Whether the limit was reached, in a sentence; where nothing was called there is nothing to say."""
    say, path = screen.text, screen.snapshot
    each = (
        minutes.group_by("minute")
        .agg(pl.col("events").sum())
        .sort("events", "minute", descending=[True, True])
    )
    calls = int(operations.calls(path, begin)["calls"].sum() or 0)
    if each.is_empty():
        said = (
            parts.note("good", say("errors.none"), say("errors.none_text", calls=count(calls)))
            if calls
            else parts.note("none", say("errors.unmeasured"), say("errors.unmeasured_text"))
        )
        show(said)
        return
    worst, events = each["minute"][0], int(each["events"][0])
    over = each.filter(pl.col("events") >= ERRORS_A_MINUTE).height
    total = int(each["events"].sum())
    facts = say(
        "errors.worst",
        events=count(events),
        time=say.time(worst, screen.now),
        total=count(total),
        calls=count(calls),
    )
    title = say("errors.over", minutes=count(over), limit=ERRORS_A_MINUTE) if over else say("errors.under")
    show(parts.note("bad" if over else "warn", title, facts))


def by_kind(screen: Screen) -> None:
    """What the events are, three ways."""
    begin, _ = shared.reach(screen)
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
    begin, _ = shared.reach(screen)
    happened = operations.errors(begin)
    if happened.first(screen.snapshot, ROWS_SHOWN).is_empty():
        show(parts.note("none", say("errors.no_events")))
        return
    grid(screen, happened, say("errors.recent"), json=True)


PAGE = Page(
    name="errors",
    group="system",
    icon=":material/error:",
    role="engineer",
    place=6,
    sections=(
        shared.choose_reach,
        rate,
        by_kind,
        events,
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
