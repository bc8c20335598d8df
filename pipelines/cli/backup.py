"""`bookwatch backup`: makes, lists, verifies and restores backups of the database, and tries one out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from messages.catalogue import english
from messages.message import Message
from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED, PROBLEMS, BookwatchError
from resources.instants import z_text_of
from resources.settings import Settings, load_settings

app = typer.Typer(
    help="Backups of the whole database: every collection, the ones bookwatch never reads included.",
    no_args_is_help=True,
)

_ID = typer.Argument(
    metavar="ID", help="The backup, as `bookwatch backup list` shows it.", show_default=False
)
_JSON = typer.Option("--json", help="Print the outcome as JSON.")


def _home(settings: Settings) -> Settings:
    os.umask(0o077)
    from pipelines.environment import prepare

    prepare(settings)
    return settings


def _say(json: bool) -> Any:
    def line(message: Message) -> None:
        if not json:
            echo(english(message))

    return line


@app.command("create")
def create(json: Annotated[bool, _JSON] = False) -> int:
    """Make a backup now. The reading key is enough; what is left out is said."""
    settings = _home(load_settings())
    from marketplace.backups import BackupState
    from operations.backup.create import BackupActive, make_backup
    from pipelines.backup_alerts import tell

    try:
        made = make_backup(settings, say=_say(json))
    except BackupActive:
        raise
    except BookwatchError:
        tell(settings, lambda line: echo(line, err=True))
        raise
    tell(settings, lambda line: echo(line, err=True))
    status = DONE if made.state == BackupState.WHOLE else PROBLEMS
    if json:
        _print(
            {
                "backup_id": made.backup_id,
                "state": made.state,
                "rows": made.rows,
                "bytes": made.bytes,
                "tables": made.tables,
                "store": made.place,
                "bucket": made.bucket,
                "said": [english(said) for said in made.said],
            }
        )
        return status
    echo(
        f"Backup {made.backup_id}: {made.state}, {made.rows:,} rows of {made.tables:,} tables,"
        f" {made.bytes:,} bytes in {made.place}."
    )
    for said in made.said:
        echo(f"  {english(said)}")
    return status


@app.command("list")
def list_backups(json: Annotated[bool, _JSON] = False) -> None:
    """The backups there are, the newest first, also those of another home in the same store."""
    settings = load_settings()
    from operations.backup.listing import listed

    found = listed(settings)
    if json:
        _print(
            [
                {
                    "backup_id": one.backup_id,
                    "started_at": z_text_of(one.started_at),
                    "finished_at": z_text_of(one.finished_at),
                    "state": one.state,
                    "rows": one.rows,
                    "bytes": one.bytes,
                    "verified_at": z_text_of(one.verified_at),
                    "verified": one.verified,
                    "store": one.store,
                    "bucket": one.bucket if one.copied else None,
                    "why": None if one.why is None else english(one.why),
                }
                for one in found
            ]
        )
        return
    for one in found:
        size = "" if one.rows is None else f" · {one.rows:,} rows, {one.bytes or 0:,} bytes"
        why = "" if one.why is None else f": {english(one.why)}"
        checked = "" if one.verified is None else f" · {'holds' if one.verified else 'DAMAGED'}"
        echo(f"{one.backup_id} · {one.state}{why}{size}{checked}")
    if not found:
        echo("No backup was made yet: `bookwatch backup create` makes one.")


@app.command("verify")
def verify(backup_id: Annotated[str, _ID], json: Annotated[bool, _JSON] = False) -> int:
    """Look at every file of a backup. Exit 1 where one is not as it was written."""
    settings = load_settings()
    os.umask(0o077)
    from operations.backup.verify import verify_backup

    verdict = verify_backup(settings, backup_id)
    status = DONE if verdict.holds else FAILED
    if json:
        _print(
            {
                "backup_id": backup_id,
                "holds": verdict.holds,
                "state": verdict.manifest.state,
                "rows": verdict.manifest.rows,
                "damaged": verdict.damaged,
                "wrong": [english(said) for said in verdict.wrong],
                "noted": [english(said) for said in verdict.noted],
            }
        )
        return status
    for said in verdict.wrong:
        echo(f"Wrong: {english(said)}")
    for said in verdict.noted:
        echo(english(said))
    rows = f"{verdict.manifest.rows:,} rows in {len(verdict.manifest.files):,} files"
    echo(f"The backup {backup_id} {'holds' if verdict.holds else 'does NOT hold'}: {rows}.")
    return status


@app.command("restore")
def restore(
    backup_id: Annotated[str, _ID],
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            metavar="DATABASE_ID",
            help="An empty database, or one that is not there yet; APPWRITE_DATABASE_ID by default.",
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option("--identity", metavar="FILE", help="The secret key that opens sealed tables."),
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> int:
    """Restore a backup into an empty database and compare the two to the row. A killed one goes on when run again.

    Needs APPWRITE_WRITE_KEY. Exit 1 where anything differs.
    """
    settings = _home(load_settings())
    from operations.backup.restore import restore_backup

    done = restore_backup(settings, backup_id, into=into, identity=identity, say=_say(json))
    status = DONE if done.same else FAILED
    if json:
        _print(
            {
                "backup_id": backup_id,
                "database": done.database,
                "tables": done.tables,
                "rows": done.rows,
                "differences": done.differences,
                "same": done.same,
                "resumed": done.resumed,
                "wrong": [english(said) for said in done.wrong],
                "said": [english(said) for said in done.said],
            }
        )
        return status
    for said in done.said:
        echo(english(said))
    for said in done.wrong:
        echo(f"Wrong: {english(said)}")
    told = "nothing differs" if done.same else f"{done.differences:,} differences"
    echo(f"Restored {backup_id} into {done.database}: {done.rows:,} rows are as they were; {told}.")
    return status


@app.command("drill")
def drill_backup(
    backup_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="The newest whole one by default.", show_default=False),
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> int:
    """Try a backup out: restore it into the sandbox and compare. Exit 1 where anything differs."""
    settings = _home(load_settings())
    from operations.backup.create import BackupActive
    from operations.backup.drill import drill
    from pipelines.backup_alerts import tell

    try:
        done = drill(settings, say=_say(json), backup_id=backup_id)
    except BackupActive:
        raise
    except BookwatchError:
        tell(settings, lambda line: echo(line, err=True))
        raise
    tell(settings, lambda line: echo(line, err=True))
    status = DONE if done.restored.same else FAILED
    if json:
        _print(
            {
                "backup_id": done.backup_id,
                "state": done.state,
                "seconds": round(done.seconds, 3),
                "rows": done.restored.rows,
                "differences": done.restored.differences,
                "wrong": [english(said) for said in done.restored.wrong],
                "said": [english(said) for said in done.restored.said],
            }
        )
        return status
    for said in (*done.restored.said, *done.restored.wrong):
        echo(english(said))
    told = "nothing differs" if done.restored.same else f"{done.restored.differences:,} differences"
    echo(f"Drill of {done.backup_id}: {done.restored.rows:,} rows in {done.seconds:,.1f} s; {told}.")
    return status


def _print(content: Any) -> None:
    import orjson

    echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
