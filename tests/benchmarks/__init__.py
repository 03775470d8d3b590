"""Benchmarks of the service beside baselines of the same run: `python -m tests.benchmarks`."""
