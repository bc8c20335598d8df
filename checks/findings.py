"""That no finding on commissions is open: every one was acknowledged, or there is none."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.findings import FINDINGS, Finding, Severity
from messages.rules import what_to_do

ZERO_MISSING: Final = Check(
    "zero_missing_commission",
    "marts/commission_summary",
    """
    WITH open AS (SELECT booking_id FROM marts.commission_findings WHERE finding = 'missing' AND NOT waived),
    waived AS (SELECT count(*) AS rows FROM marts.commission_findings WHERE finding = 'missing' AND waived)
    SELECT 'unwaived_missing: equal_to' AS rule, open.booking_id
    FROM marts.commission_summary AS whole, waived LEFT JOIN open ON true
    WHERE whole.missing <> waived.rows
    UNION ALL
    SELECT 'commission_was_summarised', open.booking_id
    FROM (SELECT count(*) AS rows FROM marts.commission_summary) AS summaries LEFT JOIN open ON true
    WHERE summaries.rows <> 1
    ORDER BY ALL
    """,
    level=Severity.CRITICAL,
    looks_for="a booking that is missing its commission record and was not waived; and that the whole was summed up",
    severity="ERROR",
    what_to_do=what_to_do("missing"),
)


def _none_open(code: str, finding: Finding) -> Check:
    return Check(
        f"no_{code}",
        "marts/commission_findings",
        f"SELECT 'waived: equal_to' AS rule, finding_id FROM marts.commission_findings"
        f" WHERE finding = '{code}' AND NOT waived ORDER BY finding_id",
        level=finding.severity,
        looks_for=f"a finding {code} that is open",
        what_to_do=what_to_do(code),
    )


CHECKS: Final = (ZERO_MISSING, *(_none_open(code, finding) for code, finding in FINDINGS.items()))
