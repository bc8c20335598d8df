"""`python -m pipelines.dagster_web`: Dagster's web pages as we serve them, to look at only and under our own names.

Its own command knows neither our names nor an origin: any page of this machine's browser could read the runs, and stop
the schedules by a request whose answer it never sees. Which processes there are: pipelines/cli/serve.py.
"""

from __future__ import annotations

import argparse
import os

import uvicorn
from dagster import DagsterInstance
from dagster import __version__ as dagster_version
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget, ModuleTarget, WorkspaceLoadTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from resources.own_hosts import OwnHosts
from resources.settings import load_settings


def serve(port: int, code: WorkspaceLoadTarget) -> None:
    """Serve on 127.0.0.1:``port`` until told to stop. Nothing can be launched, stopped or written through it."""
    names = load_settings().bookwatch_hosts
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, code, dagster_version, read_only=True) as workspace,
    ):
        pages = create_app_from_workspace_process_context(workspace)
        uvicorn.run(
            OwnHosts(pages, names),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            # An open page keeps its connection for ever.
            timeout_graceful_shutdown=2,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipelines.dagster_web", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    code = parser.add_mutually_exclusive_group(required=True)
    code.add_argument("--grpc-socket", help="Where a server of our code answers.")
    code.add_argument("-m", dest="module", help="The module to load in a server of its own.")
    asked = parser.parse_args()
    if asked.grpc_socket:
        serve(asked.port, GrpcServerTarget("localhost", None, asked.grpc_socket, None))
    else:
        serve(asked.port, ModuleTarget(asked.module, None, os.getcwd(), None))


if __name__ == "__main__":
    main()
