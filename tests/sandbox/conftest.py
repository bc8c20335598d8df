"""Fixtures of the sandbox tests."""

from tests.sandbox_server import empty_sandbox

__all__ = ["empty_sandbox"]
