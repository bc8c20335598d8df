"""Demand: what is unusual now, in which hours therapists are lacking, how far bookings come by source, why they are
declined, and what is odd about them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import polars as pl
import streamlit as st

from dashboards.kit import address, heat, links, parts
from dashboards.kit.address import Choice, chosen
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.kit.views import switch
from dashboards.queries import demand
from dashboards.queries.reading import cached
from dashboards.wording import NOTHING, Wording, count, share
from marketplace.peaks import BASES, Basis
from marketplace.services import ANOMALIES
from marketplace.unusual import SERIES

HOURS, FUNNEL, DECLINES, ODD = "hours", "funnel", "declines", "odd"
VIEW = Choice("view", (HOURS, FUNNEL, DECLINES, ODD), HOURS)
BASIS = Choice("by", BASES, Basis.CREATED.value)
KIND = Choice("anomaly", ANOMALIES)


def unusual_now(screen: Screen) -> None:
    """The open hour of every series: whether anything is unusual, and of what it cannot be told."""
    say = screen.text
    show(parts.section(say("demand.now"), say("demand.now_note")))
    rows = demand.unusual_now(screen.snapshot)
    unusual = [row for row in rows if row["state"] == "unusual"]
    unknown = [row for row in rows if row["state"] == "unknown"]
    if unusual:
        show(parts.table(_headings(screen), [_unusual(row, screen) for row in unusual]))
    elif not rows or len(unknown) == len(rows):
        show(parts.note("none", say("demand.now_unknown"), _why(unknown, screen)))
        return
    else:
        show(
            parts.note(
                "good",
                say("demand.now_usual"),
                say("demand.now_usual_text", n=count(len(rows) - len(unknown))),
            )
        )
    if unknown:
        st.caption(say("demand.now_some_unknown", n=count(len(unknown)), why=_why(unknown, screen)))


def _headings(screen: Screen) -> list[tuple[Child, bool]]:
    say = screen.text
    names = (("series", False), ("figure", True), ("expected", True), ("range", True), ("since", True))
    return [(say(f"demand.{name}", zone=say.zone_name(screen.now)), number) for name, number in names]


def _unusual(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    written = _share if SERIES[row["series"]].shares else count
    of_what = "" if row["source"] == "all" else say.word("unusual_source", row["source"])
    return (
        parts.below(say.word("series", row["series"]), of_what),
        parts.word("warn", written(row["figure"])),
        written(row["expected"]),
        f"{written(row['low'])} – {written(row['high'])}",
        say.time(row["since"], screen.now),
    )


def _share(value: float | None) -> str:
    return NOTHING if value is None else share(value)


def _why(unknown: list[dict[str, Any]], screen: Screen) -> str:
    """What it is that cannot be told, each reason once."""
    reasons = dict.fromkeys(screen.text.word("why", row["why"]) for row in unknown if row["why"])
    return ", ".join(reasons) if reasons else screen.text("demand.why_not_said")


def view(screen: Screen) -> None:
    switch(screen, VIEW, "demand.view")
    for section in VIEWS[chosen(VIEW)]:
        screen.draw(section)


def short(screen: Screen) -> None:
    """The hours in which bookings stayed unanswered while nobody was free."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("demand.short"), say("demand.short_note")))
    found = demand.shortage(path)
    if not found["seen_hours"]:
        show(parts.note("none", say("demand.short_unknown"), say("demand.short_unknown_text")))
        return
    if not found["short_hours"]:
        text = say("demand.no_short_text", seen=count(found["seen_hours"]), n=count(found["hours"]))
        show(parts.note("good", say("demand.no_short"), text))
        return
    show(
        parts.tally(
            "warn",
            count(found["unserved"]),
            say("demand.unserved_of", n=count(found["unanswered"])),
            say("demand.measured", seen=count(found["seen_hours"]), n=count(found["hours"])),
            [(say("demand.short_hours"), count(found["short_hours"]))],
        )
    )
    grid(screen, demand.SHORT_HOURS, say("demand.short"))


def hours(screen: Screen) -> None:
    """When customers book, or when services start, by weekday and hour."""
    say = screen.text
    show(parts.section(say("demand.peaks"), say("demand.peaks_note")))
    switch(screen, BASIS, "demand.by")
    found = demand.peaks(screen.snapshot, Basis(chosen(BASIS)))
    if found.is_empty():
        show(parts.note("none", say("demand.no_peaks")))
        return
    with st.container(border=True, key="peaks"):
        spec = _week(screen.snapshot, Basis(chosen(BASIS)), say.language, say.zone.key)
        st.vega_lite_chart(deepcopy(spec), width="stretch", key="peaks_chart")
    busiest = found.sort("bookings", descending=True).head(1).row(0, named=True)
    st.caption(
        say(
            "demand.busiest",
            day=say(f"weekday.{busiest['weekday']}"),
            hour=f"{busiest['hour']:02}",
            n=count(busiest["bookings"]),
        )
    )


