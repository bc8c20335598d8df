"""How a conversation and the hits of a search look. What is said in them is given; nothing is asked for here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from dashboards.kit.markup import Child, element, joined

Side = Literal["left", "right", "middle"]


@dataclass(frozen=True)
class Bubble:
    """One message: on which ``side`` it stands, who said it, when and what more is to be told of it, and its words, or
    what stands in their place (``masked``). ``looked_for``: somebody came for this one."""

    side: Side
    who: str
    told: str
    said: Child
    masked: bool
    looked_for: bool = False


def conversation(
    days: Iterable[tuple[str, Iterable[Bubble]]], label: str, above: Child, below: Child
) -> Markup:
    """Messages by day, the oldest first, in a frame that scrolls and begins at its foot; what stands at either end."""
    items: list[Markup] = []
    for day, bubbles in days:
        items.append(element("li", day, cls="bw-day"))
        items += [_bubble(bubble) for bubble in bubbles]
    inner = element("ol", end(above), *items, end(below))
    return element("div", inner, cls="bw-card bw-talk", role="region", tabindex="0", aria_label=label)


def way(address: str, label: str) -> Markup:
    """On to more of what stands here."""
    return element("a", label, href=address, target="_self")


def end(said: Child) -> Markup:
    return element("li", said, cls="bw-end") if said else joined()


def _bubble(bubble: Bubble) -> Markup:
    head = element("p", element("b", bubble.who), element("span", bubble.told), cls="bw-who")
    said = element("p", bubble.said, cls="bw-said bw-masked" if bubble.masked else "bw-said", dir="auto")
    looked = " bw-looked" if bubble.looked_for else ""
    return element("li", head, said, cls=f"bw-bubble bw-{bubble.side}{looked}")


def words(text: str, longest: int, more: str) -> Markup:
    """What a person wrote, each sign of it as it is; cut where it is long, with ``more`` instead of the rest."""
    if len(text) <= longest:
        return escape(text)
    return joined(escape(text[:longest]), element("span", f"… {more}", cls="bw-soft"))


def marked(before: str, hit: str, after: str, *, cut_before: bool, cut_after: bool) -> Markup:
    """A part of what a person wrote, with what was searched for in it."""
    return joined(
        "…" if cut_before else "",
        escape(before),
        element("mark", escape(hit)) if hit else "",
        escape(after),
        "…" if cut_after else "",
    )


def hits(rows: Iterable[tuple[Child, str, Child]], label: str, foot: Child) -> Markup:
    """What was found: (link to its place, by whom, the words around it)."""
    items = [
        element(
            "li",
            element("p", link, element("span", told), cls="bw-who"),
            element("p", said, cls="bw-said", dir="auto"),
        )
        for link, told, said in rows
    ]
    found = element("ul", *items)
    return element("div", found, foot, cls="bw-card bw-hits", role="region", tabindex="0", aria_label=label)
