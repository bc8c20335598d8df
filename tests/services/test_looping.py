"""What the serve process does by itself goes on whatever a step raises, and is told when it does not come through."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from services import looping
from services.looping import Loop, Loops, found_loops
from services.patience import seconds_left
from tests.services.memory import Memory
from tests.services.told import MemoryServices, Told, settings_for_memory


def test_a_step_that_fails_is_noted_and_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[dict[str, Any]] = []
    services = MemoryServices(settings_for_memory(), Memory(), Told({}))
    # What is noted is seen; one object of one test.
    services.notes.note = lambda at, operation, seconds, outcome, **more: noted.append(  # type: ignore[method-assign]
        {"operation": operation, "outcome": outcome, **more}
    )
    done, left = threading.Event(), [2]

    def step(given: Any) -> None:
        assert given is services
        assert seconds_left() <= looping.STEP_S
        if left[0]:
            left[0] -= 1
            raise ValueError("+62811 Ann")
        done.set()

    loops = Loops(services, (Loop("tried", 0.001, step),))
    loops.start()
    assert done.wait(20)
    loops.stop()
    assert [note["operation"] for note in noted] == ["loop_tried"] * 2
    assert noted[0]["context"] == {"reason": "ValueError"}
    assert "Ann" not in str(noted)
    assert loops.late() == []
    monkeypatch.setattr(looping, "LATE_AFTER_S", -1.0)
    assert loops.late() == ["tried"]


def test_the_loops_there_are() -> None:
    names = [loop.name for loop in found_loops()]
    assert "dispatch" in names
    assert len(set(names)) == len(names)
    assert all(loop.every_s > 0 and re.fullmatch("[a-z_]{1,25}", loop.name) for loop in found_loops())
