"""Where `streamlit run` begins. The frame is in frame.py, a page is a file in pages/."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` puts this file's folder on the path, not the project's
    sys.path.insert(0, str(ROOT))

from dashboards import frame  # noqa: E402 - the path must stand first

frame.main()
