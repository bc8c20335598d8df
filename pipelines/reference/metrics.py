"""The figures that people quote, by name."""

from __future__ import annotations

from marketplace.metrics import METRICS, Metric
from messages.catalogue import LANGUAGES, labels
from pipelines.reference.layout import bullets, code, heading, listed, paragraph, sentence, whole

_OPENING = """
Each is a view `metrics.<name>` of a snapshot: `value` by the dimensions at hand. Of one that adds up, the values of
several rows add up; of a share add up `numerator` and `denominator` and divide then; any other is not to be put
together from rows. What is behind a figure of these: `bookwatch explain` ([explain.md](../explain.md)).
"""


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Metrics",
        "`marketplace/metrics.py` and `messages/metrics.toml`",
        paragraph(_OPENING),
        *(_metric(metric) for metric in METRICS.values()),
    )


def _made_of(metric: Metric) -> str:
    return listed(metric.made_of) if metric.made_of else "what bookwatch itself did"


def _figures(metric: Metric) -> str:
    if metric.figures:
        return listed(metric.figures)
    return "its rows are counted" if metric.is_additive and not metric.adds else "none that is explained"


def _metric(metric: Metric) -> str:
    where = f" where {code(metric.where)}" if metric.where else ""
    told = {language: labels(language) for language in LANGUAGES}
    names = [
        f"{language}: {said[f'metric.{metric.name}']}: {sentence(said[f'metric_is.{metric.name}'])}"
        for language, said in told.items()
    ]
    facts = [
        f"unit: {metric.unit.value}; {'adds up' if metric.is_additive else 'does not add up'}",
        f"formula: {code(metric.formula)} of {code(metric.table)}{where}",
        f"by: {listed(metric.by) if metric.by else 'the whole'}; made of {_made_of(metric)}",
        f"figures: {_figures(metric)}",
    ]
    return "\n".join([heading(code(metric.name)), bullets([*names, *facts])])
