"""Metrics, periodic checks, self-test, drift and samples of unknown codes."""
