"""`bookwatch demo`: a simulated marketplace on loopback, real runs on it, and the dashboards open on the result."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from marketplace.operations import Mode, Operation
from pipelines.cli.demo_receiver import start_receiver
from pipelines.cli.demo_services import DemoServices, old_way
from pipelines.cli.run import summary
from pipelines.cli.serve import (
    DAGSTER_PORT,
    DASHBOARDS_PORT,
    LOOPBACK,
    children_environment,
    knowing_dagster,
    knowing_services,
    own_ports,
    serve_until_stopped,
    start_dashboards,
)
from pipelines.environment import PROJECT, prepare
from pipelines.processes import Child, own_port, stopping
from pipelines.scheduling import the_only_one
from resources.errors import BookwatchError, UsageError
from resources.lock import run_lock
from resources.own_files import replace
from resources.settings import Settings, load_settings

DEMO_HOME = ".bookwatch-demo"
# Marks a home as made by the demo: only such a one may be thrown away.
MARK = "demo-home"
#: So often a demo that acts looks whether there is anything left to do.
ROUNDS = 3


def fresh_home(settings: Settings) -> Path:
    """An empty demo home; one of an earlier demo is replaced. Returns the folder for the sandbox's own data, beside it.

    Raises UsageError for a folder that holds anything else, RunActive while a run works in it.
    """
    home = settings.home
    if home.root.exists() and any(home.root.iterdir()):
        if not (home.root / MARK).exists():
            raise UsageError(
                f"{home.root} is not empty and was not made by the demo.",
                "Unset BOOKWATCH_HOME, or set it to a new folder.",
            )
        with run_lock(home):
            for entry in home.root.iterdir():
                if entry == home.lock:
                    continue
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    prepare(settings)
    replace(home.root / MARK, b"Made by `bookwatch demo`, which may replace it.\n")
    # Beside the home, not in it: the simulator's world holds names, and the home holds them in two files only.
    sandbox = home.root.with_name(f"{home.root.name}-sandbox")
    if sandbox.exists():
        shutil.rmtree(sandbox)
    sandbox.mkdir(parents=True, mode=0o700)
    return sandbox


def start_sandbox(folder: Path, *, seed: int, days: int, live: bool, more: Sequence[str] = ()) -> Child:
    """Start the stand-in on a free port; what it is, it says once it is filled (``filled``)."""
    words = [
        "serve",
        "--port",
        "0",
        "--seed",
        str(seed),
        "--days",
        str(days),
        "--json",
        "--data",
        str(folder),
    ]
    words += ["--live", *more] if live else []
    log = open(folder / "sandbox.log", "ab")  # noqa: SIM115 - handed to the child
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            start_new_session=True,
        )
    return Child("The sandbox", process)


def filled(sandbox: Child, folder: Path) -> dict[str, Any]:
    """Wait until the stand-in has simulated its days; what its first line says. Raises BookwatchError."""
    assert sandbox.process.stdout is not None
    line = sandbox.process.stdout.readline()
    if not line:
        sandbox.process.wait()
        raise BookwatchError("The sandbox did not start.", f"Its log is {folder / 'sandbox.log'}.")
    return json.loads(line)


def published(settings: Settings) -> int:
    """One run, told as it goes; its exit status. Raises what made it fail."""
    from pipelines.run import run
    from resources.run_report import RunOrder

    done = run(settings, RunOrder(say=lambda line: typer.echo(line, err=True)))
    if done.failure is not None:
        raise done.failure
    for line in summary(done):
        typer.echo(line)
    return done.exit_status


def acted(settings: Settings) -> bool:
    """Give each operation a turn, so that there is something to see: planned where it is observed, applied where it is
    enforced. Whether anything was written."""
    from operations.every import every_kind, scheduled
    from pipelines.operations import line_of, turn

    wrote = False
    for operation in scheduled():
        try:
            found = turn(settings, operation)
        except BookwatchError as refused:
            typer.echo(f"{operation}: {refused}", err=True)
            continue
        if found.plan is not None and found.applied is None:
            rows = f"{found.plan.proposed:,} planned, {found.plan.left_out:,} over the limit"
            typer.echo(f"{every_kind()[operation].description} {rows}; nothing was written.")
        elif (line := line_of(found)) is not None:
            typer.echo(line)
            wrote = True
    return wrote


def demo(
    days: Annotated[int, typer.Option(min=1, max=730, help="Days of simulated history.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the simulated marketplace.")] = 7,
    once: Annotated[bool, typer.Option("--once", help="Stop after publishing.")] = False,
    port: Annotated[int, typer.Option(help="Port of the dashboards.")] = DASHBOARDS_PORT,
    dagster_port: Annotated[int, typer.Option(help="Port of Dagster's web pages.")] = DAGSTER_PORT,
    browser: Annotated[bool, typer.Option(help="Open the dashboards in a browser.")] = True,
    act: Annotated[
        bool, typer.Option("--act", help="Let the operations act on the simulated marketplace.")
    ] = False,
    services_port: Annotated[int, typer.Option(help="Port of the booking services; 0 takes a free one.")] = 0,
    services_share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="So much of the bookings come by the services, the rest is written the old way.",
        ),
    ] = 0.5,
    burst: Annotated[
        int,
        typer.Option(
            min=0, help="With --once: so many book through the services, then it is read and published again."
        ),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where everything is as one line of JSON.")
    ] = False,
) -> int:
    """A live sandbox with a simulated marketplace, the booking services and people who use them, pipeline runs,
    dashboards and Dagster."""
    os.environ.setdefault("BOOKWATCH_HOME", DEMO_HOME)
    # The demo has its own server: settings of a real one, or of a replay, must not reach into it.
    for name in (
        "BOOKWATCH_TABLES",
        "BOOKWATCH_NOW",
        "APPWRITE_API",
        "BOOKWATCH_ALERT_URLS",
        "BOOKWATCH_HEARTBEAT_URL",
        "BOOKWATCH_LOGIN",
        "BOOKWATCH_OPERATIONS",
        "APPWRITE_WRITE_KEY",
        "BOOKWATCH_RECEIVER",
        "BOOKWATCH_RECEIVER_URLS",
        "BOOKWATCH_STORE",
        "BOOKWATCH_DAGSTER_POSTGRES",
        "BOOKWATCH_BACKUP_BUCKET",
    ):
        os.environ[name] = {
            "BOOKWATCH_TABLES": "{}",
            "APPWRITE_API": "tablesdb",
            "BOOKWATCH_OPERATIONS": json.dumps(dict.fromkeys(Operation, Mode.ENFORCE) if act else {}),
        }.get(name, "")
    from assets.marts.make import compile_ahead

    if not once:
        port, dagster_port = own_ports(port, dagster_port)  # said now, not after minutes of simulating
    services_port = own_port(services_port, "--services-port")
    settings = load_settings()
    if settings.home.dagster.exists():
        with the_only_one(settings):
            pass  # a home that is served is not replaced
    folder = fresh_home(settings)
    typer.echo(f"Simulating {days} days of a marketplace (seed {seed}) …", err=True)
    children: list[Child] = []
    with stopping(children):
        dashboards = None
        if not once:  # they come up while the simulator works, which keeps one core busy
            known = knowing_dagster(children_environment(settings), dagster_port)
            dashboards = start_dashboards(settings, port, knowing_services(known, services_port))
            children.append(dashboards)
        # What is simulated up to now is the same whatever the share: it counts from a minute later on.
        now = datetime.now(UTC)
        less = old_way(services_share, now + timedelta(minutes=1), now + timedelta(days=365))
        child = start_sandbox(folder, seed=seed, days=days, live=not once, more=less)
        children.append(child)
        compile_ahead(settings.home)
        sandbox = filled(child, folder)
        os.environ["APPWRITE_ENDPOINT"] = sandbox["endpoint"]
        os.environ["APPWRITE_PROJECT_ID"] = sandbox["project"]
        os.environ["APPWRITE_API_KEY"] = sandbox["read_only_key"]
        os.environ["APPWRITE_DATABASE_ID"] = sandbox["database"]
        if act:
            os.environ["APPWRITE_WRITE_KEY"] = sandbox["key"]
            os.environ["BOOKWATCH_RECEIVER"] = start_receiver()
        settings = load_settings()
        exit_status = published(settings)
        typer.echo(f"The figures the simulator knows to be true: {folder / 'truth.json'}")
        # What is done gives the next something to do: a record that was missing may be overdue already.
        for _ in range(ROUNDS if act else 1):
            if not acted(settings):
                break
            typer.echo("What was done stands in the marketplace; another run sees it …", err=True)
            time.sleep(settings.safety_lag)  # what was written just now is left for the scan after it
            exit_status = published(settings)
        services = DemoServices(settings, sandbox, port=services_port, seed=seed, share=services_share)
        if once and burst:
            with services:
                made = services.burst(burst)
            typer.echo(
                f"{len(made['bookings'])} bookings came by the services; another run sees them …", err=True
            )
            time.sleep(settings.safety_lag)  # the run leaves younger rows to the next one
            exit_status = published(settings)
        if once:
            return exit_status
        where = {
            "dashboards": f"http://{LOOPBACK}:{port}",
            "dagster": f"http://{LOOPBACK}:{dagster_port}",
            "services": services.endpoint,
            "docs": services.documentation,
            "appwrite": sandbox["endpoint"],
            "truth": str(folder / "truth.json"),
        }

        def reached() -> None:
            services.start()
            typer.echo(json.dumps(where) if as_json else f"Booking API {services.documentation}")

        try:
            with services, the_only_one(settings) as hold:
                serve_until_stopped(
                    settings,
                    port=port,
                    dagster_port=dagster_port,
                    environment=children_environment(settings),
                    children=children,
                    hold=hold,
                    open_browser=browser,
                    dashboards=dashboards,
                    reached=reached,
                    beside=services.look,
                )
        except KeyboardInterrupt:
            typer.echo("Stopping.", err=True)
    return 0
