"""The simulation's clock: what is to be done at which instant. What an action does is its actor's."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Action = Callable[..., None]


class Agenda:
    """Actions by instant (epoch milliseconds); those of one instant in the order they were put down."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action, tuple[Any, ...]]] = []
        self._order = 0

    def at(self, at: int, action: Action, *args: Any) -> None:
        """Have ``action(at, *args)`` called when its instant has come."""
        self._order += 1
        heappush(self._heap, (at, self._order, action, args))

    def act(self, limit: int) -> bool:
        """Carry out the next action that is due up to ``limit``; False where there is none."""
        if not self._heap or self._heap[0][0] > limit:
            return False
        at, _, action, args = heappop(self._heap)
        action(at, *args)
        return True
