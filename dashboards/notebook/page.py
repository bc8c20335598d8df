"""One file of a notebook's cells that opens without any network: the style sheet, the charts' figures and Plotly's own
library stand in it. marimo's export does not: it takes its front end from a public server when it is opened.

Plotly's library is 4.8 MB; it stands there compressed (2 MB) and once, and only where there is a chart.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from dashboards.kit.charts import CONFIG
from dashboards.kit.markup import element, joined
from dashboards.notebook.look import THEMED, css, ground, template
from dashboards.notebook.shown import Chart, Shown, as_script

#: Nothing is fetched, whatever the file says: a browser holds it to that.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " img-src data: blob:; font-src data:"
)

_DRAW = """
(async () => {
  const packed = document.getElementById('plotly').textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
  const asked = document.documentElement.dataset.theme;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const draw = () => {
    const theme = asked === 'auto' ? (dark.matches ? 'dark' : 'light') : asked;
    for (const place of document.querySelectorAll('main:not([hidden]) .bw-chart')) {
      const held = place.querySelector('script[type="application/json"]');
      const figure = JSON.parse(held.textContent);
      const chart = place.querySelector('.bw-drawn') || place.appendChild(document.createElement('div'));
      chart.className = 'bw-drawn';
      Plotly.react(chart, figure.data, {...figure.layout, template: THEMES[theme]}, {...CONFIG, responsive: true});
    }
    document.documentElement.dataset.drawn = theme;
  };
  draw();
  dark.addEventListener('change', draw);
  document.addEventListener('language', draw);
})();
"""

#: One language at a time is shown; a chart is drawn when it is, for it is as wide as its place.
_SWITCH = """
for (const button of document.querySelectorAll('.bw-languages button')) {
  button.addEventListener('click', () => {
    for (const main of document.querySelectorAll('main')) main.hidden = main.lang !== button.lang;
    document.documentElement.lang = button.lang;
    document.title = document.querySelector('main:not([hidden])').dataset.title;
    document.dispatchEvent(new Event('language'));
  });
}
const wanted = new URLSearchParams(location.search).get('lang');
const shown = [...document.querySelectorAll('main:not([hidden]) .bw-languages button')];
shown.find((button) => button.lang === wanted)?.click();
"""


@dataclass(frozen=True)
class Told:
    """A report in one language: what its page is called, what its cells show, and what is said where scripts do not
    run and no chart is drawn."""

    language: str
    name: str
    title: str
    cells: Sequence[Shown]
    without_script: str


def page(first: Told, *others: Told, theme: str) -> str:
    """The HTML of a report in several languages, the first of which is shown until another is chosen."""
    languages = (first, *others)
    charts = any(isinstance(part, Chart) for one in languages for shown in one.cells for part in shown.parts)
    body = "\n".join(_in(one, languages, hidden=one is not first) for one in languages)
    return "".join(
        (
            f'<!doctype html>\n<html lang="{escape(first.language)}" data-theme="{escape(theme)}">\n<head>\n',
            '<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="robots" content="noindex">\n',
            f"<title>{escape(first.title)}</title>\n",
            f"<style>{css()}{ground(theme)}body{{margin:0}}</style>\n</head>\n<body>\n",
            f"{body}\n",
            _scripts(first.without_script) if charts else "",
            f"<script>{_SWITCH}</script>\n" if others else "",
            "</body>\n</html>\n",
        )
    )


def _in(told: Told, languages: Sequence[Told], *, hidden: bool) -> str:
    switch = [
        element("button", one.name, type="button", lang=one.language, aria_pressed=str(one is told).lower())
        for one in languages
    ]
    shown = joined(
        element("nav", *switch, cls="bw bw-languages") if len(languages) > 1 else "",
        *(cell.html() for cell in told.cells if cell),
    )
    held = {"hidden": "hidden"} if hidden else {}
    return str(element("main", shown, cls="bw-report", lang=told.language, data_title=told.title, **held))


def _scripts(without_script: str) -> str:
    themes = as_script({theme: template(theme) for theme in THEMED})
    return "".join(
        (
            f"<noscript><p>{escape(without_script)}</p></noscript>\n",
            f'<script type="application/octet-stream" id="plotly">{_plotly()}</script>\n',
            f"<script>const THEMES={themes};const CONFIG={as_script(CONFIG)};{_DRAW}</script>\n",
        )
    )


@cache
def _plotly() -> Markup:
    return Markup(base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode("ascii"))
