"""The parts every page is made of: note, banner, badge, small table, figure, bar, and what draws them. Each takes
values and gives Markup; ``show`` alone puts it on the page.

Not here: where a figure comes from (queries, figures, freshness), what things are called (wording), the cards of our
own figures (cards), tables of rows with ids (grid).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

import streamlit as st
from markupsafe import Markup, escape

from dashboards.kit.markup import Child, element, joined
from dashboards.wording import rupiah, signed_rupiah

# A word of the data → how it looks. A word that is not here looks like "could not tell", never like "fine".
TONES: dict[str, str] = {
    **dict.fromkeys(
        (
            "healthy",
            "working",
            "perfect",
            "matched",
            "tracked",
            "complete",
            "fresh",
            "published",
            "unchanged",
            "free",
        ),
        "good",
    ),
    **dict.fromkeys(
        ("degraded", "warning", "mismatched", "orphan", "not_due", "stale", "partial", "awaiting", "past"),
        "warn",
    ),
    **dict.fromkeys(
        ("down", "broken", "critical", "missing", "failed", "forbidden", "high", "error", "damaged"), "bad"
    ),
    **dict.fromkeys(("medium", "warn"), "warn"),
}


def show(*parts: Child) -> None:
    """Draw parts, one below the other: the only place HTML gets onto a page."""
    st.html(str(element("div", *parts, cls="bw")))


def show_style(css: str) -> None:
    """Our own style sheet, of our own file."""
    st.html(f"<style>{css}</style>")


def run(script: str, name: str = "page") -> None:
    """Our own script, of our own file, run once by the browser; another text runs again. ``name``: of its place."""
    with st.container(key=f"bw_script_{name}"):  # takes no room (style.css)
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


# Words and marks ----------------------------------------------------------------------------------


def tone(word: object) -> str:
    """good, warn, bad or none."""
    return TONES.get(str(word), "none")


def tone_of_severity(severity: object) -> str:
    """Of something that is wrong: red where it is high or critical, amber below; one that is not known is red."""
    return "warn" if severity in ("low", "medium", "warning", "info") else "bad"


def icon(kind: str) -> Markup:
    """The shape of a tone: it tells the state as well as the colour does (style.css draws it)."""
    return element("i", cls=f"bw-icon bw-{kind}", aria_hidden="true")


def money(amount: int | None, signed: bool = False) -> Markup:
    return element("span", signed_rupiah(amount) if signed else rupiah(amount), cls="bw-idr")


def badge(kind: str, label: str) -> Markup:
    return element("span", icon(kind), label, cls=f"bw-badge bw-{kind}")


def tag(label: str) -> Markup:
    return element("span", label, cls="bw-tag")


def soft(said: Child) -> Markup:
    """What is said beside the figure it belongs to."""
    return element("span", said, cls="bw-soft")


def unbroken(said: Child) -> Markup:
    """What stays in one line."""
    return element("span", said, cls="bw-nowrap")


def verbatim(said: object) -> Markup:
    """A command, an id or a hash, as code; backticks in it are backticks."""
    return element("code", escape(str(said)))


def differs(cell: Child) -> Markup:
    """A cell that is not what stands beside it: told by its shape as well."""
    return element("mark", icon("warn"), cell, cls="bw-warn")


def word(kind: str, label: Child, beneath: str = "") -> Markup:
    """A state in a table cell: shape, name, and what it means below."""
    return element("span", icon(kind), element("span", label, small(beneath)), cls=f"bw-word bw-{kind}")


def coded(label: str, name: str) -> Markup:
    """A name with the code it stands for."""
    return joined(label, element("code", name), by=" ")


def below(said: Child, beneath: object) -> Markup:
    """Two lines of a table cell, the second one smaller."""
    return joined(said, small(beneath))


def small(said: object) -> Markup:
    """The second, smaller line of a table cell."""
    return element("small", said) if said else Markup()


def link(page: str, label: str, language: str) -> Markup:
    """To another page of these dashboards, in the same language."""
    where = "" if language == "en" else f"?lang={language}"
    return element("a", label, href=f"{quote(page)}{where}", target="_self")


# Around a page ------------------------------------------------------------------------------------


def section(title: str, said: str = "", anchor: str = "") -> Markup:
    """The head of a section; ``anchor``: where on the page it is."""
    place = {"id": anchor} if anchor else {}
    return element("div", element("h2", title), paragraph(said), cls="bw-section", **place)


def paragraph(said: Child, cls: str = "") -> Markup:
    return element("p", said, cls=cls) if said else Markup()


def grid(kind: str, *cards: Markup) -> Markup:
    return element("div", *cards, cls=f"bw-grid bw-{kind}")


def jumps(places: Iterable[tuple[str, str]]) -> Markup:
    """Where on a long page things are: (anchor, name)."""
    links = [element("a", name, href=f"#{anchor}", target="_self") for anchor, name in places]
    return element("nav", *links, cls="bw-jumps")


def chosen_of(choices: Iterable[Child]) -> Markup:
    """One of several, the others as links."""
    return element("nav", *choices, cls="bw-jumps bw-choices")


def note(kind: str, title: str, body: str = "") -> Markup:
    """A quiet card for "nothing here", with what that means."""
    said = element("div", element("b", title), paragraph(body))
    return element("div", icon(kind), said, cls=f"bw-card bw-note bw-{kind}")


def banner(kind: str, title: str, *sentences: str) -> Markup:
    said = joined(*filter(None, sentences), by=" ")
    inner = element("div", element("b", title, "."), " ", said)
    return element("div", icon(kind), inner, cls=f"bw-banner bw-{kind}", role="status")


def loud(title: str, said: str, way: Child) -> Markup:
    """What nobody may overlook while it is so, with the way out of it."""
    inner = element("div", element("b", title, "."), " ", said, " ", way)
    return element("div", icon("warn"), inner, cls="bw-banner bw-loud bw-warn", role="status")


def hint(label: str, command: str) -> Markup:
    """What can be done about it, as a command to copy."""
    return element("p", label, " ", verbatim(command), cls="bw-below bw-hint")


def opened(kind: str, title: str, state: str, code: str, facts: Iterable[tuple[str, Child]]) -> Markup:
    """A record that is opened: what it is called, how it stands, its machine name as small print, what is known."""
    head = element("div", element("strong", title), badge(kind, state), cls="bw-commission-head")
    return element("div", head, small(code), terms(facts), cls=f"bw-card bw-opened bw-{kind}")


# Figures and bars ---------------------------------------------------------------------------------


def bar(lengths: Iterable[tuple[str, float | None]]) -> Markup:
    """One bar made of parts, each as long as its number; ``gap`` is a part nothing is known of."""
    shown = [
        element("i", cls=f"bw-{kind}", style=f"flex:{number:g} 1 0") for kind, number in lengths if number
    ]
    return element("div", *shown, cls="bw-bar", aria_hidden="true")


def meter(whole: float, inner: float) -> Markup:
    """A bar of two lengths (0 to 1): ``inner`` as a part of what ``whole`` shows."""
    within = 0 if whole <= 0 else min(1.0, inner / whole)
    inside = element("i", style=f"width:{100 * within:.1f}%")
    return element("span", element("i", inside, style=f"width:{100 * whole:.1f}%"), cls="bw-meter")


def strip(spells: Iterable[tuple[str, float, str]]) -> Markup:
    """A course of time: (tone, seconds, what is said under the pointer), the oldest at the left."""
    shown = [
        element("i", cls=f"bw-{kind}", style=f"flex:{seconds:g} 1 0", title=said)
        for kind, seconds, said in spells
        if seconds > 0
    ]
    return element("div", *shown, cls="bw-strip")


def legend(names: Iterable[tuple[str, str]]) -> Markup:
    """What the tones of a bar mean."""
    shown = [element("span", element("i", cls=f"bw-{kind}"), name, cls=f"bw-{kind}") for kind, name in names]
    return element("div", *shown, cls="bw-legend")


def counted(numbers: Iterable[tuple[str, str, str]]) -> Markup:
    """Numbers side by side, each with the tone that marks it in a bar, and its name."""
    shown = [
        element("div", element("i", cls=f"bw-{kind}"), element("b", number), soft(name), cls=f"bw-{kind}")
        for kind, number, name in numbers
    ]
    return element("div", *shown, cls="bw-counts")


def terms(facts: Iterable[tuple[str, Child]]) -> Markup:
    """Named values side by side."""
    shown = [element("div", element("dt", term), element("dd", value)) for term, value in facts]
    return element("dl", *shown, cls="bw-facts")


def counts_card(
    numbers: Sequence[tuple[str, str, str]], lengths: Iterable[tuple[str, float | None]], said: str = ""
) -> Markup:
    """A whole and its parts."""
    return element("div", counted(numbers), bar(lengths), paragraph(said, "bw-below"), cls="bw-card bw-whole")


def terms_card(facts: Iterable[tuple[str, Child]], said: str = "") -> Markup:
    return element("div", terms(facts), paragraph(said, "bw-below"), cls="bw-card bw-terms")


def facts_card(facts: Iterable[tuple[str, Child]]) -> Markup:
    """Named values one below the other."""
    items = [element("li", soft(term), element("span", said)) for term, said in facts]
    return element("div", element("ul", *items, cls="bw-list"), cls="bw-card")


def tally(kind: str, number: str, label: str, beneath: str, facts: Iterable[tuple[str, Child]]) -> Markup:
    """One number that matters, and what it is made of."""
    items = [element("li", element("span", term), element("b", said)) for term, said in facts]
    return element(
        "div",
        element("p", element("span", number, cls="bw-big"), " ", label),
        element("p", beneath, cls="bw-soft", style="font-size:.88rem;margin:.15rem 0 .9rem"),
        element("ul", *items, cls="bw-list"),
        cls=f"bw-card bw-{kind}",
    )


# Tables -------------------------------------------------------------------------------------------


def table(headings: Sequence[tuple[Child, bool]], rows: Iterable[Sequence[Child]], top: Child = "") -> Markup:
    """A small table in a card. ``headings``: name and whether it is a number."""
    cells = ["bw-n" if number else "" for _, number in headings]
    first = [element("th", name, cls=kind) for (name, _), kind in zip(headings, cells, strict=True)]
    body = [
        element("tr", *(element("td", cell, cls=kind) for cell, kind in zip(row, cells, strict=True)))
        for row in rows
    ]
    return element("div", top, _scrolled(element("tr", *first), body), cls="bw-card")


def above(said: Child) -> Markup:
    """What stands over a table, inside of its card."""
    return element("p", said, style="margin-bottom:.8rem")


def gap() -> Markup:
    """The distance between two cards that belong together."""
    return element("div", style="height:.9rem")


def side_by_side(
    titles: tuple[str, str], lines: Iterable[tuple[str, Child, Child, bool]], said: str = ""
) -> Markup:
    """Two records field by field: (field, left, right, whether they differ)."""
    body = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", differs(side) if apart else side) for side in (left, right)),
            cls="bw-apart" if apart else "",
        )
        for name, left, right, apart in lines
    ]
    heads = [element("th", title, scope="col") for title in titles]
    shown = _scrolled(element("tr", element("th"), *heads), body)
    return element("div", shown, paragraph(said, "bw-below"), cls="bw-card bw-sides")


def _scrolled(head: Markup, body: Iterable[Markup]) -> Markup:
    inner = element("table", element("thead", head), element("tbody", *body), cls="bw-table")
    return element("div", inner, cls="bw-scroll")
