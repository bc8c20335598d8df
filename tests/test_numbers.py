"""Each number of the policy stands once: change it there, and every sentence, page and document tells the new one."""

# ruff: noqa: E501 - a sentence that is looked for stands in one piece

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from marketplace.closed_months import CLOSED_AFTER
from marketplace.commission import DEADLINE_TOLERANCE, rupiah
from marketplace.durations import minutes, short
from marketplace.error_rate import ERRORS_A_MINUTE, SLOW_SECONDS
from marketplace.members import MEMBER_LIMITS
from marketplace.rules import (
    AMOUNT_MAX_IDR,
    AMOUNT_MIN_IDR,
    AMOUNT_TOLERANCE_IDR,
    IMMEDIATE_DEADLINE_MINUTES,
    IMMEDIATE_START_MINUTES,
    NOT_YET_MINUTES,
    RESPONSE_MINUTES_IMMEDIATE,
    RESPONSE_MINUTES_SCHEDULED,
    ROUNDED_TOLERANCE_IDR,
    THOUSANDS_BELOW_IDR,
)
from marketplace.services import ANOMALY_LIMITS
from messages.catalogue import LANGUAGES
from messages.catalogue import sentences as spoken
from tests.policies import DEFAULT_POLICY

ROOT = Path(__file__).parents[1]
ROOMS = ("marketplace", "messages", "resources", "checks", "assets", "pipelines", "dashboards", "notebooks")
(RULE,) = DEFAULT_POLICY.rules

#: A number with the unit of a rule, as people write it in English or Indonesian.
_UNITS = "hours?|minutes?|days?|weeks?|seconds?|h|min|d|s|jam|menit|hari|detik|dtk|percent|persen|messages|bookings"
NUMBER = re.compile(rf"(?<![\w{{#.$-])(?:Rp ?\d[\d.,]*|\d[\d.,]*(?:\s?%|\s(?:{_UNITS})(?![\w-])))")
#: What is no rule of the marketplace, by where it stands, with the reason.
NO_RULES = {
    "messages/en.po: 100 %": "a whole",
    "messages/id.po: 100 %": "a whole",
    "pipelines/cli/alert_silences.py: 30 days": "the longest silence",
    "pipelines/cli/alerts.py: 30 days": "how long what is over is kept",
    "pipelines/cli/sweep.py: 5 %": "from which a sweep asks whether deletes are meant",
    "dashboards/text/en.toml: 7 days": "a choice of the period",
    "dashboards/text/en.toml: 30 days": "a choice of the period, and how long what is over is kept",
    "dashboards/text/en.toml: 90 days": "a choice of the period",
    "dashboards/text/en.toml: 24 hours": "a choice of the reach",
    "dashboards/text/id.toml: 7 hari": "a choice of the period",
    "dashboards/text/id.toml: 30 hari": "a choice of the period, and how long what is over is kept",
    "dashboards/text/id.toml: 90 hari": "a choice of the period",
    "dashboards/text/id.toml: 24 jam": "a choice of the reach",
    "dashboards/text/id.toml: 1 jam": "a choice of the reach",
}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def sentences(tree: ast.Module) -> Iterator[str]:
    """Every text of a module that is no docstring; a formatted one with # for what is filled in."""
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "#" for p in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def texts(table: dict[str, object]) -> Iterator[str]:
    for value in table.values():
        if isinstance(value, dict):
            yield from texts(value)
        else:
            yield str(value)


def test_no_sentence_holds_a_number_of_a_rule() -> None:
    found: set[str] = set()
    for path, tree in modules():
        for text in sentences(tree):
            found |= {f"{path.relative_to(ROOT)}: {number}" for number in NUMBER.findall(text)}
    for path in sorted((*(ROOT / "dashboards/text").glob("*.toml"), *(ROOT / "messages").glob("*.toml"))):
        for text in texts(tomllib.loads(path.read_text(encoding="utf-8"))):
            found |= {f"{path.relative_to(ROOT)}: {number}" for number in NUMBER.findall(text)}
    for language in LANGUAGES:
        for text in spoken(language).values():
            found |= {f"messages/{language}.po: {number}" for number in NUMBER.findall(text)}
    assert found - NO_RULES.keys() == set()
    assert NO_RULES.keys() - found == set(), "this is said no more: take it off the list"


