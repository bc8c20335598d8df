"""`bookwatch reports`: renders every notebook into BOOKWATCH_HOME/reports, as the morning's schedule does."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED, BookwatchError
from resources.settings import load_settings


class Language(StrEnum):
    en = "en"
    id = "id"


class Theme(StrEnum):
    """auto: as whoever looks has it."""

    auto = "auto"
    light = "light"
    dark = "dark"


def reports(
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", metavar="ID", help="A kept snapshot (default: the newest).")
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="The language of the reports.")] = Language.en,
    theme: Annotated[Theme, typer.Option("--theme", help="How they look.")] = Theme.auto,
    store: Annotated[bool, typer.Option("--store", help="Bring them to BOOKWATCH_STORE as well.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> int:
    """Every notebook as an HTML file that opens without network, in BOOKWATCH_HOME/reports/<local day>."""
    from pipelines.environment import prepare
    from pipelines.report_alert import tell
    from pipelines.reports import make

    settings = load_settings()
    objects = None
    if store:
        from pipelines.exports.storing import store_named

        objects = store_named(settings)
    prepare(settings)
    words = {"lang": lang.value, "theme": theme.value} | ({"snapshot": snapshot} if snapshot else {})
    made = make(settings, words)
    tell(settings, made, lambda line: echo(line, err=True))
    stored: dict[str, str] = {}
    if objects is not None:
        from pipelines.exports.storing import store_reports

        stored["stored"] = store_reports(objects, made.folder)
    if json:
        import orjson

        content = {
            "day": made.day.isoformat(),
            "folder": str(made.folder),
            "snapshot_id": made.snapshot_id,
            **stored,
            "reports": [
                {
                    "name": one.name,
                    "path": None if one.problem else str(one.path),
                    "seconds": one.seconds,
                    "problem": one.problem,
                }
                for one in made.made
            ],
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return FAILED if made.failed else DONE
    for one in made.made:
        if one.problem is None:
            echo(f"{one.name:<14} {one.path}")
    for place in stored.values():
        echo(f"Stored at      {place}")
    if made.failed:
        told = "; ".join(f"{one.name}: {one.problem}" for one in made.failed)
        raise BookwatchError(f"Not every report could be made. {told}", "The others stand.")
    return DONE
