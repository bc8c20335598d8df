"""The morning's reports as the dashboards hand them out: /reports/<day>/<name>.html, of BOOKWATCH_HOME/reports. Which
there are is found out here; they are made elsewhere (pipelines/reports.py)."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipelines.reports import days, notebooks
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import load_settings

#: A report is a page of its own: what its scripts do reaches nothing of the dashboards'.
HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def newest(home: Home) -> tuple[str, tuple[str, ...]] | None:
    """The newest day that has reports, and their names; None where there is none."""
    for folder in days(home):
        if found := tuple(name for name in notebooks() if (folder / f"{name}.html").is_file()):
            return folder.name, found
    return None


def found(home: Home, day: str, name: str) -> Path | None:
    """The file of a report; None where there is none. Whatever is asked for, it is one of ours."""
    folders = {folder.name: folder for folder in days(home)}
    if day not in folders or name not in notebooks():
        return None
    path = folders[day] / f"{name}.html"
    return path if path.is_file() and not path.is_symlink() else None


def hand_out(request: Request) -> Response:
    try:
        path = found(load_settings().home, request.path_params["day"], request.path_params["name"])
    except (BookwatchError, OSError):
        path = None
    if path is None:
        return PlainTextResponse("There is no such report.\n", status_code=404, headers=HEADERS)
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=HEADERS)


ROUTES = (Route("/reports/{day}/{name}.html", hand_out, methods=["GET"]),)
