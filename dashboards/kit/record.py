"""One record in full on its list's page: its head, and what is to be known of it first. Values in, Markup out."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboards.kit import links
from dashboards.kit.markup import Child, element
from dashboards.kit.parts import icon, paragraph, terms, verbatim


def head(
    kind: str, name: str, record_id: str, marks: Iterable[Markup], facts: Iterable[tuple[str, Child]]
) -> Markup:
    """What is opened: its name and id, the marks of its state, and what it is about."""
    named = element("div", element("strong", name), *marks, verbatim(record_id), cls="bw-commission-head")
    return element("div", named, terms(facts), cls=f"bw-card bw-opened bw-{kind}")


def point(kind: str, asked: str, said: Child, *beneath: Child) -> Markup:
    """One question and its answer, told by shape, words and colour; ``beneath``: what it rests on, line by line.
    Without a ``kind`` it is a figure that is neither good nor bad."""
    lines = [paragraph(line, "bw-below") for line in beneath if line]
    return element(
        "div",
        element("p", asked, cls="bw-soft"),
        element("p", icon(kind) if kind else "", " ", element("b", said)),
        *lines,
        cls=f"bw-card bw-{kind}" if kind else "bw-card",
    )


def here(label: Child, **more: str | None) -> Markup:
    """A link to this page as it is now, with what differs."""
    return element("p", element("a", label, href=links.here(**more), target="_self"), cls="bw-below")


def to(kind: str, record_id: object, label: Child) -> Markup:
    """A link to one record by words of its own; the words alone where its id is not known."""
    if record_id is None or record_id == "":
        return element("span", label)
    page, name = links.HOMES[kind]
    return links.to_page(page, label, **{name: str(record_id)})
