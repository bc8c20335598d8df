"""Every check there is, by name: on which asset, how severe, whether it blocks publishing, and how it is
evaluated.

Dagster is not known here: pipelines wraps these records as asset checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import duckdb

from checks import commission_account, days
from checks.factory import Evaluate, validate, validate_rows
from checks.points import ERROR_RATE, FINDING_SCHEMAS, POINT_SCHEMAS, ZERO_MISSING
from checks.results import CheckResult, CheckSeverity
from checks.schemas import CORE, MARTS
from checks.schemas.table import Declaration
from marketplace.error_rate import ERROR_RATE_WINDOW, ERRORS_A_MINUTE, NOT_COUNTED
from marketplace.findings import FINDINGS, Severity
from marketplace.health import HEALTH_POINTS
from marketplace.registry import Registry


@dataclass(frozen=True)
class RegisteredCheck:
    """A check on one asset (key as text, parts joined by '/'). A blocking check that fails keeps the
    snapshot from being published."""

    name: str
    asset: str
    severity: CheckSeverity
    level: Severity
    blocking: bool
    what_to_do: str
    evaluate: Evaluate

    def run(self, con: duckdb.DuckDBPyConnection) -> CheckResult:
        """Evaluate on a warehouse or snapshot. Never raises."""
        return self.evaluate(con)


def _snake(words: str) -> str:
    return words.replace(" ", "_").replace("-", "_")


def _schema_check(table: Declaration) -> RegisteredCheck:
    what = (
        f"A row of {table.table} breaks its schema: this is an error of bookwatch;"
        " the last snapshot stays published; report it."
    )
    name, asset = f"{table.layer}_{table.name}_schema", f"{table.layer}/{table.name}"
    blank = CheckResult(name, asset, False, "ERROR", what_to_do=what, level="critical")
    return RegisteredCheck(
        name,
        asset,
        "ERROR",
        "critical",
        True,
        what,
        lambda con: validate(
            con,
            table.model,
            table.table,
            result=blank,
            id_column=table.id_column,
            unique_where_present=table.unique_where_present,
        ),
    )


def _point_check(number: int) -> RegisteredCheck:
    point = HEALTH_POINTS[number]
    name = f"health_point_{number}_{_snake(point.name)}"
    severity: CheckSeverity = "ERROR" if point.severity == "critical" else "WARN"
    what = f"Look at {point.component}: it is healthy when {point.works_when}."
    blank = CheckResult(name, "marts/health_points", False, severity, what_to_do=what, level=point.severity)
    query = f"SELECT point, status FROM marts.health_points WHERE point = {number}"
    return RegisteredCheck(
        name,
        "marts/health_points",
        severity,
        point.severity,
        False,
        what,
        lambda con: validate_rows(con, POINT_SCHEMAS[number], query, result=blank, id_column="point"),
    )


def _zero_missing() -> RegisteredCheck:
    name, asset = "zero_missing_commission", "marts/commission_summary"
    what = FINDINGS["missing"].what_to_do
    blank = CheckResult(name, asset, False, "ERROR", what_to_do=what, level="critical")
    query = (
        "SELECT missing, missing - (SELECT count(*) FROM marts.commission_findings"
        " WHERE finding = 'missing' AND waived)"
        " AS unwaived_missing FROM marts.commission_summary"
    )

    def evaluate(con: duckdb.DuckDBPyConnection) -> CheckResult:
        result = validate_rows(con, ZERO_MISSING, query, result=blank)
        if result.passed or any("itself failed" in rule for rule in result.broken_rules):
            return result
        missing = "FROM marts.commission_findings WHERE finding = 'missing' AND NOT waived"
        ids = con.sql(f"SELECT booking_id {missing} ORDER BY booking_id LIMIT 20").fetchall()
        total = con.sql(f"SELECT count(*) {missing}").fetchall()
        return result.with_ids((str(row[0]) for row in ids), int(total[0][0]))

    return RegisteredCheck(name, asset, "ERROR", "critical", False, what, evaluate)


def _finding_check(code: str) -> RegisteredCheck:
    finding = FINDINGS[code]
    name, asset = f"no_{code}", "marts/commission_findings"
    blank = CheckResult(name, asset, False, "WARN", what_to_do=finding.what_to_do, level=finding.severity)
    query = (
        "SELECT finding_id, finding, waived FROM marts.commission_findings"
        f" WHERE finding = '{code}' ORDER BY finding_id"
    )
    return RegisteredCheck(
        name,
        asset,
        "WARN",
        finding.severity,
        False,
        finding.what_to_do,
        lambda con: validate_rows(con, FINDING_SCHEMAS[code], query, result=blank, id_column="finding_id"),
    )


@dataclass(frozen=True)
class _Account:
    """A check of commission_account.py or days.py: on which mart, how severe, and what to do."""

    name: str
    mart: str
    severity: CheckSeverity
    level: Severity
    what_to_do: str
    evaluate: Callable[[duckdb.DuckDBPyConnection, CheckResult], CheckResult]


_ACCOUNT_CHECKS: Final = (
    _Account(
        "ledger_balance",
        "commission_ledger",
        "ERROR",
        "critical",
        "The ledger does not add up: an error of bookwatch. Use no figure of it, and report it with the rules named.",
        commission_account.ledger_balance,
    ),
    _Account(
        "commission_state",
        "commission_summary",
        "ERROR",
        "critical",
        "The state of the whole is not that of its rows: an error of bookwatch; report it.",
        commission_account.commission_state,
    ),
    _Account(
        "no_closed_month_changed",
        "closed_month_changes",
        "WARN",
        "high",
        "See in marts.closed_month_changes what a closed month said before; find who changed its rows in the app,"
        " correct reports already given, then `bookwatch waive` it.",
        commission_account.closed_months,
    ),
    _Account(
        "no_future_day",
        "month_figures",
        "WARN",
        "high",
        "A figure lies on a day that has not come. Find the rows of that day in the mart named: where the $updatedAt of"
        " one lies ahead of both clocks, correct it in Appwrite; else it is an error of bookwatch: report it.",
        days.no_future_day,
    ),
)


def _account_check(check: _Account) -> RegisteredCheck:
    asset = f"marts/{check.mart}"
    blank = CheckResult(
        check.name, asset, False, check.severity, what_to_do=check.what_to_do, level=check.level
    )
    return RegisteredCheck(
        check.name,
        asset,
        check.severity,
        check.level,
        False,
        check.what_to_do,
        lambda con: check.evaluate(con, blank),
    )


# The instant is this run's: the newest verdict on health. Each event counts those of the minute that ends with it.
_BUSIEST_MINUTE = f"""
WITH clock AS (
    SELECT coalesce((SELECT max(evaluated_at) FROM ops.health_changes), (SELECT max(called_at) FROM ops.errors))
        AS now),
