"""`bookwatch services`: the booking API, and what it needs in Appwrite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from messages.catalogue import english
from pipelines.cli.printed import echo, echo_json
from pipelines.processes import end_with
from resources.errors import DONE, PROBLEMS, UNREACHABLE, BookwatchError, UsageError
from resources.own_hosts import host_name
from resources.settings import load_settings

if TYPE_CHECKING:
    from resources.appwrite.failures import CallFailure
    from services.installing import Part

app = typer.Typer(
    help="The booking API: serve it, make the collections it needs.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]

PORT, LOOPBACK = 8502, "127.0.0.1"
INDEXES_S = 5.0
"""So long `serve` waits for indexes: it works without them, slower."""
NAMED = 5


class Unreached(BookwatchError):
    """Appwrite did not answer."""

    exit_status = UNREACHABLE


@app.command("serve")
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    json: Annotated[
        bool, typer.Option("--json", help='Print one line of JSON first: {"endpoint": …}.')
    ] = False,
    ends_with: Annotated[
        int,
        typer.Option(metavar="PID", help="End when this process, which started it, has ended; 0: never."),
    ] = 0,
) -> int:
    """The booking API, on 127.0.0.1, until stopped; makes what it lacks in Appwrite first."""
    settings = load_settings().require_appwrite()
    settings.acting()
    if ends_with:
        end_with(ends_with)
    if host_name(host) is None:
        raise UsageError.of("failure.host_name")
    from resources.appwrite.failures import CallFailure
    from resources.spool import Spool
    from services.context import open_services
    from services.installing import install, lacking
    from services.noting import SOURCE
    from services.serving import listening
    from services.serving import serve as serve_until_stopped

    listener = listening(host, port)
    try:
        parts = install(settings, wait_s=INDEXES_S)
    except CallFailure as failed:
        raise _unreached(failed) from None
    if missing := lacking(parts):
        names = [part.name for part in missing]
        more = f" (+{len(names) - NAMED})" if len(names) > NAMED else ""
        raise UsageError.of("services.install_lacking", what=", ".join(names[:NAMED]) + more)
    for part in parts:
        if not part.well:
            echo(sentence(part), err=True)
    settings.home.create()

    def tell(endpoint: str) -> None:
        if json:
            import orjson

            echo_json(orjson.dumps({"endpoint": endpoint}).decode())
        else:
            echo(f"Booking API  {endpoint}  (its documentation: {endpoint}/docs)")
            echo("Ctrl-C stops it.")

    serve_until_stopped(open_services(settings, Spool(settings.home, SOURCE)), listener, settings.hosts, tell)
    return DONE


@app.command("install")
def install_(json: Json = False) -> int:
    """Make the collections, columns, indexes and buckets that the booking API needs; what is there stays."""
    settings = load_settings().require_appwrite()
    settings.acting()
    from resources.appwrite.failures import CallFailure
    from services.installing import install

    def tell(part: Part) -> None:
        if not json and part.state != "there":
            echo(sentence(part))

    try:
        parts = install(settings, tell)
    except CallFailure as failed:
        raise _unreached(failed) from None
    well = sum(part.well for part in parts)
    if json:
        import orjson

        content = [
            {
                "kind": part.kind,
                "name": part.name,
                "state": part.state,
                "said": None if part.said is None else english(part.said),
            }
            for part in parts
        ]
        echo_json(orjson.dumps({"parts": content}, option=orjson.OPT_INDENT_2).decode())
    else:
        echo(f"{well:,} of {len(parts):,} are there.")
    return DONE if well == len(parts) else PROBLEMS


def _unreached(failed: CallFailure) -> Unreached:
    """Why nothing could be made: what is refused will be the next time, too."""
    from resources.appwrite.failures import PermanentFailure

    refused = isinstance(failed, PermanentFailure)
    return Unreached.of(f"services.install_{'not_let' if refused else 'unreached'}", why=failed.said)


def sentence(part: Part) -> str:
    """A part for a person."""
    told = f"{part.state}: {part.kind} {part.name}"
    return f"{told}." if part.said is None else f"{told}. {english(part.said)}"
