"""What the simulated app does to its tables, an event for each row at an instant. No server, no file here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

Kind = Literal["create", "update", "delete"]


class Event(NamedTuple):
    """One write of the app. ``at`` is aware UTC with whole milliseconds and becomes $createdAt or $updatedAt.

    ``data`` of an update holds the changed attributes only; of a delete nothing.
    """

    at: datetime
    kind: Kind
    table: str
    row_id: str
    data: dict[str, Any]
