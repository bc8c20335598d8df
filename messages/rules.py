"""What the rules of the business say: of a finding what it is and what to do, of a health point what it looks at. The
numbers in them come from the policy and from marketplace/.
"""

from __future__ import annotations

from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS
from marketplace.policy import Policy
from messages.message import Message


def rule(finding: str, policy: Policy) -> Message:
    """When a finding is one, by a policy. Raises KeyError for a code that is no finding."""
    return Message(f"rule.{finding}", FINDINGS[finding].numbers_of(policy))


def what_to_do(finding: str) -> Message:
    """What a person does about a finding. Raises KeyError for a code that is no finding."""
    return Message(f"todo.{FINDINGS[finding].code}")


def look(point: int) -> Message:
    """What to look at where a health point is broken, and when it is healthy."""
    return Message(f"point.{point}.look", HEALTH_POINTS[point].numbers)


def broken(point: int) -> Message:
    """What a broken health point says."""
    names = {"percent"} & HEALTH_POINTS[point].numbers.keys()
    return Message(f"point.{point}.broken", {name: HEALTH_POINTS[point].numbers[name] for name in names})
