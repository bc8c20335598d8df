"""Delivery through Apprise, to a real receiver on loopback: retries, routes, and no URL anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from resources.notifier import Channel, Notifier, Sent, channels_of, routes
from tests.resources.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


class Waits:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def notifier(self, random: float = 0.5) -> Notifier:
        return Notifier(self.sleep, lambda: sum(self.slept), lambda: random)


def to(receiver: Receiver, path: str = "alerts") -> Channel:
    return Channel(f"json://{receiver.address}/{path}")


def test_a_message_reaches_its_channel(receiver: Receiver) -> None:
    assert Notifier().send(to(receiver), "bookwatch: 1 firing", "zero_missing_commission") == Sent(True, 1)
    assert [(m["title"], m["message"]) for m in receiver.taken] == [
        ("bookwatch: 1 firing", "zero_missing_commission")
    ]


def test_a_channel_that_fails_twice_is_tried_again(receiver: Receiver) -> None:
    receiver.answers = [503, 500]
    waits = Waits()
    assert waits.notifier().send(to(receiver), "t", "b") == Sent(True, 3)
    assert waits.slept == pytest.approx([0.3, 0.6])
    assert len(receiver.taken) == 1


@pytest.mark.parametrize(("random", "slept"), [(0.0, [0.255, 0.51, 1.02]), (1.0, [0.345, 0.69, 1.38])])
def test_a_channel_that_refuses_is_given_up_after_three_retries(
    receiver: Receiver, random: float, slept: list[float]
) -> None:
    receiver.status = 500
    waits = Waits()
    assert waits.notifier(random).send(to(receiver), "t", "b") == Sent(False, 4)
    assert waits.slept == pytest.approx(slept)
    assert sum(waits.slept) < 4
    assert len(receiver.asked) == 4


def test_no_try_begins_four_seconds_after_the_first() -> None:
    ticks = iter([0.0, 3.9, 99.0])
    refused = Channel("json://127.0.0.1:1/x")
    slow = Notifier(lambda _: None, lambda: next(ticks), lambda: 0.5)
    assert slow.send(refused, "t", "b") == Sent(False, 1)


def test_one_that_refuses_holds_up_no_other(receiver: Receiver) -> None:
    with Receiver() as dead:
        dead.status = 500
        notifier = Waits().notifier()
        sends = dict(notifier.send_all([(to(dead), "t", "a"), (to(receiver), "t", "b")]))
    assert sends == {0: Sent(False, 4), 1: Sent(True, 1)}
    assert [m["message"] for m in receiver.taken] == ["b"]


def test_a_wrong_url_is_a_failed_send_without_repeating_it(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Channel("nonsense-secret-token")
    assert Notifier().send(wrong, "t", "b") == Sent(False, 0, usable=False)
    out, err = capfd.readouterr()
    shown = out + err + caplog.text + repr(wrong) + wrong.key + wrong.scheme
    assert "secret-token" not in shown
    assert wrong.scheme == "?"


def test_routes_are_severities_before_a_url() -> None:
    found = channels_of(routes("critical,high=slack://a?x=1, mailto://b low=json://c json://c"))
    assert [(c.url, c.severities) for c in found] == [
        ("slack://a?x=1", frozenset({"critical", "high"})),
        ("mailto://b", None),
        ("json://c", None),
    ]
    assert found[0].takes("high")
    assert not found[0].takes("medium")
    assert found[1].takes("medium")
    assert Channel("json://c").key == found[2].key != found[1].key


def test_routes_that_read_like_another_are_the_same() -> None:
    assert routes("critical high=json://a") == routes("critical,high=json://a") == ("critical,high=json://a",)
    assert routes(routes("critical,high=json://a json://b")) == ("critical,high=json://a", "json://b")
    assert routes("json://a?token=x,json://b") == ("json://a?token=x", "json://b")


def test_a_comma_inside_a_url_is_part_of_it() -> None:
    mail = "mailto://u:p@h?to=a@x.id,b@x.id"
    assert routes(mail) == (mail,)
    assert routes(f"critical,high={mail},json://b, json://c/1,2,,") == (
        f"critical,high={mail}",
        "json://b",
        "json://c/1,2",
    )
    assert routes(f"{mail},critical,high=json://b,low=json://c") == (
        mail,
        "critical,high=json://b",
        "low=json://c",
    )
    assert routes(f"{mail} , critical, high = json://b".replace(" = ", "=")) == (
        mail,
        "critical,high=json://b",
    )


@pytest.mark.parametrize("words", ["urgent=json://secret", "critical", "critical json://secret", "high="])
def test_a_route_that_cannot_be_meant_is_refused_without_repeating_it(words: str) -> None:
    with pytest.raises(ValueError, match="critical,high=URL") as refused:
        routes(words)
    assert "secret" not in str(refused.value)
