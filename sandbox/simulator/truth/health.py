"""How well the app works: the seven health points, the figures of the service."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.times import DAY, HOUR, MINUTE, local_hour
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import BALI_OFFSET, EARNING, quantile, text_of


def health(known: Known, judged: Judgement) -> dict[str, Any]:
    day = [b for b in known.counted if b.created >= known.now - DAY]
    week = [b for b in known.counted if b.created >= known.now - 7 * DAY]
    newest = max((b.created for b in known.counted), default=None)
    delivered, sent = _delivery(known)
    missing = judged.eligible["missing"]
    quiet = local_hour(known.now, BALI_OFFSET) < 6

    def held(good: int, carrying: int, window: int) -> str:
        return "working" if good else "unknown" if window and not carrying else "broken"

    chat = sum(b.source == "chatWindow" for b in week)
    scheduled = sum(b.mode == "scheduled" for b in week)
    now = sum(b.mode == "immediate" for b in day)
    points: dict[str, dict[str, Any]] = {
        "1": {"status": "working" if day else "broken", "figure": len(day)},
        "2": {"status": held(chat, sum(b.has_source for b in week), len(week)), "figure": chat},
        "3": {
            "status": held(scheduled, sum(b.mode != "unknown" for b in week), len(week)),
            "figure": scheduled,
        },
        "4": {"status": held(now, sum(b.mode != "unknown" for b in day), len(day)), "figure": now},
        "5": {
            "status": "working" if quiet or (newest is not None and known.now - newest <= HOUR) else "broken",
            "figure": None if newest is None else (known.now - newest) / MINUTE,
        },
        "6": {
            "status": "unknown" if not sent else "working" if delivered * 5 >= sent * 4 else "broken",
            "figure": delivered / sent if sent else None,
        },
        "7": {
            "status": "unknown" if not judged.eligible else "broken" if missing else "working",
            "figure": missing,
        },
    }
    statuses = {key: point["status"] for key, point in points.items()}
    if "broken" in (statuses["1"], statuses["5"]):
        system = "down"
    elif "broken" in statuses.values():
        system = "degraded"
    else:
        system = "healthy"
    return {"points": points, "system": system}


def service_figures(known: Known) -> dict[str, Any]:
    seconds = [(b.known_responded - b.created) / 1000 for b in known.counted if b.known_responded is not None]
    decided = sum(b.status != "pending" for b in known.counted)
    earning = [b.created for b in known.counted if b.status in EARNING]
    delivered, sent = _delivery(known)
    return {
        "avg_response_s": sum(seconds) / len(seconds) if seconds else None,
        "p95_response_s": quantile(seconds, 0.95),
        "responses": len(seconds),
        "success_rate": len(earning) / decided if decided else None,
        "delivery_rate": delivered / sent if sent else None,
        "newest_booking_at": text_of(max(earning, default=None)),
        "newest_created_at": text_of(max((b.created for b in known.counted), default=None)),
        "bookings_24h": sum(b.created >= known.now - DAY for b in known.counted),
    }


def _delivery(known: Known) -> tuple[int, int]:
    """(delivered, judged) of the notifications sent in the last 24 hours and at least 2 minutes ago."""
    judged = [
        n for n in known.simulation.notifications if known.now - DAY <= n.sent <= known.now - 2 * MINUTE
    ]
    return sum(1 for n in judged if n.delivered is not None), len(judged)
