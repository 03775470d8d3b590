"""The documentation in the console: shown where it was built, and nowhere pointed at where it was not."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.store import NullStore

_POLICY = "Content-Security-Policy"
_SCRIPT = 'document.title = "Läuft"'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "start").mkdir(parents=True)
    (folder / "index.html").write_text(f"<h1>Home</h1><script>{_SCRIPT}</script>", encoding="utf-8")
    (folder / "start" / "demo.html").write_text("<h1>Demo</h1>", encoding="utf-8")
    (folder / "search.js").write_text("importScripts()", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("not part of the site", encoding="utf-8")
    return folder


def console(docs: Path) -> Callable[[str], TestResponse]:
    """Return what asks a console with this site: a file is sent as it is read, so it is read to its end and closed."""
    client = console_app(Settings(database_url=""), NullStore(), docs=docs).test_client()

    def get(path: str) -> TestResponse:
        with client.get(path) as answer:
            answer.get_data()
        return answer

    return get


def test_every_page_of_the_console_leads_to_the_documentation(site: Path) -> None:
    get = console(site)
    for page in ("/console", "/console/rules", "/console/watch", "/console/connect"):
        assert '<a href="/console/docs/index.html">Docs</a>' in get(page).text


def test_pages_and_files_of_the_site_are_served(site: Path) -> None:
    get = console(site)
    assert get("/console/docs").headers["Location"] == "/console/docs/index.html"
    assert "<h1>Demo</h1>" in get("/console/docs/start/demo.html").text
    assert get("/console/docs/search.js").content_type.startswith("text/javascript")


def test_only_the_scripts_that_stand_in_a_page_may_run_in_it(site: Path) -> None:
    get = console(site)
    digest = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in get("/console/docs/index.html").headers[_POLICY]
    assert "script-src 'self';" in get("/console/docs/start/demo.html").headers[_POLICY]


@pytest.mark.control("V3.6.1")
def test_nothing_is_fetched_from_elsewhere_and_nobody_frames_it(site: Path) -> None:
    get = console(site)
    for file in ("index.html", "search.js"):
        policy = get(f"/console/docs/{file}").headers[_POLICY]
        assert policy.startswith("default-src 'none';") and "frame-ancestors 'none'" in policy
        assert "http" not in policy and "unsafe" not in policy
    assert "img-src 'self';" in get("/console/rules").headers[_POLICY]


@pytest.mark.control("V5.3.2")
@pytest.mark.parametrize("path", ["none.html", "../secret.txt", "%2e%2e/secret.txt", "/etc/hostname", "start"])
def test_what_is_not_in_the_site_is_not_found(site: Path, path: str) -> None:
    answer = console(site)(f"/console/docs/{path}")
    assert answer.status_code == 404 and "not part of the site" not in answer.text


def test_without_a_site_nothing_points_at_it(tmp_path: Path) -> None:
    get = console(tmp_path / "never built")
    assert "docs" not in get("/console").text.lower()
    assert get("/console/docs").status_code == get("/console/docs/index.html").status_code == 404
