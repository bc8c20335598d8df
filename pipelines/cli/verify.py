"""`bookwatch verify DIR`: whether a report is still what was exported; with `--all` every report that ever was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED, UsageError
from resources.settings import load_settings

if TYPE_CHECKING:
    from pipelines.exports.every import Standing
    from pipelines.exports.verify import Trust, Verdict
    from resources.report_keys import PublicKey


def verify(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The folder of a report.", show_default=False)
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Every report ever exported from this home; one that is gone is missed."),
    ] = False,
    under: Annotated[
        list[Path] | None,
        typer.Option(
            "--under", metavar="DIR", help="With --all: look below this folder for reports that were moved."
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous", metavar="DIR", help="Where the report before this one lies now, if it was moved."
        ),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Do not ask for the report before this one.")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The public key the report must be signed with: its text (RW…) or its file. Default: this home's.",
        ),
    ] = None,
    tsa_root: Annotated[
        Path | None,
        typer.Option(
            "--tsa-root",
            metavar="FILE",
            help="The root certificate (PEM) of the time-stamping authority you trust.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> int:
    """Re-compute an export's manifest; say what differs. Exit 1 if anything does, or a report is gone."""
    if (folder is None) != every:
        raise UsageError(
            "Give the folder of one report, or --all.", "`bookwatch verify DIR`, or `bookwatch verify --all`."
        )
    if every and (previous or alone):
        raise UsageError(
            "--previous and --alone are for a single report.", "--under says where reports lie now."
        )
    if under and not every:
        raise UsageError("--under goes with --all.", "Give the folder of the report itself.")
    settings = load_settings()
    from pipelines.exports.verify import Trust, verify_export

    trust = Trust(
        key=None if key is None else _public_key(key),
        stamp_roots=None if tsa_root is None else tsa_root.expanduser(),
    )
    ledger = settings.home.ledger
    if folder is None:
        return _every(ledger, [path.expanduser() for path in under or ()], trust, json=json)
    verdict = verify_export(
        folder.expanduser(),
        ledger,
        previous=previous.expanduser() if previous else None,
        alone=alone,
        trust=trust,
    )
    if json:
        echo_json(_json(_content(verdict)))
    else:
        _tell(verdict)
    return DONE if verdict.holds else FAILED


def _public_key(given: str) -> PublicKey:
    from resources.report_keys import read_public_key

    # The text of a key may hold a slash, so what is a file is asked of the disk.
    path = Path(given).expanduser()
    return read_public_key(path if path.is_file() else given)


def _every(ledger: Path, under: list[Path], trust: Trust, *, json: bool) -> int:
    from pipelines.exports.every import verify_every

    standing: list[Standing] = []
    for one in verify_every(ledger, under=under, trust=trust):
        standing.append(one)
        if json:
            continue
        if one.verdict is not None:
            _tell(one.verdict)
        else:
            told = f"the report {one.entry.kind} {one.entry.filters} of {one.entry.made_at:%Y-%m-%d %H:%M} UTC by"
            echo(f"{'Gone' if one.lost else 'Not checked'}: {told} {one.entry.made_by} {one.gone}")
    failed = [one for one in standing if not one.holds]
    if json:
        content = {
            "holds": not failed,
            "reports": [
                {
                    "report": one.entry.kind,
                    "filters": one.entry.filters,
                    "made_at": f"{one.entry.made_at:%Y-%m-%dT%H:%M:%SZ}",
                    "made_by": one.entry.made_by,
                    "manifest_sha256": one.entry.manifest_sha256,
                    "was_in": one.entry.folder,
                    "holds": one.holds,
                    "gone": one.gone,
                    "verdict": None if one.verdict is None else _content(one.verdict),
                }
                for one in standing
            ],
        }
        echo_json(_json(content))
        return FAILED if failed else DONE
    gone = sum(one.lost for one in standing)
    if failed:
        echo(
            f"{len(standing)} reports of this home: {gone} gone, {len(failed) - gone} not as exported.",
            err=True,
        )
        return FAILED
    if standing:
        echo(f"{len(standing)} reports of this home: none is gone, each holds.")
    else:
        echo("No report was ever exported from this home.")
    return DONE


def _json(content: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def _content(verdict: Verdict) -> dict[str, Any]:
    return {
        "folder": str(verdict.folder),
        "holds": verdict.holds,
        "differences": list(verdict.differences),
        "not_checked": list(verdict.not_checked),
        "rewritten": list(verdict.rewritten),
        "proven": list(verdict.proven),
        "files": verdict.files,
        "rows": verdict.rows,
    }


def _tell(verdict: Verdict) -> None:
    for difference in verdict.differences:
        echo(f"Differs: {difference}")
    for unknown in verdict.not_checked:
        echo(f"Not checked: {unknown}")
    for told in verdict.rewritten:
        echo(f"Rewritten: {told}")
    for told in verdict.proven:
        echo(f"Proven: {told}")
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
