"""The console: pages to try the rules, read them, watch them and connect an EHR to them.

On in the demo at /console. Under `serve` it is off unless `console_bind` names an address of its own.
"""

from __future__ import annotations

from cds_service.console.mounting import console_app, register_console

__all__ = ["console_app", "register_console"]
