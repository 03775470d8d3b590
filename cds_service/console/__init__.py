"""The console: pages to try the rules, read them, see statistics and connect an EHR.

The demo serves it at /console. Under `serve` it is off unless `console_bind` names an address for it.
"""

from __future__ import annotations

from cds_service.console.mount import console_app, register_console

__all__ = ["console_app", "register_console"]
