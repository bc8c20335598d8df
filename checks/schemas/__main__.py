"""Writes docs/reference/tables.md: ``python -m checks.schemas``."""

from __future__ import annotations

from pathlib import Path

from checks.schemas.reference import REFERENCE, reference

if __name__ == "__main__":
    path = Path(__file__).resolve().parents[2] / REFERENCE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(reference(), encoding="utf-8")
