"""What goes between a browser and the dashboards, without a browser: signing in, opening pages, clicking, downloading,
with everything that the server said. Holds no test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 60


class Tab:
    """One page of the dashboards that stands open. ``heard``: every byte the server has said to it."""

    def __init__(self, url: str, session: requests.Session, socket: ClientConnection) -> None:
        self.url, self.session = url, session
        self.heard = b""
        self.messages: list[ForwardMsg] = []
        self._socket = socket
        self._hash = self._fragment = self._id = ""

    def open(self, page: str, query: str = "") -> list[ForwardMsg]:
        """Go to a page by its address; what the server says to it."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        return self._ask(message)

    def click(self, key: str, query: str = "") -> list[ForwardMsg]:
        """Click the button of a key on the page, at an address."""
        (button,) = (b for b in self.buttons() if b.id.endswith(f"-{key}"))
        return self.send(button.id, query)

    def send(self, widget_id: str, query: str = "") -> list[ForwardMsg]:
        """Say that a button was clicked, whether or not the page has it."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = self._hash
        message.rerun_script.widget_states.widgets.append(WidgetState(id=widget_id, trigger_value=True))
        return self._ask(message)

    def fragment(self) -> list[ForwardMsg]:
        """Have the part of the page drawn anew that draws itself every five seconds."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self._hash
        message.rerun_script.fragment_id = self._fragment
        message.rerun_script.is_auto_rerun = True
        return self._ask(message)

    def buttons(self) -> list[Any]:
        return [element.button for element in self._elements() if element.WhichOneof("type") == "button"]

    def downloads(self) -> list[Any]:
        """The download buttons of the page."""
        return [
            element.download_button
            for element in self._elements()
            if element.WhichOneof("type") == "download_button"
        ]

    def download(self, file_id: str) -> tuple[str, requests.Response | None]:
        """Have the file of a button made and fetch it: where it lies, and the answer; None where none was made."""
        message = BackMsg()
        message.backend_operation_request.request_id = "1"
        message.backend_operation_request.session_id = self._id
        message.backend_operation_request.deferred_file.file_id = file_id
        self._socket.send(message.SerializeToString())
        last = self._hear("backend_operation_response", "heartbeat_ack")[-1]
        answer = last.backend_operation_response
        if answer.error_msg or not answer.request_id:
            return "", None
        return answer.deferred_file.url, self.get(answer.deferred_file.url)

    def get(self, path: str) -> requests.Response:
        answer = self.session.get(f"{self.url}{path}", timeout=PATIENCE_S)
        self.heard += answer.content
        return answer

    @property
    def text(self) -> str:
        """What was said last, as one string to look in."""
        return "\n".join(str(message) for message in self.messages)

    def _elements(self) -> Iterator[Any]:
        for message in self.messages:
            if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element":
                yield message.delta.new_element

    def _ask(self, message: BackMsg) -> list[ForwardMsg]:
        self._socket.send(message.SerializeToString())
        self.messages = self._hear("script_finished")
        for said in self.messages:
            if said.WhichOneof("type") == "navigation":
                self._hash = said.navigation.page_script_hash
            if said.WhichOneof("type") == "auto_rerun":
                self._fragment = said.auto_rerun.fragment_id
            if said.WhichOneof("type") == "new_session":
                self._hash = said.new_session.page_script_hash
                self._id = said.new_session.initialize.session_id or self._id
        return self.messages

    def _hear(self, *ends: str) -> list[ForwardMsg]:
        heard: list[ForwardMsg] = []
        while True:
            frame = self._socket.recv(timeout=PATIENCE_S)
            assert isinstance(frame, bytes)
            self.heard += frame
            message = ForwardMsg()
            message.ParseFromString(frame)
            heard.append(message)
            kind = message.WhichOneof("type")
            if kind in ends and (
                kind != "script_finished" or message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return heard


@contextmanager
def tab(url: str, session: requests.Session) -> Iterator[Tab]:
    """A tab of whoever is signed in by the cookies of a session."""
    session.get(f"{url}/_stcore/health", timeout=PATIENCE_S).raise_for_status()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    with connect(
        f"ws://{urlsplit(url).netloc}/_stcore/stream",
        origin=url,  # pyright: ignore[reportArgumentType] - a NewType of str
        subprotocols=["streamlit", session.cookies["_streamlit_xsrf"]],  # pyright: ignore[reportArgumentType] - as above
        additional_headers={"Cookie": cookies},
        max_size=None,
        open_timeout=PATIENCE_S,
    ) as socket:
        yield Tab(url, session, socket)


def signed_in(url: str, email: str) -> requests.Session:
    """The cookies of somebody who has signed in, through the dashboards and the provider as a browser goes."""
    session = requests.Session()
    with tab(url, session) as page:
        page.open("health")
        (to,) = (
            m.auth_redirect.url for m in page.click("sign_in") if m.WhichOneof("type") == "auth_redirect"
        )
    asked = session.get(f"{url}{to}", headers={"Referer": f"{url}/health?lang=id"}, timeout=PATIENCE_S)
    assert re.search("Authorize", asked.text), asked.text[:500]
    back = session.post(asked.url, data={"sub": email}, allow_redirects=False, timeout=PATIENCE_S)
    done = session.get(back.headers["Location"], allow_redirects=False, timeout=PATIENCE_S)
    assert done.headers["Location"] == "/health?lang=id"
    return session
