"""One file of a notebook's cells that opens without any network: the style sheet, the charts' figures and Plotly's own
library stand in it. marimo's export does not: it takes its front end from a public server when it is opened.

Plotly's library is 4.8 MB; it stands there compressed (2 MB) and once, and only where there is a chart.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from functools import cache

from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from dashboards.kit.charts import CONFIG
from dashboards.kit.markup import joined
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
    for (const place of document.querySelectorAll('.bw-chart')) {
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
})();
"""


def page(title: str, language: str, theme: str, cells: Sequence[Shown], without_script: str) -> str:
    """The HTML of a report. ``without_script``: what is said where scripts do not run, and no chart is drawn."""
    charts = any(isinstance(part, Chart) for shown in cells for part in shown.parts)
    body = joined(*(shown.html() for shown in cells if shown))
    return "".join(
        (
            f'<!doctype html>\n<html lang="{escape(language)}" data-theme="{escape(theme)}">\n<head>\n',
            '<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="robots" content="noindex">\n',
            f"<title>{escape(title)}</title>\n",
            f"<style>{css()}{ground(theme)}body{{margin:0}}</style>\n</head>\n<body>\n",
            f'<main class="bw-report">\n{body}\n</main>\n',
            _scripts(without_script) if charts else "",
            "</body>\n</html>\n",
        )
    )


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
