"""A notebook run from its first cell to its last, and what it showed as one file. Which notebooks there are is what
lies in notebooks/; nothing is written here."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dashboards.notebook.asked import Asked
from dashboards.notebook.page import Told, page
from dashboards.notebook.shown import Shown
from dashboards.wording import LANGUAGES, Wording
from resources.settings import load_settings

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def notebook(name: str) -> Path:
    """The file of a notebook."""
    return NOTEBOOKS / f"{name}.py"


def names() -> tuple[str, ...]:
    """Every notebook by name, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in NOTEBOOKS.glob("*.py") if path.stem != "__init__"))


def cells(name: str, asked: Asked) -> Sequence[Shown]:
    """What each cell of a notebook shows, in their order; a cell that shows nothing is left out. Raises what a cell
    raises."""
    outputs, _ = _app(name).run(defs={"given": asked})
    return [output for output in outputs if isinstance(output, Shown)]


def report(name: str, asked: Asked) -> str:
    """The notebook as one HTML file in every language, that which is asked for first. Raises what a cell raises: of a
    notebook that failed there is no report."""
    languages = sorted(LANGUAGES, key=lambda language: language != asked.lang)
    return page(*(_told(name, replace(asked, lang=language)) for language in languages), theme=asked.theme)


def _told(name: str, asked: Asked) -> Told:
    say = Wording(asked.lang, load_settings().timezone)
    title = f"bookwatch · {say(f'notebook.{name}')}"
    named = say(f"language.{asked.lang}")
    return Told(asked.lang, named, title, cells(name, asked), say("notebook.no_script"))


def _app(name: str) -> Any:
    """The marimo app of a notebook, read by its path: no room imports from one below it."""
    spec = importlib.util.spec_from_file_location(f"notebook_{name}", notebook(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app
