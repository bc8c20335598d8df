"""No message is too long: to stand-ins that refuse what Discord, Telegram and ntfy refuse, and by mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import apprise
import pytest

from pipelines.alerting.engine import EngineState, Message
from pipelines.alerting.message import compose, plans, title_of
from pipelines.cli.alerts import full_length
from resources.ledger.alerts import Alert
from resources.notifier import Channel, Notifier, Room, Sent
from tests.resources import receiver as stand_ins
from tests.resources.receiver import MailServer, Receiver, shown_by_telegram, units

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
OPTIONAL = (
    "reviews", "hotel_bookings", "commission_records", "chat_rooms", "chat_messages", "attendance_records",
    "notifications", "therapist_services", "therapist_menus", "client_errors",
)  # fmt: skip


def alert(name: str, severity: str, page: str = "/overview", minutes: int = 3, **more: Any) -> Alert:
    return Alert(
        name, (), "firing", severity, f"{name} holds: what was expected of the marketplace is not what was read.",
        NOW - timedelta(minutes=minutes), NOW, page=page, figure=7.0, limit=0.0, unit="rows",
        detail="ids: 6a1f, 6a20, 6a2c, 6a31, 6a40 and 2 more\nLook whether the key may read it and that it is there.",
        **more,
    )  # fmt: skip


MORNING = (
    alert("zero_missing_commission", "critical", "/revenue"),
    *(
        replace(
            alert("collection_unreadable", "medium"),
            labels=(("collection", name),),
            detail="missing\n" + "Create " * 30,
        )
        for name in OPTIONAL
    ),
)
"""The first morning of a marketplace without optional collections: 11 alerts."""


def written(firing: tuple[Alert, ...], *, reminders: int = 0, resolved: int = 0) -> Any:
    over = tuple(
        replace(alert(f"over_{n}", "high"), state="resolved", resolved_at=NOW) for n in range(resolved)
    )
    known = tuple(alert(f"known_{n}", "high") for n in range(reminders))
    message = Message(Channel("json://x"), firing=firing, reminders=known, resolved=over)
    state = EngineState({a.alert_id: a for a in (*firing, *known, *over)}, begun=True)
    return title_of(message), lambda fits: compose(message, state, NOW, fits=fits)[1]


class Channels:
    """The stand-ins, and the URL of each."""

    def __init__(self, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.discord = stack.enter_context(Receiver(stand_ins.discord))
        self.telegram = stack.enter_context(Receiver(stand_ins.telegram))
        self.ntfy = stack.enter_context(Receiver(stand_ins.ntfy))
        self.mail = stack.enter_context(MailServer())
        for schema, setting, path in (("discord", "discord", "/api/webhooks"), ("tgram", "telegram", "/bot")):
            plugin = type(apprise.Apprise.instantiate(self.url(schema)))
            monkeypatch.setattr(plugin, "notify_url", f"http://{getattr(self, setting).address}{path}")

    def url(self, schema: str) -> str:
        return {
            "discord": "discord://123456789/abcdefghijk",
            "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
            "ntfy": f"ntfy://{self.ntfy.address}/topic",
            "mailto": f"mailto://{self.mail.address}?from=bookwatch@x.id&to=owner@x.id",
        }[schema]

    def send(self, schema: str, title: str, body: Any) -> Sent:
        waits = [0.0]
        notifier = Notifier(waits.append, lambda: sum(waits), lambda: 0.5)
        return notifier.send(Channel(self.url(schema)), title, body)

    def arrived(self, schema: str) -> str:
        """The one message that arrived, as a person reads it."""
        if schema == "mailto":
            (mail,) = self.mail.taken
            assert mail.get_content_type() == "text/plain"
            return mail["subject"] + "\n" + mail.get_content().replace("\r\n", "\n")
        (content,) = {"discord": self.discord, "tgram": self.telegram, "ntfy": self.ntfy}[schema].taken
        if schema == "ntfy":
            return f"{content['title']}\n{content['message']}"
        return (content["content"] if schema == "discord" else shown_by_telegram(content)).replace(
            "\r\n", "\n"
        )

    def refused(self) -> int:
        return sum(len(channel.refused) for channel in (self.discord, self.telegram, self.ntfy))


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channels]:
    with ExitStack() as stack:
        yield Channels(stack, monkeypatch)


SCHEMAS = ("discord", "tgram", "ntfy", "mailto")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_first_bad_morning_arrives_at_once_and_counts_all(channels: Channels, schema: str) -> None:
    title, body = written(MORNING)
    assert len(body(lambda text: True)) > 3_400
    sent = channels.send(schema, title, body)
    assert (sent.delivered, sent.attempts, sent.shortened, channels.refused()) == (True, 1, False, 0)
    text = channels.arrived(schema)
    assert text.startswith("bookwatch: 11 firing (1 critical, 10 medium)\n")
    assert "FIRING (11)\n[critical] zero_missing_commission: " in text
    assert "ids: 6a1f, 6a20, 6a2c, 6a31, 6a40 and 2 more\n" in text
    assert "the page /alerts show all." in text
    assert counted(text) == 11


def counted(text: str) -> int:
    """The firing alerts a message names or counts."""
    more = re.search(r"^and (\d[\d,]*) more", text, flags=re.MULTILINE)
    return len(re.findall(r"^\[(?:critical|high|medium|low)\] ", text, flags=re.MULTILINE)) + (
        int(more[1].replace(",", "")) if more else 0
    )


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "letters",
    ["<b>&amp;</b> *_`[x](y)", "王" * 250, "😀" * 250, "&<>" * 90, ":warning: " * 28, "\x00\u202e" * 40],
)
def test_any_letters_arrive_at_once(channels: Channels, schema: str, letters: str) -> None:
    storm = tuple(
        replace(alert(f"no_{n:03}", "high"), summary=letters, detail=f"{letters}\n{letters}")
        for n in range(400)
    )
    sent = channels.send(schema, *written(storm, reminders=30, resolved=30))
    assert (sent.delivered, sent.attempts, channels.refused()) == (True, 1, 0)
    text = channels.arrived(schema)
    assert "FIRING (400)" in text
    assert "STILL FIRING (30)" in text
    assert "RESOLVED (30)" in text
    assert counted(text.split("STILL FIRING")[0]) == 400


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_tag_is_text_and_lines_stay_lines(channels: Channels, schema: str) -> None:
    one = replace(
        alert("no_missing", "high"), summary="a <b>bold</b> & <script>x</script>", detail="first\nsecond"
    )
    channels.send(schema, *written((one,)))
    assert "[high] no_missing: a <b>bold</b> & <script>x</script>\n" in channels.arrived(schema)
    # Telegram's messages lose their indentation, not their lines.
    assert re.search(r"\n(  )?first\n(  )?second\n", channels.arrived(schema))


def test_a_mail_of_html_shows_the_same(channels: Channels) -> None:
    one = replace(alert("no_missing", "high"), summary="a <b>bold</b>", detail="first\nsecond")
    title, body = written((one,))
    Notifier().send(Channel(channels.url("mailto") + "&format=html"), title, body)
    (mail,) = channels.mail.taken
    part = mail.get_body(("html",))
    assert part is not None
    html = part.get_content().replace("&nbsp;", " ")
    assert "<b>bold" not in html
    assert "a &lt;b&gt;bold&lt;/b&gt;<br/>" in html
    assert "  first<br/>  second<br/>" in html


@pytest.mark.parametrize("schema", ["discord", "tgram", "ntfy"])
def test_refused_for_its_length_it_is_sent_again_shorter(channels: Channels, schema: str) -> None:
    """A channel that takes less than anybody knows: 700 bytes."""
    place = {"discord": channels.discord, "tgram": channels.telegram, "ntfy": channels.ntfy}[schema]
    place.answers = [413 if schema == "ntfy" else 400] * 2
    title, body = written(MORNING)
    sent = channels.send(schema, title, body)
    assert (sent.delivered, sent.attempts, sent.shortened) == (True, 3, True)
    text = channels.arrived(schema)
    assert len(text.encode()) <= 4096 // 4 + 100
    assert counted(text) == 11
    assert "zero_missing_commission" in text


def test_an_outage_shortens_nothing(channels: Channels) -> None:
    channels.ntfy.answers = [503, 500]
    title, body = written(MORNING)
    sent = channels.send("ntfy", title, body)
    assert (sent.delivered, sent.attempts, sent.shortened) == (True, 3, False)


@pytest.mark.parametrize(
    "words", ["@everyone", "@here x", "<!channel>", "<@U123>", "<#C1>", "<@&55>", "a@everyone"]
)
@pytest.mark.parametrize("schema", SCHEMAS)
def test_nobody_is_called_by_a_mention(channels: Channels, schema: str, words: str) -> None:
    one = replace(
        alert("no_missing", "high"), labels=(("collection", words),), summary=words, detail=f"ids: {words}"
    )
    channels.send(schema, *written((one,)))
    text = channels.arrived(schema)
    assert words not in text
    assert not re.search(r"@\w|<[!@#]", text)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_control_characters_are_shown(channels: Channels, schema: str) -> None:
    channels.send(schema, *written((replace(alert("x", "high"), summary="a\x1b[31mred\x07\u202etxt"),)))
    assert r"a\x1b[31mred\x07\u202etxt" in channels.arrived(schema)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_test_has_full_length_and_arrives_whole(channels: Channels, schema: str) -> None:
    sent = channels.send(schema, "bookwatch: test", full_length)
    assert (sent.delivered, sent.attempts, channels.refused()) == (True, 1, 0)
    text = channels.arrived(schema).strip()
    assert text.endswith("This is the end of the test: all of it arrived.")
    most = {"discord": 2000, "tgram": 4096, "ntfy": 3700, "mailto": 32768}[schema]
    assert most - 250 < units(text) <= most + 20


def test_what_matters_least_goes_first() -> None:
    title, body = written(MORNING, reminders=3, resolved=3)
    shorter = [body(lambda text, most=most: len(text) <= most) for most in (*range(5_000, 100, -100), 40)]
    assert [len(text) for text in shorter] == sorted((len(text) for text in shorter), reverse=True)
    for text in shorter:
        assert "/alerts" in text
        if "[critical]" in text and "and 10 more (10 medium)." not in text:
            assert "ids: 6a1f" in text
        if "known_0" in text:
            assert counted(text.split("STILL")[0]) == 11
    assert shorter[-1] == "All: the page /alerts"
    assert title == "bookwatch: 11 firing (1 critical, 10 medium), 3 still firing (3 high), 3 resolved"


@pytest.mark.parametrize("counts", [(0, 0, 1), (0, 30, 0), (1, 0, 0), (400, 30, 30), (2, 1, 9), (0, 0, 0)])
def test_plans_only_ever_say_less(counts: tuple[int, int, int]) -> None:
    made = list(plans(*counts))
    for more, less in pairwise(made):
        assert (less.firing, less.full, less.reminders, less.resolved) <= (
            more.firing,
            more.full,
            more.reminders,
            more.resolved,
        )
        assert more != less
    assert len(made) < 60


def test_the_dashboards_address_is_the_link_where_it_is_known() -> None:
    message = Message(Channel("json://x"), firing=MORNING)
    state = EngineState({a.alert_id: a for a in MORNING}, begun=True)
    for fits in (lambda text: True, lambda text: len(text) < 60):
        _, body = compose(message, state, NOW, fits=fits, dashboards="https://bookwatch.example/a")
        assert "https://bookwatch.example/a/alerts" in body.splitlines()[-1]


@pytest.mark.parametrize(
    "url",
    [
        "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@12345678901/12345678902",
        "rocket://user:pass@localhost/#c",
        "pover://" + "u" * 30 + "@" + "a" * 30,
        "kodi://localhost",
        "gchat://a/b/c",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#c",
        "discord://123456789/abcdefghijk?format=markdown&overflow=split",
    ],
)
def test_every_kind_of_channel_has_room_for_what_it_is_sent(url: str) -> None:
    plugin: Any = apprise.Apprise.instantiate(url)
    title, body = written(MORNING, reminders=9, resolved=9)
    room = Room(plugin, title, plugin.body_maxlen)
    text = room.cut(body(room.fits))
    assert room.fits(text)
    # Apprise itself finds nothing left to cut.
    calls = list(plugin._build_send_calls(body=text, title=title, body_format="text", overflow="split"))
    assert len(calls) == 1
    assert "/alerts" in unescape(calls[0]["body"])


def test_a_plain_text_that_is_too_long_is_cut_at_a_line(channels: Channels) -> None:
    sent = channels.send("discord", "t", "\n".join(f"line {n}" for n in range(999)))
    assert (sent.delivered, sent.attempts) == (True, 1)
    assert re.search(r"\nline \d+\n…$", channels.arrived("discord"))
    channels.discord.taken.clear()
    assert channels.send("discord", "t", "y" * 9_999).attempts == 1
    assert channels.arrived("discord").endswith("y…")
