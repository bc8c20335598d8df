"""A problem as it is shown: opened, and what was entered of it. Values in, Markup out; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboards.kit.markup import Child, element
from dashboards.kit.parts import badge, icon, paragraph, soft, terms, verbatim


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
