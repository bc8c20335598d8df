"""`bookwatch indexes`: makes the indexes that doctor finds missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from messages.catalogue import english
from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, PROBLEMS, UNREACHABLE, BookwatchError
from resources.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.indexes import Index, Wanted

app = typer.Typer(
    help="Indexes of Appwrite that are missing: which, and make them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


class Unreached(BookwatchError):
    """Appwrite did not answer in between."""

    exit_status = UNREACHABLE


@app.command("plan")
def plan(json: Json = False) -> int:
    """Which indexes are missing. Changes nothing."""
    settings = load_settings().require_appwrite()
    from operations.indexes import wanted

    found = wanted(settings)
    _show(found.missing, found, json=json)
    return _status(found, [])


@app.command("apply")
def apply(
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for each to be built.")
    ] = 3600,
    json: Json = False,
) -> int:
    """Make them with the acting key, wait until each is available, and say what it made faster."""
    settings = load_settings().require_appwrite()
    settings.acting()
    from operations.indexes import make, wanted
    from resources.appwrite.failures import CallFailure

    found = wanted(settings)
    made: list[Index] = []

    def tell(index: Index) -> None:
        made.append(index)
        if not json:
            echo(sentence(index))

    try:
        make(settings, found.missing, tell=tell, patience_s=wait)
    except CallFailure as failed:
        raise Unreached.of("indexes.unreached", why=failed.said) from None
    _show(made, found, json=json, told=True)
    return _status(found, made)


def _status(found: Wanted, made: Sequence[Index]) -> int:
    if any(line.blocking for line in found.untold):
        return UNREACHABLE
    there = sum(index.state == "available" for index in made)
    return DONE if there == len(found.missing) and not found.untold else PROBLEMS


def sentence(index: Index) -> str:
    """An index for a person."""
    told = f"{index.state}: {index.collection} by {', '.join(index.columns)} ({index.key})"
    if index.before_s is not None and index.after_s is not None:
        told += f": a query by it took {_ms(index.before_s)}, now {_ms(index.after_s)}"
    if index.built_s is not None:
        told += f"; built in {index.built_s:,.0f} s"
    return f"{told}." if index.said is None else f"{told}. {english(index.said)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def _show(indexes: Sequence[Index], found: Wanted, *, json: bool, told: bool = False) -> None:
    if json:
        import orjson

        content: dict[str, Any] = {
            "indexes": [_as_json(index) for index in indexes],
            "could_not_tell": [line.sentence for line in found.untold],
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return
    if not told:
        for index in indexes:
            echo(sentence(index))
    for line in found.untold:
        echo(f"{line.verdict}: {line.sentence} {line.what_to_do}".rstrip())
    there = sum(index.state == "available" for index in indexes)
    echo(f"{there:,} of {len(found.missing):,} made." if told else f"{len(found.missing):,} are missing.")


def _as_json(index: Index) -> dict[str, Any]:
    return {
        "collection": index.collection,
        "key": index.key,
        "columns": index.columns,
        "state": index.state,
        "seconds_before": index.before_s,
        "seconds_after": index.after_s,
        "built_seconds": index.built_s,
        "said": None if index.said is None else english(index.said),
    }
