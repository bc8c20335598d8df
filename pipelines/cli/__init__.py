"""The command line. Each command is a module beside this one; heavy libraries are imported only where they are used."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from functools import cache

import typer
from typer.main import get_command

from pipelines.cli import (
    adopt,
    alerts,
    backup,
    close,
    compare,
    demo,
    doctor,
    errors,
    explain,
    export,
    fetch,
    forget,
    indexes,
    keys,
    notebook,
    operations,
    orders,
    prelaunch,
    query,
    reports,
    run,
    sandbox,
    serve,
    services,
    status,
    sweep,
    terminal,
    verify,
    waive,
    watch,
)
from pipelines.cli.printed import echo
from resources.errors import FAILED, BookwatchError

app = typer.Typer(
    name="bookwatch",
    help="The sight of a booking marketplace: bookings, chats and commissions from Appwrite, proven and shown.",
    epilog="--debug, on any command, shows the details of an error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.command("watch")(watch.watch)
app.command("status")(status.status)
app.command("errors")(errors.errors)
app.command("sql")(query.sql)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("prelaunch")(prelaunch.prelaunch)
app.command("sweep")(sweep.sweep)
app.command("forget")(forget.forget)
app.command("orders")(orders.orders)
app.command("adopt")(adopt.adopt)
app.command("verify")(verify.verify)
app.command("waive")(waive.waive)
app.command("fetch")(fetch.fetch)
app.command("close")(close.close)
app.command("reopen")(close.reopen)
app.command("compare")(compare.compare)
app.command("notebook")(notebook.notebook)
app.command("reports")(reports.reports)
app.add_typer(alerts.app, name="alerts")
app.add_typer(backup.app, name="backup")
app.add_typer(export.app, name="export")
app.add_typer(indexes.app, name="indexes")
app.add_typer(keys.app, name="keys")
app.add_typer(operations.app, name="operations")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(services.app, name="services")


@cache
def _commands() -> Callable[..., object]:
    """The commands as Typer makes them of their functions: once, and not for each call of a process."""
    return get_command(app)


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """``--debug`` may stand anywhere before ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    head = [argument for argument in arguments[:end] if argument != "--debug"]
    return head + arguments[end:], len(head) != end


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with a status of docs/contract.md; an error is one plain sentence on stderr."""
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    if debug:
        os.environ["BOOKWATCH_DEBUG"] = "1"
    terminal.prepare_streams(words)
    try:
        fetch.refuse_in_a_readers_home(words)
        status_code = _commands()(words, prog_name="bookwatch", standalone_mode=False)
    except BookwatchError as known:
        if debug:
            traceback.print_exc()
        _say_error(str(known))
        sys.exit(known.exit_status)
    except typer.TyperException as misused:
        # Wrong usage; or no command at all, whose message is the help itself.
        sentence = misused.format_message()
        context = getattr(misused, "ctx", None)
        if "\n" not in sentence:
            sentence = (
                f"{sentence.rstrip('.')}. See `{context.command_path if context else 'bookwatch'} --help`."
            )
        _say_error(sentence)
        sys.exit(misused.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _say_error("Stopped.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as unknown:  # noqa: BLE001 - the outermost edge: no traceback, which can carry values, unless asked
        if debug:
            traceback.print_exc()
        _say_error(
            f"Something unforeseen failed ({type(unknown).__name__}). Run again with --debug to see the details."
        )
        sys.exit(FAILED)
    sys.exit(status_code if isinstance(status_code, int) else 0)


def _say_error(sentence: str) -> None:
    echo(sentence, err=True)
