"""`python -m dashboards.notebook.serve run FILE …`: marimo's own command, under our own host names only and with no way
out: its front end would fetch a library from a public server for every chart.

marimo takes such layers by name from its registry of middleware; it has no setting for either.
"""

from __future__ import annotations

import sys

from marimo._cli.cli import main
from marimo._server.registry import MIDDLEWARE_REGISTRY
from starlette.middleware import Middleware

from dashboards.server_names import further_names
from resources.own_hosts import AsgiApp, OwnHosts, Receive, Scope, Send

#: What a page may load: its own server's, and what stands in it.
POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"


class NothingFromElsewhere:
    """Passes on to ``app`` and has the browser fetch nothing but from here."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def held(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", POLICY)]
            await send(message)

        await self.app(scope, receive, held)


if __name__ == "__main__":
    MIDDLEWARE_REGISTRY.register("bookwatch_hosts", Middleware(OwnHosts, names=further_names()))
    MIDDLEWARE_REGISTRY.register("bookwatch_policy", Middleware(NothingFromElsewhere))
    sys.argv[0] = "marimo"
    main()
