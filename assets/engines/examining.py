"""What `bookwatch doctor` says of the engine that makes the marts: which it is, and whether it could be used now.
Nothing is started."""

from __future__ import annotations

from typing import Final

from assets.engines.spark_build import examined
from resources.appwrite.examination import Line
from resources.errors import BookwatchError
from resources.settings import Settings

TOPIC: Final = "engine"


def examine_engine(settings: Settings) -> list[Line]:
    """One line; none for DuckDB, which is always there."""
    if settings.engine == "duckdb":
        return []
    try:
        examined(settings)
    except BookwatchError as missing:
        return [Line(TOPIC, "problem", missing.problem, missing.next_step, blocking=True)]
    master = settings.spark_master
    if master.startswith("local"):
        return [Line(TOPIC, "ok", f"The marts are made by Spark on this machine ({master}).")]
    # Whether a worker has room is seen by a run alone: it waits for one.
    return [Line(TOPIC, "ok", f"The marts are made by Spark; its master answers at {master}.")]
