"""Every finding a commission can have, with the numbers of the policy in force, and those on data."""

from __future__ import annotations

from marketplace.data_codes import DATA_FINDINGS
from marketplace.findings import FINDINGS, Finding
from messages.catalogue import say
from messages.rules import data_rule, rule, what_to_do
from pipelines.reference.layout import bullets, code, heading, paragraph, sentence, whole
from resources.policy_file import load_policy

_OPENING = """
How each is found, with examples, is in [commission.md](../commission.md#findings); the findings there are now, in
[marts.commission_findings](tables.md#martscommission_findings). The id of a finding is its code, a colon and the id of
the row it rests on. Its check is `no_` and its code.
"""
_DATA = """
A value that could not be trusted, in [marts.data_findings](tables.md#martsdata_findings). Where each is found and what
is taken instead is in [data_findings.md](../data_findings.md).
"""


def page() -> str:
    """The page, in Markdown."""
    policy = load_policy()

    def one(finding: Finding) -> str:
        return "\n".join(
            [
                heading(finding.code, 3),
                paragraph(
                    f"{finding.severity.capitalize()}; rests on the {finding.rests_on}."
                    f" {sentence(say(rule(finding.code, policy)))}"
                ),
                paragraph(f"To do: {say(what_to_do(finding.code))}"),
            ]
        )

    return whole(
        "Findings",
        "the records in `marketplace/findings.py` and `data_codes.py`, their sentences in `messages/en.po`, the numbers"
        " in `marketplace/commission_policy.toml`",
        heading("On commissions"),
        paragraph(_OPENING),
        *map(one, FINDINGS.values()),
        heading("On data"),
        paragraph(_DATA),
        bullets(f"{code(name)}: {say(data_rule(name))}" for name in DATA_FINDINGS),
    )
