"""A demo on a free local port, and Debian's Chromium, which knows nothing from one test to the next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from cds_service.config.load import load_settings
from cds_service.server.demo import demo_app
from cds_service.server.threads import bind_threaded_server
from tests.builders.components import missing
from tests.builders.deadlines import without_haste

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DESK, TABLET = (1280, 900), (820, 1180)
_ROOT = Path(__file__).resolve().parents[2]
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


@dataclass(slots=True)
class Seen:
    """Unwanted behaviour of a page: messages in its console, and requests to other hosts.

    `may_fail`: the test expects failed responses, so the browser's messages about them are accepted.
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
def chromium() -> Iterator[Browser]:
    """Start the browser once; each test has windows of its own, which share no cookie, cache or storage."""
    if not _CHROMIUM:
        missing("there is no chromium on this machine")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=_CHROMIUM, headless=True, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documentation as for a wheel, and return its folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    subprocess.run(command, cwd=_ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[Demo]:
    """Start the demo at noon of the anchor day of the fixtures."""
    file = tmp_path_factory.mktemp("store") / "store.sqlite"
    server = bind_threaded_server(Flask("placeholder"), "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.port}"
    options = {"host": "127.0.0.1", "port": server.port, "public_base": base}
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": f"sqlite:///{file}"}, demo=True, options=options)
    server.app = demo_app(without_haste(settings), today=NOON, docs=site)
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
def open_page(chromium: Browser, demo: Demo, seen: Seen) -> Iterator[OpenPage]:
    """Return a function that opens a path of the demo; fails at the end if any page misbehaved."""
    windows: list[BrowserContext] = []

    def open_(path: str, *, size: tuple[int, int] = DESK, scheme: str = "light", at_noon: bool = True) -> Page:
        window = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            timezone_id="Pacific/Auckland",
        )
        windows.append(window)
        window.set_default_timeout(10_000)
        if at_noon:
            window.clock.set_fixed_time(NOON)
        page = window.new_page()
        seen.watch(page, urlsplit(demo.base).netloc)
        page.goto(f"{demo.base}{path}", wait_until="load")
        return page

    yield open_
    for window in windows:
        window.close()
    assert seen.faults == []
    assert seen.hosts == set()
