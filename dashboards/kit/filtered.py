"""A link to the page one is on under another choice: the other filters stay. Draws nothing."""

from __future__ import annotations

from markupsafe import Markup

from dashboards.kit import links
from dashboards.kit.markup import Child, element


def filtered(label: Child, **more: str | None) -> Markup:
    """``more``: what differs in the address; None leaves a choice to what goes without saying."""
    return element("a", label, href=links.here(**more), target="_self")
