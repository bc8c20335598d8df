"""Streamlit's own way to draw a page in a test, without what took a third of it. Holds no test."""

from __future__ import annotations

from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest as AppTest

# For each page it draws it reads what every installed package says of itself, and finds the same each time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
