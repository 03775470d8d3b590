"""The production server with a short drain and patient clients: `python -m tests.http.stopping PORT FOLDER`."""

from __future__ import annotations

import sys
from dataclasses import replace

from cds_service.assembly import assemble
from cds_service.clients.profiles import open_client
from cds_service.serving import serve
from cds_service.settings import Settings

#: Short, so that twenty stops do not take minutes; how long it is has a test of its own.
DRAIN = 0.5


def main(port: str, folder: str) -> None:
    profile = replace(open_client("generic"), deadline_ms=5000)
    settings = Settings(port=int(port), workers=2, max_inflight=64, profile=profile, data_folder=folder)
    serve(settings, lambda place, closing: assemble(settings, place=place, closing=closing), DRAIN)


if __name__ == "__main__":
    main(*sys.argv[1:])
