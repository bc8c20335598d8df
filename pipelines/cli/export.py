"""`bookwatch export`: the auditor's reports, and tables for analysts.

What is in them is pipelines/exports' business.
"""

from __future__ import annotations

import os
import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from pipelines.exports.maker import maker
from resources.errors import UsageError
from resources.settings import load_settings

if TYPE_CHECKING:
    from pipelines.exports.folder import Exported
    from resources.objects import Objects
    from resources.settings import Settings

app = typer.Typer(help="The auditor's reports, and tables for analysts.", no_args_is_help=True)


class Format(StrEnum):
    csv = "csv"
    json = "json"
    xlsx = "xlsx"


class TableFormat(StrEnum):
    csv = "csv"
    parquet = "parquet"
    json = "json"
    xlsx = "xlsx"


class Locale(StrEnum):
    """How the CSV for spreadsheets is written: en with comma and decimal point, id with semicolon and decimal comma."""

    en = "en"
    id = "id"


def a_day(option: str, text: str) -> date:
    """A day written YYYY-MM-DD. Raises UsageError."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a day.", "Write it as YYYY-MM-DD, such as 2026-10-01."
        ) from None


@app.callback()
def export() -> None:
    """The auditor's reports, and tables for analysts."""


@app.command("commissions")
def commissions(
    first: Annotated[str, typer.Option("--from", metavar="D", help="First local accrual day, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option("--to", metavar="D", help="The day after the last one: exclusive.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The report's folder, one for each report.")
    ],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="SNAPSHOT", help="A kept snapshot (default: the newest).")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Form of the data files.")] = Format.csv,
    locale: Annotated[
        Locale,
        typer.Option(
            "--locale",
            help="How the CSV for spreadsheets is written: id has ; between cells and a decimal comma.",
        ),
    ] = Locale.en,
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="ID", help="Only this provider's (none: what names nobody)."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who makes it (default: this system's user).")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Bring it to BOOKWATCH_STORE as well.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print folder and manifest as JSON.")] = False,
) -> None:
    """The commission report of a period and its manifest.

    Days are local accrual days (acceptance, else creation) of each row's provider; --to is exclusive.
    """
    days = a_day("--from", first), a_day("--to", until)
    made_by = maker(by).name
    if format is Format.json and locale is not Locale.en:
        raise UsageError(
            f"--locale {locale.value} has no meaning for JSON, whose numbers are the same everywhere.",
            "Leave it out, or export CSV or XLSX.",
        )
    settings = load_settings()
    objects = _store(settings, out, store)
    from pipelines.exports.commissions import check_period, describe, export_commissions

    check_period(*days)
    # The ledger is made here if no run has made it yet: like the home, for this user only.
    os.umask(0o077)
    exported = export_commissions(
        settings.home,
        settings.clock,
        first=days[0],
        until=days[1],
        out=out.expanduser(),
        made_by=made_by,
        time_zone=settings.timezone,
        snapshot_id=as_of,
        form=format.value,
        locale=locale.value,
        provider=provider,
    )
    stored = _stored(objects, exported)
    if json:
        echo_json(_told(exported, to_is_exclusive=True, **stored))
    else:
        describe(exported, echo)
        _say_stored(stored)


@app.command("month")
def month(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The package's folder, one for each.")],
    month: Annotated[
        str | None,
        typer.Argument(
            metavar="[YYYY-MM]", help="A local month; another period by --from and --to.", show_default=False
        ),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="D", help="First local day, YYYY-MM-DD.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="D", help="The day after the last one: exclusive.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option("--provider", metavar="ID", help="Only this provider's (none: what names nobody)."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="SNAPSHOT", help="A kept snapshot (default: the newest).")
    ] = None,
    ageing_at: Annotated[
        str | None,
        typer.Option(
            "--ageing-at", metavar="D", help="The local day at whose end ages count (default: the last)."
        ),
    ] = None,
    locale: Annotated[
        Locale,
        typer.Option(
            "--locale",
            help="The language of cover and rules, and how the CSV for spreadsheets is written: id has ; between"
            " cells and a decimal comma.",
        ),
    ] = Locale.en,
    made_by: Annotated[
        str | None,
        typer.Option("--made-by", "--by", metavar="NAME", help="Who makes it (default: this system's user)."),
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Bring it to BOOKWATCH_STORE as well.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print folder and manifest as JSON.")] = False,
) -> None:
    """The month-end package an auditor is handed: every table as CSV and JSON, and its manifest.

    Days are local to each row's provider. An open month is made, and marked open.
    """
    from pipelines.exports.month.package import a_month, describe, export_month

    if (month is None) == (first is None or until is None) or (month is not None and (first or until)):
        raise UsageError(
            "A package is of a month, or of the days --from up to --to.",
            "Give one of them: `bookwatch export month 2026-10`, or --from 2026-10-05 --to 2026-10-12.",
        )
    days = a_month(month) if month is not None else (a_day("--from", first or ""), a_day("--to", until or ""))
    who = maker(made_by)
    settings = load_settings()
    objects = _store(settings, out, store)
    os.umask(0o077)
    exported = export_month(
        settings.home,
        settings.clock,
        first=days[0],
        until=days[1],
        out=out.expanduser(),
        made_by=who.name,
        time_zone=settings.timezone,
        snapshot_id=as_of,
        provider=provider,
        locale=locale.value,
        ageing_at=None if ageing_at is None else a_day("--ageing-at", ageing_at),
        made_by_how=who.how,
    )
    stored = _stored(objects, exported)
    if json:
        echo_json(_told(exported, to_is_exclusive=True, **stored))
    else:
        describe(exported, echo)
        _say_stored(stored)


@app.command("table")
def table(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SCHEMA.NAME", help="A table or view, such as marts.revenue_daily.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for this export alone.")],
    format: Annotated[TableFormat, typer.Option("--format", help="Form of the data file.")] = TableFormat.csv,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="SNAPSHOT", help="A kept snapshot (default: the newest).")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who makes it (default: this system's user).")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="Bring it to BOOKWATCH_STORE as well.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print folder and manifest as JSON.")] = False,
) -> None:
    """A table of the snapshot, whole, and its manifest. It holds no personal data."""
    made_by = maker(by).name
    settings = load_settings()
    objects = _store(settings, out, store)
    from pipelines.exports.tables import describe, export_table

    os.umask(0o077)
    exported = export_table(
        settings.home,
        settings.clock,
        table=name,
        out=out.expanduser(),
        made_by=made_by,
        snapshot_id=as_of,
        form=format.value,
    )
    stored = _stored(objects, exported)
    if json:
        echo_json(_told(exported, **stored))
    else:
        describe(exported, echo)
        _say_stored(stored)


def _store(settings: Settings, out: Path, wanted: bool) -> Objects | None:
    """The store an export is brought to, before it is made: what would be refused then is refused now."""
    if not wanted:
        return None
    from pipelines.exports.storing import store_named, stored_manifest

    objects = store_named(settings)
    stored_manifest(objects, out.expanduser())
    return objects


def _stored(objects: Objects | None, exported: Exported) -> dict[str, str]:
    if objects is None:
        return {}
    from pipelines.exports.storing import store_export

    return {"stored": store_export(objects, exported.folder)}


def _say_stored(stored: dict[str, str]) -> None:
    for place in stored.values():
        echo(f"Stored    {place}")


def _told(exported: Exported, **more: object) -> str:
    """The folder and the manifest as JSON."""
    from dataclasses import asdict

    import orjson

    content = {
        "folder": str(exported.folder),
        "manifest_sha256": exported.manifest_sha256,
        "already_there": exported.already_there,
        **more,
        "manifest": asdict(exported.manifest),
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
