"""Collections that not every marketplace has: asked for, and nothing said of those that never were there."""

from __future__ import annotations

from typing import Any, cast

import pytest

from marketplace.collections import INGESTED, OF_SERVICES
from resources.appwrite.gateway import Gateway
from resources.appwrite.sync import _there

FIRST, *OTHERS = OF_SERVICES


class Server:
    """Has some of them, and remembers which it was asked for."""

    def __init__(self, *there: str) -> None:
        self.has, self.asked = there, list[str]()

    def is_there(self, collection: str) -> bool:
        self.asked.append(collection)
        return collection in self.has


def read(server: Server, *known: str) -> set[str]:
    """Those of services that are read."""
    found = _there(cast("Gateway", cast("Any", server)), INGESTED, OF_SERVICES, known)
    assert [name for name in INGESTED if name not in OF_SERVICES or name in found] == found
    return set(found) & set(OF_SERVICES)


def test_without_services_one_is_asked_for_and_none_is_read() -> None:
    server = Server()
    assert (read(server), server.asked) == (set(), [FIRST])


def test_with_services_those_that_are_there_are_read() -> None:
    server = Server(FIRST, OTHERS[0])
    assert (read(server), server.asked) == ({FIRST, OTHERS[0]}, [FIRST, *OTHERS])


@pytest.mark.parametrize("known", [OF_SERVICES, OF_SERVICES[:1]])
def test_one_that_was_mirrored_is_read_without_asking_so_that_its_end_is_told(known: tuple[str, ...]) -> None:
    server = Server()
    assert read(server, *known) == set(known)
    assert server.asked == [name for name in OF_SERVICES if name not in known]
