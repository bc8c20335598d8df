"""The dashboards' look outside of Streamlit: their style sheet, and their theme as a template of Plotly's for each of
the two. Colours stand in .streamlit/config.toml and kit/style.css alone."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from dashboards import first_page
from dashboards.kit.screen import STYLE

HERE = Path(__file__).resolve().parent
CONFIG_TOML = HERE.parent / ".streamlit" / "config.toml"
THEMED: tuple[str, ...] = ("light", "dark")
FONT = '"Source Sans 3", "Source Sans Pro", system-ui, -apple-system, "Segoe UI", sans-serif'


@cache
def colours(theme: str) -> dict[str, Any]:
    """The theme's colours by Streamlit's names. ``theme``: light or dark."""
    with CONFIG_TOML.open("rb") as file:
        return tomllib.load(file)["theme"][theme]


@cache
def template(theme: str) -> dict[str, Any]:
    """The theme as a template of Plotly's, as Streamlit makes one of it for the pages."""
    own = colours(theme)
    axis = {
        "gridcolor": own["borderColor"],
        "zerolinecolor": own["borderColor"],
        "linecolor": own["borderColor"],
        "automargin": True,
    }
    ramp = [[0, own["secondaryBackgroundColor"]], [1, own["primaryColor"]]]
    return {
        "layout": {
            "colorway": own["chartCategoricalColors"],
            "font": {"family": FONT, "size": 13, "color": own["textColor"]},
            "xaxis": axis,
            "yaxis": axis,
            "colorscale": {"sequential": ramp},
            "hoverlabel": {
                "bgcolor": own["backgroundColor"],
                "bordercolor": own["borderColor"],
                "font": {"family": FONT, "color": own["textColor"]},
            },
        }
    }


@cache
def css() -> str:
    """The dashboards' style sheet and what a notebook needs beside it."""
    font = b64encode(first_page.FONT.read_bytes()).decode(
        "ascii"
    )  # a file that is sent on asks for nothing beside it
    style = STYLE.read_text(encoding="utf-8").replace(first_page.FONT_AT, f"data:font/woff2;base64,{font}")
    return style + (HERE / "notebook.css").read_text(encoding="utf-8")


def ground(theme: str) -> str:
    """The page below the cards: in ``auto`` as whoever looks has it."""
    light, dark = colours("light"), colours("dark")
    scheme = "light dark" if theme == "auto" else theme
    pairs = {
        "background": (light["backgroundColor"], dark["backgroundColor"]),
        "color": (light["textColor"], dark["textColor"]),
    }
    said = "".join(f"{name}:light-dark({a},{b})!important;" for name, (a, b) in pairs.items())
    return f":root{{color-scheme:{scheme}!important}}body,#root,#App{{{said}}}"
