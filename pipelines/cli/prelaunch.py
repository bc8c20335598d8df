"""`bookwatch prelaunch`: the checklist before the launch, from evidence alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from messages.catalogue import english
from messages.message import Message
from pipelines.cli.printed import echo, echo_json
from resources.settings import load_settings


def prelaunch(json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> int:
    """The checklist before the launch: each line proven, failed or unknown, by what and when; 0: all proven."""
    settings = load_settings()
    import duckdb

    from pipelines.prelaunch import checklist, exit_status, score
    from resources.errors import BookwatchError
    from resources.snapshots import current_snapshot, open_snapshot

    path = current_snapshot(settings.home)

    def ask(sql: str) -> Sequence[Mapping[str, Any]]:
        assert path is not None
        try:
            with open_snapshot(path) as con:
                return con.sql(sql).pl().to_dicts()
        except duckdb.Error as unanswered:
            raise BookwatchError(f"The snapshot could not be asked ({type(unanswered).__name__}).") from None

    lines = checklist(settings, None if path is None else ask)
    if json:
        import orjson

        content = {
            "lines": [
                {"line": one.line, "state": one.state, "evidence": english(one.evidence), "at": one.at}
                for one in lines
            ],
            "score": score(lines),
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return exit_status(lines)
    for one in lines:
        when = f" ({one.at:%Y-%m-%d %H:%M} UTC)" if one.at is not None else ""
        echo(f"{one.state}: {english(Message(f'prelaunch.is.{one.line}'))}: {english(one.evidence)}{when}")
    proven = sum(one.state == "proven" for one in lines)
    echo(f"{proven} of {len(lines)} proven: {score(lines)} %.")
    return exit_status(lines)
