"""What the empty page that Streamlit fills says before its scripts run, so that nothing is asked for in vain and
nothing moves once they do: where the server is, the look, the room of the sidebar, the font of the headings. Draws
nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from zlib import crc32

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.routing import Route

from resources.own_hosts import AsgiApp, Receive, Scope, Send

FONT: Final = Path(__file__).parent / "kit" / "fonts" / "serif.woff2"
FONT_AT: Final = "/bookwatch/serif.woff2"
STYLE: Final = Path(__file__).parent / "kit" / "style.css"
STYLE_AT: Final = f"/bookwatch/style.{crc32(STYLE.read_bytes()):08x}.css"
#: Longer than Streamlit's own page; a page that is larger is none, and passes.
LONGEST: Final = 100_000

#: Streamlit else tries each folder of the address for its server, which for /revenue is two answers 404. The sidebar
#: comes after the page: without its room everything moves to the right when it does. (For who is not let in there is
#: none: frame.py.) The look comes again after Streamlit's own (kit/screen.py), whose rules it replaces.
#: What draws our parts: asked for with the page, it is there before what it draws.
_SCRIPTS: Final = tuple(
    f"/static/js/{path.name}"
    for part in ("Html", "purify.es", "TextInput")
    for path in sorted((Path(streamlit.__file__).parent / "static" / "static" / "js").glob(f"{part}.*.js"))
)
HEAD: Final = f"""
{"".join(f'<link rel="modulepreload" crossorigin href="{name}">' for name in _SCRIPTS)}
<script>window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + "/" }};</script>
<link rel="preload" href="{FONT_AT}" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="{STYLE_AT}">
<style>
@media (min-width: 769px) {{
  html:not(.bw-outside) [data-testid="stAppViewContainer"]:not(:has([data-testid="stSidebar"])) {{
    padding-left: 281.25px;
  }}
}}
[data-testid="stMainBlockContainer"] {{ max-width: 1320px; padding: 1.7rem 2.4rem 4rem !important; }}
@media (max-width: 860px) {{ [data-testid="stMainBlockContainer"] {{ padding: 3.2rem 1rem 3rem !important; }} }}
/* Shown once there is something to show, and not the places of what is still on its way (kit/page.js). */
html:not(.bw-begun) [data-testid="stMain"] {{ visibility: hidden; animation: bw-begun 0s 6s forwards; }}
@keyframes bw-begun {{ to {{ visibility: visible; }} }}
</style>
""".encode()


def _font(_request: object) -> FileResponse:
    return FileResponse(FONT, media_type="font/woff2", headers={"Cache-Control": "public, max-age=86400"})


_OTHER: Final = ("/static/", "/media/", "/_stcore/", "/component/", "/app/", "/reports/", "/bookwatch/")
"""What is handed out beside Streamlit's page."""


def _style(_request: object) -> FileResponse:
    return FileResponse(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000"})


ROUTES: Final = (Route(FONT_AT, _font), Route(STYLE_AT, _style))


class FirstPage:
    """Puts HEAD into the page as it goes out."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or scope["method"] != "GET" or path.startswith(_OTHER):
            await self.app(scope, receive, send)
            return
        # What is compressed on the way out (server.py) is to be read here as it is.
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        begun: dict[str, Any] | None = None  # of a page that is read to its end before it goes on
        body = b""

        async def sent(message: Any) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start" and _is_page(message):
                begun = dict(message)
            elif begun is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    whole = body.replace(b"</head>", HEAD + b"</head>", 1)
                    MutableHeaders(raw=begun["headers"])["content-length"] = str(len(whole))
                    await send(begun)
                    await send({"type": "http.response.body", "body": whole})

        await self.app({**scope, "headers": plain}, receive, sent)


def _is_page(message: Any) -> bool:
    headers = MutableHeaders(raw=message["headers"])
    return (
        message["status"] == 200
        and headers.get("content-type", "").startswith("text/html")
        and int(headers.get("content-length", LONGEST)) < LONGEST
    )
