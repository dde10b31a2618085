"""Measures the service beside a hand-written limit and its peers: `uv run --group bench python -m benchmarks`."""
