"""Reading over TLS: the configured CA, the address check before the handshake, and the deadline of a handshake."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.builders.deadlines import unhurried
from tests.builders.service import VIEW, application, bare, is_outcome, is_response, settings
from tests.fakes.certificate import make_certificate
from tests.fakes.fault_server import empty, fault_server
from tests.integration.fhir.test_fhir_faults import assert_no_read_is_stuck


class _Fhir(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, _, name = self.path.removeprefix("/fhir/").partition("/")
        raw = f'{{"resourceType": "{kind}", "id": "{name}"}}' if name else '{"resourceType": "Bundle"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw.encode())

    def log_message(self, *said: object) -> None:
        """Log nothing."""


@contextmanager
def tls_server(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Fhir) as server:
        server.handle_error = lambda *fault: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/fhir"
        finally:
            server.shutdown()
            thread.join(5)


@pytest.mark.control("V12.3.2")
@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_server_with_a_trusted_certificate_is_read(tmp_path: Path, trusted: bool) -> None:
    certificate = make_certificate(tmp_path)
    with tls_server(certificate) as base, application(settings(ca_file=str(certificate) if trusted else None)) as app:
        for _ in range(2):
            answer = app.test_client().post(VIEW, json=bare(fhirServer=base))
            if trusted:
                assert is_response(answer) == {"cards": []}
            else:
                is_outcome(answer, 412)


def test_a_handshake_that_never_ends_is_cancelled() -> None:
    hurried = settings(profile=unhurried(deadline_ms=2000))
    with fault_server(empty) as server, application(hurried) as app:
        started = time.monotonic()
        is_outcome(app.test_client().post(VIEW, json=bare(fhirServer=server.base.replace("http:", "https:"))), 412)
        assert time.monotonic() - started < 2 + 1.5
        assert_no_read_is_stuck(app)
        assert server.asked == []
