"""axe-core on every page, in light and dark: no moderate, serious or critical finding."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, Seen

pytestmark = pytest.mark.browser
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

PAGES = {
    "try": "/console",
    "critical": "/console?patient=haemochromatosis-after-phlebotomy&service=rls-order-sign"
    "&draft=ferrous-sulfate-325-once-daily",
    "nothing": "/console?patient=iron-replete-nothing-to-say",
    "many results": "/console?patient=vitamin-d-toxic",
    "problem": "/console?patient=file",
    "rules": "/console/rules",
    "decision": "/console/rules/iron_status",
    "watch": "/console/watch",
    "connect": "/console/connect?client=epic",
    "no such page": "/console/nope",
    "source attributes": "/cds-services/rls-patient-view/source-attributes",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_no_finding_above_minor(open_page: OpenPage, seen: Seen, path: str, scheme: str) -> None:
    seen.may_fail = "nope" in path
    page = open_page(path, scheme=scheme)
    open_all(page)
    found = axe.Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] != "minor"]
    assert [(each["id"], [node["html"][:160] for node in each["nodes"][:4]]) for each in grave] == []


def open_all(page: Page) -> None:
    """Open all collapsed parts except card menus, which would cover other content."""
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(each => (each.open = true))")
