"""The server's clock told from whole seconds: never ahead of it, soon close to it, and right again when it was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from resources.appwrite.server_clock import DRIFT, ServerClock, clock_of

START = datetime(2026, 1, 1, tzinfo=UTC)


class Both:
    """A server whose clock is at START + offset + our steady time, and what we make of its answers."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self.moment = 0.0
        self.clock = ServerClock(lambda: self.moment)

    @property
    def server_now(self) -> datetime:
        return START + timedelta(seconds=self.offset + self.moment)

    def ask(self, there: float, back: float) -> None:
        sent = self.moment
        self.moment += there
        date = self.server_now.replace(microsecond=0)
        self.moment += back
        self.clock.note(date, sent, self.moment)

    def behind(self) -> float:
        told = self.clock.now()
        assert told is not None
        return (self.server_now - told).total_seconds()


def test_nothing_is_known_before_the_first_answer() -> None:
    assert ServerClock().now() is None


def test_one_answer_tells_the_whole_second_and_what_has_gone_by_since() -> None:
    both = Both(0.7)
    both.ask(0.0, 0.1)
    assert both.clock.now() == START
    both.moment += 5
    assert both.clock.now() == START + timedelta(seconds=5 - 5 * DRIFT)


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.5), st.floats(0, 20)), min_size=1, max_size=30),
)
def test_it_is_never_ahead_of_the_server_and_never_a_second_and_the_way_back_behind(
    offset: float, asked: list[tuple[float, float, float]]
) -> None:
    both = Both(offset)
    for there, back, later in asked:
        both.ask(there, back)
        assert -0.0011 <= both.behind() <= 1 + back + 0.0021
        both.moment += later
        assert both.behind() >= -0.0011


def test_many_answers_tell_it_to_some_milliseconds() -> None:
    both = Both(0.4)
    for _ in range(50):
        both.ask(0.004, 0.003)
        both.moment += 0.09
    assert both.behind() < 0.12


def test_a_clock_set_back_is_believed_at_the_next_answer() -> None:
    both = Both(0.0)
    both.ask(0.01, 0.01)
    both.offset = -3600
    both.ask(0.01, 0.01)
    assert 0 <= both.behind() < 1.1


def test_a_clock_set_forward_is_believed_at_the_next_answer() -> None:
    both = Both(0.0)
    both.ask(0.01, 0.01)
    both.offset = 3600
    both.ask(0.01, 0.01)
    assert 0 <= both.behind() < 1.1


def test_a_server_has_one_clock_in_a_process() -> None:
    assert clock_of("http://one.example/v1") is clock_of("http://one.example/v1")
    assert clock_of("http://one.example/v1") is not clock_of("http://other.example/v1")
