"""The pages people read: the reference is the one the code makes, what is written by hand keeps its form and points at
what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.registry import all_checks
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS
from pipelines.reference import FOLDER, PAGES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_the_one_that_would_be_made(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), "run `make reference`"


def test_no_page_of_the_reference_is_left_behind() -> None:
    assert {str(path.relative_to(ROOT)) for path in (ROOT / FOLDER).iterdir()} == set(PAGES)


def test_every_check_says_what_it_looks_for_and_what_to_do() -> None:
    for check in (*all_checks().values(), *SOURCE_CHECKS, *SWEEP_CHECKS):
        assert check.looks_for, check.name
        assert check.what_to_do, check.name