def literals(tree: ast.AST) -> Iterator[tuple[str, int | float]]:
    """(name, number) of each number that a name, a field or an argument is given."""
    for node in ast.walk(tree):
        given: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            given = [(target.id, node.value) for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            given = [(node.target.id, node.value)]
        elif isinstance(node, ast.keyword) and node.arg:
            given = [(node.arg, node.value)]
        for name, value in given:
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "timedelta":
                for unit in value.keywords:
                    if isinstance(unit.value, ast.Constant) and isinstance(unit.value.value, int | float):
                        yield name, unit.value.value
            elif isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                yield name, value.value


def test_every_number_of_the_commission_policy_stands_in_its_file_alone() -> None:
    """By value where it is like no other, else by what its name says."""
    subjects = {
        "fee": RULE.fee_idr,
        "rate": RULE.rate_ppm,
        "deadline": RULE.deadline_hours,
        "grace": RULE.grace_minutes,
        "restriction": RULE.restriction_minutes,
    }
    found = []
    for path, tree in modules():
        numbers = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is int}
        found += [(path.name, number) for number in numbers & {RULE.fee_idr, RULE.rate_ppm}]
        found += [
            (path.name, name, number)
            for name, number in literals(tree)
            for subject, told in subjects.items()
            if subject in name.lower().split("_") and number == told
        ]
    assert found == []


def test_no_room_below_names_a_number_of_the_marketplace_anew() -> None:
    """Neither by its name nor, where pages, checks and marts name a length of time, by its value."""
    ours: dict[str, str] = {}
    lengths: dict[timedelta, str] = {}
    for path, tree in modules():
        if path.parts[-2] == "marketplace":
            ours |= {name: path.name for name, _ in literals(tree) if name.isupper() and name[0] != "_"}
    for module in ("health", "members", "services", "closed_months", "commission", "error_rate"):
        space = vars(__import__(f"marketplace.{module}", fromlist=["*"]))
        lengths |= {v: name for name, v in space.items() if isinstance(v, timedelta)}
    technical = {
        ("health.py", "COURSE"),  # how much of the course a page draws
        ("published.py", "REFRESH_AFTER"),  # how seldom an unchanged snapshot is published anew
        ("expressions.py", "CLOCKS_APART"),
        ("capacity.py", "_HOUR"),  # what a row of the table covers
        ("hour_changes.py", "_HOUR"),
        ("series.py", "WIDEST"),  # how far apart hours are that are made anew by themselves
        ("accounts.py", "_PACE"),  # how far apart runs usually are
        ("period.py", "_DAY"),  # from one day of the calendar to the next
        ("changes.py", "A_DAY"),  # how far back a page looks by itself
        ("revenue.py", "A_WEEK"),  # from one weekday to the same of the week before
    }
    again: list[tuple[str, str]] = []
    for path, tree in modules():
        room = path.relative_to(ROOT).parts[0]
        if room == "marketplace":
            continue
        for node in tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if not isinstance(target, ast.Name) or value is None:
                continue
            if target.id in ours and not isinstance(value, ast.Name | ast.Attribute):
                again.append((path.name, target.id))
            text = ast.unparse(value)
            if room in ("dashboards", "checks", "assets") and re.fullmatch(r"timedelta\(\w+=\d+\)", text):
                length = timedelta(**{k.arg: ast.literal_eval(k.value) for k in value.keywords})  # type: ignore[attr-defined]  # a call, by its text
                if length in lengths and (path.name, target.id) not in technical:
                    again.append((path.name, f"{target.id} is {lengths[length]}"))
    assert again == []


# changed where it stands ------------------------------------------------------------------------------------

