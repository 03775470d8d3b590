"""The console of `serve` on its own port: its checks reach the service on the other port."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Seen
from tests.integration.server.test_serve import first_page, free_ports, serving

pytestmark = pytest.mark.browser


def test_the_live_check_passes_against_the_service(chromium: Browser, tmp_path: Path) -> None:
    (port, console, metrics), seen = free_ports(3), Seen()
    with serving(tmp_path, port, console, metrics) as process:
        first_page(process, console, "/console/connect", tmp_path / "output")
        page = chromium.new_page()
        seen.watch(page, f"127.0.0.1:{console}")
        page.goto(f"http://127.0.0.1:{console}/", wait_until="load")
        assert page.url == f"http://127.0.0.1:{console}/console"
        page.goto(f"http://127.0.0.1:{console}/console/connect", wait_until="load")
        page.get_by_role("button", name="Run the checks").click()
        expect(page.locator(".checks li.passed")).to_have_count(4, timeout=15_000)
        expect(page.locator("[data-check=call] .state")).to_contain_text("IRONLOW")
        page.close()
    assert seen.messages == [] and seen.hosts == {f"127.0.0.1:{port}"}
