"""The production server with a short drain and patient clients.

`python -m tests.integration.server.stopping PORT FOLDER`
"""

from __future__ import annotations

import sys

from cds_service.config.settings import Settings
from cds_service.server.assembly import assemble
from cds_service.server.gunicorn import serve
from tests.builders.deadlines import unhurried

#: Short, so that twenty stops do not take minutes; the length of the drain has a test of its own.
DRAIN = 0.5


def main(port: str, folder: str) -> None:
    profile = unhurried()
    settings = Settings(port=int(port), workers=2, max_inflight=64, profile=profile, data_folder=folder)
    serve(
        settings,
        lambda worker_index, shutdown_flag: assemble(settings, worker_index=worker_index, shutdown_flag=shutdown_flag),
        DRAIN,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
