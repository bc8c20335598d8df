"""What is seen at a glance on the Overview: what needs action, what is owed, the seven points in a strip. Values in,
Markup out; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dashboards.kit.cards import figure_of, name_of, system_line, tone_of_point
from dashboards.kit.links import to_page
from dashboards.kit.markup import Child, element
from dashboards.kit.parts import icon, money, small, soft
from dashboards.wording import Wording


@dataclass(frozen=True)
class Line:
    """A cause that needs action, as it is shown. ``number``, ``amount`` and ``age`` are said already; '' where there is
    nothing to say."""

    tone: str
    link: Markup
    is_: str
    number: str
    amount: Child = ""
    age: str = ""
    beneath: str = ""


def actions(lines: Iterable[Line], heads: Sequence[str], said: str = "") -> Markup:
    """What needs action, a line a cause, the worst first; the link of a line reaches over all of it."""
    shown = [
        element(
            "li",
            icon(line.tone),
            element("div", line.link, small(line.is_), cls="bw-act-what"),
            element("div", element("b", line.number), small(line.beneath), cls="bw-act-n"),
            element("div", line.amount, cls="bw-act-n"),
            element("div", line.age, cls="bw-act-n bw-soft"),
            cls=f"bw-act bw-{line.tone}",
        )
        for line in lines
    ]
    head = [element("span", name) for name in heads]
    top = element("div", element("span"), *head, cls="bw-act bw-act-head", aria_hidden="true")
    below = element("p", said, cls="bw-below") if said else ""
    return element("div", top, element("ul", *shown, cls="bw-acts"), below, cls="bw-card bw-actions")


def owed_card(title: str, is_: str, amount: int | None, beneath: Iterable[Child], link: Markup) -> Markup:
    """What is owed now, beside the figures of the period."""
    lines = [element("p", part, cls="bw-change") for part in beneath if part]
    return element(
        "div",
        element("h3", title),
        element("p", is_, cls="bw-is"),
        element("p", money(amount), cls="bw-amount"),
        *lines,
        element("p", link, cls="bw-more"),
        cls="bw-card bw-figure bw-owed",
    )


def rests(facts: Iterable[tuple[Child, Child]]) -> Markup:
    """What the figures rest on, in a line."""
    shown = [element("div", element("dt", term), element("dd", value)) for term, value in facts]
    return element("div", element("dl", *shown, cls="bw-facts"), cls="bw-card bw-rests")


def points_strip(
    system: str, points: Sequence[dict[str, Any]], judged: str, outdated: bool, say: Wording
) -> Markup:
    """The seven points in a line, each leading to Health."""
    tiles = [
        element(
            "li",
            icon(tone_of_point(row)),
            element(
                "div",
                to_page("health", name_of(row, say)),
                soft(f"{say.word('status', row.get('status'))}: {figure_of(row, say)}"),
            ),
            cls=f"bw-{tone_of_point(row)}",
        )
        for row in points
    ]
    dim = " bw-outdated" if outdated else ""
    line = system_line(system, points, judged, outdated, say)
    return element("div", line, element("ul", *tiles, cls="bw-seven"), cls=f"bw-card{dim}")


@dataclass(frozen=True)
class Tile:
    """A part of a page, as what it found in a figure: a link to it, but for the one that is chosen. ``tone`` '': what
    it found is neither good nor bad."""

    tone: str
    number: str
    label: str
    link: Markup | None
    beneath: str = ""


def tiles(shown: Iterable[Tile]) -> Markup:
    """The parts of a page side by side: what each found, the chosen one marked."""
    return element("nav", *map(_tile, shown), cls="bw-parts")


def _tile(tile: Tile) -> Markup:
    chosen = tile.link is None
    marks = ["bw-part", f"bw-{tile.tone}" if tile.tone else "", "bw-chosen" if chosen else ""]
    return element(
        "div",
        element("p", icon(tile.tone) if tile.tone else "", element("b", tile.number), cls="bw-part-n"),
        element("p", tile.label if tile.link is None else tile.link, cls="bw-part-name"),
        small(tile.beneath),
        cls=" ".join(filter(None, marks)),
        **({"aria_current": "true"} if chosen else {}),
    )


def course(values: Sequence[int | None], said: str) -> Markup:
    """Small bars, one a day; a day of which nothing is known has none."""
    most = max((value or 0 for value in values), default=0) or 1
    bars = [
        element("i", cls="bw-gap" if value is None else "", style=f"height:{100 * (value or 0) / most:.0f}%")
        for value in values
    ]
    return element("span", *bars, cls="bw-days", role="img", aria_label=said)
