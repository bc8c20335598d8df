"""What `bookwatch doctor` says of services: whether their collections are there. Where none is, services are not used,
and there is nothing to say."""

from __future__ import annotations

from typing import Final

from resources.appwrite.examination import Line
from resources.appwrite.failures import CallFailure
from resources.settings import Settings
from services.installing import State, lacking, look
from services.tables import TABLES

TOPIC: Final = "services"
NAMED: Final = 5


def examine_services(settings: Settings) -> list[Line]:
    """The lines, with the reading key. Raises nothing of Appwrite's."""
    try:
        parts = look(settings)
    except CallFailure as failed:
        told = f"Whether the collections of the booking API are there could not be seen ({failed.sentence})."
        return [Line(TOPIC, "could not tell", told)]
    missing = [part.name for part in lacking(parts)]
    if {table.name for table in TABLES} <= set(missing):
        return []
    lines: list[Line] = []
    if missing:
        lines.append(
            Line(
                TOPIC,
                "problem",
                f"The booking API lacks {_named(missing)}.",
                "Make it with `bookwatch services install`.",
            )
        )
    slow = [part.name for part in parts if part.kind == "index" and part.state is State.MISSING]
    if slow:
        lines.append(
            Line(
                TOPIC,
                "warning",
                f"The booking API is slow without indexes: {_named(slow)}.",
                "Make them with `bookwatch services install`.",
            )
        )
    return lines or [Line(TOPIC, "ok", "The booking API has its collections and indexes.")]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
