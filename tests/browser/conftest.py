"""A demo on a free port of this machine, and Debian's Chromium with a fresh profile to look at it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Playwright, Request, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from cds_service.demo import demo_app
from cds_service.settings import load_settings

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DESK, TABLET = (1280, 900), (820, 1180)
_CHROMIUM = os.environ.get("RLS_CDS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


class Handler(WSGIRequestHandler):
    """Keeps connections open, as the demo does, and says nothing."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


@dataclass(slots=True)
class Seen:
    """What a page did that it should not: messages of its console, requests to other hosts.

    `may_fail`: answers that failed are what the test is about, so that the browser's own word of them is no fault.
    """

    messages: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    may_fail: bool = False

    @property
    def faults(self) -> list[str]:
        return [each for each in self.messages if not (self.may_fail and each.startswith("Failed to load resource"))]

    def watch(self, page: Page, own: str) -> None:
        page.on("console", lambda each: self.messages.append(each.text) if each.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: self.messages.append(str(fault)))
        page.on("request", lambda request: self._note(request, own))

    def _note(self, request: Request, own: str) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != own:
            self.hosts.add(address.netloc)


@dataclass(frozen=True, slots=True)
class Demo:
    """The running demo: its address, its application, and the file of its store."""

    base: str
    app: Flask
    store: Path


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    if not _CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as it stands at noon of the day on which every fixture file was true."""
    file = tmp_path_factory.mktemp("store") / "store.sqlite"
    server = make_server("127.0.0.1", 0, Flask("placeholder"), threaded=True, request_handler=Handler)
    base = f"http://127.0.0.1:{server.server_port}"
    options = {"host": "127.0.0.1", "port": server.server_port, "public_base": base}
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": f"sqlite:///{file}"}, demo=True, options=options)
    server.app = demo_app(settings, today=NOON)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Demo(base, server.app, file)
    server.shutdown()
    thread.join(10)
    server.server_close()


OpenPage = Callable[..., Page]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def open_page(playwright: Playwright, demo: Demo, seen: Seen, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens a path of the demo in a window; at the end nothing may have gone wrong in any of them."""
    windows: list[BrowserContext] = []

    def open_(path: str, *, size: tuple[int, int] = DESK, scheme: str = "light") -> Page:
        window: BrowserContext = playwright.chromium.launch_persistent_context(
            str(tmp_path / f"profile-{len(windows)}"),
            executable_path=_CHROMIUM,
            headless=True,
            args=_FLAGS,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            timezone_id="Pacific/Auckland",
        )
        windows.append(window)
        window.set_default_timeout(10_000)
        window.clock.set_fixed_time(NOON)
        page = window.pages[0]
        seen.watch(page, urlsplit(demo.base).netloc)
        page.goto(f"{demo.base}{path}", wait_until="load")
        return page

    yield open_
    for window in windows:
        window.close()
    assert seen.faults == []
    assert seen.hosts == set()
