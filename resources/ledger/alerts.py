"""Alerts: what is known of each, silences, deliveries. Stores and reads; decides nothing.

An alert's identity is its name and labels. Who was told of it stands beside it, channel by channel, and is written only
after a send succeeded.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from messages.message import Message, message_of, messages_of
from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile

AlertPhase = Literal["pending", "firing", "resolved"]
DeliveryKind = Literal["firing", "reminder", "resolved", "test"]
Labels = tuple[tuple[str, str], ...]

EVERY_CHANNEL = "*"
"""Told to whichever channels there were: of ledgers from before channels were told apart."""

KEEP_DELIVERIES = 1_000
KEEP_RESOLVED = timedelta(days=30)


def alert_id_of(name: str, labels: Labels) -> str:
    """The identity of an alert, as people may write it: ``name{label=value,…}``."""
    return f"{name}{{{','.join(f'{key}={value}' for key, value in labels)}}}" if labels else name


@dataclass(frozen=True)
class Alert:
    """What is known of one alert. ``told``: which channels believe it is firing, and when they were last told so;
    ``trying``: which were about to be told of it or of its end. Where that was cut short nobody knows which.

    What is ``said``, and ``more`` of it a line each, stands in English in ``summary`` and ``detail``; an alert of a
    version before messages has only these.

    ``active_since`` is when its condition began to hold, ``last_active_at`` when it was last seen to hold,
    ``quiet_since`` when it was first seen not to hold after that, while it is kept firing.
    """

    name: str
    labels: Labels
    state: AlertPhase
    severity: str
    summary: str
    active_since: datetime
    last_active_at: datetime
    quiet_since: datetime | None = None
    detail: str = ""
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    page: str = ""
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    silenced_by: str | None = None
    inhibited_by: str | None = None
    told: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    trying: frozenset[str] = frozenset()
    last_sent_at: datetime | None = None
    said: Message | None = None
    more: tuple[Message, ...] = ()

    @property
    def alert_id(self) -> str:
        return alert_id_of(self.name, self.labels)


@dataclass(frozen=True)
class Silence:
    """Alerts that match say nothing until ``ends_at``, or until someone ends it."""

    silence_id: str
    matcher: str
    author: str
    reason: str
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def holds(self, now: datetime) -> bool:
        return self.ended_at is None and self.created_at <= now < self.ends_at


@dataclass(frozen=True)
class Delivery:
    """One message to one channel. ``channel`` is the kind of channel (its URL's scheme), never the URL."""

    at: datetime
    kind: DeliveryKind
    alerts: int
    channel: str
    delivered: bool
    attempts: int


def _text(at: datetime | None) -> str | None:
    """Aware, whatever it was given as: what is read back is compared with the clock."""
    return None if at is None else text_of(at.astimezone(UTC))


class AlertStore(LedgerFile):
    """The alert tables of a ledger. Raises as LedgerFile does, and ValueError for what no version wrote."""

    def load(self) -> tuple[list[Alert], list[Silence], bool]:
        """Every alert, the silences not yet over, and whether alerts were ever judged here before: for a turn, which is
        about to ``save``. It takes the write lock: who cannot record whom they told must know it before they tell."""
        with self.writing() as db:
            alerts = _alerts(db)
            silences = [
                _silence(row)
                for row in db.execute(
                    "SELECT * FROM alert_silences WHERE ended_at IS NULL ORDER BY silence_id"
                )
            ]
            begun = db.execute("SELECT 1 FROM alert_turns").fetchone() is not None
        return alerts, silences, begun

    def alerts(self) -> list[Alert]:
        """Every alert."""
        with self.reading() as db:
            return _alerts(db)

    def save(
        self,
        changed: Sequence[Alert],
        gone: Sequence[str],
        *,
        now: datetime,
        died: Sequence[int] = (),
    ) -> None:
        """Store what a turn decided, in one transaction; ``died``: runs (by number) noticed as never finished.

        A run is marked in the transaction that stores its alert, so neither can be without the other.
        """
        with self.writing() as db:
            _keep(db, changed)
            for table in ("alerts", "alert_messages"):
                db.executemany(f"DELETE FROM {table} WHERE alert_id = ?", [(alert_id,) for alert_id in gone])
            db.execute(
                "INSERT INTO alert_turns VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET last_at = excluded.last_at",
                (_text(now), _text(now)),
            )
            db.executemany(
                "UPDATE runs SET finished_at = ?, message = 'It never finished.'"
                " WHERE sequence = ? AND finished_at IS NULL",
                [(_text(now), sequence) for sequence in died],
            )

    def record_sent(self, changed: Sequence[Alert], deliveries: Sequence[Delivery]) -> None:
        """Store who was told what, after the sends."""
        with self.writing() as db:
            _keep(db, changed)
            db.executemany(
                "INSERT INTO alert_deliveries (at, kind, alerts, channel, delivered, attempts)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (_text(d.at), d.kind, d.alerts, d.channel, int(d.delivered), d.attempts)
                    for d in deliveries
                ],
            )
            db.execute(
                "DELETE FROM alert_deliveries WHERE delivery_id <="
                " (SELECT max(delivery_id) FROM alert_deliveries) - ?",
                (KEEP_DELIVERIES,),
            )

    def deliveries(self) -> list[tuple[int, Delivery]]:
        """Every delivery kept, by number, oldest first."""
        with self.reading() as db:
            return [
                (
                    row["delivery_id"],
                    Delivery(
                        instant_of(row["at"]),
                        row["kind"],
                        row["alerts"],
                        row["channel"],
                        bool(row["delivered"]),
                        row["attempts"],
                    ),
                )
                for row in db.execute("SELECT * FROM alert_deliveries ORDER BY delivery_id")
            ]

    def silences(self) -> list[Silence]:
        """Every silence there ever was, oldest first."""
        with self.reading() as db:
            return [_silence(row) for row in db.execute("SELECT * FROM alert_silences ORDER BY silence_id")]

    def silence(
        self, matcher: str, *, author: str, reason: str, created_at: datetime, ends_at: datetime
    ) -> Silence:
        """Enter a silence."""
        with self.writing() as db:
            number = db.execute(
                "INSERT INTO alert_silences (matcher, author, reason, created_at, ends_at) VALUES (?, ?, ?, ?, ?)",
                (matcher, author, reason, _text(created_at), _text(ends_at)),
            ).lastrowid
        return Silence(str(number), matcher, author, reason, created_at, ends_at)

    def end_silence(self, silence_id: str, *, by: str, at: datetime) -> Silence | None:
        """End a silence now; returns it as it was before, None where there is no such silence."""
        with self.writing() as db:
            row = db.execute("SELECT * FROM alert_silences WHERE silence_id = ?", (silence_id,)).fetchone()
            if row is None:
                return None
            before = _silence(row)
            if before.holds(at):
                db.execute(
                    "UPDATE alert_silences SET ended_at = ?, ended_by = ? WHERE silence_id = ?",
                    (_text(at), by, silence_id),
                )
        return before