@cached
def _week(path: str, basis: Basis, language: str, zone: str) -> dict[str, Any]:
    """The heat map, made once a snapshot: it is held against a schema as it is made, which takes half of a drawing."""
    say = Wording(language, zone)
    return heat.week(demand.peaks(path, basis), "bookings", say("metric.bookings"), say)


def funnel(screen: Screen) -> None:
    """How far the bookings of the chosen days came, by source."""
    say, days = screen.text, screen.period
    show(parts.section(say("demand.funnel"), say("demand.funnel_note")))
    found = demand.funnel(screen.snapshot, days.first, days.last)
    if found.is_empty():
        show(parts.note("none", say("demand.no_funnel")))
        return
    young = int((found["days"] - found["complete_days"]).max() or 0)  # type: ignore[arg-type] - Polars types the max of a column as any literal
    if young:
        show(parts.banner("warn", say("demand.young"), say("demand.young_text", n=count(young))))
    whole = {name: _sum(found, name) for name in (*demand.STEPS, *demand.LOST)}
    show(parts.table(_step_headings(screen), [_source(row, screen) for row in found.iter_rows(named=True)]))
    show(
        parts.section(say("demand.lost"), say("demand.lost_note")),
        parts.table(
            [(say("demand.went"), False), (say("metric.bookings"), True), (say("demand.of_created"), True)],
            [
                (say(f"demand.lost_{name}"), count(whole[name]), _of(whole[name], whole["created"]))
                for name in demand.LOST
                if whole[name]
            ],
        ),
    )


def _sum(frame: pl.DataFrame, name: str) -> int | None:
    """The sum of a column; None where a value of it is not known."""
    return None if frame[name].null_count() else int(frame[name].sum())


def _of(part: int | None, whole: int | None) -> str:
    return share(part / whole) if part is not None and whole else NOTHING


def _step_headings(screen: Screen) -> list[tuple[Child, bool]]:
    say = screen.text
    return [(say("revenue.source"), False), *((say(f"demand.step_{name}"), True) for name in demand.STEPS)]


def _source(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    name = screen.text.word("source", row["source"])
    cells: list[Child] = [links.to_page("bookings", name, source=row["source"])]
    cells.append(count(row["created"]))
    cells += [parts.below(count(row[step]), _of(row[step], row["created"])) for step in demand.STEPS[1:]]
    return tuple(cells)


def declines(screen: Screen) -> None:
    """Why bookings of the chosen days were declined."""
    say, days = screen.text, screen.period
    show(parts.section(say("demand.declines"), say("demand.declines_note")))
    found = demand.declines(screen.snapshot, days.first, days.last)
    if found.is_empty():
        show(parts.note("none", say("demand.no_declines"), say("demand.no_declines_text")))
        return
    whole, most = int(found["bookings"].sum()), int(found["bookings"][0])
    show(
        parts.table(
            [(say("demand.reason"), False), ("", False), (say("metric.bookings"), True), ("", True)],
            [
                (
                    say.word("decline_reason", row["reason"]),
                    parts.meter(row["bookings"] / most, 0),
                    count(row["bookings"]),
                    share(row["bookings"] / whole),
                )
                for row in found.iter_rows(named=True)
            ],
        )
    )


def odd(screen: Screen) -> None:
    """Double bookings, bookings at the same time, too many at once."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("demand.odd"), say("demand.odd_note")))
    counts = demand.odd_counts(path)
    if counts.is_empty():
        read = screen.condition.read_at is not None
        kind, text = ("good", "demand.no_odd_text") if read else ("none", "demand.no_odd_unread")
        show(parts.note(kind, say("demand.no_odd"), say(text)))
        return
    kinds = counts["anomaly"].to_list()
    st.pills(
        say("demand.kind"),
        [*kinds, *(kind for kind in filter(None, [chosen(KIND)]) if kind not in kinds)],
        format_func=lambda kind: f"{say.word('anomaly', kind)} ({count(_rows(counts, kind))})",
        **address.widget(KIND),
    )
    grid(screen, demand.odd(chosen(KIND)), say("demand.odd"), opens=("booking", "booking_id"))


def _rows(counts: pl.DataFrame, kind: str) -> int:
    return int(counts.filter(pl.col("anomaly") == kind)["rows"].sum())


def unusual_lately(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("demand.lately"), say("demand.lately_note")))
    grid(screen, demand.UNUSUAL, say("demand.lately"))


VIEWS = {HOURS: (short, hours), FUNNEL: (funnel,), DECLINES: (declines,), ODD: (odd, unusual_lately)}

PAGE = Page(
    name="demand",
    group="business",
    icon=":material/insights:",
    role="admin",
    place=2,
    sections=(unusual_now, view),
    periodic=True,
    choices=(VIEW, BASIS, KIND),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
