"""What the rules of the business say: of a finding what it is and what to do, of a value what was found in it, of a
health point what it looks at, of a stretch of time how long it is. The numbers in them come from the policy and from
marketplace/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from marketplace.commission import AGE_UNKNOWN, AGES, NOT_ENDED
from marketplace.data_codes import DATA_FINDINGS, NOTED
from marketplace.durations import in_whole, shared
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS, UPTIME_WINDOWS
from marketplace.policy import Policy
from marketplace.services import NEVER_ANSWERED, RESPONSE_BUCKETS
from messages.message import Message


def rule(finding: str, policy: Policy) -> Message:
    """When a finding is one, by a policy. Raises KeyError for a code that is no finding."""
    return Message(f"rule.{finding}", FINDINGS[finding].numbers_of(policy))


def what_to_do(finding: str) -> Message:
    """What a person does about a finding. Raises KeyError for a code that is no finding."""
    return Message(f"todo.{FINDINGS[finding].code}")


def data_rule(finding: str) -> Message:
    """What a data finding is. Raises KeyError for a code that is none."""
    return Message(f"data.{finding}", DATA_FINDINGS[finding])


def noted(code: str) -> Message:
    """What was found in a value, where it names no more than the numbers of the rules."""
    return Message(code, NOTED.get(code, {}))


def look(point: int) -> Message:
    """What to look at where a health point is broken, and when it is healthy."""
    return Message(f"point.{point}.look", HEALTH_POINTS[point].numbers)


def component(point: int) -> Message:
    """What a health point rests on."""
    return Message(f"point.{HEALTH_POINTS[point].point}.component")


def broken(point: int) -> Message:
    """What a broken health point says."""
    names = {"percent"} & HEALTH_POINTS[point].numbers.keys()
    return Message(f"point.{point}.broken", {name: HEALTH_POINTS[point].numbers[name] for name in names})


def _one(group: str, length: timedelta) -> Message:
    number, unit, _ = in_whole(length)
    return Message(f"{group}{unit}s", {"n": f"{number:,}"})


def _two(group: str, start: timedelta, end: timedelta) -> Message:
    first, last, unit, _ = shared(start, end)
    return Message(f"{group}{unit}s", {"first": first, "last": last})


def _ages() -> dict[str, Message]:
    begins = (timedelta(), *(end for _, end in AGES if end is not None))
    told = {
        word: _one("age.over_", start) if end is None else _two("age.", start, end)
        for (word, end), start in zip(AGES, begins, strict=True)
    }
    return {**told, NOT_ENDED: Message("age.not_ended"), AGE_UNKNOWN: Message("age.unknown")}


def _responses() -> dict[str, Message]:
    told = {NEVER_ANSWERED.label: Message("response.never")}
    for bucket in RESPONSE_BUCKETS:
        start = timedelta(seconds=bucket.from_s)
        if bucket.to_s is None:
            told[bucket.label] = _one("response.over_", start)
        elif not bucket.from_s:
            told[bucket.label] = _one("response.under_", timedelta(seconds=bucket.to_s))
        else:
            told[bucket.label] = _two("response.", start, timedelta(seconds=bucket.to_s))
    return told


#: Stretches of time by the word the data has for each: the ages of what is owed, how long an answer took, the windows
#: of uptime.
STRETCHES: Final[Mapping[str, Mapping[str, Message]]] = {
    "age": _ages(),
    "response": _responses(),
    "window": {name: _one("window.", length) for name, length in UPTIME_WINDOWS},
}


def exclusion(reason: str) -> Message:
    """Why rows are in no figure of a month (``in``: that they are in them)."""
    return Message(f"exclusion.{reason}")