#: (file, what stands there, what is put there): each number gets one that nothing else has.
CHANGES = (
    ("commission_policy.toml", "rate_ppm = 300_000", "rate_ppm = 270_000"),
    ("commission_policy.toml", "fee_idr = 25_000", "fee_idr = 51_000"),
    ("commission_policy.toml", "deadline_hours = 3", "deadline_hours = 4"),
    ("commission_policy.toml", "grace_minutes = 2", "grace_minutes = 13"),
    ("commission_policy.toml", "restriction_minutes = 30", "restriction_minutes = 47"),
    ("commission.py", "DEADLINE_TOLERANCE: Final = timedelta(minutes=5)",
     "DEADLINE_TOLERANCE: Final = timedelta(minutes=23)"),
    ("commission.py", "(timedelta(hours=3), timedelta(hours=24), timedelta(days=7))",
     "(timedelta(hours=6), timedelta(hours=48), timedelta(days=9))"),
    ("health.py", "DAY: Final = timedelta(hours=24)", "DAY: Final = timedelta(hours=37)"),
    ("health.py", "WEEK: Final = timedelta(days=7)", "WEEK: Final = timedelta(days=11)"),
    ("health.py", "BOOKING_AGE: Final = timedelta(hours=1)", "BOOKING_AGE: Final = timedelta(hours=17)"),
    ("health.py", "SCAN_AGE: Final = timedelta(minutes=10)", "SCAN_AGE: Final = timedelta(minutes=19)"),
    ("health.py", "DELIVERY_PERCENT: Final = 80", "DELIVERY_PERCENT: Final = 73"),
    ("members.py", "unseen: timedelta = timedelta(minutes=10)", "unseen: timedelta = timedelta(minutes=14)"),
    ("members.py", "window: timedelta = timedelta(hours=24)", "window: timedelta = timedelta(hours=29)"),
    ("services.py", "duplicate: timedelta = timedelta(minutes=5)", "duplicate: timedelta = timedelta(minutes=6)"),
    ("services.py", "window: timedelta = timedelta(hours=1)", "window: timedelta = timedelta(hours=2)"),
    ("services.py", "bookings: int = 5", "bookings: int = 3"),
    ("services.py", "RESPONSE_WINDOW: Final = timedelta(days=30)", "RESPONSE_WINDOW: Final = timedelta(days=31)"),
    ("services.py", "TAIL: Final = 0.95", "TAIL: Final = 0.96"),
    ("links.py", "LINK_WINDOW: Final = timedelta(days=7)", "LINK_WINDOW: Final = timedelta(days=8)"),
    ("error_rate.py", "ERRORS_A_MINUTE: Final = 10", "ERRORS_A_MINUTE: Final = 12"),
    ("error_rate.py", "SLOW_SECONDS: Final = 3.0", "SLOW_SECONDS: Final = 4.5"),
    ("error_rate.py", "SLOW_IN_WINDOW: Final = 5", "SLOW_IN_WINDOW: Final = 13"),
    ("rules.py", "RESPONSE_MINUTES_IMMEDIATE: Final = 5", "RESPONSE_MINUTES_IMMEDIATE: Final = 7"),
    ("rules.py", "RESPONSE_MINUTES_SCHEDULED: Final = 30", "RESPONSE_MINUTES_SCHEDULED: Final = 33"),
    ("rules.py", "THOUSANDS_BELOW_IDR: Final = 10_000", "THOUSANDS_BELOW_IDR: Final = 11_000"),
    ("rules.py", "NOT_YET_MINUTES: Final = 5", "NOT_YET_MINUTES: Final = 21"),
)  # fmt: skip

