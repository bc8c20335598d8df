"""HTML that is safe by how it is made: ``element`` is the only way to it, and whatever it is given is escaped unless it
came from here. Knows no part and draws nothing.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

#: What may stand inside an element: markup made here, or anything else, which is shown as text.
Child = object

_COMMAND = re.compile(r"`([^`]+)`")


def prose(value: Child) -> Markup:
    """A value as it is read: markup stays, all else is escaped, with `commands` between backticks set as code."""
    if isinstance(value, Markup):
        return value
    escaped = escape(str(value))
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escaped))) if "`" in escaped else escaped


def joined(*children: Child, by: str = "") -> Markup:
    """Children one after the other, ``by`` between them."""
    return escape(by).join(prose(child) for child in children)


def element(name: str, *children: Child, cls: str = "", **attributes: str) -> Markup:
    """``<name class="cls" …>children</name>``. Of an attribute's name the underscores are hyphens in HTML."""
    said = {"class": cls, **attributes} if cls else attributes
    written = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in said.items())
    return Markup(f"<{name}{written}>{''.join(map(prose, children))}</{name}>")
