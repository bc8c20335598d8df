"""What a run says to the rules: three states stay three, and what could not be judged is not said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.verdicts import CORE, MARTS, RAW, SWEEP
from marketplace.health import HEALTH_POINTS
from marketplace.unusual import UNSEEN
from messages.catalogue import say
from messages.message import Message
from messages.rules import broken
from pipelines.alerting.engine import Observation
from pipelines.alerting.observe import observations
from pipelines.alerting.rules import RULES
from resources.errors import BookwatchError, SourceUnavailable
from resources.ledger.alerts import Alert
from resources.run_report import CheckOutcome, CollectionScan, Ingested, Published, Run, RunReport
from resources.settings import Settings

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> RunReport:
    settings = Settings(home=tmp_path, now=NOW)
    return RunReport(Run(settings=settings, run_id="r", sequence=1, started_at=NOW))


def status(
    *points: dict[str, Any], scanned: dict[str, datetime] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "health": {"points": list(points)},
        "freshness": {
            "collections": [
                {"collection": name, "completed_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
                for name, at in (scanned or {}).items()
            ]
        },
        "quarantine": {"count": 0, "oldest_first_seen_at": None, "reasons": {}},
        **more,
    }


def seen(run: RunReport, content: dict[str, Any], **more: Any) -> dict[str, Observation]:
    return {o.alert_id: o for o in observations(run, content, **more)}


def point(number: int, state: str, **more: Any) -> dict[str, Any]:
    known = HEALTH_POINTS[number]
    return {
        "point": number,
        "status": state,
        "severity": known.severity,
        "message": say(broken(number)),
        **more,
    }


def test_every_health_point_has_its_rule() -> None:
    assert {rule.source for rule in RULES if rule.source.startswith("point:")} == {
        f"point:{number}" for number in HEALTH_POINTS
    }


def test_a_broken_point_is_bad_a_working_one_good_and_an_unknown_one_nothing(run: RunReport) -> None:
    found = seen(
        run,
        status(
            point(6, "broken", figure=0.79, limit_value=0.8, since="2026-11-22T03:00:00Z"),
            point(4, "working"),
            point(2, "unknown"),
        ),
    )
    broken = found["health_point_6_notification_delivery{asset=marts/health_points}"]
    assert (broken.active, broken.figure, broken.limit, broken.unit) == (True, 0.79, 0.8, "share")
    assert (broken.severity, broken.page) == ("high", "/health")
    assert broken.since == NOW - timedelta(hours=1)
    assert "notification sender" in broken.detail
    assert not found["health_point_4_book_now{asset=marts/health_points}"].active
    assert not any("health_point_2" in alert_id for alert_id in found)


def test_the_check_of_a_point_says_nothing_beside_the_point_itself(run: RunReport) -> None:
    run = replace(
        run,
        checks=(CheckOutcome("health_point_2_chat_window_booking", "marts/health_points", True, "medium"),),
    )
    assert not any(o.name.startswith("health_point") for o in observations(run, status()))


def test_a_failing_check_is_bad_with_its_rows_and_ids(run: RunReport) -> None:
    checks = (
        CheckOutcome(
            "no_missing",
            "marts/commission_findings",
            False,
            "critical",
            failed_rows=7,
            sample_ids=tuple("abcdefg"),
            what_to_do="Record it.",
        ),
        CheckOutcome("core_bookings_schema", "core/bookings", True, "critical"),
    )
    run = replace(run, checks=checks)
    found = seen(run, status())
    bad = found["no_missing{asset=marts/commission_findings}"]
    assert (bad.active, bad.figure, bad.limit, bad.page) == (True, 7.0, 0.0, "/revenue")
    assert bad.detail == "ids: a, b, c, d, e and 2 more\nRecord it."
    assert not found["core_bookings_schema{asset=core/bookings}"].active


def test_a_check_that_could_not_be_made_says_only_that(run: RunReport) -> None:
    run = replace(
        run, checks=(CheckOutcome("no_missing", "marts/x", False, "critical", made=False, detail="OSError"),)
    )
    found = seen(run, status())
    assert "no_missing{asset=marts/x}" not in found
    assert found["check_not_made{check=no_missing}"].active
    run = replace(run, checks=(CheckOutcome("no_missing", "marts/x", True, "critical"),))
    assert not seen(run, status())["check_not_made{check=no_missing}"].active


def test_a_collection_that_is_unread_is_told_once_not_again_by_its_comparison(run: RunReport) -> None:
    checks = [
        CheckOutcome(f"raw_{name}_rows_match_source", f"raw/{name}", False, "medium", made=False)
        for name in ("users", "reviews")
    ]
    scans = (CollectionScan("users", False, "missing"), CollectionScan("reviews", False, "complete"))
    run = replace(run, checks=tuple(checks), ingested=Ingested(scans))
    found = seen(run, status())
    assert found["collection_unreadable{collection=users}"].active
    assert "check_not_made{check=raw_users_rows_match_source}" not in found
    assert found["check_not_made{check=raw_reviews_rows_match_source}"].active


def test_how_a_run_ended(run: RunReport) -> None:
    good = seen(run, status())
    assert not good["run_failed"].active
    assert not good["run_died"].active
    assert "source_unavailable" not in good  # nothing was scanned, so nothing is known of Appwrite
    run = replace(run, ingested=Ingested((CollectionScan("bookings", True, "complete"),)))
    assert not seen(run, status())["source_unavailable"].active
    assert "after_publishing" not in good  # nothing was published that could be followed
    run = replace(run, published=Published("s"))
    assert not seen(run, status())["after_publishing"].active
    run.run.warn("private names", "The disk is full.")
    warned = seen(run, status())
    assert (warned["run_failed"].active, warned["after_publishing"].active) == (False, True)
    assert warned["after_publishing"].detail.startswith("private names: The disk is full.")
    failed = seen(run.fail(BookwatchError("The disk is full.")), status())
    assert failed["run_failed"].active
    assert failed["run_failed"].detail == "The disk is full."
    away = seen(run.fail(SourceUnavailable("Appwrite does not answer.")), status())
    assert away["source_unavailable"].active
    assert "run_failed" not in away


def test_scans_are_stale_after_ten_minutes_and_not_judged_before_the_first(run: RunReport) -> None:
    assert "ingestion_stale" not in seen(run, status())
    names = ("bookings", "chat_messages", "commission_records")
    at = dict.fromkeys(names, NOW - timedelta(minutes=10))
    assert not seen(run, status(scanned=at))["ingestion_stale"].active
    at["chat_messages"] = NOW - timedelta(minutes=11)
    stale = seen(run, status(scanned=at))["ingestion_stale"]
    assert (stale.active, stale.figure, stale.limit) == (True, 11.0, 10.0)
    assert stale.since == NOW - timedelta(minutes=1)
    # One never scanned: that the others are fresh proves nothing, that they are stale does.
    del at["chat_messages"]
    assert "ingestion_stale" not in seen(run, status(scanned=at))
    at["bookings"] = NOW - timedelta(minutes=11)
    assert seen(run, status(scanned=at))["ingestion_stale"].active


def test_a_collection_that_could_not_be_read_is_an_alert_of_its_own(run: RunReport) -> None:
    scans = (
        CollectionScan("reviews", False, "forbidden"),
        CollectionScan("bookings", True, "partial"),
        CollectionScan("users", False, "complete"),
    )
    run = replace(run, ingested=Ingested(scans))
    found = seen(run, status())
    assert [
        (
            found[f"collection_unreadable{{collection={name}}}"].active,
            found[f"collection_unreadable{{collection={name}}}"].severity,
        )
        for name in ("reviews", "bookings", "users")
    ] == [(True, "medium"), (True, "high"), (False, "medium")]


def test_ten_errors_a_minute_are_one_alert_whatever_they_are_of(run: RunReport) -> None:
    check = CheckOutcome("error_rate", "ops/errors", False, "medium", failed_rows=12, detail="12 events")
    run = replace(run, checks=(check,))
    rate = seen(run, status())["error_rate"]
    assert (rate.active, rate.figure, rate.limit, rate.unit) == (True, 12.0, 10.0, "errors in a minute")
    assert (rate.summary, rate.page, rate.severity) == ("12 events", "/errors", "medium")


def test_quarantine_is_judged_where_it_was_looked_at(run: RunReport) -> None:
    held = {"count": 3, "oldest_first_seen_at": "2026-11-20T04:00:00Z", "reasons": {"id_missing": 3}}
    bad = seen(run, status(quarantine=held))["quarantine"]
    assert (bad.active, bad.figure, bad.detail.splitlines()[0]) == (True, 3.0, "3 × id_missing")
    assert not seen(run, status())["quarantine"].active
    run = run.fail(BookwatchError("It failed."))
    assert "quarantine" not in seen(run, status(quarantine=held))


def test_the_alert_of_a_check_that_is_no_more_ends(run: RunReport) -> None:
    known = [
        Alert("no_old", (("asset", "marts/x"),), "firing", "high", "", NOW, NOW),
        Alert("check_not_made", (("check", "no_old"),), "firing", "high", "", NOW, NOW),
        Alert("no_missing", (("asset", "marts/x"),), "firing", "high", "", NOW, NOW),
        Alert("run_died", (), "firing", "high", "", NOW, NOW),
        Alert("collection_unreadable", (("collection", "reviews"),), "firing", "high", "", NOW, NOW),
    ]
    found = seen(run, status(), known=known, watched={"no_missing"})
    gone = {alert_id for alert_id, o in found.items() if not o.active}
    assert {"no_old{asset=marts/x}", "check_not_made{check=no_old}"} <= gone
    assert "no_missing{asset=marts/x}" not in found
    assert "collection_unreadable{collection=reviews}" not in found


def test_every_check_there_is_has_a_rule_and_a_page() -> None:
    pages = {"/overview", "/revenue", "/health", "/members", "/errors", "/timings", "/links", "/alerts"} | {
        "/actions"
    }
    names = {check.name for group in (RAW, SWEEP, CORE, MARTS) for check in group.checks}
    assert len(names) > 40
    assert {RULES.of(name).page for name in names} <= pages
    assert {rule.page for rule in RULES} <= pages


def test_every_alert_has_an_address_of_its_rows() -> None:
    assert [rule.key for rule in RULES if not rule.rows] == []
    finding = RULES.of("no_duplicate").rows_of("no_duplicate", (("asset", "marts/commission_findings"),))
    assert finding == "/findings?code=duplicate"
    odd = RULES.of("check_not_made").rows_of("check_not_made", (("check", "a b&c"),))
    assert odd == "/data_quality?check=a%20b%26c"
    assert RULES.of("raw_x_counts").rows_of("raw_x_counts", ()) == "/data_quality?check=raw_x_counts"


def unusual(name: str, *, passed: bool, found: str = "") -> CheckOutcome:
    return CheckOutcome(
        check_name=name,
        asset="marts/unusual",
        passed=passed,
        severity="high",
        failed_rows=0 if passed else 1,
        found=(Message(found, {"series": "bookings", "source": "direct"}),) if found else (),
    )


def test_an_unusual_series_that_cannot_be_told_any_more_resolves_nothing(run: RunReport) -> None:
    """One that never could be told does not keep the alert of another."""

    def told(outcome: CheckOutcome) -> list[bool]:
        found = observations(replace(run, checks=(outcome,)), status())
        return [one.active for one in found if one.name == "unusual_entry_points"]

    assert told(unusual("unusual_entry_points", passed=False)) == [True]
    assert told(unusual("unusual_entry_points", passed=True, found=UNSEEN)) == []
    assert told(unusual("unusual_entry_points", passed=True, found="unusual.untold_history")) == [False]
    assert told(unusual("unusual_entry_points", passed=True)) == [False]


def test_that_nobody_books_mutes_what_says_so_too() -> None:
    muted = {rule.name for rule in RULES if "bookings_silent" in rule.inhibited_by}
    assert {name[:14] for name in muted if "health" in name} == {f"health_point_{n}" for n in (1, 4, 5)}
    assert {rule.name for rule in RULES if rule.name.startswith("unusual_")} <= muted
