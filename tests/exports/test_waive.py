"""`bookwatch waive`: acknowledged findings enter the ledger, with who and why; every change is kept."""

from __future__ import annotations

import json
from collections.abc import Callable

from resources.home import Home
from resources.ledger import Ledger
from tests.exports.conftest import Outcome

Cli = Callable[..., Outcome]
ID = "missing:b-missing"


def test_a_waiver_enters_the_ledger_and_shows_its_finding(october: Home, cli: Cli) -> None:
    outcome = cli("waive", ID, "--reason", "paid in cash, see note 12", "--by", "Rani")
    assert outcome.status == 0
    for shown in (ID, "critical", "b-missing", "-90,000", "The commission is not there."):
        assert shown in outcome.out
    ledger = Ledger(october.ledger)
    assert ledger.waived() == {ID: "paid in cash, see note 12"}
    waiver = ledger.waiver(ID)
    assert waiver is not None
    assert (waiver.waived_by, waiver.waived_at.isoformat()) == ("Rani", "2026-11-06T01:02:03+00:00")


def test_an_unknown_finding_is_refused(october: Home, cli: Cli) -> None:
    outcome = cli("waive", "missing:nothing", "--reason", "x", "--by", "Rani")
    assert outcome.status == 2
    assert "There is no finding 'missing:nothing'" in outcome.err
    assert Ledger(october.ledger).waived() == {}


def test_a_waiver_needs_a_reason_and_a_name(october: Home, cli: Cli) -> None:
    for words in (
        ("--by", "Rani"),
        ("--reason", " ", "--by", "Rani"),
        ("--reason", "x"),
        ("--reason", "x", "--by", " "),
    ):
        assert cli("waive", ID, *words).status == 2
    assert Ledger(october.ledger).waived() == {}


def test_waiving_again_changes_the_reason_and_keeps_the_story(october: Home, cli: Cli) -> None:
    cli("waive", ID, "--reason", "first", "--by", "Rani")
    again = cli("waive", ID, "--reason", "first", "--by", "Rani")
    assert again.status == 0
    assert "nothing was changed" in again.out
    second = cli("waive", ID, "--reason", "second", "--by", "Budi")
    assert "it was waived by Rani" in second.out
    ledger = Ledger(october.ledger)
    assert ledger.waived() == {ID: "second"}
    assert [entry[:3] for entry in ledger.waiver_log(ID)] == [
        ("waived", "first", "Rani"),
        ("waived", "second", "Budi"),
    ]


def test_a_waiver_can_be_taken_back_once(october: Home, cli: Cli) -> None:
    cli("waive", ID, "--reason", "first", "--by", "Rani")
    undone = cli("waive", ID, "--undo", "--by", "Budi", "--reason", "it was wrong", "--json")
    assert undone.status == 0
    assert json.loads(undone.out)["outcome"] == "withdrawn"
    assert json.loads(undone.out)["before"]["by"] == "Rani"
    ledger = Ledger(october.ledger)
    assert ledger.waived() == {}
    assert ledger.waiver_log(ID)[-1][:3] == ("withdrawn", "it was wrong", "Budi")
    nothing = cli("waive", ID, "--undo", "--by", "Budi")
    assert nothing.status == 2
    assert "is not waived" in nothing.err


def test_without_a_snapshot_it_says_so(home: Home, cli: Cli) -> None:
    outcome = cli("waive", ID, "--reason", "x", "--by", "Rani")
    assert outcome.status == 1
    assert "There is no published snapshot" in outcome.err
