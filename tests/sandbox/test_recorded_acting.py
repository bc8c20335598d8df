"""The sandbox against what acting asks of a recorded Appwrite 1.9.6: transactions, conditional writes, users, storage,
tables made at once, searches. Every case again, in order, on one server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.differences import ACTING_DIFFERENCES
from tests.sandbox.replay import Replay, cases
from tests.sandbox_server import SandboxProcess

CASES = cases(Path(__file__).with_name("recorded-1.9.6-acting.jsonl"))
AREAS = list(dict.fromkeys(case["area"] for case in CASES))


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with SandboxProcess("--empty") as server:
        result = Replay(server, "acting", CASES)
        for case in CASES:
            result.run(case)
        yield result


@pytest.mark.parametrize("area", AREAS)
def test_answers_as_the_recorded_server(area: str, replay: Replay) -> None:
    names = {case["name"] for case in CASES if case["area"] == area}
    differs = {name: replay.differs[name] for name in names if replay.differs[name]}
    assert {name: what for name, what in differs.items() if name not in ACTING_DIFFERENCES} == {}
    assert set(ACTING_DIFFERENCES) & names <= set(differs), "these no longer differ"


def test_every_listed_difference_is_a_recorded_case() -> None:
    assert set(ACTING_DIFFERENCES) <= {case["name"] for case in CASES}
