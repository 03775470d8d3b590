"""Runs a command as a shell would, with its two outputs apart."""

from __future__ import annotations

import inspect

from click.testing import CliRunner


def runner() -> CliRunner:
    """Return a runner that keeps standard error out of standard output; click does so by itself from 8.2 on."""
    mixes = "mix_stderr" in inspect.signature(CliRunner).parameters
    return CliRunner(**({"mix_stderr": False} if mixes else {}))
