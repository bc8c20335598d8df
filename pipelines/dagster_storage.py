"""Where Dagster keeps its history (runs, events, schedules): files of the home, or the PostgreSQL database of
BOOKWATCH_DAGSTER_POSTGRES. What it says of it to Dagster (dagster.yaml), to `doctor`, and before anything is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from resources import postgres
from resources.errors import BookwatchError
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.appwrite.examination import Line

ADDRESS: Final = "BOOKWATCH_DAGSTER_ADDRESS"
"""The variable that dagster.yaml names, so that the password stands in no file."""
TOPIC: Final = "history"

_STORAGE: Final = f"""
# Of BOOKWATCH_DAGSTER_POSTGRES.
storage:
  postgres:
    postgres_url:
      env: {ADDRESS}
"""


def storage_yaml(settings: Settings) -> bytes:
    """What dagster.yaml says beside what it always says."""
    return _STORAGE.encode() if settings.dagster_postgres.get_secret_value() else b""


def storage_environment(settings: Settings) -> Mapping[str, str]:
    """What Dagster's processes must know beside it."""
    url = settings.dagster_postgres.get_secret_value()
    return {ADDRESS: postgres.for_dagster(url) if url else ""}


def make_ready(settings: Settings) -> None:
    """See that Dagster can work there, before anything is started. Raises BookwatchError."""
    if url := settings.dagster_postgres.get_secret_value():
        postgres.make_ready(url)


def examine_storage(settings: Settings) -> list[Line]:
    """What `doctor` says of it; changes nothing."""
    from resources.appwrite.examination import Line

    url = settings.dagster_postgres.get_secret_value()
    if not url:
        return [Line(TOPIC, "ok", "Dagster's history is kept in files of BOOKWATCH_HOME.")]
    where = postgres.place(url)
    try:
        state = postgres.version_state(url)
        if state:
            raise BookwatchError.of(f"failure.postgres_{state}", place=where)
    except BookwatchError as refused:
        return [Line(TOPIC, "problem", refused.problem, refused.next_step)]
    return [Line(TOPIC, "ok", f"Dagster's history is kept in PostgreSQL at {where}, which answers.")]
