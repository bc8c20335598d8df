"""What alerts and checks say is a code that both languages know, and every check and alert has a name for people."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from checks.every import all_checks
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS
from messages.catalogue import LANGUAGES, say, sentences
from messages.message import Message
from messages.names import name_of
from pipelines.alerting.observe import _says
from pipelines.alerting.rules import RULES
from pipelines.cli.run import as_json
from resources.run_report import CollectionScan, Ingested, Run, RunReport
from resources.settings import Settings
from tests.policies import DEFAULT_POLICY

CHECKS = (*all_checks().values(), *SOURCE_CHECKS, *SWEEP_CHECKS)


def in_both(message: Message) -> tuple[str, str]:
    """What it says in each language, which differ and leave no place open."""
    english, indonesian = (say(message, language) for language in LANGUAGES)
    assert english != indonesian, message
    assert "{" not in english + indonesian, message
    return english, indonesian


def test_everything_fixed_that_an_alert_says_is_said_in_both_languages() -> None:
    said = [_says(rule, DEFAULT_POLICY) for rule in RULES] + [rule.what_to_do for rule in RULES]
    fixed = {message for message in said if message is not None}
    assert len(fixed) > 40
    for message in fixed:
        in_both(message)


def test_what_a_failing_check_asks_to_do_is_said_in_both_languages() -> None:
    asked = {check.what_to_do for check in CHECKS}
    assert len(asked) > 30
    for message in asked:
        assert isinstance(message, Message)
        in_both(message)


def test_every_check_and_every_alert_has_a_name_in_both_languages() -> None:
    names = {check.name for check in CHECKS} | {rule.name for rule in RULES if rule.name}
    assert len(names) > 100
    for name in names:
        called = name_of(name)
        assert called is not None, name
        in_both(called)
    assert in_both(name_of("raw_hotel_bookings_counts") or Message("")) == (
        "Every row of hotel_bookings stored",
        "Setiap baris hotel_bookings tersimpan",
    )


def test_no_name_stands_in_the_catalogue_for_nothing() -> None:
    names = {check.name for check in CHECKS} | {rule.name for rule in RULES if rule.name}
    used = {called.code for name in names if (called := name_of(name))}
    assert {code for code in sentences("en") if code.startswith("name.")} == used


@pytest.mark.parametrize("name", ["no_such_check", "raw__counts", "of_tomorrow_schema_x", ""])
def test_a_name_that_is_newer_than_the_catalogue_has_none(name: str) -> None:
    assert name_of(name) is None


def test_what_commands_print_of_scans_and_warnings_is_as_before_codes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    run = Run(settings=settings, run_id="r", sequence=1, started_at=settings.clock.now())
    why = Message("call.of", {"operation": "list_rows", "collection": "users"})
    scan = CollectionScan("users", False, "missing", detail=say(why), why=why)
    run.warn("private names", Message("failure.disk_full"))
    printed = as_json(RunReport(run, ingested=Ingested((scan,))))
    assert printed["warnings"] == [{"step": "private names", "problem": "The disk is full."}]
    (told,) = printed["collections"]
    assert (told["detail"], "why" in told) == ("list_rows of users", False)
    assert orjson.dumps(printed)
