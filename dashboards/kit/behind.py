"""The rows behind a figure of a page: a link at the figure, and the list it leads to on the same page
(``?rows=<name>``), with what its rows make together and all of them to download. They are those of `bookwatch explain`.

Which figures a page has says its record (``Page.figures``); how they are asked for stands in queries/behind.py.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from dashboards.kit import links, parts
from dashboards.kit.address import Choice, chosen
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, element
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, refusal
from dashboards.queries.behind import Behind
from dashboards.queries.query import Column
from dashboards.wording import NOTHING, count, rupiah, share
from resources.errors import BookwatchError
from resources.explanations import RATIO, Explanation

ROWS: Final = Choice("rows", form=r"\w+")
#: The table that an id stands in → the kind of record it opens.
KINDS: Final[dict[str, str]] = {
    "core.bookings": "booking",
    "core.chat_rooms": "room",
    "core.commissions": "commission",
    "marts.commission_findings": "finding",
    "marts.customers": "customer",
}
#: Shown of each row; of what else is told of it, the download has all.
COLUMNS: Final = (
    Column("id", "behind.id"),
    Column("of", "behind.of", words="behind.table"),
    Column("adds", "behind.adds"),
)


def to(name: str, label: Child) -> Markup:
    """A figure that leads to its rows, on the same page with the same filters."""
    return element("a", label, href=links.here(rows=name), target="_self", cls="bw-behind")


def drawn(page: Page, screen: Screen) -> None:
    """The rows of the figure that the address asks for, above everything else; nothing where it asks for none."""
    name = chosen(ROWS)
    if not name or page.figures is None:
        return
    say = screen.text
    show(links.back(say("behind.back"), ROWS.name))
    found = next((one for one in page.figures(screen) if one.name == name), None)
    if found is None:
        show(parts.note("none", say("behind.gone", figure=name)))
        return
    title = say.known(f"behind.of_{name}", "") or say.known(f"{page.name}.behind_{name}", "")
    try:
        told = found.explained(screen.snapshot)
        rows = found if found.columns else Behind(found.name, found.figure, found.where, COLUMNS)
        show(parts.section(title or told.what, _told(told, screen)))
        grid(screen, rows, title or told.what, opens=(KINDS, "id"))
    except BookwatchError as failure:
        show(refusal(failure, say("behind.untold"), say))


def _told(told: Explanation, screen: Screen) -> str:
    """What the rows make together, and how many they are."""
    say = screen.text
    if told.value is None:
        return say("behind.unknown", n=count(told.count))
    value = told.value
    written = (
        rupiah(int(value))
        if told.figure.endswith("_idr")
        else share(float(value))
        if told.kind == RATIO
        else count(value)
        if isinstance(value, int | float)
        else NOTHING
    )
    return say("behind.total", total=written, n=count(told.count))
