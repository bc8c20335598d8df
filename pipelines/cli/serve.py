"""`bookwatch serve`: Dagster (web and daemon) and the dashboards, on 127.0.0.1, until stopped; with a login the
dashboards alone listen further."""

from __future__ import annotations

import contextlib
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from pipelines.dagster_storage import ADDRESS, make_ready
from pipelines.environment import PROJECT, prepare
from pipelines.following import Follower, become_reader, fetch_home, is_reader, store_of
from pipelines.orders import OrderTaker
from pipelines.processes import Child, own_port, start, stopping, wait_for_port, wait_for_socket, watch_over
from pipelines.scheduling import LOOK_EVERY_S as HOLD_EVERY_S
from pipelines.scheduling import Hold, the_only_one
from pipelines.stopped import CODE, LOOK_EVERY_S, StoppedWatch, code_socket
from resources.errors import UsageError
from resources.own_hosts import host_name, is_loopback
from resources.roles_file import load_roles
from resources.settings import Settings, load_settings
from resources.shared.fetching import require_no_pipeline

DASHBOARDS_PORT, DAGSTER_PORT = 8501, 3000
LOOPBACK = "127.0.0.1"
ORDERS_EVERY_S = 1.0
"""How often it is looked for an order of the dashboards: whoever gave it sees it taken."""


def require_login_beyond(settings: Settings, host: str) -> None:
    """Raises UsageError for an address that other machines reach, where no login stands before the dashboards, or one
    that lets nobody in. Dagster's own pages have none: they stay on this machine."""
    if host_name(host) is None:
        raise UsageError.of("failure.host_name")
    if settings.login:
        load_roles(settings.require_login().roles_file)
    elif not is_loopback(host):
        raise UsageError.of("failure.host_without_login")


def children_environment(settings: Settings) -> dict[str, str]:
    """What the children must know however they are started: absolute, so that no working directory matters."""
    known = {
        "BOOKWATCH_HOME": str(settings.home.root),
        "BOOKWATCH_HOSTS": ",".join(settings.hosts),
        "PYTHONPATH": str(PROJECT),
        # In their folder another .env, or none, may be found.
        "BOOKWATCH_DAGSTER_POSTGRES": settings.dagster_postgres.get_secret_value(),
    }
    # Dagster talks to its own processes over sockets in the temporary folder: in the home too, where they fit.
    if socket := code_socket(settings.home):
        socket.parent.mkdir(exist_ok=True, mode=0o700)
        known["TMPDIR"] = str(socket.parent)
    return known


def _login(settings: Settings) -> dict[str, str]:
    """The login as this process knows it: the dashboards, in another folder, may find another .env or none."""
    return {
        "BOOKWATCH_LOGIN": settings.login,
        "BOOKWATCH_LOGIN_CLIENT": settings.login_client,
        "BOOKWATCH_LOGIN_SECRET": settings.login_secret.get_secret_value(),
        "BOOKWATCH_ROLES": str(settings.roles_file.absolute()) if settings.roles else "",
        "BOOKWATCH_DASHBOARDS": settings.dashboards,
        "BOOKWATCH_SERVICES_URL": settings.services_url,
    }


def knowing_dagster(environment: Mapping[str, str], port: int) -> dict[str, str]:
    """The same with where Dagster's pages are: the dashboards link to its runs."""
    return {**environment, "BOOKWATCH_DAGSTER_URL": f"http://{LOOPBACK}:{port}"}


def knowing_services(environment: Mapping[str, str], port: int) -> dict[str, str]:
    """The same with where the booking services are: the dashboards link to what their API tells of itself."""
    return {**environment, "BOOKWATCH_SERVICES_URL": f"http://{LOOPBACK}:{port}"}


_NONE_OF_THE_PAGES = ("APPWRITE_WRITE_KEY", "BOOKWATCH_DAGSTER_POSTGRES", ADDRESS)
"""Secrets that pages have no use for: they call neither Appwrite nor Dagster."""


