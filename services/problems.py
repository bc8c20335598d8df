"""What a command answers where it cannot be done, for programs and for people (RFC 9457). The sentences stand in
messages/services.toml under ``services.<code>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from messages.message import Arg, Message


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong in a request. ``at``: the field, as a JSON pointer of the body (``/customer/whatsapp``)
    or a parameter's name."""

    code: str
    at: str = ""
    args: Mapping[str, Arg] = field(default_factory=dict[str, Arg])

    @property
    def message(self) -> Message:
        return Message(f"services.{self.code}", self.args)


class Problem(Exception):
    """A command is not done; nothing was written. ``status``: of HTTP; ``code``: for programs; ``errors``: all that is
    wrong, at once; ``state``: that of the booking now, where it is that; ``retry_after``: seconds."""

    def __init__(
        self,
        status: int,
        code: str,
        errors: Sequence[Wrong] = (),
        *,
        args: Mapping[str, Arg] | None = None,
        state: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.errors = status, code, tuple(errors)
        self.told, self.state, self.retry_after = args or {}, state, retry_after

    @property
    def message(self) -> Message:
        """What is said of it as a whole."""
        return Message(f"services.{self.code}", self.told)
