"""What the rules say, with the numbers of the policy in force as arguments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketplace.data_codes import DATA_FINDINGS, NOTED
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS
from messages import rules
from messages.catalogue import LANGUAGES, parts, say, sentences
from messages.places import Place
from tests.policies import DEFAULT_POLICY

#: What a sentence tells of the value it was found in, or of the run: the arguments by code. No other has any.
OF_THE_VALUE = {
    "noted.long_text": {"letters"},
    "noted.outside": {"minimum", "maximum"},
    "noted.set_aside": {"why"},
    "noted.sources": {"sources"},
}


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


def test_every_data_finding_says_what_it_is_in_both_languages() -> None:
    told = {finding: rules.data_rule(finding) for finding in DATA_FINDINGS}
    for message in told.values():
        english, indonesian = (say(message, language) for language in LANGUAGES)
        assert english != indonesian
        assert "{" not in english + indonesian
    named = {code for code in sentences("en") if code.startswith("data.")}
    assert {message.code for message in told.values()} == named


@pytest.mark.parametrize("code", sorted(code for code in sentences("en") if code.startswith("noted.")))
def test_what_was_found_names_the_numbers_of_the_rules_and_of_its_value_only(code: str) -> None:
    wanted = {part.name for part in parts(code) if isinstance(part, Place)}
    assert wanted == {part.name for part in parts(code, "id") if isinstance(part, Place)}
    mine = NOTED.get(code, {})
    assert mine.keys() == (wanted if mine else set())
    assert wanted - mine.keys() == OF_THE_VALUE.get(code, set())


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
