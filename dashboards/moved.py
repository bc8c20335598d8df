"""Where the addresses of earlier pages lead on: alerts, reports and bookmarks hold them. What an address asks for
beside its page goes along. Draws nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import RedirectResponse

from resources.own_hosts import AsgiApp, Receive, Scope, Send


@dataclass(frozen=True)
class Place:
    """``page``: where it is now, "" the first one. ``more``: what it asks for there, where the address does not say it
    itself. ``only``: the parameter that moved; an address without it stays."""

    page: str
    more: dict[str, str] = field(default_factory=dict[str, str])
    only: str | None = None


MOVED: Final[dict[str, Place]] = {
    "overview": Place(""),
    "alerts": Place("todo"),
    "members": Place("providers"),
    "links": Place("health"),
    "errors": Place("performance", {"show": "errors"}),
    "timings": Place("performance", {"show": "timings"}),
    "revenue": Place("findings", only="finding"),
}


@cache
def _there() -> frozenset[str]:
    """The pages there are."""
    return frozenset(path.stem for path in (Path(__file__).parent / "pages").glob("*.py"))


def leads_to(path: str, query: str) -> str | None:
    """The address that one leads on to, None for one that stays."""
    old = path.strip("/")
    place = MOVED.get(old)
    said = parse_qsl(query, keep_blank_values=True)
    names = {name for name, _ in said}
    if place is None or (place.only is not None and place.only not in names):
        return None
    if (place.page and place.page not in _there()) or (place.only is None and place.page and old in _there()):
        return None
    asked = urlencode([*said, *((name, value) for name, value in place.more.items() if name not in names)])
    return f"/{quote(place.page)}{'?' if asked else ''}{asked}"


class Moved:
    """Asks a browser to go on to where a page is now. For as long as the answer is used, and no longer: an address may
    come to be a page again."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            place = leads_to(str(scope["path"]), bytes(scope.get("query_string", b"")).decode("latin-1"))
            if place is not None:
                await RedirectResponse(place, status_code=307)(scope, receive, send)
                return
        await self.app(scope, receive, send)