def start_dashboards(
    settings: Settings, port: int, environment: Mapping[str, str], host: str = LOOPBACK
) -> Child:
    """The Streamlit app, in a process of its own."""
    return start(
        "The dashboards",
        [sys.executable, "-m", "dashboards", str(port), host],
        environment={**environment, **_login(settings), **dict.fromkeys(_NONE_OF_THE_PAGES, "")},
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
            [sys.executable, "-m", "pipelines.dagster.daemon", *asked],
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
    hold: Hold | None,
    open_browser: bool,
    host: str = LOOPBACK,
    pages: bool = True,
    dashboards: Child | None = None,
    reached: Callable[[], object] = lambda: None,
    beside: Callable[[], object] = lambda: None,
) -> None:
    """Start the servers, say where they are, and wait. Whoever calls stops ``children``. ``hold``: it
    schedules, as nobody else does then; None: nothing is scheduled. ``pages``: the
    dashboards are wanted; ``dashboards``: those that were started before, on ``port``. ``reached``: done once they can
    be looked at; ``beside``: again and again while it is waited. Raises UsageError for a port that is taken.
    """
    scheduled = hold is not None
    if not pages:
        dagster_port = own_port(dagster_port, "--dagster-port")
    elif dashboards is None:
        port, dagster_port = own_ports(port, dagster_port if scheduled else None)
        known = knowing_dagster(environment, dagster_port) if scheduled else environment
        dashboards = start_dashboards(settings, port, known, host)
        children.append(dashboards)
    watch = StoppedWatch(settings)
    taker = OrderTaker(settings, environment)
    if dashboards is not None:
        # Dagster takes longer to come than all else, and who looks at figures needs none of it.
        wait_for_port(dashboards, port, host=host)
        address = settings.dashboards if settings.login else f"http://127.0.0.1:{port}"
        typer.echo(f"Dashboards  {address}")
        if open_browser:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(address)
    reached()
    if scheduled:
        start_dagster(settings, dagster_port, environment, children)
        typer.echo(f"Dagster     http://127.0.0.1:{dagster_port}  (a run every minute)")
    typer.echo("Ctrl-C stops everything.")
    due = hold_due = time.monotonic()
    said = ""

    def look() -> None:
        nonlocal due, hold_due, said
        taker.look()
        beside()
        if hold is not None and time.monotonic() >= hold_due:
            now = hold.look()
            _say(now if now != said else "")
            said, hold_due = now, time.monotonic() + HOLD_EVERY_S
        if scheduled and time.monotonic() >= due:
            _say(watch.look())
            due = time.monotonic() + LOOK_EVERY_S

    try:
        watch_over(children, look, ORDERS_EVERY_S)
    finally:
        taker.stop()


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
    host: Annotated[
        str,
        typer.Option(
            help="Address the dashboards listen on; beyond this machine only with a login (docs/operations.md)."
        ),
    ] = LOOPBACK,
    dashboards: Annotated[
        bool,
        typer.Option(help="The dashboards too; without them `python -m dashboards PORT` serves them apart."),
    ] = True,
) -> None:
    """Dagster (web and daemon) and the dashboards, on 127.0.0.1; the dashboards further with --host and a login.

    With BOOKWATCH_FOLLOW the dashboards alone, on the newest snapshot of that store.
    """
    settings = load_settings()
    if dashboards:
        require_login_beyond(settings, host)
    if is_reader(settings):
        if not dashboards:
            raise UsageError.of("failure.reader_pages")
        _serve_reader(settings, port=port, open_browser=browser, host=host)
        return
    prepare(settings)
    scheduled = True
    try:
        settings.require_appwrite()
    except UsageError as incomplete:
        if not dashboards:
            raise
        scheduled = False
        typer.echo(f"{incomplete} The dashboards show the last snapshot; no run is scheduled.", err=True)
    children: list[Child] = []
    with contextlib.ExitStack() as stack:
        hold = None
        if scheduled:
            make_ready(settings)
            hold = stack.enter_context(the_only_one(settings))
        stack.enter_context(stopping(children))
        serve_until_stopped(
            settings,
            port=port,
            dagster_port=dagster_port,
            environment=children_environment(settings),
            children=children,
            hold=hold,
            open_browser=browser,
            host=host,
            pages=dashboards,
        )


def _serve_reader(settings: Settings, *, port: int, open_browser: bool, host: str) -> None:
    """The dashboards of a home that shows another one's snapshots, which are fetched meanwhile."""
    require_no_pipeline(settings.home)
    prepare(settings)
    follower: Follower | None = None
    if settings.follow:
        become_reader(settings.home, store_of(settings))
        follower = Follower(lambda: fetch_home(settings), _say)
        follower.look()
    else:
        _say("BOOKWATCH_FOLLOW is not set: what was fetched last is shown, and nothing newer is looked for.")
    children: list[Child] = []
    with stopping(children):
        port = own_port(port, "--port")
        dashboards = start_dashboards(settings, port, children_environment(settings), host)
        children.append(dashboards)
        wait_for_port(dashboards, port, host=host)
        address = settings.dashboards if settings.login else f"http://127.0.0.1:{port}"
        typer.echo(f"Dashboards  {address}")
        if open_browser:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(address)
        typer.echo("Ctrl-C stops everything.")
        if follower is not None:
            follower.start()
        try:
            watch_over(children)
        finally:
            if follower is not None:
                follower.stop()
