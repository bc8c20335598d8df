"""Under which further host names our servers answer, for whichever of them asks. Serves nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

from resources.errors import BookwatchError
from resources.own_hosts import host_name
from resources.settings import load_settings


def further_names() -> tuple[str, ...]:
    """BOOKWATCH_HOSTS, and with a login the host of BOOKWATCH_DASHBOARDS, which people come back to; none where the
    settings are wrong, which each page then says under this machine's own names."""
    try:
        settings = load_settings()
    except BookwatchError:
        return ()
    own = host_name(urlsplit(settings.dashboards).hostname or "") if settings.login else None
    return settings.hosts if own is None else (*settings.hosts, own)
