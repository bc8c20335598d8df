"""`bookwatch keys`: the key pair that reports are signed with, and signing or time-stamping a report that stands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import UsageError
from resources.settings import load_settings

app = typer.Typer(help="The key that reports are signed with.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """The key that reports are signed with; signing and time-stamping reports that stand."""


@app.command("make")
def make(
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Retire the key that is there; what it signed is still proven by it."),
    ] = False,
) -> None:
    """Make the key pair: from now on every report is signed. The secret key stays in this home, for its owner only."""
    settings = load_settings()
    from resources.report_keys import make_keys

    os.umask(0o077)
    settings.home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = make_keys(settings.home, replace=replace)
    echo(
        f"Reports are signed with the key {made.key_id} from now on. Its public half, for those who get reports:"
    )
    echo(made.text)
    echo(f"The secret half is in {settings.home.keys}: keep a backup of it where only you can read it.")


@app.command("show")
def show(json: Annotated[bool, typer.Option("--json", help="Print the keys as JSON.")] = False) -> None:
    """The public key of this home, and the retired ones."""
    settings = load_settings()
    from resources.report_keys import known_keys, public_key

    now = public_key(settings.home)
    retired = [key for key in known_keys(settings.home) if key != now]
    if json:
        import orjson

        content = {
            "key": None if now is None else {"key_id": now.key_id, "public_key": now.text},
            "retired": [{"key_id": key.key_id, "public_key": key.text} for key in retired],
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return
    if now is None:
        echo("This home has no key: its reports are not signed. `bookwatch keys make` makes one.")
    else:
        echo(f"{now.text} (key {now.key_id})")
    for key in retired:
        echo(f"{key.text} (key {key.key_id}, retired)")


@app.command("export")
def export(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it (default: on the screen).")
    ] = None,
) -> None:
    """The public key as a file that minisign reads (minisign -Vm manifest.json -p FILE)."""
    settings = load_settings()
    from resources.report_keys import public_key

    now = public_key(settings.home)
    if now is None:
        raise UsageError("This home has no key.", "`bookwatch keys make` makes one.")
    if out is None:
        echo(now.file.decode().rstrip("\n"))
        return
    path = out.expanduser()
    try:
        with open(path, "xb") as file:
            file.write(now.file)
    except FileExistsError:
        raise UsageError(f"{path} is there already.", "Give another name as --out.") from None
    except OSError as refused:
        raise UsageError(
            f"{path} cannot be written ({refused.strerror}).", "Give another place as --out."
        ) from None
    echo(f"{path}: the public key {now.key_id}")


@app.command("sign")
def sign(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a report.", show_default=False)
    ],
) -> None:
    """Sign a report that was made before there was a key. What does not hold is not signed."""
    settings = load_settings()
    from pipelines.exports.signature import SIGNATURE, report_of, signature_of
    from pipelines.exports.verify import verify_export
    from resources.own_files import replace
    from resources.report_keys import signer

    signing = signer(settings.home)
    if signing is None:
        raise UsageError("This home has no key.", "`bookwatch keys make` makes one.")
    report = folder.expanduser().resolve()
    data = report_of(report)
    if (report / SIGNATURE).exists():
        raise UsageError(f"{report} is signed already.", "`bookwatch verify` says with which key.")
    verdict = verify_export(report, settings.home.ledger, alone=True)
    if not verdict.holds:
        raise UsageError(
            f"{report} does not hold: {verdict.differences[0]}",
            "`bookwatch verify` says all; nothing was signed.",
        )
    clock = settings.clock
    signature = signature_of(data, signing, clock.now(), clock_frozen=clock.frozen is not None)
    replace(report / SIGNATURE, signature)
    echo(f"{report} is signed with the key {signing.public.key_id}.")


@app.command("stamp")
def stamp(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a report.", show_default=False)
    ],
    url: Annotated[
        str,
        typer.Option(
            "--url", metavar="URL", help="The time-stamping authority (RFC 3161).", show_default=False
        ),
    ],
) -> None:
    """Have a report time-stamped. Only the hash of its manifest leaves this machine."""
    settings = load_settings()
    from pipelines.exports.signature import report_of
    from pipelines.exports.time_stamp import STAMP
    from pipelines.exports.time_stamp import stamp as stamped
    from pipelines.exports.verify import verify_export

    report = folder.expanduser().resolve()
    data = report_of(report)
    if (report / STAMP).exists():
        raise UsageError(f"{report} is time-stamped already.", "`bookwatch verify` says when and by whom.")
    verdict = verify_export(report, settings.home.ledger, alone=True)
    if not verdict.holds:
        raise UsageError(
            f"{report} does not hold: {verdict.differences[0]}",
            "`bookwatch verify` says all; nothing was stamped.",
        )
    echo(f"{report} is {stamped(report, data, url)}.")
