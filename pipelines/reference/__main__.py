"""Writes docs/reference/: ``python -m pipelines.reference``."""

from __future__ import annotations

from pathlib import Path

from pipelines.environment import PROJECT
from pipelines.reference import PAGES

if __name__ == "__main__":
    for name, page in PAGES.items():
        path = Path(PROJECT) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), encoding="utf-8")
