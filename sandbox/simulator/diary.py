"""What time each therapist is promised for. Who promises it, to whom, is decided elsewhere."""

from __future__ import annotations

from bisect import bisect_left, insort

from sandbox.simulator.times import MINUTE
from sandbox.simulator.world import Provider


class Diary:
    """Promised times (start, end), disjoint, in order. A place has room for more than one: it has none."""

    def __init__(self) -> None:
        self._promised: dict[str, list[tuple[int, int]]] = {}

    def is_free(self, provider: Provider, start: int, length: int) -> bool:
        """Whether nobody was promised this time."""
        promised = self._promised.get(provider.id)
        if promised is None or provider.kind == "place":
            return True
        after = bisect_left(promised, (start,))
        if after < len(promised) and promised[after][0] < start + length:
            return False
        return after == 0 or promised[after - 1][1] <= start

    def next_free(self, provider: Provider, start: int, length: int) -> int:
        """The first minute from ``start`` on at which so long a time is free."""
        for begun, ended in self._promised.get(provider.id, ()):
            if provider.kind == "therapist" and begun < start + length and start < ended:
                start = -(-ended // MINUTE) * MINUTE
        return start

    def promise(self, provider: Provider, start: int, length: int) -> None:
        """Write a time down."""
        if provider.kind == "therapist":
            insort(self._promised.setdefault(provider.id, []), (start, start + length))

    def release(self, provider: Provider, start: int, length: int) -> None:
        """Strike a promise out, if there is one."""
        promised = self._promised.get(provider.id, [])
        if (start, start + length) in promised:
            promised.remove((start, start + length))
