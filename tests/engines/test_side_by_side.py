"""Jobs side by side: none begins before what it needs, no more run than may, and one that fails ends all."""

from __future__ import annotations

import threading

import pytest

from assets.engines.side_by_side import in_their_order

NEEDS = {"d": ("b", "c"), "a": ("outside",), "b": ("a",), "c": ("a",), "e": ()}
#: A job that waits for another fails after so long, where the other was never begun.
PATIENCE = 60


def _nothing_to_stop() -> None:
    raise AssertionError("nothing failed")


@pytest.mark.parametrize("at_once", [1, 2, 9])
def test_each_begins_after_what_it_needs_and_no_more_run_than_may(at_once: int) -> None:
    lock, ended, running, most = threading.Lock(), [], [0], [0]

    def job(name: str) -> str:
        with lock:
            assert {need for need in NEEDS[name] if need in NEEDS} <= set(ended)
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1
            ended.append(name)
        return name.upper()

    jobs = {name: lambda name=name: job(name) for name in NEEDS}
    made = in_their_order(jobs, NEEDS, at_once=at_once, stop=_nothing_to_stop)
    assert list(made.items()) == [(name, name.upper()) for name in NEEDS]
    assert most[0] <= at_once


def test_they_do_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=PATIENCE)
    made = in_their_order(
        {"a": both.wait, "b": both.wait}, {"a": (), "b": ()}, at_once=2, stop=_nothing_to_stop
    )
    assert sorted(made.values()) == [0, 1]


@pytest.mark.parametrize("raised", [RuntimeError("a row: Ketut"), KeyboardInterrupt()])
def test_where_one_fails_the_others_are_stopped_and_waited_for(raised: BaseException) -> None:
    stopped, begun = threading.Event(), []

    def long() -> None:
        begun.append("long")
        assert stopped.wait(PATIENCE)
        begun.append("long ended")
        raise ValueError("it was stopped")

    def fails() -> None:
        raise raised

    def stop() -> None:
        stopped.set()
        raise OSError("the cluster is away")

    jobs = {"long": long, "fails": fails, "later": lambda: begun.append("later")}
    with pytest.raises(type(raised)) as told:
        in_their_order(jobs, {"long": (), "fails": (), "later": ("fails",)}, at_once=2, stop=stop)
    assert told.value is raised
    assert begun == ["long", "long ended"]


def test_who_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="a, b"):
        in_their_order({"a": list, "b": list}, {"a": ("b",), "b": ("a",)}, at_once=2, stop=_nothing_to_stop)
