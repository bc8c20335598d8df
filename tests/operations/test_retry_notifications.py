"""Notifications that are sent again: which, how often, what the ledger holds of them, what becomes of their rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from checks.schemas import CORE
from checks.schemas.sql import create_table
from marketplace.notification_tries import MOST_TRIES, idempotency_key
from operations import outbox, steps
from operations.action import Skip
from operations.kinds.retry_notifications import KIND
from operations.port import Published
from operations.writing import ActingStopped
from resources import acting
from resources.appwrite.writing import Change
from resources.errors import UsageError
from resources.home import Home
from resources.ledger.outbox import LetterState, Outbox
from resources.settings import Settings
from tests.operations.app import NOW, App
from tests.operations.receiver import Receiver, receiving

TEXT, TITLE, WHO = "Your therapist Wayan is on the way", "Almost there", "u-77"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody waits."""
    found: list[float] = []
    monkeypatch.setattr(outbox, "sleep", found.append)
    return found


@pytest.fixture
def settings(receiver: Receiver, tmp_path: Path) -> Settings:
    home = Home(tmp_path / "home")
    home.create()
    return Settings(home=home, receiver=SecretStr(receiver.url))


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path / "app")


def put(app: App, row_id: str, *, age: timedelta = 10 * MINUTE, **values: Any) -> None:
    sent = (NOW - age).isoformat(timespec="milliseconds") + "Z"
    given = {
        "recipientId": WHO, "recipientType": "customer", "type": "arrival", "title": TITLE, "message": TEXT,
        "sentAt": sent,
    }  # fmt: skip
    app.put("notifications", row_id, **{**given, **values})


@contextmanager
def published(app: App) -> Iterator[Published]:
    """core.notifications as core makes it of these rows; the rest of a snapshot takes seconds and nobody asks it."""

    def instant(row: dict[str, Any], name: str) -> datetime | None:
        if row.get(name) is None:
            return None
        return datetime.fromisoformat(row[name]).astimezone(UTC).replace(tzinfo=None)

    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("CREATE SCHEMA core")
        con.execute(create_table(CORE["notifications"]))
        for row_id, row in app.tables["notifications"].items():
            words = [row_id, row.get("recipientId"), row.get("type"), row.get("read")]
            instants = [instant(row, name) for name in ("sentAt", "deliveredAt", "failedAt", "$createdAt")]
            con.execute(
                "INSERT INTO core.notifications (notification_id, recipient_id, kind, is_read, sent_at, delivered_at,"
                " failed_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [*words, *instants],
            )
        yield Published(con, "s", app.now.replace(tzinfo=UTC))


def send(app: App, settings: Settings, *ids: str) -> dict[str, Any]:
    """Apply the actions on these notifications: what was sent is marked. How each ended."""
    ended: dict[str, Any] = {}
    with published(app) as told:
        proposed = {one.row_id: one for one in KIND.still_due(settings, told, planned(app, told))}
    actions = {row: app.action(KIND, proposed[row]) for row in ids}
    unsent = KIND.send(settings, {a.action_id: (a, app.row_of(a)) for a in actions.values()}, app)
    for row, action in actions.items():
        if action.action_id in unsent:
            ended[row] = unsent[action.action_id]
            continue
        writes = app.writes(KIND, action)
        assert not isinstance(writes, Skip)
        app.write(writes)
        ended[row] = writes
    return ended


def planned(app: App, told: Published) -> list[Any]:
    return list(KIND.plan(told, app.moment(), {}))


def due(app: App, settings: Settings) -> list[str]:
    with published(app) as told:
        return [one.row_id for one in KIND.still_due(settings, told, planned(app, told))]


def at(age: timedelta) -> str:
    return (NOW - age).isoformat(timespec="milliseconds") + "Z"


def test_it_plans_what_point_6_counts_as_not_delivered(app: App, settings: Settings) -> None:
    put(app, "unheard")
    put(app, "failed", failedAt=at(9 * MINUTE))
    put(app, "arrived", deliveredAt=at(9 * MINUTE))
    put(app, "arrived_after_all", failedAt=at(9 * MINUTE), deliveredAt=at(8 * MINUTE))
    put(app, "read", read=True)
    put(app, "on_its_way", age=MINUTE)
    put(app, "of_the_day_before", age=25 * HOUR)
    put(app, "to_nobody", recipientId=None)
    assert sorted(due(app, settings)) == ["failed", "unheard"]
    with published(app) as told:
        one = {p.row_id: p for p in planned(app, told)}["failed"]
    assert one.after == {"deliveredAt": "sent"}
    assert not [word for word in (TEXT, TITLE, WHO) if word in repr(one)]


def test_one_that_is_taken_is_marked_and_never_sent_again(
    app: App, settings: Settings, receiver: Receiver
) -> None:
    put(app, "n1", failedAt=at(9 * MINUTE))
    (change,) = send(app, settings, "n1")["n1"]
    assert isinstance(change, Change)
    assert (app.at("notifications", "n1")["deliveredAt"], app.at("notifications", "n1")["failedAt"]) == (
        at(timedelta(0)),
        None,
    )
    assert receiver.sent == [
        (
            idempotency_key("n1"),
            {"notificationId": "n1", "recipientId": WHO, "recipientType": "customer", "type": "arrival",
             "title": TITLE, "message": TEXT},
        )
    ]  # fmt: skip
    # The mark was lost (a kill before it was written): it is marked, not sent.
    app.change("notifications", "n1", deliveredAt=None)
    send(app, settings, "n1")
    assert app.at("notifications", "n1")["deliveredAt"] is not None
    assert len(receiver.sent) == 1


