"""What a page is: a record. Which pages there are says the folder pages/; what stands on one, its file there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.kit.address import Choice
from dashboards.kit.screen import Screen, Section
from dashboards.queries.behind import Behind
from marketplace.roles import Right

Group = Literal["today", "business", "money", "people", "system"]
GROUPS: tuple[Group, ...] = ("today", "business", "money", "people", "system")
Role = Literal["admin", "analyst", "engineer", "auditor", "provider"]


@dataclass(frozen=True)
class Page:
    """One file in pages/, of the same name. Its title is the text "<name>.title"; ``group``: what it is about;
    ``role``: whom of docs/domain.md it is for first; ``periodic``: it looks at the days chosen in the sidebar, any
    other at the present. ``place``: where in its group of the sidebar, the smallest first; one that says none comes
    after those that do. ``choices``: what can be chosen on it and stands in its address, beside what goes along from
    page to page (kit/links.py). ``needs``: who lacks this right is told so and sees nothing of it.
    ``figures``: those of which the rows behind can be listed (kit/behind.py), for the days and filters chosen."""

    name: str
    group: Group
    icon: str
    role: Role
    sections: tuple[Section, ...]
    periodic: bool = False
    place: int = 1_000
    choices: tuple[Choice, ...] = ()
    needs: Right = Right.SEE
    figures: Callable[[Screen], Sequence[Behind]] | None = None


def beside(*sections: Section) -> Section:
    """Sections in columns of equal width; on a phone one below the other."""

    def drawn(screen: Screen) -> None:
        screen.beside(*sections)

    return drawn
