"""The seven health points: when each works, its limit, what it says, how bad it is."""

from __future__ import annotations

from marketplace.health import HEALTH_POINTS, HealthPoint
from messages.catalogue import say
from messages.figures import counted_in
from messages.rules import broken, look
from pipelines.reference.layout import bullets, heading, paragraph, whole

_OPENING = """
How they are measured, and when a point is unknown, is in [health.md](../health.md); what they say now, in
[marts.health_points](tables.md#martshealth_points).
"""


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Health points",
        "the records in `marketplace/health.py` and their sentences in `messages/en.po`",
        paragraph(_OPENING),
        *map(_point, HEALTH_POINTS.values()),
    )


def _point(point: HealthPoint) -> str:
    vital = "; while it is broken the whole is down" if point.takes_system_down else ""
    return "\n".join(
        [
            heading(f"{point.point}: {point.name}"),
            paragraph(say(look(point.point))),
            bullets(
                [
                    f"severity {point.severity}{vital}",
                    f"limit {point.limit:g} {counted_in(point.metric)}",
                    f"broken, it says: {say(broken(point.point))}",
                ]
            ),
        ]
    )
