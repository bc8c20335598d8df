"""What is asked once for an object is asked once, and nobody waits for another's."""

from __future__ import annotations

import threading
from pathlib import Path

import services
from services.once import once


class _Asking:
    def __init__(self, both: threading.Barrier) -> None:
        self.both, self.asked = both, 0

    @once
    def answer(self) -> int:
        self.asked += 1
        return self.both.wait(10)


def test_two_ask_at_once_and_each_once() -> None:
    both = threading.Barrier(2)
    asking = [_Asking(both), _Asking(both)]
    threads = [threading.Thread(target=lambda one=one: (one.answer, one.answer)) for one in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both.broken, "one had to wait for the other"
    assert [one.asked for one in asking] == [1, 1]


def test_no_property_of_services_locks_all_objects_of_its_class() -> None:
    for path in Path(services.__file__).parent.rglob("*.py"):
        assert "@cached_property" not in path.read_text(encoding="utf-8"), path.name
