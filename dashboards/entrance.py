"""What the server asks of a request before it answers, where people sign in: who it is of, for what Streamlit hands out
outside of a page (files to download, its own figures) and for our reports. Leads back to the page that the signing in
began at. Draws nothing; a page asks dashboards/viewer.py itself.

Open to everybody are the empty page that Streamlit fills over its WebSocket, its scripts and style, and the way to the
identity provider and back: what fills the page asks for the viewer first.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from google.protobuf.message import DecodeError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from dashboards import viewer
from dashboards.handed_out import HandedOut
from dashboards.viewer import Claims, Viewer
from marketplace.roles import Right
from resources.errors import BookwatchError, UsageError
from resources.own_hosts import AsgiApp, Receive, Scope, Send, is_loopback
from resources.roles_file import load_roles
from resources.settings import Settings, load_settings

BACK_TO: Final = "bookwatch_back_to"
"""The cookie that remembers where signing in began, for as long as that may take."""
BACK_WITHIN_S: Final = 900
LONGEST_BACK: Final = 2_000

_CLOSED: Final = ("/media/", "/reports/", "/_stcore/", "/component/", "/app/")
"""What is handed out beside a page; of ``_stcore`` these stay open: they say nothing of what is shown."""
_OPEN: Final = ("/_stcore/health", "/_stcore/host-config", "/_stcore/stream")


def login_of_this_server(address: str | None) -> dict[str, Any] | None:
    """What Streamlit is told of the login, and from here on one is asked for; None where there is none. A login that is
    not whole lets nobody in, which each page says. Ends the process where it would listen beyond this machine without
    one."""
    told: dict[str, Any] | None = None
    try:
        settings = load_settings()
        if not settings.login:
            raise UsageError.of("failure.host_without_login")
        viewer.Guarded.begin(settings)
        told = secrets_of(settings)
        viewer.Guarded.ready()
        load_roles(settings.roles_file)
    except BookwatchError as wrong:
        if address is None or not is_loopback(address):
            sys.exit(str(wrong))
    return told


def secrets_of(settings: Settings) -> dict[str, Any]:
    """What Streamlit's own signing in is told (``st.App(secrets=…)``), from our settings. The key that signs its
    cookies is made anew: who was signed in at a server that was stopped signs in again. Raises UsageError."""
    settings.require_login()
    return {
        "auth": {
            "redirect_uri": f"{settings.dashboards}/oauth2callback",
            "cookie_secret": secrets.token_hex(32),
            "client_id": settings.login_client,
            "client_secret": settings.login_secret.get_secret_value(),
            "server_metadata_url": settings.login,
        }
    }


class Entrance:
    """Passes on to ``app`` what the person may have that a request is of; the rest is refused with 403, or 401 where
    nobody has signed in. Without a login everything passes: then only this machine asks."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not viewer.Guarded.begun():
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self.app(scope, _Stream(receive, Headers(scope=scope)).receive, send)
            return
        path, headers = str(scope["path"]), Headers(scope=scope)
        if path == "/auth/login":
            await self.app(scope, receive, _with_cookie(send, _place_of(headers)))
        elif path == "/auth/logout":
            viewer.Ended.enter(claims_of(headers))
            await self.app(scope, receive, _secured(send))
        elif path == "/oauth2callback":
            await self.app(scope, receive, _led_back(send, headers))
        elif path.startswith(_CLOSED) and path not in _OPEN:
            await self._guarded(scope, receive, send, headers)
        else:
            await self.app(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        who = _viewer_of(headers)
        if who is None:
            refused = PlainTextResponse("Sign in first.\n", status_code=401, headers=_UNKEPT)
            await refused(scope, receive, send)
        elif scope["path"].startswith("/media/"):
            # A part of a file, or one that is packed, tells nothing of whose it is: it is handed out whole.
            whole = [(name, value) for name, value in scope["headers"] if name.lower() not in _OF_A_PART]
            await self.app({**scope, "headers": whole}, receive, _File(send, who).send)
        elif who.may(Right.SEE):
            await self.app(scope, receive, send)
        else:
            await _REFUSED(scope, receive, send)


_OF_A_PART: Final = (b"range", b"if-range", b"accept-encoding")
_UNKEPT: Final = {"Cache-Control": "no-store"}
_REFUSED: Final = PlainTextResponse("This is not yours.\n", status_code=403, headers=_UNKEPT)


class _Stream:
    """What the browser asks of a page that stands open. A part of it is drawn anew without the page, and so without its
    question who is looking: once that is nobody any more, the whole page is asked for instead, and nothing else."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive, self._headers = receive, headers
        self._was_in = _viewer_of(headers) is not None

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if self._was_in and message["type"] == "websocket.receive" and _viewer_of(self._headers) is None:
            return {**message, "bytes": whole_page(message.get("bytes") or b"")}
        return message


def whole_page(asked: bytes) -> bytes:
    """A message of the browser without what would answer but for a part of the page. Empty where it is none."""
    message = BackMsg()
    try:
        message.ParseFromString(asked)
    except DecodeError:
        return b""
    if message.WhichOneof("type") != "rerun_script":
        return BackMsg(app_heartbeat=True).SerializeToString()
    message.rerun_script.fragment_id = ""
    return message.SerializeToString()


class _File:
    """Holds an answer back until it is whole, and lets it go where it is no download, or one made for ``who``."""

    def __init__(self, send: Send, who: Viewer) -> None:
        self._send, self._who = send, who
        self._begun: MutableMapping[str, Any] = {}
        self._body = b""

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._begun = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        answer = MutableHeaders(raw=self._begun["headers"])
        if "content-disposition" in answer and self._begun["status"] < 400:
            # What is of one person is not kept for the next one at this browser or in between.
            answer["Cache-Control"] = "no-store"
            if not HandedOut.may_have(self._body, self._who):
                self._body = b"This is not yours.\n"
                self._begun = {
                    "type": "http.response.start",
                    "status": 403,
                    "headers": PlainTextResponse(self._body, headers=_UNKEPT).raw_headers,
                }
        await self._send(self._begun)
        await self._send({"type": "http.response.body", "body": self._body})


def claims_of(headers: Headers) -> Claims:
    """The claims in the cookie of a request that this server signed; {} where there is none."""
    cookies = cookie_parser(headers.get("cookie", ""))

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        return decode_signed_value(get_cookie_secret(), name, value.encode("latin-1", "replace"))

    try:
        said = json.loads(get_cookie_with_chunks(signed, USER_COOKIE_NAME) or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _viewer_of(headers: Headers) -> Viewer | None:
    """Who a request is of; None where nobody is let in, also where it cannot be told who may see what."""
    try:
        found = viewer.at_request(load_settings(), claims_of(headers))
    except BookwatchError:
        return None
    return found if isinstance(found, Viewer) else None


# Back to where it began -------------------------------------------------------------------------


def _place_of(headers: Headers) -> str | None:
    """The page that somebody signs in from, as a path of ours; None where the browser does not say."""
    try:
        came_from = urlsplit(headers.get("referer", ""))
    except ValueError:
        return None
    if came_from.netloc.lower() != headers.get("host", "").lower():
        return None
    return own_path(f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path)


def own_path(said: str) -> str | None:
    """A path with what it asks for, where it can lead nowhere but to a page of ours."""
    strange = any(letter in said for letter in "\\#\r\n\t\x00") or not (said.isascii() and said.isprintable())
    if strange or not said.startswith("/") or said.startswith("//") or len(said) > LONGEST_BACK:
        return None
    return said if not said.startswith(("/auth/", "/oauth2callback", *_CLOSED)) else None


def _with_cookie(send: Send, place: str | None) -> Send:
    """The answer that leads to the identity provider, which remembers where to come back to."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and place is not None:
            answer = MutableHeaders(raw=message["headers"])
            answer.append("Set-Cookie", _cookie(quote(place, safe=""), BACK_WITHIN_S))
            message = {**message, "headers": answer.raw}
        await secured(message)

    secured = _secured(send)
    return sent


def _led_back(send: Send, headers: Headers) -> Send:
    """The answer to who comes back from there: to the page where it began, instead of to the first one."""
    said = cookie_parser(headers.get("cookie", "")).get(BACK_TO)
    place = None if said is None else own_path(unquote(said))

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and said is not None:
            answer = MutableHeaders(raw=message["headers"])
            if place is not None and answer.get("location") == "/":
                answer["Location"] = place
            answer.append("Set-Cookie", _cookie("", 0))
            message = {**message, "headers": answer.raw}
        await secured(message)

    secured = _secured(send)
    return sent


def _cookie(value: str, seconds: int) -> str:
    return f"{BACK_TO}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"


def _secured(send: Send) -> Send:
    """Cookies are sent over https alone where people come by https; Streamlit leaves that open."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and viewer.Guarded.by_https():
            message = {
                **message,
                "headers": [
                    (name, value + b"; Secure")
                    if name.lower() == b"set-cookie" and b"; secure" not in value.lower()
                    else (name, value)
                    for name, value in message["headers"]
                ],
            }
        await send(message)

    return sent
