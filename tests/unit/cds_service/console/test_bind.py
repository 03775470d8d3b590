"""Under `serve` the console is off, or on its own address only."""

from __future__ import annotations

from typing import Any

from cds_service.app import create_app
from cds_service.config.settings import Settings
from cds_service.server.gunicorn import options, with_console

ON = Settings(console_bind="127.0.0.1:9465", database_url="")


def asked(served: Any, port: int, path: str) -> str:
    answers: list[str] = []
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
    }
    b"".join(served(environ, lambda status, headers, exc_info=None: answers.append(status)))
    return answers[0]


def test_the_console_is_on_its_own_port_and_the_services_on_theirs() -> None:
    app = create_app(ON)
    served = with_console(app, app, ON)
    assert asked(served, 9465, "/console") == "200 OK"
    assert asked(served, 9465, "/cds-services") == "404 NOT FOUND"
    assert asked(served, 8080, "/console") == "404 NOT FOUND"
    assert asked(served, 8080, "/cds-services") == "200 OK"


def test_without_an_address_there_is_no_console() -> None:
    app = create_app(Settings(database_url=""))
    assert with_console(app, app, Settings()) is app


def test_the_server_listens_on_every_configured_address() -> None:
    assert options(ON)["bind"] == ["127.0.0.1:8080", "127.0.0.1:9465"]
    assert options(Settings())["bind"] == ["127.0.0.1:8080"]
