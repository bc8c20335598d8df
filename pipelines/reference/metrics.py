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


def _metric(metric: Metric) -> str:
    where = f" where {code(metric.where)}" if metric.where else ""
    told = {language: labels(language) for language in LANGUAGES}
    names = [
        f"{language}: {said[f'metric.{metric.name}']}: {sentence(said[f'metric_is.{metric.name}'])}"
        for language, said in told.items()
    ]
    facts = [
        f"unit: {metric.unit.value}; {'adds up' if metric.is_additive else 'does not add up'}",
        f"formula: {code(metric.formula)} of {code(f'marts.{metric.mart}')}{where}",
        f"by: {listed(metric.by) if metric.by else 'the whole'}; made of {listed(metric.made_of)}",
        f"figures: {listed(metric.figures) if metric.figures else 'its rows are counted'}",
    ]
    return "\n".join([heading(code(metric.name)), bullets([*names, *facts])])
