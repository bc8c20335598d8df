"""truth.json beside the data: what was planted, the true figures. The pipeline never reads it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox.simulator.simulation import Simulation
from sandbox.simulator.truth import truth
from sandbox.storage.store import Store

TRUTH_STEP = 300.0  # seconds between two writings of truth.json


def write_truth(folder: Path, content: Mapping[str, Any]) -> None:
    """truth.json: what was planted and the true figures. The pipeline never reads it."""
    new = folder / "truth.json.new"
    new.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    new.replace(folder / "truth.json")


def truth_writer(store: Store, simulation: Simulation) -> Callable[[], None]:
    """Writes truth.json anew, at most every ``TRUTH_STEP`` seconds: working it out takes a second or two."""
    last = time.monotonic()

    def write() -> None:
        nonlocal last
        if time.monotonic() - last >= TRUTH_STEP:
            write_truth(store.folder, truth(simulation))
            last = time.monotonic()

    return write
