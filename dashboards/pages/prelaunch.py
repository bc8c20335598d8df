"""Before the launch: the checklist, each line proven, failed or unknown by the evidence that is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.kit import glance, glossary, parts
from dashboards.kit.glance import Tile
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import reading
from dashboards.wording import NOTHING, count
from messages.message import Message
from pipelines.prelaunch import Line, LineState, checklist, score

#: In the order a person looks at them.
_TONES = {LineState.FAILED: "bad", LineState.UNKNOWN: "none", LineState.PROVEN: "good"}


def lines(screen: Screen) -> None:
    """How far it is proven, and every line, what failed first."""
    say = screen.text

    def ask(sql: str) -> Sequence[Mapping[str, Any]]:
        return reading.ask(screen.snapshot, sql).to_dicts()

    found = checklist(screen.settings, None if screen.path is None else ask)
    by = Counter(line.state for line in found)
    told = say("prelaunch.score_of", n=count(by[LineState.PROVEN]), total=count(len(found)))
    show(
        glance.tiles(
            [
                Tile("", f"{score(found)} %", say("prelaunch.score"), None, told),
                *(
                    Tile(tone, count(by[state]), say.word("prelaunch_state", state), None)
                    for state, tone in _TONES.items()
                ),
            ]
        )
    )
    order = list(_TONES)
    show(
        parts.table(
            [
                (say("prelaunch.line"), False),
                (say("prelaunch.state"), False),
                (say("prelaunch.evidence"), False),
                (say("prelaunch.at", zone=say.zone_name(screen.now)), False),
            ],
            [_row(screen, line) for line in sorted(found, key=lambda line: order.index(line.state))],
            top=parts.above(say("prelaunch.note")),
        )
    )


def _row(screen: Screen, line: Line) -> tuple[Any, ...]:
    say = screen.text
    return (
        say.message(Message(f"prelaunch.is.{line.line}")),
        parts.word(_TONES[line.state], say.word("prelaunch_state", line.state)),
        say.message(line.evidence),
        NOTHING if line.at is None else say.stamp(line.at),
    )


PAGE = Page(
    name="prelaunch",
    group="system",
    icon=":material/checklist:",
    role="engineer",
    place=6,
    sections=(lines, glossary.words("run", "snapshot", "alert")),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
