"""`bookwatch notebook`: opens a notebook on the published snapshot, on 127.0.0.1, until stopped; without a name it
lists them. What marimo keeps for itself it keeps in BOOKWATCH_HOME/notebooks; the notebooks are only read."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.export import a_day
from pipelines.cli.printed import echo, echo_json
from pipelines.cli.reports import Language, Theme
from pipelines.environment import PROJECT, prepare
from pipelines.processes import own_port, start, stopping, wait_for_port, watch_over
from pipelines.reports import NOTEBOOKS, marimo_folders, notebooks
from resources.errors import UsageError
from resources.home import Home
from resources.own_files import replace
from resources.settings import load_settings
from resources.snapshots import require_snapshot


def notebook(
    name: Annotated[
        str | None, typer.Argument(help="Which one; without it, a list.", show_default=False)
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", metavar="ID", help="A kept snapshot (default: the newest).")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="D", help="The first local day, YYYY-MM-DD.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="D", help="The last local day, YYYY-MM-DD, included.")
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="The language.")] = Language.en,
    theme: Annotated[Theme, typer.Option("--theme", help="How it looks.")] = Theme.auto,
    port: Annotated[int, typer.Option(help="The port to serve on (0: a free one).")] = 0,
    browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = True,
    edit: Annotated[
        bool, typer.Option("--edit", help="Open a copy of it to change, in BOOKWATCH_HOME/notebooks.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the list, or first where it is served, as JSON.")
    ] = False,
) -> None:
    """Open a notebook on the published snapshot; without a name, list them."""
    if name is None:
        _list(json)
        return
    if name not in notebooks():
        raise UsageError(f"There is no notebook {name!r}.", f"There are {', '.join(notebooks())}.")
    days = {"from": first, "to": last}
    given = {option: a_day(f"--{option}", text).isoformat() for option, text in days.items() if text}
    if len(given) == 2 and given["from"] > given["to"]:
        raise UsageError(f"--from {given['from']} is after --to {given['to']}.", "Turn them round.")
    settings = load_settings()
    if snapshot is not None:
        require_snapshot(settings.home, snapshot)
        given["snapshot"] = snapshot
    given |= {"lang": lang.value, "theme": theme.value}
    prepare(settings)
    own = settings.home.root / "notebooks"
    own.mkdir(mode=0o700, exist_ok=True)
    path = _copy(name, own) if edit else NOTEBOOKS / f"{name}.py"
    token = secrets.token_urlsafe(24)
    key = own / f".token-{os.getpid()}"
    replace(key, token.encode())
    served = own_port(port, "--port")
    environment = {
        **marimo_folders(settings.home),
        **_look(settings.home, theme),
        "BOOKWATCH_HOME": str(settings.home.root),
        "PYTHONPATH": str(PROJECT),
    }
    asked = [word for option, text in given.items() for word in (f"--{option}", text)]
    command = [
        *(sys.executable, "-m", "dashboards.notebook.serve", "-q", "edit" if edit else "run", str(path)),
        *("--host", "127.0.0.1", "--port", str(served), "--headless", "--token-password-file", str(key)),
        *(("--skip-update-check",) if edit else ("--include-code",)),
        *("--", *asked),
    ]
    children = []
    try:
        with stopping(children):
            child = start(
                f"The notebook {name}", command, environment=environment, folder=own, log=own / "marimo.log"
            )
            children.append(child)
            wait_for_port(child, served)
            _tell(name, f"http://127.0.0.1:{served}/?access_token={token}", path, browser=browser, json=json)
            watch_over(children)
    finally:
        key.unlink(missing_ok=True)


def _list(json: bool) -> None:
    if json:
        import orjson

        found = [
            {"name": name, "about": about, "path": str(NOTEBOOKS / f"{name}.py")}
            for name, about in notebooks().items()
        ]
        echo_json(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for name, about in notebooks().items():
        echo(f"{name:<14} {about}")


def _tell(name: str, address: str, path: Path, *, browser: bool, json: bool) -> None:
    if json:
        import orjson

        echo_json(orjson.dumps({"notebook": name, "endpoint": address, "path": str(path)}).decode())
        sys.stdout.flush()
        return
    typer.echo(f"Notebook  {address}")
    typer.echo(f"It is {path}. Ctrl-C stops it.")
    if browser:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(address)


def _copy(name: str, own: Path) -> Path:
    """A person's own copy of a notebook, made the first time."""
    copy = own / f"{name}.py"
    if not copy.exists():
        shutil.copyfile(NOTEBOOKS / f"{name}.py", copy)
        copy.chmod(0o600)
    return copy


def _look(home: Home, theme: Theme) -> Mapping[str, str]:
    """A configuration of marimo's for this theme; its own is light, whatever the browser says."""
    folder = home.root / "notebooks" / f"config-{theme.value}"
    target = folder / "marimo" / "marimo.toml"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    said = "system" if theme is Theme.auto else theme.value
    replace(target, f'[display]\ntheme = "{said}"\n'.encode())
    return {"XDG_CONFIG_HOME": str(folder)}
