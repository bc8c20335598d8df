"""What a cell of a notebook shows: cards and charts, one below the other, as marimo draws them and as they stand in a
report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from dashboards.kit.charts import CONFIG
from dashboards.kit.markup import element
from dashboards.notebook.look import css, ground, template


@dataclass(frozen=True)
class Chart:
    """A figure and what it says to whoever cannot see it."""

    figure: go.Figure
    alt: str


Part = Markup | Chart


@dataclass(frozen=True)
class Shown:
    """The parts of a cell. ``styled``: it carries the style sheet, as the first cell of a notebook does."""

    parts: tuple[Part, ...]
    theme: str
    styled: bool = False

    def __bool__(self) -> bool:
        return bool(self.parts)

    def _display_(self) -> Any:
        """As marimo draws it; its own name for it."""
        import marimo as mo

        style = [mo.Html(f"<style>{css()}{ground(self.theme)}</style>")] if self.styled else []
        drawn = [self._drawn(part) if isinstance(part, Chart) else self._block(part) for part in self.parts]
        return mo.vstack([*style, *drawn], gap=0.8)

    def _drawn(self, chart: Chart) -> Any:
        import marimo as mo

        theme = mo.app_meta().theme if self.theme == "auto" else self.theme
        figure = go.Figure(chart.figure)
        figure.update_layout(template=template("dark" if theme == "dark" else "light"))
        return mo.ui.plotly(figure, config={**CONFIG, "responsive": True})

    def _block(self, part: Markup) -> Any:
        import marimo as mo

        scheme = "" if self.theme == "auto" else f"color-scheme:{self.theme}"
        return mo.Html(str(element("div", part, cls="bw", style=scheme)))

    def html(self) -> Markup:
        """As it stands in a report, whose script draws the charts (page.py)."""
        return element("section", *(_in_report(part) for part in self.parts), cls="bw")


def _in_report(part: Part) -> Markup:
    if isinstance(part, Markup):
        return part
    figure = json.loads(part.figure.to_json() or "{}")
    figure["layout"].pop("template", None)
    held = element("script", Markup(as_script(figure)), type="application/json")
    return element("div", held, cls="bw-chart", role="img", aria_label=part.alt)


def as_script(value: Any) -> str:
    """A value as JSON that may stand inside of a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
