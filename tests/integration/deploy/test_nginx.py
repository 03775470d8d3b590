"""The example of a proxy, as the nginx of this machine runs it: what it answers itself, and what it passes on."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.settings import Settings
from tests.builders.service import application
from tests.builders.serving import in_threads
from tests.integration.deploy.nginx import EXAMPLE, Nginx, free_port, running_nginx

HSTS = "max-age=31536000; includeSubDomains"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with application() as app, in_threads(app) as url:
        folder = tmp_path_factory.mktemp("nginx")
        with running_nginx(folder, [int(url.rpartition(":")[2])]) as started:
            yield started


def ask(
    nginx: Nginx, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, Any]:
    connection = http.client.HTTPSConnection("127.0.0.1", nginx.port, context=nginx.context(), timeout=20)
    with closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer, json.loads(answer.read())


def is_outcome(answer: http.client.HTTPResponse, content: Any) -> bool:
    media_type = (answer.getheader("Content-Type") or "").partition(";")[0]
    return media_type == "application/fhir+json" and content["resourceType"] == "OperationOutcome"


def test_the_services_are_reached_and_the_inside_is_not(nginx: Nginx) -> None:
    answer, content = ask(nginx, "GET", "/cds-services")
    assert (answer.status, len(content["services"]) > 1) == (200, True)
    assert ask(nginx, "GET", "/openapi.json")[0].status == 200
    for inside in ("/healthz", "/readyz", "/metrics", "/console", "/"):
        answer, content = ask(nginx, "GET", inside)
        assert answer.status == 404 and is_outcome(answer, content), inside


def test_what_the_service_refuses_passes_unchanged(nginx: Nginx) -> None:
    answer, content = ask(nginx, "POST", "/cds-services/rls-patient-view", b"{}", {"Content-Type": "application/json"})
    assert answer.status == 400 and "hookInstance" in json.dumps(content)
    answer, content = ask(nginx, "GET", "/cds-services/rls-nothing")
    assert answer.status in (404, 405) and answer.getheader("X-Request-Id")


def test_a_body_above_the_limit_is_told_as_the_service_tells_it(nginx: Nginx) -> None:
    answer, content = ask(nginx, "POST", "/cds-services/rls-patient-view", b" " * (10 * 1024 * 1024 + 1))
    assert answer.status == 413 and is_outcome(answer, content)
    assert "10 MiB" in content["issue"][0]["diagnostics"]


@pytest.mark.parametrize(("size", "status"), [(8_192, 200), (20_000, 400)])
def test_a_token_of_every_size_that_the_service_takes_passes(nginx: Nginx, size: int, status: int) -> None:
    answer, content = ask(nginx, "GET", "/cds-services", headers={"Authorization": "Bearer " + "t" * size})
    assert answer.status == status and (status == 200 or is_outcome(answer, content))


def test_plain_http_is_told_so(nginx: Nginx) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)) as connection:
        connection.request("GET", "/cds-services")
        answer = connection.getresponse()
        content = json.loads(answer.read())
    assert answer.status == 400 and is_outcome(answer, content) and "https" in content["issue"][0]["diagnostics"]


def test_every_answer_asks_for_https_ever_after(nginx: Nginx) -> None:
    for path in ("/cds-services", "/openapi.json", "/nothing"):
        assert ask(nginx, "GET", path)[0].headers.get_all("Strict-Transport-Security") == [HSTS]


def test_the_log_names_caller_and_request_and_nothing_of_a_patient(nginx: Nginx) -> None:
    answer, _ = ask(nginx, "GET", "/cds-services?patient=4711", headers={"Authorization": "Bearer secret-token"})
    (line,) = [each for each in nginx.log() if str(answer.getheader("X-Request-Id")) in each]
    assert re.match(r"\S+ 127\.0\.0\.1 200 GET [\d.]+ 127\.0\.0\.1:\d+ 200 [\d.]+ \S+$", line), line
    assert "4711" not in "\n".join(nginx.log()) and "secret-token" not in "\n".join(nginx.log())


def test_without_a_service_the_caller_is_told_when_to_come_again(tmp_path: Path) -> None:
    with running_nginx(tmp_path, [free_port()]) as alone:
        answer, content = ask(alone, "POST", "/cds-services/rls-patient-view", b"{}")
        assert answer.status == 503 and is_outcome(answer, content)
        assert answer.getheader("Retry-After") == "1" and answer.headers.get_all("Strict-Transport-Security") == [HSTS]


def test_a_call_goes_on_to_the_second_replica_where_the_first_listens_no_more(nginx: Nginx, tmp_path: Path) -> None:
    with application() as app, in_threads(app) as url:
        ports = [free_port(), int(url.rpartition(":")[2])]
        with running_nginx(tmp_path, ports) as both:
            assert {ask(both, "POST", "/cds-services/rls-patient-view", b"{}")[0].status for _ in range(4)} == {400}


def test_a_call_that_was_sent_is_never_sent_again(tmp_path: Path) -> None:
    """A replica that takes a call and dies without an answer: the token is used up, the other replica is not asked."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as dying,
        closing(socket.create_server(("127.0.0.1", 0))) as other,
    ):
        ports = [each.getsockname()[1] for each in (dying, other)]
        with running_nginx(tmp_path, ports) as both:
            connection = http.client.HTTPSConnection("127.0.0.1", both.port, context=both.context(), timeout=20)
            with closing(connection):
                connection.request("POST", "/cds-services/rls-patient-view", b"{}")
                taken, _ = dying.accept()
                with closing(taken):
                    assert taken.recv(10_000).startswith(b"POST /cds-services/rls-patient-view ")
                answer = connection.getresponse()
                assert answer.status == 503 and b"with a new token" in answer.read()
            other.setblocking(False)
            with pytest.raises(BlockingIOError):
                other.accept()


def test_limits_agree_with_the_settings() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert Settings().max_body == 10 * 1024 * 1024 and re.search(r"client_max_body_size +10m;", text)
    from cds_service.server.gunicorn import options

    kept = re.search(r"keepalive_timeout +(\d+)s; # below", text)
    assert kept and int(kept[1]) < options(Settings())["keepalive"]
