"""What every actor has at hand. What an actor does is in the file of its name."""

from __future__ import annotations

from sandbox.simulator.stage import Stage


class Actor:
    """One who acts on a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.end, self.rng = stage, stage.end, stage.rng
        self.agenda, self.journal, self.happenings = stage.agenda, stage.journal, stage.happenings
        self.planted, self.people, self.records = stage.planted, stage.people, stage.records
