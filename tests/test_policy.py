"""The policy file: what loads, and the sentence for what does not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from marketplace.commission import judged_at
from marketplace.findings import FINDINGS
from marketplace.policy import PolicyError, parse_policy
from marketplace.registry import Registry
from resources.errors import UsageError
from resources.policy_file import load_policy
from tests.marts.warehouse import NOW

RULE = """
[[rules]]
version = "{version}"
rate_ppm = 300_000
fee_idr = 25_000
deadline_hours = 3
grace_minutes = 2
restriction_minutes = 30
"""


def policy(*rules: str) -> str:
    return 'name = "test"\n' + "".join(
        RULE.format(version=f"v{number}") + extra + "\n" for number, extra in enumerate(rules)
    )


def test_the_projects_policy_is_thirty_per_cent_for_everyone() -> None:
    assert load_policy().rule(date(2026, 1, 1)).rate_ppm == 300_000


def test_versions_follow_each_other_half_open() -> None:
    found = parse_policy(policy("valid_to = 2026-01-01", "valid_from = 2026-01-01"))
    assert found.rule(date(2025, 12, 31)).version == "v0"
    assert found.rule(date(2026, 1, 1)).version == "v1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "not valid TOML"),
        ("", "no name"),
        ('name = "x"', "no rules"),
        (
            policy("valid_to = 2026-01-01", "valid_from = 2026-01-02"),
            "gap in the rules of the default from 2026-01-01",
        ),
        (policy("valid_to = 2026-01-02", "valid_from = 2026-01-01"), "'v0' and 'v1' of the default overlap"),
        (policy("", ""), "overlap"),
        (policy("valid_from = 2026-01-01"), "without beginning and end"),
        (policy("valid_to = 2026-01-01"), "without beginning and end"),
        (policy('plan = "gold"'), "no default rule"),
        (policy("", 'plan = "gold"\nvalid_to = 2026-01-01', 'plan = "gold"\nvalid_from = 2026-02-01'), "gap"),
        (policy("", 'plan = "gold"\nprovider = "p1"'), "both a plan and a provider"),
        (
            policy("", 'plan = "gold"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-01'),
            "ends before it begins",
        ),
        (policy("surprise = 1"), "unknown entries: surprise"),
        (policy("").replace("300_000", "0.3"), "rate_ppm must be given as a whole number"),
        (policy("").replace("300_000", "1_000_001"), "between 0 and 1,000,000"),
        (policy("").replace("fee_idr = 25_000", "fee_idr = -1"), "cannot be negative"),
        (policy("").replace("fee_idr = 25_000\n", ""), "fee_idr must be given"),
        (policy("", 'plan = "gold"').replace("v1", "v0"), "Two rules are named 'v0'"),
        (policy('valid_from = "2026-01-01"'), "valid_from must be given as a date"),
        (policy("valid_from = 2026-01-01T00:00:00"), "valid_from must be given as a date"),
    ],
)
def test_a_wrong_policy_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        parse_policy(text)


def test_a_policy_file_that_is_wrong_or_missing_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("name = ")
    for name in ("wrong.toml", "missing.toml"):
        with pytest.raises(UsageError) as error:
            load_policy(tmp_path / name)
        assert name in str(error.value)


def test_a_registry_refuses_a_repeated_name() -> None:
    with pytest.raises(ValueError, match="missing"):
        Registry([*FINDINGS.values(), FINDINGS["missing"]], key=lambda f: f.code)


def test_judged_at_is_never_after_clock_or_scan() -> None:
    assert judged_at(NOW, None, NOW, frozen=False) is None
    assert judged_at(NOW, NOW, None, frozen=False) == NOW
    later = NOW.replace(hour=23)
    assert judged_at(NOW, later, later, frozen=False) == NOW
