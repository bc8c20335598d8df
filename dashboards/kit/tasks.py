"""What there is to do, as it is shown: a problem in one line, and one opened. Values in, Markup out; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboards.kit.markup import Child, element
from dashboards.kit.parts import badge, paragraph, terms, verbatim


def line(what: Child, figure: Child) -> Markup:
    """A problem in one line, what it is at the left and what it is worth at the right; on a phone below."""
    return element(
        "div",
        element("div", what, style="flex:1 1 18rem;min-width:0"),
        element("div", figure, style="flex:none;text-align:right"),
        style="display:flex;flex-wrap:wrap;gap:.4rem 1.4rem;justify-content:space-between",
    )


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
    way = element("p", element("b", leads_to), style="margin-top:.6rem") if leads_to else Markup()
    return element("div", named, *said, way, terms(facts), cls=f"bw-card bw-opened bw-{kind}")
