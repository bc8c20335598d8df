"""Health: the seven points in full, the chain from booking to payment with the bookings at each break, uptime and
history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards import data_age
from dashboards.kit import address, cards, glossary, links, parts
from dashboards.kit.address import Choice
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import health, reading, service
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, share
from marketplace.health import UPTIME_WINDOWS, speaks_for
from marketplace.links import Step

COURSE = timedelta(days=7)
HOP = Choice("hop", tuple("123456"))


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
        cards.points_card(rows, screen.condition.state != "fresh", shared.as_of(screen), say),
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
    return joined(element("b", _worked(row, screen)), bar, parts.small(", ".join(untold)))


def _worked(row: dict[str, Any], screen: Screen) -> str:
    """The share with how long was measured; where that is little of the window, it does not speak for it."""
    say, measured = screen.text, float(row["measured_seconds"])
    if row["working_share"] is None:
        return say("uptime.nothing_measured")
    said = say("health.of_measured", share=share(row["working_share"]), span=say.span(measured))
    return said if speaks_for(str(row["time_window"]), measured) else say("health.too_little", said=said)


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


def chain(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("links.chain"), say("links.chain_note"), "chain"))
    hops = service.broken_links(screen.snapshot)
    if not hops:
        show(parts.note("none", say("links.none")))
        return
    broken = sum(row["state"] == "broken" for row in hops)
    untold = sum(row["state"] not in ("broken", "working") for row in hops)
    kind = "bad" if broken else "none" if untold else "good"
    said = say("links.broken_text", broken=broken, all=len(hops)) if broken else say(f"links.{kind}_text")
    show(
        parts.table(
            [
                (say("links.hop"), False),
                ("", False),
                (say("links.entered"), True),
                (say("links.passed"), True),
                (say("links.broken"), True),
                (say("links.unknown"), True),
                (say("col.state"), False),
            ],
            [_hop(row, screen) for row in hops],
            top=parts.above(parts.badge(kind, said)),
        )
    )
    if any(row["unknown"] for row in hops):
        st.caption(say("links.unknown_note"))
    if any(row["to_step"] == Step.PAYMENT.value and row["broken"] for row in hops):
        st.caption(say("health.payment_note"))


def name(row: dict[str, Any], screen: Screen) -> str:
    say = screen.text
    return f"{say.word('step', row['from_step'])} → {say.word('step', row['to_step'])}"


def _labelled(row: dict[str, Any], screen: Screen) -> str:
    return f"{name(row, screen)} · {count(row['broken'])}"


def _hop(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    state = str(row["state"])
    kind = parts.tone(state)
    passed = say("links.share", share=share(row["passed"] / row["entered"])) if row["entered"] else ""
    return (
        parts.below(name(row, screen), passed),
        parts.bar([("good", row["passed"]), ("bad", row["broken"]), ("none", row["unknown"])]),
        count(row["entered"]),
        count(row["passed"]),
        parts.differs(links.to_page("health", count(row["broken"]), hop=str(row["hop"])))
        if row["broken"]
        else count(row["broken"]),
        count(row["unknown"]),
        parts.badge(kind, say.word("status", state)),
    )


def at_the_break(screen: Screen) -> None:
    """The ids of the bookings that should have passed a hop and did not."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("links.ids"), say("links.ids_note")))
    hops = {int(row["hop"]): row for row in service.broken_links(path)}
    breaks = [hop for hop, row in hops.items() if row["broken"]]
    if not breaks:
        untold = any(row["state"] != "working" for row in hops.values()) or not hops
        title = say("links.ids_unknown" if untold else "links.ids_none")
        show(parts.note("none" if untold else "good", title))
        return
    asked = address.chosen(HOP)
    hop = int(asked) if asked and int(asked) in breaks else breaks[0]
    if asked and int(asked) not in breaks and int(asked) in hops:
        show(parts.note("none", say("health.hop_holds", hop=name(hops[int(asked)], screen))))
    if len(breaks) > 1:
        chosen = [
            element("b", _labelled(hops[each], screen))
            if each == hop
            else links.to_page("health", _labelled(hops[each], screen), hop=str(each))
            for each in breaks
        ]
        show(parts.chosen_of(chosen))
    broken = service.at_the_break(hop)
    grid(screen, broken, say("links.ids"), opens=("booking", "row_id"))
    if broken.count(path) < hops[hop]["broken"]:
        st.caption(say("links.newest", shown=count(broken.count(path)), all=count(hops[hop]["broken"])))


PAGE = Page(
    name="health",
    group="system",
    icon=":material/monitor_heart:",
    role="engineer",
    place=3,
    choices=(HOP,),
    sections=(
        points,
        chain,
        at_the_break,
        uptime,
        history,
        glossary.words("point", "broken", "unknown", "hop", "uptime", "measured", "run"),
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
