"""Under which further host names our servers answer, for whichever of them asks. Serves nothing."""

from __future__ import annotations

from resources.errors import BookwatchError
from resources.settings import load_settings


def further_names() -> tuple[str, ...]:
    """BOOKWATCH_HOSTS; none where the settings are wrong, which each page then says under this machine's own names."""
    try:
        return load_settings().hosts
    except BookwatchError:
        return ()
