"""Links: where the chain from booking to payment breaks, hop by hop, and the bookings at each break."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.kit import parts
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import service
from dashboards.wording import count, share


def chain(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("links.chain"), say("links.chain_note")))
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


def name(row: dict[str, Any], screen: Screen) -> str:
    say = screen.text
    return f"{say.word('step', row['from_step'])} → {say.word('step', row['to_step'])}"


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
        parts.differs(count(row["broken"])) if row["broken"] else count(row["broken"]),
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
    hop = st.selectbox(
        say("links.hop"),
        breaks,
        format_func=lambda number: f"{name(hops[number], screen)} · {count(hops[number]['broken'])}",
        key="hop",
        width=420,
    )
    hop = hop if hop in breaks else breaks[0]
    broken = service.at_the_break(hop)
    grid(screen, broken, say("links.ids"))
    if broken.count(path) < hops[hop]["broken"]:
        st.caption(say("links.newest", shown=count(broken.count(path)), all=count(hops[hop]["broken"])))


PAGE = Page(
    name="links",
    group="system",
    icon=":material/account_tree:",
    role="admin",
    place=5,
    sections=(
        chain,
        at_the_break,
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
