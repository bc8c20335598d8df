"""Our start code: DAGSTER_HOME, telemetry off, private file modes. Runs before Dagster or Streamlit is imported."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.dagster_storage import storage_environment, storage_yaml
from resources.errors import BookwatchError
from resources.home import Home
from resources.own_files import replace
from resources.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
DAGSTER_YAML = PROJECT / "dagster.yaml"

_TELEMETRY_OFF = {
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "MARIMO_SKIP_UPDATE_CHECK": "1",
}


def prepare(settings: Settings) -> Home:
    """Make the home and set the environment of this process and its children. Raises BookwatchError if it can't."""
    home = settings.home
    try:
        home.create()
        target = home.dagster / "dagster.yaml"
        text = DAGSTER_YAML.read_bytes() + storage_yaml(settings)
        if not target.exists() or target.read_bytes() != text:
            replace(target, text)
    except OSError as refused:
        raise BookwatchError(
            f"BOOKWATCH_HOME ({home.root}) cannot be written ({refused.strerror}).",
            "Set BOOKWATCH_HOME to a folder you may write, or make room there.",
        ) from None
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ.update(_TELEMETRY_OFF)
    os.environ.update(storage_environment(settings))
    return home
