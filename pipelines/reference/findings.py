"""Every finding a commission can have, with the numbers of the policy in force."""

from __future__ import annotations

from marketplace.findings import FINDINGS, Finding
from pipelines.reference.layout import code, heading, paragraph, sentence, whole
from resources.policy_file import load_policy

_OPENING = """
How each is found, with examples, is in [commission.md](../commission.md#findings); the findings there are now, in
[marts.commission_findings](tables.md#martscommission_findings). The id of a finding is its code, a colon and the id of
the row it rests on. Its check is `no_` and its code.
"""


def page() -> str:
    """The page, in Markdown."""
    policy = load_policy()

    def one(finding: Finding) -> str:
        return "\n".join(
            [
                heading(finding.code),
                paragraph(
                    f"{finding.severity.capitalize()}; rests on the {finding.rests_on}."
                    f" {sentence(finding.said(policy))}"
                ),
                paragraph(f"To do: {finding.what_to_do}"),
            ]
        )

    return whole(
        "Findings on commissions",
        f"the records in `marketplace/findings.py` and the numbers in {code('marketplace/commission_policy.toml')}",
        paragraph(_OPENING),
        *map(one, FINDINGS.values()),
    )
