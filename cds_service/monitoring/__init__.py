"""Metrics, periodic checks, self-test, the sentinel and samples of unknown codes."""
