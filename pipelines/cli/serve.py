"""`bookwatch serve`: Dagster (web and daemon) and the dashboards, on 127.0.0.1, until stopped."""

from __future__ import annotations

import contextlib
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.environment import PROJECT, prepare
from pipelines.processes import Child, own_port, start, stopping, wait_for_port, wait_for_socket, watch_over
from pipelines.stopped import CODE, LOOK_EVERY_S, StoppedWatch, code_socket
from resources.errors import UsageError
from resources.settings import Settings, load_settings

DASHBOARDS_PORT, DAGSTER_PORT = 8501, 3000


def children_environment(settings: Settings) -> dict[str, str]:
    """What the children must know however they are started: absolute, so that no working directory matters."""
    known = {
        "BOOKWATCH_HOME": str(settings.home.root),
        "BOOKWATCH_HOSTS": ",".join(settings.hosts),
        "PYTHONPATH": str(PROJECT),
    }
    # Dagster talks to its own processes over sockets in the temporary folder: in the home too, where they fit.
    if socket := code_socket(settings.home):
        socket.parent.mkdir(exist_ok=True, mode=0o700)
        known["TMPDIR"] = str(socket.parent)
    return known


def start_dashboards(settings: Settings, port: int, environment: Mapping[str, str]) -> Child:
    """The Streamlit app, in a process of its own."""
    return start(
        "The dashboards",
        [sys.executable, "-m", "dashboards", str(port)],
        environment=environment,
        folder=PROJECT,
        log=settings.home.dagster / "dashboards.log",
    )


def start_dagster(
    settings: Settings, port: int, environment: Mapping[str, str], children: list[Child]
) -> None:
    """Dagster's web server and its daemon, which runs the schedules, and the server of our code both ask.

    Each would start a code server of its own, and the daemon a new one every minute, which loads all libraries again.
    """
    folder = settings.home.dagster
    module = ["-m", CODE]
    bin_folder = Path(sys.executable).parent
    asked = module
    # Where it is not set, the home's path is too long for a socket, and each starts a code server of its own.
    if "TMPDIR" in environment and (socket := code_socket(settings.home)):
        socket.unlink(missing_ok=True)
        code = start(
            "Dagster's code server",
            [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(socket), *module],
            environment=environment,
            folder=folder,
            log=folder / "code.log",
        )
        children.append(code)
        wait_for_socket(code, socket)
        asked = ["--grpc-socket", str(socket)]
    web = start(
        "Dagster's web server",
        [sys.executable, "-m", "pipelines.dagster.web", "--port", str(port), *asked],
        environment=environment,
        folder=folder,
        log=folder / "webserver.log",
    )
    children.append(web)
    # In a new home it makes Dagster's files, without a lock: two processes at once have left a database with two
    # versions, which none opens again.
    wait_for_port(web, port, seconds=180)
    children.append(
        start(
            "Dagster's daemon",
            [str(bin_folder / "dagster-daemon"), "run", *asked],
            environment=environment,
            folder=folder,
            log=folder / "daemon.log",
        )
    )


def serve_until_stopped(
    settings: Settings,
    *,
    port: int,
    dagster_port: int,
    environment: Mapping[str, str],
    children: list[Child],
    scheduled: bool,
    open_browser: bool,
) -> None:
    """Start the servers, say where they are, and wait. Whoever calls stops ``children``. Raises UsageError for a port
    that is taken.
    """
    port, dagster_port = own_ports(port, dagster_port if scheduled else None)
    if scheduled:  # the dashboards link to its runs
        environment = {**environment, "BOOKWATCH_DAGSTER_URL": f"http://127.0.0.1:{dagster_port}"}
    dashboards = start_dashboards(settings, port, environment)
    children.append(dashboards)
    watch = StoppedWatch(settings)
    if scheduled:
        start_dagster(settings, dagster_port, environment, children)
    wait_for_port(dashboards, port)
    address = f"http://127.0.0.1:{port}"
    typer.echo(f"Dashboards  {address}")
    if scheduled:
        typer.echo(f"Dagster     http://127.0.0.1:{dagster_port}  (a run every minute)")
    typer.echo("Ctrl-C stops everything.")
    if open_browser:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(address)
    watch_over(children, lambda: _say(watch.look()) if scheduled else None, LOOK_EVERY_S)


def _say(sentence: str) -> None:
    if sentence:
        typer.echo(sentence, err=True)


def own_ports(dashboards: int, dagster: int | None) -> tuple[int, int]:
    """The two ports asked for, a free one for each 0; ``dagster`` None: it is not started. Raises UsageError."""
    first = own_port(dashboards, "--port")
    if dagster is None:
        return first, 0
    if dagster == first:
        raise UsageError(
            f"--port and --dagster-port are both {first}.", "Give Dagster another one (0 takes a free one)."
        )
    return first, own_port(dagster, "--dagster-port")


def serve(
    port: Annotated[int, typer.Option(help="Port of the dashboards.")] = DASHBOARDS_PORT,
    dagster_port: Annotated[int, typer.Option(help="Port of Dagster's web pages.")] = DAGSTER_PORT,
    browser: Annotated[bool, typer.Option(help="Open the dashboards in a browser.")] = False,
) -> None:
    """Dagster (web and daemon) and the dashboards, on 127.0.0.1."""
    settings = load_settings()
    prepare(settings.home)
    scheduled = True
    try:
        settings.require_appwrite()
    except UsageError as incomplete:
        scheduled = False
        typer.echo(f"{incomplete} The dashboards show the last snapshot; no run is scheduled.", err=True)
    children: list[Child] = []
    with stopping(children):
        serve_until_stopped(
            settings,
            port=port,
            dagster_port=dagster_port,
            environment=children_environment(settings),
            children=children,
            scheduled=scheduled,
            open_browser=browser,
        )
