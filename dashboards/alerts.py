"""The alerts there are: those of now from status.json, which every run replaces, else from the snapshot, which may be a
turn older. What people have entered since is the ledger's (acts.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from dashboards.data_age import rows as objects
from dashboards.kit.screen import Screen
from dashboards.queries import alerting, reading
from dashboards.wording import instant
from resources.ledger.alerts import Alert as Known
from resources.ledger.alerts import Labels

Alert = dict[str, Any]
"""As the status or the snapshot has it."""

_ANY = str.maketrans("*?[,", "????")


def current(screen: Screen) -> list[Alert] | None:
    """The alerts that fire or wait, as the status says, else as the snapshot does; None where neither knows."""
    said = screen.status or {}
    if isinstance(said.get("alerts"), list):
        firing = [{"state": "firing", **alert} for alert in objects(said.get("alerts"))]
        return firing + [{**alert, "state": "pending"} for alert in objects(said.get("alerts_pending"))]
    try:
        known = alerting.alerts(screen.snapshot)
    except reading.NotInSnapshot:
        return None
    return [alert for alert in known if alert["state"] in ("firing", "pending")]


def by_id(screen: Screen, alert_id: str) -> Alert | None:
    """An alert by its id, as it is now, else as the snapshot remembers it; None for one that neither knows."""
    now = current(screen) or []
    try:
        remembered = alerting.alerts(screen.snapshot)
    except reading.NotInSnapshot:
        remembered = []
    return next((alert for alert in (*now, *remembered) if id_of(alert) == alert_id), None)


def id_of(alert: Alert) -> str:
    return str(alert.get("alert_id") or alert.get("name"))


def fired_at(alert: Alert) -> datetime | None:
    """Since when it fires; None for one that does not yet."""
    return instant(alert.get("fired_at"))


def labels_of(alert: Alert) -> Labels:
    """What tells it from others of its name."""
    held: object = alert.get("labels")
    if isinstance(held, str):
        try:
            held = json.loads(held)
        except ValueError:
            held = None
    named = cast("Mapping[str, object]", held) if isinstance(held, dict) else {}
    return tuple(sorted((str(key), str(value)) for key, value in named.items()))


def as_known(alert: Alert) -> Known:
    """As the engine knows it, as far as a silence asks."""
    since = instant(alert.get("active_since") or alert.get("since")) or datetime.min.replace(tzinfo=UTC)
    return Known(
        name=str(alert.get("name")),
        labels=labels_of(alert),
        state=alert.get("state", "firing"),
        severity=str(alert.get("severity")),
        summary="",
        active_since=since,
        last_active_at=since,
    )


def matcher_of(alert: Alert) -> str:
    """What a silence of this alert alone matches."""
    terms = (("name", str(alert.get("name"))), *labels_of(alert))
    return ",".join(f"{label}={value.translate(_ANY)}" for label, value in terms)
