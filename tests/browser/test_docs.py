"""The documentation in the console, as a reader uses it: nothing is blocked, and nothing fetched elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_it_is_reached_from_the_console_and_read_page_by_page(open_page: OpenPage) -> None:
    page = open_page("/console")
    page.get_by_role("link", name="Docs").click()
    expect(page.locator("h1")).to_contain_text("rls-cds")
    page.get_by_role("link", name="The demo in five minutes").first.click()
    expect(page.locator("h1")).to_contain_text("The demo in five minutes")
    assert page.locator("article img").first.evaluate("image => image.naturalWidth") > 0


def test_its_search_finds_a_page_without_any_other_host(open_page: OpenPage) -> None:
    page = open_page("/console/docs/index.html", at_noon=False)  # the search waits for a pause by the clock
    page.get_by_role("textbox", name="Search").press_sequentially("haemochromatosis")
    expect(page.locator(".md-search-result__link").first).to_be_visible()


def test_it_can_be_read_in_the_dark(open_page: OpenPage) -> None:
    page = open_page("/console/docs/reference/rules.html", scheme="dark")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.locator("label[title=Light]").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
