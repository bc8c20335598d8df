"""Two records side by side, field by field, as a page shows them: of a finding, and of a commission record."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from dashboards import records
from dashboards.kit import links, parts
from dashboards.kit.markup import Child, prose
from dashboards.kit.screen import Screen
from dashboards.wording import NOTHING, count, rate, rupiah

OPENED: dict[str, str] = {"booking_id": "booking", "commission_id": "commission", "provider_id": "provider"}
"""Column of a record → the kind of record its id opens."""


def two_records(
    screen: Screen,
    titles: tuple[str, str],
    sides: tuple[records.Record | None, records.Record | None],
    absent: tuple[str, str],
    lines: list[records.Line],
) -> Markup:
    """A table of two records; ids lead to what they name. What neither side says is left out. ``absent``: what is said
    where a side is not there."""
    say = screen.text
    cells = [
        (
            say(f"field.{line.name}"),
            _linked(line, line.left, sides[0], screen),
            _linked(line, line.right, sides[1], screen),
            line.differs,
        )
        for line in lines
        if line.left is not None or line.right is not None
    ]
    differing = sum(line.differs for line in lines)
    below = (
        say("finding_record.differing", n=count(differing))
        if differing
        else say("finding_record.same")
        if all(sides)
        else ""
    )
    notes = [words for side, words in zip(sides, absent, strict=True) if side is None and words]
    return parts.side_by_side(titles, cells, " ".join([*notes, below]).strip())


def _linked(line: records.Line, held: Any, side: records.Record | None, screen: Screen) -> Child:
    """A value as it is read; an id leads to its record."""
    shown = value(line.kind, held, screen)
    if held is None or side is None:
        return shown
    if line.name == "id":
        kind = next((kind for column, kind in OPENED.items() if side.get(column) == held), None)
    else:
        kind = "provider" if line.name == "provider_id" else None
    return prose(shown) if kind is None else links.to_record(kind, held)


def value(kind: records.Kind, held: Any, screen: Screen) -> str:
    """A value of a record as it is read, by what it is; what is not there is a dash."""
    say = screen.text
    if kind == "idr":
        return rupiah(held)
    if kind == "rate":
        return rate(held)
    if kind == "instant":
        return say.time(held, screen.now)
    if kind == "source":
        return say.word("source", held)
    if kind == "yes" and held is not None:
        return say("col.yes" if held else "col.no")
    return NOTHING if held is None else str(held)
