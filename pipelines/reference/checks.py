"""Every check there is: on what, what it looks for, how bad that is, whether it stops publishing, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from checks.check import Check, TableCheck
from checks.every import all_checks
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS
from checks.verdicts import AnyCheck
from marketplace.findings import FINDINGS
from messages.catalogue import english
from pipelines.reference.layout import bullets, code, heading, paragraph, sentence, whole

_OPENING = """
A check that blocks keeps the snapshot from being published while it fails: the one before stays. One that does not
is published with what it found, and the run ends with 10. A check that could not be made fails and says so. The level
is how bad it is to people (alerts, pages). Verdicts are in [ops.check_results](tables.md#opscheck_results).
"""


def page() -> str:
    """The page, in Markdown."""
    every = all_checks().values()
    tables = [check for check in every if isinstance(check, TableCheck)]
    queries = [check for check in every if isinstance(check, Check)]
    findings = [check for check in queries if check.name.removeprefix("no_") in FINDINGS]
    rules = [check for check in queries if check not in findings]
    return whole(
        "Checks",
        "the records in `checks/`",
        paragraph(_OPENING),
        heading("Business and ledger"),
        *map(_rule, rules),
        heading("Findings on commissions"),
        paragraph(
            "One check a finding: it holds while no finding of that code is open, one that was waived being none."
            " What each means and what to do is in [findings.md](findings.md)."
        ),
        bullets(
            f"{code(check.name)} on {code(check.asset)}: {check.level}, {_blocks(check)}"
            for check in findings
        ),
        heading("Tables"),
        _alike(tables),
        heading("What was fetched"),
        _alike(SOURCE_CHECKS),
        heading("What a sweep compared"),
        _alike(SWEEP_CHECKS),
    )


def _blocks(check: AnyCheck) -> str:
    return "blocks publishing" if check.blocking else "does not block"


def _rule(check: Check) -> str:
    return "\n".join(
        [
            heading(check.name, 3),
            paragraph(
                f"On {code(check.asset)}; {check.level}; {_blocks(check)}. Looks for {sentence(check.looks_for)}"
            ),
            paragraph(english(check.what_to_do)),
        ]
    )


def _alike(checks: Sequence[AnyCheck]) -> str:
    """Checks of one kind, which differ by what they are made on alone."""
    first = checks[0]
    return "\n".join(
        [
            paragraph(
                f"{first.level.capitalize()}; {_blocks(first)}. Looks for {sentence(first.looks_for)}"
                f" {english(first.what_to_do).replace(first.asset.replace('/', '.'), 'the table named')}"
            ),
            bullets(f"{code(check.name)} on {code(check.asset)}" for check in checks),
        ]
    )
