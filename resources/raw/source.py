"""Which database this file mirrors."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from messages.message import Message, as_message, in_a_row
from resources.errors import UsageError
from resources.raw.file import RawFile


class Source:
    """The server, project and database of the mirror: one for good, unless it is adopted by another."""

    def __init__(self, file: RawFile) -> None:
        self._file = file

    def claim(self, endpoint: str, project: str, database: str, now: datetime) -> None:
        """Remember what this file mirrors at first use. Raises UsageError if it mirrors something else."""
        known = self.known()
        if known is not None and known[0] != self._endpoint():
            # Written when an endpoint could still hold a password.
            with self._file.transaction() as con:
                con.execute("UPDATE _mirror SET endpoint = ?", [known[0]])
        if known is None:
            with self._file.transaction() as con:
                con.execute("INSERT INTO _mirror VALUES (?, ?, ?, ?, 0)", [endpoint, project, database, now])
        elif known != (endpoint, project, database):
            differs = in_a_row(
                [
                    Message(f"failure.other_{what}", {"was": repr(was), "asked": repr(asked)})
                    for what, was, asked in zip(
                        ("endpoint", "project", "database"), known, (endpoint, project, database), strict=True
                    )
                    if was != asked
                ],
                "failure.listed",
            )
            raise UsageError.of(
                "failure.other_mirror", path=str(self._file.path), differs=as_message(differs)
            )

    def adopt(self, endpoint: str, project: str, database: str) -> None:
        """Let this file mirror another source from now on: one that was proven to be the same database."""
        with self._file.transaction() as con:
            con.execute(
                "UPDATE _mirror SET endpoint = ?, project = ?, database = ?", [endpoint, project, database]
            )

    def known(self) -> tuple[str, str, str] | None:
        """(endpoint, project, database) this file mirrors, without the user name and password an earlier version let
        the endpoint hold; None before the first run."""
        rows = self._file.rows(
            "SELECT regexp_replace(endpoint, '://.*@', '://'), project, database FROM _mirror"
        )
        return cast("tuple[str, str, str]", rows[0]) if rows else None

    def _endpoint(self) -> str:
        """The endpoint as it stands in the file."""
        return str(self._file.rows("SELECT endpoint FROM _mirror")[0][0])