def test_three_tries_then_a_dead_letter_that_a_person_can_have_sent_again(
    app: App, settings: Settings, receiver: Receiver, pauses: list[float]
) -> None:
    put(app, "n1")
    put(app, "n2")
    receiver.answers = {"n1": [500, 302, 0], "n2": [503]}
    ended = send(app, settings, "n1", "n2")
    assert pauses == [2, 4]
    assert receiver.of("n1") == [idempotency_key("n1")] * MOST_TRIES
    assert len(receiver.of("n2")) == 2
    state, said = ended["n1"]
    assert (state, said.code, said.args["n"]) == ("failed", "outbox.dead", MOST_TRIES)
    assert app.at("notifications", "n1").get("deliveredAt") is None
    assert app.at("notifications", "n2")["deliveredAt"]
    assert due(app, settings) == []
    book = Outbox(settings.home.ledger)
    assert [(one, letter.tries) for one, letter in book.letters(state=LetterState.DEAD).items()] == [
        ("n1", 3)
    ]
    # A day later, when its receiver is well again.
    app.now += 26 * HOUR
    assert book.send_again(["n1"], by="Ani", reason="receiver mended", at=settings.clock.now()) == ["n1"]
    assert due(app, settings) == ["n1"]
    send(app, settings, "n1")
    assert app.at("notifications", "n1")["deliveredAt"]
    assert receiver.of("n1") == [idempotency_key("n1")] * 4
    assert book.letter_counts() == {LetterState.DELIVERED: 2}


def test_a_dead_letter_that_was_read_in_the_app_is_none_any_more(
    app: App, settings: Settings, receiver: Receiver
) -> None:
    put(app, "n1")
    receiver.always = 500
    send(app, settings, "n1")
    app.now += MINUTE
    app.change("notifications", "n1", read=True)
    assert due(app, settings) == []
    assert Outbox(settings.home.ledger).letter_counts() == {}


def test_a_receiver_that_is_down_makes_few_dead_letters(app: App, settings: Settings) -> None:
    ids = [f"n{number:02}" for number in range(20)]
    for row in ids:
        put(app, row)
    down = settings.model_copy(update={"receiver": SecretStr("http://127.0.0.1:9/x")})
    ended = send(app, down, *ids)
    assert [said.code for _, said in ended.values()].count("outbox.silent") == 12
    assert Outbox(settings.home.ledger).letter_counts() == {LetterState.DEAD: 8}
    assert len(due(app, settings)) == 12


class Killed(BaseException):
    """The process is gone: nothing after it is done. (A fork beside the receiver's threads may hang.)"""


def test_a_killed_try_is_made_again_under_the_same_key_and_counts_as_none(
    app: App, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(app, "n1")
    put(app, "n2")
    for place in ("sending", "sent", "entered"):

        def killed(name: str, place: str = place) -> None:
            if name == place:
                raise Killed

        monkeypatch.setattr(steps, "reached", killed)
        with pytest.raises(Killed):
            outbox.deliver(settings, {"n1": app.at("notifications", "n1")})
    monkeypatch.setattr(steps, "reached", lambda name: None)
    send(app, settings, "n1", "n2")
    # Once cut before it was sent, once before its answer was entered, once after: twice sent, under one key.
    assert receiver.of("n1") == [idempotency_key("n1")] * 2
    assert receiver.of("n2") == [idempotency_key("n2")]
    assert app.at("notifications", "n1")["deliveredAt"]


def test_what_one_way_took_is_asked_of_the_other_alone(
    app: App, settings: Settings, receiver: Receiver
) -> None:
    put(app, "n1")
    with receiving() as other:
        other.always = 500
        both = settings.model_copy(update={"receiver_urls": (f"json://{other.url.split('//')[1]}",)})
        other.answer = lambda notification: 500  # type: ignore[method-assign] - what Apprise sends has other names
        known = outbox.deliver(both, {"n1": app.at("notifications", "n1")})
    assert known["n1"].state is LetterState.DEAD
    assert len(receiver.sent) == 1


def test_nothing_is_sent_while_acting_is_stopped_or_where_nothing_can_be_marked(
    app: App, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(app, "n1")
    acting.stop(settings.home, by="Ani", reason="look", at=settings.clock.now())
    with pytest.raises(ActingStopped):
        outbox.deliver(settings, {"n1": app.at("notifications", "n1")})
    acting.resume(settings.home, by="Ani", reason="", at=settings.clock.now())
    monkeypatch.setattr(app, "has", lambda collection, attribute: False)
    assert send(app, settings, "n1")["n1"][1].code == "outbox.no_mark"
    assert receiver.sent == []


def test_no_text_and_no_address_stands_in_the_ledger(
    app: App, settings: Settings, receiver: Receiver
) -> None:
    put(app, "n1")
    receiver.always = 500
    send(app, settings, "n1")
    with closing(sqlite3.connect(settings.home.ledger)) as db:
        held = "\n".join(db.iterdump())
    assert "n1" in held
    assert not [word for word in (TEXT, TITLE, WHO, "S3CRET", "127.0.0.1") if word in held]


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://a b", "x"])
def test_a_receiver_is_an_address(url: str) -> None:
    with pytest.raises(ValueError, match="receiver"):
        Settings(receiver=SecretStr(url))


def test_texts_do_not_cross_a_network_in_the_clear(settings: Settings) -> None:
    far = settings.model_copy(update={"receiver": SecretStr("http://app.example/notify")})
    with pytest.raises(UsageError):
        outbox.ways(far)
    with pytest.raises(UsageError):
        outbox.ways(settings.model_copy(update={"receiver": SecretStr("")}))
