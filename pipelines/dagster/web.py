"""`python -m pipelines.dagster.web`: Dagster's web pages as we serve them, to look at only and under our own names.

Its own command knows neither our names nor an origin: any page of this machine's browser could read the runs, and stop
the schedules by a request whose answer it never sees. Which processes there are: pipelines/cli/serve.py.
"""

from __future__ import annotations

import argparse
from typing import Any

import uvicorn
from dagster_webserver.cli import create_dagster_webserver_cli

from resources.own_hosts import OwnHosts
from resources.settings import load_settings


def serve(port: int, code: list[str]) -> None:
    """Serve on 127.0.0.1:``port`` until told to stop. Nothing can be launched, stopped or written through it. ``code``:
    the options of Dagster's command that say where our code is.
    """
    names = load_settings().hosts
    plain = uvicorn.run

    def under_our_names(pages: Any, **_options: object) -> None:
        plain(
            OwnHosts(pages, names),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            # An open page keeps its connection for ever.
            timeout_graceful_shutdown=2,
        )

    # Dagster's command takes no application around its own: it hands its pages to uvicorn, and there ours goes around.
    uvicorn.run = under_our_names
    try:
        create_dagster_webserver_cli().main(
            ["--read-only", "--host", "127.0.0.1", "--port", str(port), *code], standalone_mode=False
        )
    finally:
        uvicorn.run = plain


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipelines.dagster.web", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    code = parser.add_mutually_exclusive_group(required=True)
    code.add_argument("--grpc-socket", help="Where a server of our code answers.")
    code.add_argument("-m", dest="module", help="The module to load in a server of its own.")
    asked = parser.parse_args()
    serve(asked.port, ["--grpc-socket", asked.grpc_socket] if asked.grpc_socket else ["-m", asked.module])


if __name__ == "__main__":
    main()
