"""The dashboards as `streamlit run` serves them: the pages of app.py, and the morning's reports, under our own host
names only, and beyond this machine only with a login. Draws nothing."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` puts this file's folder on the path, not the project's
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402 - the path must stand first
from starlette.middleware import Middleware  # noqa: E402 - the path must stand first
from starlette.middleware.gzip import GZipMiddleware  # noqa: E402 - the path must stand first

from dashboards import first_page, warmth  # noqa: E402 - the path must stand first
from dashboards import frame as _frame  # noqa: E402, F401 - path first; pages are read early
from dashboards.entrance import Entrance, login_of_this_server  # noqa: E402 - the path must stand first
from dashboards.moved import Moved  # noqa: E402 - the path must stand first
from dashboards.report_files import ROUTES  # noqa: E402 - the path must stand first
from dashboards.server_names import further_names  # noqa: E402 - the path must stand first
from resources.own_hosts import OwnHosts  # noqa: E402 - the path must stand first

warmth.start()
app = st.App(
    Path(__file__).with_name("app.py"),
    routes=(*ROUTES, *first_page.ROUTES),
    # Streamlit's own server.allowedHosts guards the WebSocket alone, and lets pages of other local ports open it.
    middleware=[
        Middleware(OwnHosts, names=further_names()),
        Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6),
        Middleware(Moved),
        Middleware(first_page.FirstPage),
        Middleware(Entrance),
    ],
    secrets=login_of_this_server(st.get_option("server.address")),
)
