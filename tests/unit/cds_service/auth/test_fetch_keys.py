"""How the service asks for a key set."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from cds_service import USER_AGENT
from cds_service.auth.fetch_keys import fetch_key_set


def test_the_service_says_who_it_is_where_it_reads_keys() -> None:
    seen: list[str | None] = []

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("User-Agent"))
            self.send_response(200)
            self.send_header("Content-Length", "11")
            self.end_headers()
            self.wfile.write(b'{"keys":[]}')

        def log_message(self, *said: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        fetch_key_set(f"http://127.0.0.1:{server.server_port}/keys")
        thread.join()
    assert seen == [USER_AGENT]
