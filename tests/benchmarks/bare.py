"""The baseline: a Flask view that parses the body and returns one constant card.

`main` serves it on the server of the product, with the settings that the command line names; gunicorn finds it as
`tests.benchmarks.bare:app`.
"""

from __future__ import annotations

import os
import sys

from flask import Flask, request
from flask.typing import ResponseReturnValue

from cds_service.config.load import load_settings
from cds_service.server.gunicorn import serve

_CARD = {
    "uuid": "5f7d4a36-4f4b-4c39-9d5c-6a1c52d7b8f0",
    "summary": "Ferritin 38 ng/mL: consider oral iron",
    "indicator": "warning",
    "detail": "Ferritin at or below 75 ng/mL with restless legs syndrome.",
    "source": {"label": "A constant", "topic": {"system": "https://rls-cds.example.org", "code": "IRONLOW"}},
}


def bare_app() -> Flask:
    """Return an application that parses what it gets and always answers with the same card."""
    made = Flask("bare")

    @made.post("/cds-services/<service_id>")
    def call(service_id: str) -> ResponseReturnValue:
        request.get_json()
        return {"cards": [_CARD]}

    return made


app = bare_app()


def main() -> None:
    serve(load_settings(sys.argv[1], os.environ), lambda worker_index, shutdown_flag: app)
