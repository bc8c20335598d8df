"""The run that Dagster's steps share: each does one function of pipelines/run.py and goes on from its report."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

from dagster import Failure, InitResourceContext, resource

from checks.verdicts import CheckGroup
from pipelines import run as one_run
from pipelines.dagster.jobs import DEEP_TAG, FULL_REFRESH_TAG, SWEEP_TAG
from pipelines.environment import prepare
from pipelines.orders import OrderTaker
from pipelines.run import Step, open_run
from pipelines.sensors import BUSY_TAG, RUN_TAG
from resources.errors import RunActive
from resources.run_report import (
    Built,
    CheckOutcome,
    Derived,
    Ingested,
    Published,
    RunOrder,
    RunReport,
    SweepOrder,
)
from resources.settings import load_settings

T = TypeVar("T")


class SharedRun:
    """The report of a run as far as Dagster's steps have brought it.

    A method does a function of the plain run and returns what it found. Raises Failure, with the one safe sentence of
    the report, where the run has failed; KeyboardInterrupt where somebody ended it. Neither holds the library's error:
    Dagster writes contexts, values and all, into its event log.
    """

    def __init__(self, begun: RunReport) -> None:
        self.report = begun
        self._told = False

    def ingest(self) -> Ingested:
        self._take("ingest", one_run.ingest)
        return _made(self.report.ingested)

    def derive(self) -> Derived:
        self._take("core", one_run.derive)
        return _made(self.report.derived)

    def build(self) -> Built:
        self._take("marts", one_run.build)
        return _made(self.report.built)

    def check(self, group: CheckGroup) -> Sequence[CheckOutcome]:
        before = len(self.report.checks)
        self._take(group.name, lambda found: one_run.check(found, group))
        return self.report.checks[before:]

    def publish(self) -> Published:
        self._take("publish", one_run.publish)
        return _made(self.report.published)

    def conclude(self) -> RunReport:
        """Tell the report, once."""
        if not self._told:
            self._told = True
            self.report = one_run.conclude(self.report)
        return self.report

    def _take(self, name: str, step: Step) -> None:
        if self.report.failure is not None:
            raise Failure(
                description=f"{name} was not tried: {self.report.failure.problem}", allow_retries=False
            )
        self.report = step(self.report)
        if self.report.stopped:
            raise KeyboardInterrupt
        if self.report.failure is not None:
            raise Failure(description=str(self.report.failure), allow_retries=False)


def _made(outcome: T | None) -> T:
    assert outcome is not None, "a step that did not fail has made something"
    return outcome


@resource(description="The run these steps belong to: its lock, its settings, what each step found.")
def shared_run(context: InitResourceContext) -> Iterator[SharedRun]:
    """A run of ours for each run of Dagster's."""
    settings = load_settings()
    prepare(settings)
    tags = context.run.tags if context.run else {}
    sweep = SweepOrder(deep=tags.get(DEEP_TAG) == "true") if tags.get(SWEEP_TAG) == "true" else None
    order = RunOrder(full_refresh=tags.get(FULL_REFRESH_TAG) == "true", sweep=sweep)
    with ExitStack() as stack:
        try:
            begun = stack.enter_context(open_run(settings, order))
        except RunActive:
            _tag(context, BUSY_TAG, "true")
            raise
        _tag(context, RUN_TAG, begun.run_id)
        shared = SharedRun(begun)
        try:
            yield shared
        finally:
            shared.conclude()
    # Where nothing serves that takes them at once. The run has let go of its lock by now.
    taker = OrderTaker(settings)
    taker.look()
    taker.finish()


def _tag(context: InitResourceContext, name: str, value: str) -> None:
    """On the Dagster run, for the sensors that look at it once it has ended."""
    if context.instance is not None and context.run_id is not None:
        context.instance.add_run_tags(context.run_id, {name: value})
