"""Streamlit's own way to draw a page in a test, without what took most of it. Holds no test."""

from __future__ import annotations

from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest as AppTest
from streamlit.testing.v1 import app_test

# For each page it draws it reads what every installed package says of itself, and finds the same each time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
# And compiles the files of the pages anew; a server compiles them once, and no test writes one.
app_test.ScriptCache = cache(ScriptCache)
