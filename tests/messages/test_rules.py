"""What the rules say, with the numbers of the policy in force as arguments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS
from messages import rules
from messages.catalogue import LANGUAGES, say, sentences
from tests.policies import DEFAULT_POLICY


def test_every_finding_and_point_says_its_rule_in_both_languages() -> None:
    told = [
        *(
            message
            for code in FINDINGS
            for message in (rules.rule(code, DEFAULT_POLICY), rules.what_to_do(code))
        ),
        *(message for number in HEALTH_POINTS for message in (rules.look(number), rules.broken(number))),
    ]
    for message in told:
        english, indonesian = (say(message, language) for language in LANGUAGES)
        assert english != indonesian
        assert "{" not in english + indonesian
    named = {code for code in sentences("en") if code.startswith(("rule.", "todo."))}
    assert {message.code for message in told if message.code in named} == named


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "A booking that earns has no live commission record 13 minutes after its acceptance."),
        (
            "id",
            "Pesanan yang menghasilkan tidak memiliki catatan komisi berlaku 13 menit setelah diterima.",
        ),
    ],
)
def test_the_numbers_are_those_of_the_policy(language: str, said: str) -> None:
    policy = replace(
        DEFAULT_POLICY, rules=tuple(replace(rule, grace_minutes=13) for rule in DEFAULT_POLICY.rules)
    )
    assert say(rules.rule("missing", policy), language) == said
