"""The rules of a package: the policy and its hash, versions, zones, what each state and finding means, counted with its
zeros; of one provider; of a snapshot that says less."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from marketplace.commission import ROW_STATES
from marketplace.data_codes import DATA_FINDINGS
from marketplace.findings import FINDINGS
from messages.catalogue import LANGUAGES
from pipelines.exports.month import rules
from pipelines.exports.month.table import Asked
from resources.home import Home
from resources.policy_file import policy_text
from resources.snapshots import open_snapshot, require_snapshot
from tests.exports.published import OCTOBER

Publish = Callable[..., Path]
OCTOBER_ASKED = Asked(date(2026, 10, 1), date(2026, 11, 1), None, datetime(2026, 10, 31, 16), "Asia/Makassar")


def asked(provider: str | None = None, **texts: str) -> Asked:
    return Asked(
        OCTOBER_ASKED.first, OCTOBER_ASKED.until, provider, OCTOBER_ASKED.as_of, "Asia/Makassar", texts=texts
    )


def table(home: Home, of: Asked) -> pl.DataFrame:
    with open_snapshot(require_snapshot(home)) as con:
        (frame,) = rules.TABLE.rows(con, of)
    assert frame.columns == rules.TABLE.names
    assert frame["sentence"].null_count() == 0
    return frame


def section(frame: pl.DataFrame, name: str) -> dict[str, tuple[str | None, int | None, int | None]]:
    rows = frame.filter(pl.col("section") == name)
    return {code: tuple(rest) for code, *rest in rows.select("code", "value", "count", "waived").iter_rows()}


def test_states_and_findings_are_counted_with_their_zeros(october: Home) -> None:
    frame = table(october, asked())
    states = section(frame, "state")
    assert list(states) == list(ROW_STATES)
    assert {code: count for code, (_, count, _) in states.items() if count} == {
        "matched": 3,
        "mismatched": 1,
        "missing": 1,
        "orphan": 1,
        "unknown": 1,
    }
    found = section(frame, "finding")
    assert list(found) == list(FINDINGS)
    assert {code: told for code, told in found.items() if told[1]} == {
        "missing": ("critical", 1, 0),
        "duplicate": ("high", 1, 0),
        "wrong_amount": ("high", 1, 1),
        "vanished": ("high", 1, 0),
    }
    assert found["orphan"] == ("high", 0, 0)
    assert section(frame, "undated") == {"restriction_mismatch": ("medium", 1, 0)}
    assert list(section(frame, "data_finding")) == list(DATA_FINDINGS)


def test_of_one_provider_only_their_rows_are_counted(october: Home) -> None:
    frame = table(october, asked("p2"))
    assert {code: count for code, (_, count, _) in section(frame, "state").items() if count} == {"unknown": 1}
    assert {count for _, count, _ in section(frame, "finding").values()} == {0}
    assert section(frame, "undated") == {}


def test_the_policy_is_the_one_the_snapshot_keeps(october: Home) -> None:
    frame = table(october, asked(policy="name = 'another'"))
    policy = section(frame, "policy")
    assert policy["name"][0] == "standard-30"
    assert policy["sha256"][0] == hashlib.sha256(policy_text().encode()).hexdigest()
    assert policy["text_of"][0] == "snapshot"
    assert section(frame, "policy_rule")["standard-30.fee_idr"][0] == "25000"
    # The rows of this world were made by a policy whose text is not there: that is said of each of them.
    versions = frame.filter(pl.col("section") == "policy_version").select("code", "count", "sentence").rows()
    assert [(code, count, "not in the text above" in said) for code, count, said in versions] == [
        ("2024-1", 7, True),
        ("standard-30", 0, False),
    ]
    assert section(frame, "zone")["Asia/Jakarta"][1] == 1
    assert section(frame, "currency")["least"][0] == "20000"


@pytest.mark.parametrize(
    ("texts", "name", "text_of"),
    [({"policy": policy_text()}, "standard-30", "installed"), ({}, "unknown", "unknown")],
)
def test_a_snapshot_of_an_earlier_version_says_where_its_policy_is_from(
    home: Home, publish: Publish, texts: dict[str, str], name: str, text_of: str
) -> None:
    publish(
        home,
        OCTOBER,
        also=(
            "ALTER TABLE ops.snapshot DROP COLUMN policy",
            "ALTER TABLE ops.snapshot DROP COLUMN bookwatch_version",
            "ALTER TABLE core.state DROP COLUMN amount_min",
            (
                "INSERT INTO marts.commission_findings (finding_id, finding, severity, booking_id, waived, detail)"
                " VALUES ('new_code:b-last', 'new_code', 'low', 'b-last', false, 'x')"
            ),
        ),
    )
    frame = table(home, asked(**texts))
    policy = section(frame, "policy")
    assert (policy["name"][0], policy["text_of"][0]) == (name, text_of)
    assert section(frame, "version")["bookwatch"][0] == "unknown"
    assert section(frame, "currency")["least"][0] == "unknown"
    # A code that this version does not know is counted, not left out.
    assert section(frame, "finding")["new_code"] == (None, 1, 0)
    with open_snapshot(require_snapshot(home)) as con:
        said = rules.rules_text(con, asked(**texts))
    assert ("rate_ppm = 300_000" in said) == bool(texts)
    assert ("The text of the policy is not known." in said) == (not texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_tells_every_line_and_the_policy_as_written(october: Home, language: str) -> None:
    with open_snapshot(require_snapshot(october)) as con:
        said = rules.rules_text(con, asked(), language)
        told = rules.lines(con, asked())
    assert policy_text().rstrip() in said
    assert "{" not in said
    for line in told:
        assert f"- `{line.code}`" in said


def test_an_empty_month_has_all_its_rules(home: Home, publish: Publish) -> None:
    publish(home, type(OCTOBER)())
    frame = table(home, asked())
    assert {count for _, count, _ in section(frame, "state").values()} == {0}
    assert section(frame, "policy")["name"][0] == "standard-30"