recent AS (
    SELECT called_at, category, operation FROM ops.errors, clock
    WHERE reason NOT IN {NOT_COUNTED} AND called_at <= clock.now
      AND called_at > clock.now - INTERVAL {int(ERROR_RATE_WINDOW.total_seconds()) + 60} SECOND),
rated AS (
    SELECT called_at, count(*) OVER (ORDER BY called_at RANGE BETWEEN INTERVAL 59999999 MICROSECONDS PRECEDING
        AND CURRENT ROW) AS events FROM recent)
SELECT called_at, events FROM rated, clock
WHERE called_at > clock.now - INTERVAL {int(ERROR_RATE_WINDOW.total_seconds())} SECOND
ORDER BY events DESC, called_at DESC LIMIT 1
"""
_WHAT_FAILED = f"""
SELECT category, operation, count(*) AS events FROM ops.errors
WHERE reason NOT IN {NOT_COUNTED} AND called_at <= $at AND called_at > $at::TIMESTAMP - INTERVAL 1 MINUTE
GROUP BY ALL ORDER BY events DESC, category, operation LIMIT 3
"""


def _error_rate() -> RegisteredCheck:
    name, asset = "error_rate", "ops/errors"
    what = (
        f"{ERRORS_A_MINUTE} errors or more within a minute: look at the operations named, with"
        " `bookwatch errors` or on the Errors page."
    )
    blank = CheckResult(name, asset, False, "WARN", what_to_do=what, level="medium")
    query = f"SELECT coalesce(max(events), 0)::BIGINT AS events FROM ({_BUSIEST_MINUTE})"

    def evaluate(con: duckdb.DuckDBPyConnection) -> CheckResult:
        result = validate_rows(con, ERROR_RATE, query, result=blank)
        if result.passed or any("itself failed" in rule for rule in result.broken_rules):
            return result
        at, events = con.execute(_BUSIEST_MINUTE).fetchall()[0]
        found = con.execute(_WHAT_FAILED, {"at": at}).fetchall()
        told = ", ".join(f"{category} {operation} {count}" for category, operation, count in found)
        sentence = (
            f"{events} error events in the minute to {at:%H:%M:%S} UTC, limit {ERRORS_A_MINUTE}: {told}"
        )
        return replace(result, failed_rows=int(events), broken_rules=(sentence,))

    return RegisteredCheck(name, asset, "WARN", "medium", False, what, evaluate)


def registry_of(core: Mapping[str, Declaration]) -> Registry[str, RegisteredCheck]:
    """Every check, given core's tables by name. Raises ValueError if two share a name."""
    checks = [_schema_check(table) for table in (*core.values(), *MARTS.values()) if table.checked]
    checks += [_point_check(number) for number in HEALTH_POINTS]
    checks.append(_zero_missing())
    checks += [_account_check(check) for check in _ACCOUNT_CHECKS]
    checks += [_finding_check(code) for code in FINDINGS]
    checks.append(_error_rate())
    return Registry(checks, key=lambda check: check.name)


def all_checks() -> Registry[str, RegisteredCheck]:
    """Every check of core and marts."""
    return registry_of(CORE)
