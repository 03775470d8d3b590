"""Screenshots of the pages for the documentation: written to docs/screens if RLS_CDS_SCREENS is set, else to a
temporary folder. In both cases every page must fill its window and show its content."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, NOON, TABLET, Demo, OpenPage
from tests.browser.years import years_of_results
from tests.builders.traffic import record_traffic

pytestmark = pytest.mark.browser
_SCREENS = Path(__file__).parents[2] / "docs" / "screens"
_ORDER = (
    "/console?patient=haemochromatosis-after-phlebotomy&service=rls-order-sign&draft=ferrous-sulfate-325-once-daily"
)


@pytest.fixture
def screens(tmp_path: Path) -> Path:
    folder = _SCREENS if os.environ.get("RLS_CDS_SCREENS") else tmp_path / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(page: Page, file: Path) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=file, animations="disabled")
    assert file.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("try", DESK, "light"), ("try-dark", DESK, "dark"), ("try-tablet", TABLET, "light")]
)
def test_try(open_page: OpenPage, screens: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    page = open_page("/console", size=(size[0], 1240), scheme=scheme)
    page.get_by_label("Your own data").set_input_files(
        {
            "name": "years.json",
            "mimeType": "application/json",
            "buffer": json.dumps(years_of_results(NOON.date())).encode(),
        }
    )
    expect(page.locator("svg[data-analyte=ferritin] .point")).to_have_count(7)
    expect(page.locator("article.card[data-card=IRONLOW]")).to_be_visible()
    keep(page, screens / f"{name}.png")


def test_order_sign(open_page: OpenPage, screens: Path) -> None:
    page = open_page(_ORDER, size=(1280, 1240))
    expect(page.locator("article.card.critical")).to_be_visible()
    keep(page, screens / "order-sign.png")


def test_card(open_page: OpenPage, screens: Path) -> None:
    """One card alone, as the README shows it."""
    page = open_page("/console", size=(1280, 1240))
    card = page.locator("article.card[data-card=IRONLOW]")
    expect(card).to_be_visible()
    page.mouse.move(0, 0)
    card.screenshot(path=screens / "card.png", animations="disabled")
    assert (screens / "card.png").stat().st_size > 20_000


@pytest.mark.parametrize(("name", "path"), [("decision", "/console/rules/iron_status"),
                                            ("connect", "/console/connect?client=epic")])  # fmt: skip
def test_rules_and_connect(open_page: OpenPage, screens: Path, name: str, path: str) -> None:
    page = open_page(path, size=(1280, 1000))
    expect(page.locator("h1")).to_be_visible()
    keep(page, screens / f"{name}.png")


@pytest.mark.parametrize(("name", "size", "scheme"), [("watch", DESK, "light"), ("watch-tablet", TABLET, "dark")])
def test_watch(open_page: OpenPage, demo: Demo, screens: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    record_traffic(demo.app.extensions["rls_cds"].store, 700, NOON + timedelta(hours=1), seed=len(name))
    page = open_page("/console/watch", size=size, scheme=scheme)
    expect(page.locator("svg.days")).to_be_visible()
    keep(page, screens / f"{name}.png")