#: What a process prints that runs with the changed files: everything that a person reads of the rules.
TELL = """
import json
from datetime import timedelta
from checks.every import all_checks
from dashboards.wording import Wording, texts
from marketplace.commission import AGE_WORDS, age_column
from marketplace.data_codes import DATA_FINDINGS
from marketplace.collections import COLLECTIONS
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS
from marketplace.instants import NOT_YET
from messages.catalogue import english
from messages.rules import broken, data_rule, look, noted, rule
from pipelines.alerting.observe import observations
from pipelines.alerting.rules import RULES, AlertRule
from pipelines.alerting import observe
from resources.policy_file import load_policy
from tests.marts.warehouse import NOW, Warehouse

policy = load_policy()
w = Warehouse()
old = timedelta(days=4)
w.provider("p1", last_seen_at=NOW - timedelta(minutes=15), status="AVAILABLE")
w.booking("b1", created_at=NOW - old, completed_at=NOW - old)
w.booking("unpaid", created_at=NOW - old, completed_at=NOW - old)
w.commission(
    "c1", "unpaid", status="overdue", commission_idr=None, fee_state="present", fee_idr=25_000, deadline_at=NOW
)
for n in range(5):
    w.booking(f"burst{n}", customer_id="u1", customer_key="c:u1", status="pending", created_at=NOW - timedelta(minutes=60 - n))
for n in range(2):
    w.booking(f"expired{n}", provider_id="p1", status="expired", created_at=NOW - timedelta(hours=20 + n))
w.build(["commission_findings", "health_points", "member_health", "booking_anomalies", "commission_balances"], policy=policy)
alerts = [m for r in RULES for m in (observe._says(r, policy), r.what_to_do) if m is not None]
say = {language: Wording(language, "UTC") for language in ("en", "id")}
rules = [rule(code, policy) for code in FINDINGS]
points = [m for n in HEALTH_POINTS for m in (look(n), broken(n))]
indonesian = [say["id"].message(m) for m in (*rules, *alerts, *points)]
print(json.dumps({
    "details": [row["detail"] for row in w.rows("FROM marts.commission_findings")],
    "health": [row["message"] for row in w.rows("FROM marts.health_points")]
        + list(map(english, points)),
    "reasons": [row["reasons"] for row in w.rows("FROM marts.member_health")],
    "anomalies": [row["detail"] for row in w.rows("FROM marts.booking_anomalies")],
    "checks": [english(check.what_to_do) for check in all_checks().values()],
    "rules": list(map(english, rules)),
    "alerts": list(map(english, alerts)),
    "data": [english(m) for m in (*map(data_rule, DATA_FINDINGS), noted(NOT_YET))],
    "expected": [e.without for c in COLLECTIONS for e in c.expected],
    "ages": [*AGE_WORDS, *map(age_column, AGE_WORDS)],
    "en": list(texts("en").values()),
    "id": [*texts("id").values(), *indonesian],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the product says once every number was changed where it stands, by kind."""
    folder = tmp_path_factory.mktemp("changed")
    for room in ROOMS[:-1]:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, after in CHANGES:
        path = folder / "marketplace" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, (name, before)
        path.write_text(text.replace(before, after), encoding="utf-8")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {kind: "\n".join(map(str, said)) for kind, said in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("details", ("Rp 67.500 should have been recorded", "Rp 51.000")),
        ("rules", ("record 13 minutes after", "over 23 minutes from the end of service plus 4 hours", "47 minutes past")),
        ("alerts", ("record 13 minutes after", "plus 4 hours", "RESTRICTED 47 minutes past", "over 19 minutes")),
        ("health", ("last 37 hours", "last 11 days", "at most 17 hours old", "last 19 minutes", "73 %", "73%")),
        ("reasons", ("not seen for 14 minutes", "missed requests in 29 hours")),
        ("anomalies", ("within 6 minutes", "more than 3 within 2 hours")),
        ("checks", ("last 37 hours", "12 errors or more within a minute")),
        ("data", ("below 11,000", "over 21 minutes after")),
        ("expected", ("7 or 33 minutes are assumed",)),
        ("ages", ("0-6 h", "6-48 h", "2-9 d", "over 9 d", "age_0_6h_idr")),
        ("en", ("in 37 h", "in 11 days", "Missed, 29 h", "96 % answered", "last 31 days", "of the last 8 days", "over 4.5 s")),
        ("id", ("dalam 37 jam", "dalam 11 hari", "13 menit setelah diterima", "23 menit", "ditambah 4 jam", "73 %", "17 jam")),
    ],
)  # fmt: skip
def test_a_number_changed_where_it_stands_is_told_everywhere(
    told: dict[str, str], kind: str, words: tuple[str, ...]
) -> None:
    assert [each for each in words if each not in told[kind]] == []


def test_no_old_number_is_told_any_more(told: dict[str, str]) -> None:
    """Whatever number with a unit is still said is a new one, or no rule (above)."""
    new = " ".join(after for _, _, after in CHANGES)
    known = {*re.findall(r"\d+", new.replace("_", "")), "270", "67", "51", "100", "90"}
    # The choices of a period and of a reach, how long things are kept, counts of what was planted.
    known |= {"7", "30", "24", "1", "5", "6"}
    old = [
        (kind, number)
        for kind, said in told.items()
        for number in NUMBER.findall(said)
        if not set(re.findall(r"\d+", number)) & known and kind not in ("details",)
    ]
    assert old == []
    for kind in ("rules", "alerts", "health", "checks"):
        assert not re.search(
            r"\b(24 hours|7 days|10 minutes|3 hours|30 minutes|2 minutes|80 ?%)", told[kind]
        ), kind


