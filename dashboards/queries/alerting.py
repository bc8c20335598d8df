"""Alerts, silences and what was sent. Asked through reading.py."""

from __future__ import annotations

from typing import Any

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, with_messages


@cached
def alerts(path: str) -> list[dict[str, Any]]:
    """Every alert the snapshot knows of, the newest change first."""
    return ask(
        path,
        f"""SELECT alert_id, name, labels, state, severity, summary, figure, limit_value, page, active_since, fired_at,
                  last_sent_at, resolved_at, silenced_by, inhibited_by, detail, code, args, more
           FROM {with_messages("ops.alerts", "more")}
           ORDER BY coalesce(resolved_at, active_since) DESC NULLS LAST, name, alert_id""",
    ).to_dicts()


@cached
def silences(path: str) -> list[dict[str, Any]]:
    """silence_id, matcher, author, reason, created_at, ends_at, ended_at, ended_by: the newest first."""
    return ask(
        path,
        """SELECT silence_id, matcher, author, reason, created_at, ends_at, ended_at, ended_by
           FROM ops.alert_silences
           ORDER BY created_at DESC, silence_id""",
    ).to_dicts()


#: at, kind, alerts, channel, delivered, attempts: what was sent, the newest first.
DELIVERIES = Query(
    "alert_deliveries",
    """SELECT "at", kind, alerts, channel, delivered, attempts FROM ops.alert_deliveries
           ORDER BY "at" DESC, delivery_id DESC""",
    columns=(
        Column("at", "errors.at"),
        Column("kind", "alerts.kind", words="delivery"),
        Column("alerts", "alerts.title"),
        Column("channel", "members.channel"),
        Column("delivered", "alerts.delivered"),
        Column("attempts", "errors.attempts"),
    ),
)
