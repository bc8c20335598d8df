"""Measurements, a command each: `python -m benchmarks NAME`. docs/performance.md shows them; tests assert no time."""
