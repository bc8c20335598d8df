"""Measurements, a command each: `python -m benchmarks NAME`. Tests never assert wall time; docs/performance.md shows these."""
