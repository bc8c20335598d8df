"""What there is to do, as it is shown: a problem in one line, and one opened. Values in, Markup out; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboards.kit.markup import Child, element
from dashboards.kit.parts import badge, icon, paragraph, soft, terms, verbatim

_SMALL = "font-size:.86rem"


def line(
    kind: str, name: Child, stands: Child, figure: Child, *, said: Child = "", beneath: Child = ""
) -> Markup:
    """A problem in one line: what it is and what it says at the left, what it is worth at the right; on a phone
    below."""
    what = element(
        "div",
        element("div", icon(kind), " ", element("b", name)),
        paragraph(said),
        element("p", stands, cls="bw-soft", style=_SMALL),
        cls=f"bw-{kind}",
        style="flex:1 1 16rem;min-width:0",
    )
    worth = element(
        "div",
        element("div", element("b", figure)),
        element("p", beneath, cls="bw-soft", style=_SMALL) if beneath else "",
        style="flex:none;text-align:right",
    )
    return element(
        "div",
        what,
        worth,
        style="display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;justify-content:space-between",
    )


def stands(kind: str, label: str, said: str) -> Markup:
    """What somebody has entered of a problem: its shape, what it is, by whom and why."""
    return element("p", icon(kind), " ", element("b", label), " ", soft(said), cls=f"bw-{kind}")


def opened(
    kind: str,
    name: str,
    state: str,
    code: str,
    sentences: Iterable[str],
    facts: Iterable[tuple[str, Child]],
    leads_to: Child,
) -> Markup:
    """A problem in full: what it is called, how it stands, what it says and asks to do, and the way to its rows."""
    named = element(
        "div", element("strong", name), badge(kind, state), verbatim(code), cls="bw-commission-head"
    )
    said = [paragraph(sentence) for sentence in sentences]
    way = element("p", element("b", leads_to), style="margin-top:.6rem") if leads_to else ""
    return element("div", named, *said, way, terms(facts), cls=f"bw-card bw-opened bw-{kind}")
