"""`bookwatch verify DIR`: whether a report is still what was exported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED
from resources.settings import load_settings


def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a report.", show_default=False)
    ],
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous", metavar="DIR", help="Where the report before this one lies now, if it was moved."
        ),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Do not ask for the report before this one.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> int:
    """Re-compute an export's manifest; say what differs. Exit 1 if anything does."""
    settings = load_settings()
    from pipelines.exports.verify import verify_export

    verdict = verify_export(
        folder.expanduser(),
        settings.home.ledger,
        previous=previous.expanduser() if previous else None,
        alone=alone,
    )
    if json:
        import orjson

        content = {
            "folder": str(verdict.folder),
            "holds": verdict.holds,
            "differences": list(verdict.differences),
            "not_checked": list(verdict.not_checked),
            "rewritten": list(verdict.rewritten),
            "files": verdict.files,
            "rows": verdict.rows,
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return DONE if verdict.holds else FAILED
    for difference in verdict.differences:
        echo(f"Differs: {difference}")
    for unknown in verdict.not_checked:
        echo(f"Not checked: {unknown}")
    for told in verdict.rewritten:
        echo(f"Rewritten: {told}")
    count = len(verdict.differences)
    if verdict.holds:
        echo(
            f"{verdict.folder}: {verdict.files} files, {verdict.rows:,} rows"
            f" {'agree' if verdict.files != 1 else 'agrees'} with the manifest"
            + (
                ", apart from what could not be checked."
                if verdict.not_checked
                else ", the ledger and the chain."
            )
        )
    else:
        echo(f"{verdict.folder}: {count} difference{'s' if count != 1 else ''} found.", err=True)
    return DONE if verdict.holds else FAILED
