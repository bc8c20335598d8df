"""`bookwatch explain` on what was published: figures, findings of every kind with their chain, and what it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marketplace.findings import FINDINGS
from messages.catalogue import LANGUAGES, say
from pipelines.chains import explain_finding
from resources.home import Home
from resources.policy_file import load_policy
from resources.snapshots import open_snapshot, require_snapshot
from tests.bookwatch_process import Bookwatch


def _explained(home: Home, *words: str) -> dict[str, Any]:
    done = Bookwatch(home.root)("explain", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_figure_is_explained_as_the_contract_has_it(published_home: Home) -> None:
    told = _explained(published_home, "marts.revenue_daily.booked_idr", "--where", "bookings > 0")
    assert told["figure"] == "marts.revenue_daily.booked_idr"
    assert told["where"] == "bookings > 0"
    assert told["value"] == told["total"] == sum(row["adds"] for row in told["rows"]) > 0
    assert told["complete"] is True
    assert told["count"] == len(told["rows"])
    assert {"id", "adds", "amount_rule", "change"} <= told["rows"][0].keys()


def test_a_missing_commission_is_walked_back_to_its_facts(published_home: Home) -> None:
    (row,) = Bookwatch(published_home.root).rows(
        "SELECT min_by(finding_id, finding_id) AS id, min_by(booking_id, finding_id) AS booking,"
        " min_by(expected_idr, finding_id) AS expected FROM marts.commission_findings"
        " WHERE finding = 'missing' AND expected_idr > 0"
    )
    told = _explained(published_home, f"finding:{row['id']}")
    assert told["value"] == told["total"] == -row["expected"]
    assert told["rows"] == [
        {"id": row["booking"], "of": "core.bookings", "adds": -row["expected"], "column": "expected_idr"}
    ]
    sources = " ".join(step["from"] for step in told["chain"])
    facts = " ".join(step["fact"] for step in told["chain"])
    assert f"core.bookings {row['booking']}" in sources
    assert "change " in sources
    assert "$updatedAt " in sources
    assert "commission_policy.toml standard-30" in sources
    assert "amount_idr = " in facts
    assert "policy_version = standard-30" in facts
    assert told["chain"][-1]["rule"] == (
        "A booking that earns has no live commission record 2 minutes after its acceptance."
    )


def test_every_finding_there_is_has_a_chain_in_every_language_and_adds_up(published_home: Home) -> None:
    with open_snapshot(require_snapshot(published_home)) as con:
        found = con.execute(
            "SELECT finding, finding_id FROM marts.commission_findings"
            " UNION ALL SELECT finding, finding_id FROM marts.closed_month_changes"
        ).fetchall()
        assert {kind for kind, _ in found} >= set(FINDINGS)
        for kind, finding_id in found:
            explained, chain = explain_finding(con, finding_id, load_policy())
            assert explained.value == explained.total, finding_id
            assert explained.rows, finding_id
            assert len(chain) >= 3, kind
            assert all(say(step.rule, language) for step in chain for language in LANGUAGES)
            assert all(step.fact and step.source for step in chain)


def test_a_person_reads_it_too(published_home: Home) -> None:
    done = Bookwatch(published_home.root)("explain", "marts.commission_summary.tracking_rate")
    assert done.returncode == 0, done.stderr
    assert "tracked_or_missing" in done.stdout
    assert "÷" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("marts.revenue_daily.book_idr",), "Near to it are: marts.revenue_daily.booked_idr"),
        (("finding:missing:nowhere",), "There is no finding missing:nowhere in this snapshot."),
        (("finding:missing:x", "--where", "true"), "--where does not go with it"),
        (("marts.revenue_daily.booked_idr", "--where", "true) LIMIT (1"), "one condition"),
    ],
)
def test_what_is_no_figure_ends_with_one_sentence(
    published_home: Home, words: tuple[str, ...], said: str
) -> None:
    done = Bookwatch(published_home.root)("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
