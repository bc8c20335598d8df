"""Rules of a booking to come: entries, slots, discounts, rates. Each against a slow way of saying the same."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.discounts import Discount, discount_of, discounted, refused
from marketplace.entries import Entry, answered_by, first_start, mode_of, source_of
from marketplace.rates import fits, free_at, kept, seconds_until
from marketplace.slots import at_once, is_free, starts_between
from marketplace.statuses import SOURCE, normalised

NOON = datetime(2026, 3, 15, 12)
MINUTES = st.integers(0, 240).map(lambda n: NOON + timedelta(minutes=n))
INTERVALS = st.lists(
    st.tuples(MINUTES, st.integers(0, 120)).map(lambda one: (one[0], one[0] + timedelta(minutes=one[1]))),
    max_size=8,
)


def test_the_word_of_each_entry_is_a_source_of_its_own_that_the_pipeline_reads() -> None:
    sources = [source_of(entry).value for entry in Entry]
    assert len(set(sources)) == len(Entry)
    assert all(SOURCE[normalised(source)] == source for source in sources)


@pytest.mark.parametrize(
    ("entry", "minutes", "mode"),
    [
        (Entry.BOOK_NOW, None, ("immediate", "no_start")),
        (Entry.BOOK_NOW, 120, ("immediate", "start")),
        (Entry.CHAT, 121, ("scheduled", "start")),
        (Entry.SCHEDULE, 10, ("scheduled", "entry")),
    ],
)
def test_the_mode_goes_by_the_entry_then_the_start(
    entry: Entry, minutes: int | None, mode: tuple[str, str]
) -> None:
    told = mode_of(entry, NOON, NOON + timedelta(minutes=minutes) if minutes is not None else None)
    assert (told.value, told.rule) == mode


def test_an_answer_is_due_by_the_mode_and_before_the_service_was_to_begin() -> None:
    day = NOON + timedelta(days=1)
    assert answered_by("immediate", NOON, day) == NOON + timedelta(minutes=5)
    assert answered_by("scheduled", NOON, day) == NOON + timedelta(minutes=30)
    assert answered_by("scheduled", NOON, NOON + timedelta(minutes=12)) == NOON + timedelta(minutes=12)


@given(st.integers(0, 86_400_000))
def test_a_start_for_now_leaves_time_and_lies_on_a_step(ms: int) -> None:
    at = NOON + timedelta(milliseconds=ms)
    start = first_start(at)
    assert timedelta(minutes=30) <= start - at < timedelta(minutes=35)
    assert (start.minute % 5, start.second, start.microsecond) == (0, 0, 0)


@given(MINUTES, st.integers(1, 120), INTERVALS)
def test_so_many_are_there_at_the_fullest_minute(
    start: datetime, length: int, taken: list[tuple[datetime, datetime]]
) -> None:
    end = start + timedelta(minutes=length)
    each = [start + timedelta(minutes=n) for n in range(length)]
    slowly = max(sum(a <= minute < b for a, b in taken) for minute in each)
    assert at_once(start, end, taken) == slowly
    assert is_free(start, end, taken, 1) == (slowly == 0)
    assert is_free(start, end, taken, None)


@given(INTERVALS, st.integers(0, 200))
def test_free_starts_are_those_that_nothing_accepted_takes(
    taken: list[tuple[datetime, datetime]], passed: int
) -> None:
    length, until = timedelta(minutes=60), NOON + timedelta(hours=5)
    not_before = NOON + timedelta(minutes=passed)
    found = list(starts_between(NOON, until, length, taken, 1, not_before=not_before))
    for n in range(10):
        start = NOON + n * timedelta(minutes=30)
        free = all(b <= start or a >= start + length or a >= b for a, b in taken)
        assert (start in found) == (free and start >= not_before)
    assert all(NOON <= start < until for start in found)


@given(st.integers(20_000, 20_000_000), st.integers(1, 100), st.integers(1, 30_000_000))
def test_a_discount_takes_off_whole_rupiah_and_never_more_than_there_is(
    price: int, percent: int, idr: int
) -> None:
    by_share = discounted(price, Discount("A", percent=percent))
    assert 0 <= by_share <= price
    # half up of what is taken off: in hundredths, off by half a rupiah at most
    assert abs((price - by_share) * 100 - price * percent) <= 50
    assert discounted(price, Discount("A", idr=idr)) == max(0, price - idr)


def test_a_code_counts_in_its_time_and_as_often_as_it_may() -> None:
    code = Discount(
        "A", percent=10, valid_from=NOON, valid_to=NOON + timedelta(hours=1), uses=3, per_customer=1
    )
    second = timedelta(seconds=1)
    assert refused(code, NOON, 2, 0) is None
    assert refused(code, NOON - second, 0, 0) == "discount_not_yet"
    assert refused(code, NOON + timedelta(hours=1), 0, 0) == "discount_over"
    assert refused(code, NOON, 3, 0) == "discount_used_up"
    assert refused(code, NOON, 2, 1) == "discount_used_by_you"
    assert refused(None, NOON, 0, 0) == "discount_unknown"


def test_a_row_that_takes_off_two_things_or_nothing_is_no_code() -> None:
    assert discount_of({"code": "a", "percent": 10}) == Discount("A", percent=10)
    for row in (
        {"code": "a"},
        {"percent": 10},
        {"code": "a", "percent": 0},
        {"code": "a", "percent": 10, "idr": 1},
        {"code": "a", "idr": True},
    ):
        assert discount_of(row) is None


OFFSETS = st.lists(st.integers(0, 20), max_size=12)


def _bursts(instants: list[datetime], limit: int, window: timedelta) -> bool:
    """As the pipeline looks for abuse: a row that follows the limit-th before it by less than the window."""
    found = sorted(instants)
    return any(later - first < window for first, later in zip(found, found[limit:], strict=False))


@given(OFFSETS, st.integers(1, 4))
def test_who_is_let_by_the_rate_is_never_found_by_the_pipeline(offsets: list[int], limit: int) -> None:
    window, step = timedelta(minutes=10), timedelta(minutes=1)
    let: list[datetime] = []
    for at in itertools.accumulate(offsets, lambda at, n: at + n * step, initial=NOON):
        if fits(kept(let, at, window), at, limit, window):
            let.append(at)
            assert not _bursts(let, limit, window)
        else:
            free = free_at(let, at, limit, window)
            assert free > at
            assert fits(let, free, limit, window)
            assert not fits(let, free - timedelta(milliseconds=1), limit, window)
            assert at + timedelta(seconds=seconds_until(at, free)) >= free


@given(st.lists(st.integers(0, 30), max_size=10), st.integers(0, 30), st.integers(1, 3))
def test_clocks_that_differ_do_not_let_one_more_through(offsets: list[int], late: int, limit: int) -> None:
    window, step = timedelta(minutes=10), timedelta(minutes=1)
    let: list[datetime] = []
    for n in [*offsets, late]:
        at = NOON + n * step
        if fits(let, at, limit, window):
            let.append(at)
    assert not _bursts(let, limit, window)
