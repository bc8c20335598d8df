"""Every data finding is documented: where it is found and what is taken instead. Its sentence is in the reference."""

from __future__ import annotations

import re
from pathlib import Path

from marketplace.data_codes import DATA_FINDINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "data_findings.md"


def test_each_code_is_documented_with_where_it_is_found_and_what_is_taken_instead():
    told = re.findall(r"^- `(\w+)` \(.+\): \S", DOCUMENT.read_text(encoding="utf-8"), re.M)
    assert told == list(DATA_FINDINGS)
