"""The project's policy, as its file says it, for tests that build with it or with a change of it."""

from __future__ import annotations

from resources.policy_file import load_policy

DEFAULT_POLICY = load_policy()
