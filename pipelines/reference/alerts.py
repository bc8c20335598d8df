"""Every rule of alerts: what it rests on, when it is told, what mutes it."""

from __future__ import annotations

from datetime import timedelta

from marketplace.durations import spelled
from marketplace.findings import FINDINGS
from messages.catalogue import say
from messages.figures import called
from messages.figures import sentence as sentence_of
from messages.rules import rule as message_of_rule
from pipelines.alerting.rules import REMIND_EVERY, RULES, AlertRule
from pipelines.reference.layout import bullets, code, heading, listed, paragraph, sentence, whole
from resources.policy_file import load_policy

_OPENING = """
How these are decided, told, muted and silenced is in [alerts.md](../alerts.md). A rule rests on a check
([checks.md](checks.md)), a health point ([health.md](../health.md)), a figure or the end of a run. One for many checks
has no name of its own: its alerts are named as the checks are, and the first rule that fits is the check's.
"""


def page() -> str:
    """The page, in Markdown."""
    again = ", ".join(f"{severity} {spelled(every)}" for severity, every in REMIND_EVERY.items())
    return whole(
        "Rules of alerts",
        "the records in `pipelines/alerting/rules.py`",
        paragraph(_OPENING),
        paragraph(f"One that goes on is told again after: {again}."),
        *map(_rule, RULES),
    )


def _rule(rule: AlertRule) -> str:
    title = rule.name or f"every other check named `{rule.source.partition(':')[2]}`"
    return "\n".join([heading(title), paragraph(_said(rule)), bullets(_facts(rule))])


def _said(rule: AlertRule) -> str:
    code = rule.source.removeprefix("check:no_")
    told = message_of_rule(code, load_policy()) if code in FINDINGS else rule.says
    said = (sentence(say(part)) for part in (told, rule.what_to_do) if part)
    return " ".join(said) or "As the check says."


def _facts(rule: AlertRule) -> list[str]:
    facts = [
        f"rests on {code(rule.source)}; severity: {rule.severity or 'of what it rests on'}; page {code(rule.page)}",
        f"told {_after(rule.hold_for)}; over {_over(rule.keep_firing_for)}",
    ]
    if rule.figure:
        said = f"{called(rule.figure)}, in {rule.unit}: {sentence_of(rule.figure)}"
        facts.append(f"tells {code(rule.figure)} ([metrics.md](metrics.md)): {said}")
    if rule.labels:
        facts.append(f"one alert for each {' and '.join(rule.labels)}")
    if rule.inhibited_by:
        facts.append(f"muted while one of these fires: {listed(rule.inhibited_by)}")
    return facts


def _after(length: timedelta) -> str:
    return f"after {spelled(length)}" if length else "at once"


def _over(length: timedelta) -> str:
    return f"when it was not seen for {spelled(length)}" if length else "when it is not seen"
