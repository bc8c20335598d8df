"""The list of data findings and its documentation say the same."""

from __future__ import annotations

import re
from pathlib import Path

from marketplace.data_codes import DATA_FINDINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "data_findings.md"


def test_each_code_is_documented_with_its_sentence():
    rows = dict(re.findall(r"^\| (\w+) \| [^|]+ \| ([^|]+) \|", DOCUMENT.read_text(encoding="utf-8"), re.M))
    rows.pop("finding", None)
    assert rows == DATA_FINDINGS
