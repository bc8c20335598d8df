"""Retry delays, the server's wishes and the three states of the breaker, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from resources.appwrite.patience import (
    BREAKER_COOL_DOWN,
    BREAKER_FAILURES,
    CircuitBreaker,
    ServerWish,
    retry_delay,
    wait_asked,
)

WALL = datetime(2026, 11, 22, 11, 0, tzinfo=UTC).timestamp()
DATE = "Sun, 22 Nov 2026 11:00:00 GMT"


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("retry", "chance", "seconds"),
    [
        (0, 0.5, 0.3),
        (1, 0.5, 0.6),
        (2, 0.5, 1.2),
        (0, 0.0, 0.255),
        (0, 1.0, 0.345),
        (2, 1.0, 1.38),
        (9, 0.5, 3.0),
    ],
)
def test_a_retry_waits_as_the_rules_say(retry: int, chance: float, seconds: float) -> None:
    assert retry_delay(retry, lambda: chance) == pytest.approx(seconds)


def test_three_retries_wait_less_than_four_seconds_in_all() -> None:
    assert sum(retry_delay(n, lambda: 1.0) for n in range(3)) < 4


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({"Retry-After": "7"}, 429, 7),
        ({"Retry-After": "7"}, 503, 7),
        ({"Retry-After": "7"}, 200, None),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:09 GMT", "Date": DATE}, 429, 9),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:00 GMT", "Date": DATE}, 429, 0),
        ({"Retry-After": "soon"}, 429, None),
        ({"Retry-After": "-3"}, 429, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(WALL) + 5), "Date": DATE}, 200, 5),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": str(int(WALL) + 5), "Date": DATE}, 200, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "6"}, 200, 6),
        ({}, 429, None),
    ],
)
def test_the_server_is_understood(headers: dict[str, str], status: int, seconds: float | None) -> None:
    assert wait_asked(headers, status, WALL + 1000) == seconds


def test_a_reset_is_read_against_the_answers_own_clock_not_ours() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(WALL) + 5), "Date": DATE}
    assert wait_asked(headers, 200, WALL + 86400) == 5


def test_the_longest_wish_holds() -> None:
    time = Time()
    wish = ServerWish(time)
    wish.note(5)
    wish.note(2)
    assert wish.remaining() == 5
    time.now += 6
    assert wish.remaining() == 0


def opened(time: Time) -> CircuitBreaker:
    breaker = CircuitBreaker(time)
    for _ in range(BREAKER_FAILURES):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_closed_until_five_failures_in_a_row() -> None:
    breaker = CircuitBreaker(Time())
    for _ in range(BREAKER_FAILURES - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(BREAKER_FAILURES - 1):
        breaker.failed()
    assert breaker.state == "closed"
    assert breaker.admit()
    breaker.failed()
    assert breaker.state == "open"


def test_open_lets_nothing_through_until_it_has_cooled_down() -> None:
    time = Time()
    breaker = opened(time)
    assert not breaker.admit()
    time.now += BREAKER_COOL_DOWN - 0.01
    assert not breaker.admit()
    assert breaker.state == "open"


def test_half_open_lets_one_trial_through_and_closes_when_it_succeeds() -> None:
    time = Time()
    breaker = opened(time)
    time.now += BREAKER_COOL_DOWN
    assert breaker.state == "half-open"
    assert breaker.admit()
    assert not breaker.admit()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.admit()


def test_half_open_opens_again_when_the_trial_fails() -> None:
    time = Time()
    breaker = opened(time)
    time.now += BREAKER_COOL_DOWN
    assert breaker.admit()
    breaker.failed()
    assert breaker.state == "open"
    assert not breaker.admit()
    time.now += BREAKER_COOL_DOWN
    assert breaker.admit()


def test_an_interrupted_trial_leaves_room_for_another() -> None:
    time = Time()
    breaker = opened(time)
    time.now += BREAKER_COOL_DOWN
    assert breaker.admit()
    breaker.abandoned()
    assert breaker.admit()
