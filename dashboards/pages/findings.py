"""Findings: what reconciliation found wrong, by code; one with its two records side by side and what to do."""

from __future__ import annotations

from dashboards.kit import glossary
from dashboards.kit.page import Page
from dashboards.sections import findings

PAGE = Page(
    name="findings",
    group="money",
    icon=":material/rule:",
    role="auditor",
    place=2,
    sections=(
        findings.opened,
        findings.by_code,
        findings.filters,
        findings.listed,
        glossary.words(
            "finding",
            "waived",
            "commission_difference",
            "duplicate",
            "orphan",
            "not_due",
            "late_record",
            "unknown",
        ),
    ),
    choices=findings.CHOICES,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
