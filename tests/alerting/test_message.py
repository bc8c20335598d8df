"""The words: the figure, the limit, since when, the page; counts and ids; no address and nothing personal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.alerting.engine import EngineState, Message
from pipelines.alerting.message import LONGEST_LINE, compose, number, span
from resources.ledger.alerts import Alert
from resources.notifier import Channel

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
CHANNEL = Channel("json://all")
ALERT = Alert(
    "no_missing",
    (("asset", "marts/commission_findings"),),
    "firing",
    "critical",
    "A booking that earns has no live commission record.",
    NOW - timedelta(minutes=12),
    NOW,
    detail="ids: b1, b2 and 5 more\nRecord the commission.",
    figure=7.0,
    limit=0.0,
    unit="rows",
    page="/revenue",
)


def said(message: Message, *others: Alert, lost: bool = False) -> tuple[str, list[str]]:
    alerts = (*message.firing, *message.reminders, *message.resolved, *others)
    state = EngineState({alert.alert_id: alert for alert in alerts}, begun=True, lost=lost)
    title, body = compose(message, state, NOW)
    return title, body.splitlines()


def test_a_firing_alert_says_figure_limit_since_when_page_ids_and_what_to_do() -> None:
    title, lines = said(Message(CHANNEL, firing=(ALERT,)))
    assert title == "bookwatch: 1 firing (1 critical)"
    assert lines == [
        "FIRING (1)",
        "[critical] no_missing: A booking that earns has no live commission record.",
        "  7 rows, limit 0 · since 2026-11-22 03:48 UTC (12 min) · page /revenue",
        "  ids: b1, b2 and 5 more",
        "  Record the commission.",
        "",
        "`bookwatch alerts list` and the page /alerts show all.",
    ]


def test_where_the_dashboards_are_known_an_alert_leads_to_its_rows() -> None:
    state = EngineState({ALERT.alert_id: ALERT}, begun=True)
    told = {CHANNEL.key: NOW}
    for message in (
        Message(CHANNEL, firing=(ALERT,)),
        Message(CHANNEL, reminders=(replace(ALERT, told=told),)),
    ):
        _, body = compose(message, state, NOW, dashboards="https://bookwatch.example/a")
        assert "  https://bookwatch.example/a/findings?code=missing" in body.splitlines()
    newer = replace(ALERT, name="Nothing of ours")
    _, body = compose(Message(CHANNEL, firing=(newer,)), state, NOW, dashboards="https://bookwatch.example/a")
    assert "/data_quality?check=Nothing%20of%20ours" in body


def test_all_changes_of_a_turn_are_one_message() -> None:
    told = {CHANNEL.key: NOW}
    share = replace(ALERT, name="health_point_6", figure=0.799, limit=0.8, unit="share", severity="high")
    over = replace(ALERT, name="quarantine", labels=(), state="resolved", resolved_at=NOW, page="/overview")
    other = replace(ALERT, name="run_died", labels=(), told=told)
    muted = replace(other, name="quiet", silenced_by="1")
    message = Message(CHANNEL, firing=(share,), reminders=(replace(ALERT, told=told),), resolved=(over,))
    title, lines = said(message, other, muted)
    assert title == "bookwatch: 1 firing (1 high), 1 still firing (1 critical), 1 resolved"
    assert "  79.9 %, limit 80 % · since 2026-11-22 03:48 UTC (12 min) · page /revenue" in lines
    assert "quarantine, after 12 min · page /overview" in lines
    assert "1 more told of before still fire (1 critical)." in lines


def test_labels_that_tell_alerts_apart_are_said() -> None:
    alert = replace(ALERT, name="collection_unreadable", labels=(("collection", "reviews"),))
    assert "[critical] collection_unreadable collection=reviews: " in "\n".join(
        said(Message(CHANNEL, firing=(alert,)))[1]
    )


def test_an_address_never_leaves() -> None:
    alert = replace(
        ALERT,
        summary="https://cloud.example/v1?key=secret failed",
        detail="see http://10.0.0.1/x\n" + "y" * 999,
    )
    title, lines = said(Message(CHANNEL, firing=(alert,)))
    text = title + "\n".join(lines)
    assert "secret" not in text
    assert "10.0.0.1" not in text
    assert "(address) failed" in text
    assert max(map(len, lines)) <= LONGEST_LINE + 60


def test_it_says_when_the_memory_was_lost() -> None:
    assert any("could not be read" in line for line in said(Message(CHANNEL, firing=(ALERT,)), lost=True)[1])


def test_numbers_and_times_as_people_say_them() -> None:
    assert [
        number(v, u) for v, u in ((1234.0, "rows"), (61.5, "minutes"), (0.7996, "share"), (0.0, "share"))
    ] == [
        "1,234",
        "61.5",
        "79.96 %",
        "0 %",
    ]
    lengths = (-5, 30, 600, 7_200, 259_200)
    assert [span(timedelta(seconds=s)) for s in lengths] == ["0 s", "30 s", "10 min", "2 h", "3 days"]