# the documents --------------------------------------------------------------------------------------------


def documented() -> Iterator[tuple[str, str]]:
    """(document, what it must say). They are written for people and stay so: here is where each number comes
    from. Pages of the reference are made of the numbers."""
    yield "domain.md", f"**commission** of {RULE.rate_ppm / 10_000:g} % of every accepted booking"
    yield "domain.md", f"within {RULE.deadline_hours} hours of the end of the service"
    yield "domain.md", f"Expected: {RULE.rate_ppm / 10_000:g} % of the booking's amount"
    yield "domain.md", f"for a grace of {RULE.grace_minutes} minutes from the acceptance"
    yield "domain.md", f"(completedAt, else start + duration) + {RULE.deadline_hours} hours"
    yield (
        "domain.md",
        f"a fee of Rp {RULE.fee_idr:,}, restriction of the account {RULE.restriction_minutes} minutes later",
    )
    yield "domain.md", f"below {THOUSANDS_BELOW_IDR:,} it is thousands"
    yield "domain.md", f"over Rp {AMOUNT_TOLERANCE_IDR} apart in rupiah (Rp {ROUNDED_TOLERANCE_IDR} where one"
    yield "domain.md", f"is believed from Rp {AMOUNT_MIN_IDR:,} to {AMOUNT_MAX_IDR:,}"
    yield "domain.md", f"more than {NOT_YET_MINUTES} minutes after the later of"
    yield (
        "domain.md",
        f"Response deadline: {RESPONSE_MINUTES_IMMEDIATE} minutes immediate, {RESPONSE_MINUTES_SCHEDULED} scheduled",
    )
    yield "domain.md", f"immediate within {IMMEDIATE_START_MINUTES // 60} h after creation"
    yield "domain.md", f"response deadline is at most {IMMEDIATE_DEADLINE_MINUTES} minutes after creation"
    yield "domain.md", f"provider within {minutes(ANOMALY_LIMITS.duplicate)} minutes"
    yield (
        "domain.md",
        f"Abuse: over {ANOMALY_LIMITS.bookings} bookings or over {ANOMALY_LIMITS.messages} messages of one user in an hour",
    )
    yield "domain.md", f"offline (not seen for {minutes(MEMBER_LIMITS.unseen)} minutes)"
    yield (
        "domain.md",
        f"critical (over {MEMBER_LIMITS.missed} missed requests in {short(MEMBER_LIMITS.window)}",
    )
    yield "domain.md", f"or over {MEMBER_LIMITS.unread} unread messages"
    yield "domain.md", f"alert at {ERRORS_A_MINUTE} a minute"
    yield "domain.md", f"Operations slower than {SLOW_SECONDS:g} s are flagged"
    yield "commission.md", f"share of its amount: {RULE.rate_ppm / 10_000:g} % by default"
    yield "commission.md", f"no record, within {RULE.grace_minutes} minutes of the accrual moment"
    yield "commission.md", f"no live record {RULE.grace_minutes} minutes after its accrual moment"
    yield (
        "commission.md",
        f"over {minutes(DEADLINE_TOLERANCE)} minutes from both completedAt + {RULE.deadline_hours} h and start + duration + {RULE.deadline_hours} h",
    )
    yield (
        "commission.md",
        f"unpaid more than {RULE.restriction_minutes} minutes past the deadline without a fee",
    )
    yield "commission.md", f"the late fee of {rupiah(RULE.fee_idr)} is not on it"
    yield "commission.md", f"the policy's is {rupiah(RULE.fee_idr)}"
    yield "commission.md", f"or is not RESTRICTED {RULE.restriction_minutes} minutes past a deadline"
    yield "commission.md", f"(completedAt, else start + minutes) plus {RULE.deadline_hours} hours"
    yield "commission.md", f"past its deadline by more than {RULE.restriction_minutes} minutes"
    yield (
        "commission.md",
        f"A local month is closed {CLOSED_AFTER // timedelta(hours=1)} hours after it ended",
    )


@pytest.mark.parametrize(("document", "said"), list(documented()))
def test_a_document_says_the_number_of_the_policy(document: str, said: str) -> None:
    assert said in " ".join((ROOT / "docs" / document).read_text(encoding="utf-8").split())