def _keep(db: sqlite3.Connection, changed: Sequence[Alert]) -> None:
    db.executemany(
        f"INSERT OR REPLACE INTO alerts VALUES ({', '.join('?' * 21)})", [_row(alert) for alert in changed]
    )
    db.executemany(
        "INSERT OR REPLACE INTO alert_messages (alert_id, summary, detail, code, args, more)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                alert.alert_id,
                alert.summary,
                alert.detail,
                alert.said.code if alert.said else None,
                alert.said.args_json if alert.said else None,
                f"[{','.join(line.json for line in alert.more)}]",
            )
            for alert in changed
        ],
    )


def _row(alert: Alert) -> tuple[object, ...]:
    return (
        alert.alert_id,
        alert.name,
        json.dumps(dict(alert.labels), sort_keys=True),
        alert.state,
        alert.severity,
        alert.summary,
        alert.detail,
        alert.figure,
        alert.limit,
        alert.unit,
        alert.page,
        _text(alert.active_since),
        _text(alert.last_active_at),
        _text(alert.quiet_since),
        _text(alert.fired_at),
        _text(alert.resolved_at),
        alert.silenced_by,
        alert.inhibited_by,
        json.dumps({channel: _text(at) for channel, at in sorted(alert.told.items())}),
        json.dumps(sorted(alert.trying)),
        _text(alert.last_sent_at),
    )


def _alerts(db: sqlite3.Connection) -> list[Alert]:
    # A version without messages may have written since: then these belong to other words.
    return [
        _alert(row)
        for row in db.execute(
            "SELECT alerts.*, said.code, said.args, said.more FROM alerts LEFT JOIN alert_messages AS said"
            " ON said.alert_id = alerts.alert_id AND said.summary = alerts.summary AND said.detail = alerts.detail"
            " ORDER BY alerts.alert_id"
        )
    ]


def _alert(row: sqlite3.Row) -> Alert:
    labels: dict[str, str] = json.loads(row["labels"])
    told: dict[str, str] = json.loads(row["told"])
    return Alert(
        name=row["name"],
        labels=tuple(sorted(labels.items())),
        state=row["state"],
        severity=row["severity"],
        summary=row["summary"],
        detail=row["detail"],
        figure=row["figure"],
        limit=row["limit_value"],
        unit=row["unit"],
        page=row["page"],
        active_since=instant_of(row["active_since"]),
        last_active_at=instant_of(row["last_active_at"]),
        quiet_since=optional_instant_of(row["quiet_since"]),
        fired_at=optional_instant_of(row["fired_at"]),
        resolved_at=optional_instant_of(row["resolved_at"]),
        silenced_by=row["silenced_by"],
        inhibited_by=row["inhibited_by"],
        told={channel: instant_of(at) for channel, at in told.items()},
        trying=frozenset(json.loads(row["trying"])),
        last_sent_at=optional_instant_of(row["last_sent_at"]),
        said=message_of(row["code"], row["args"]),
        more=messages_of(row["more"]) or (),
    )


def _silence(row: sqlite3.Row) -> Silence:
    return Silence(
        str(row["silence_id"]),
        row["matcher"],
        row["author"],
        row["reason"],
        instant_of(row["created_at"]),
        instant_of(row["ends_at"]),
        optional_instant_of(row["ended_at"]),
        row["ended_by"],
    )


def changed_only(before: Mapping[str, Alert], after: Iterable[Alert]) -> list[Alert]:
    """The alerts that differ from what is stored."""
    return [alert for alert in after if before.get(alert.alert_id) != alert]
