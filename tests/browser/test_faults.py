"""Whatever fails on Try, no card of one patient stays under the name of another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fhir_fixtures import load_patient
from tests.browser.conftest import NOON, Demo, OpenPage, Seen
from tests.browser.test_console import TODAY, answered, cards, change, settle

pytestmark = pytest.mark.browser
_IRON, _TOXIC = "ferritin-38-inside-the-lab-range", "vitamin-d-toxic"
_CHOICE = "Patient"


@pytest.fixture
def without_service(seen: Seen) -> Callable[[Page, str], None]:
    """Make the service unreachable for a page, accepting the browser's messages about it."""
    seen.may_fail = True
    return lambda page, path: page.route(path, lambda route: route.abort("connectionrefused"))


def choose(page: Page, slug: str) -> None:
    page.get_by_label(_CHOICE, exact=True).select_option(slug)


def title_of(page: Page) -> str:
    return page.locator("#patient option:checked").inner_text()


def expect_no_patient(page: Page, fault: str) -> None:
    expect(page.locator("#result .problem")).to_contain_text(fault)
    assert cards(page) == []
    expect(page.locator("svg[data-analyte]")).to_have_count(0)
    expect(page.locator("#said")).to_contain_text(fault)


def put_in(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("Your own data").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": content}
    )


def a_file() -> bytes:
    return json.dumps(load_patient(_TOXIC, TODAY).bundle).encode()


def test_an_empty_file_after_a_good_one_shows_no_card(open_page: OpenPage) -> None:
    page = open_page("/console")
    with answered(page):
        put_in(page, "chart.json", a_file())
    settle(page)
    assert cards(page) == ["VITDTOX"]
    with answered(page):
        put_in(page, "empty.json", b"")
    settle(page)
    expect_no_patient(page, "This file is empty")
    with answered(page):
        choose(page, _IRON)
    settle(page)
    assert cards(page) == ["IRONLOW"]


def test_a_file_over_the_limit_says_so_and_the_next_patient_is_answered(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/console")
    with answered(page):
        put_in(page, "chart.json", a_file())
    settle(page)
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (12 * 1024 * 1024))
    page.get_by_label("Your own data").set_input_files(large)
    expect_no_patient(page, "larger than 10 MiB")
    assert page.locator("[name=data]").count() == 0
    assert page.get_by_label("Your own data").evaluate("each => each.files.length") == 0
    with answered(page):
        choose(page, _IRON)
    settle(page)
    assert cards(page) == ["IRONLOW"]


def test_no_card_stays_under_another_patient_without_the_service(
    open_page: OpenPage, without_service: Callable[[Page, str], None]
) -> None:
    page = open_page("/console")
    without_service(page, "**/console")
    choose(page, _TOXIC)
    expect_no_patient(page, "The service does not answer")
    page.unroute("**/console")
    with answered(page):
        page.get_by_role("button", name="Show the cards").click()
    settle(page)
    assert cards(page) == ["VITDTOX"]


def test_an_error_of_the_service_is_shown_with_its_message(open_page: OpenPage, seen: Seen) -> None:
    seen.may_fail = True
    page = open_page("/console")
    outcome = {"resourceType": "OperationOutcome", "issue": [{"details": {"text": "The service is busy."}}]}
    page.route("**/console", lambda route: route.fulfill(status=503, json=outcome))
    choose(page, _TOXIC)
    expect_no_patient(page, "The service is busy.")


def test_no_card_of_the_former_patient_is_visible_while_loading(open_page: OpenPage) -> None:
    page = open_page("/console")
    held: list[object] = []
    page.route("**/console", lambda route: held.append(route))
    choose(page, _TOXIC)
    expect(page.locator("article.card")).to_be_hidden()
    expect(page.locator("svg[data-analyte=ferritin]")).to_be_hidden()
    assert held
    page.unroute("**/console")


def test_a_pending_file_does_not_replace_a_later_choice(open_page: OpenPage) -> None:
    page = open_page("/console")
    held: list[object] = []
    page.route("**/console", lambda route: held.append(route))
    put_in(page, "chart.json", a_file())
    page.wait_for_function("document.querySelector('#result[data-stale]')")
    page.unroute("**/console")
    with answered(page):
        choose(page, _IRON)
    settle(page)
    assert cards(page) == ["IRONLOW"] and page.get_by_label(_CHOICE, exact=True).input_value() == _IRON
    expect(page.locator(".subject h2")).to_have_text(title_of(page))


def test_going_back_shows_the_patient_that_the_form_names(open_page: OpenPage) -> None:
    page = open_page("/console")
    with answered(page):
        choose(page, _TOXIC)
    settle(page)
    page.get_by_role("link", name="Rules", exact=True).click()
    expect(page).to_have_title(re.compile("Rules"))
    page.go_back()
    settle(page)
    expect(page.get_by_label(_CHOICE, exact=True)).to_have_value(_TOXIC)
    expect(page.locator(".subject h2")).to_have_text(title_of(page))
    assert cards(page) == ["VITDTOX"]


def test_the_address_holds_the_form(open_page: OpenPage) -> None:
    page = open_page("/console")
    change(page, "Ferritin", "88")
    page.get_by_text("Draft orders").first.click()
    with answered(page):
        page.get_by_label(re.compile("Ferrous sulfate 325 mg oral tablet: 1 tablet by mouth once daily, on an")).check()
    settle(page)
    before, address = cards(page), page.url
    assert f"patient={_IRON}" in address and "service=rls-order-sign" in address and "draft=" in address
    page.reload()
    assert cards(page) == before and page.url == address
    assert page.locator("svg[data-analyte=ferritin] .point").get_attribute("data-value") == "88"


def test_nothing_of_a_file_is_in_the_address(open_page: OpenPage, demo: Demo) -> None:
    page = open_page(f"/console?patient={_IRON}")
    with answered(page):
        put_in(page, "chart.json", a_file())
    settle(page)
    change(page, "vitamin D", "30")
    assert page.url == f"{demo.base}/console"


@pytest.mark.parametrize("day", ["1900-01-01", "2500-01-01", "9999-12-31", ""])
def test_an_invalid_day_removes_the_cards(open_page: OpenPage, day: str) -> None:
    page = open_page("/console")
    with answered(page):
        page.get_by_label("As of").evaluate(
            "(each, day) => { each.value = day; each.dispatchEvent(new Event('change', { bubbles: true })); }", day
        )
    settle(page)
    expect_no_patient(page, "As of is no day from 2000-01-01 to 2099-12-31")
    with answered(page):
        page.get_by_label("As of").fill(NOON.date().isoformat())
    settle(page)
    assert cards(page) == ["IRONLOW"]


_CRITICAL = (
    "/console?patient=haemochromatosis-after-phlebotomy&service=rls-order-sign&draft=ferrous-sulfate-325-once-daily"
)


def test_an_overridden_critical_card_is_confirmed_and_stays(open_page: OpenPage) -> None:
    page = open_page(_CRITICAL)
    page.locator(".menu summary").click()
    with answered(page):
        page.get_by_role("button", name="Already treated or ordered").click()
    settle(page)
    card = page.locator("article.card.critical[data-card=OSIRONOVL]")
    expect(card.locator(".answered")).to_have_text(
        "Override recorded. A critical card is never silenced, so it is shown again."
    )
    expect(card.locator("h3")).to_be_focused()


def test_an_overridden_card_is_confirmed_and_keeps_the_focus(open_page: OpenPage) -> None:
    page = open_page("/console?patient=ferritin-in-pmol")
    code = cards(page)[0]
    page.locator(".menu summary").first.click()
    with answered(page):
        page.get_by_role("button", name="Already treated or ordered").first.click()
    settle(page)
    card = page.locator(f"article.card.silent[data-card={code}]")
    expect(card.locator(".answered")).to_have_text("Override recorded. The card is silenced on these results.")
    expect(card.locator("h3")).to_be_focused()


def test_failed_feedback_is_reported_and_can_be_repeated(
    open_page: OpenPage, without_service: Callable[[Page, str], None]
) -> None:
    page = open_page(_CRITICAL)
    without_service(page, "**/feedback")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Already treated or ordered").click()
    expect(page.locator(".answered")).to_contain_text("Not recorded: the service does not answer")
    expect(page.locator(".menu summary")).to_be_focused()
    page.locator("button.suggestion").click()
    expect(page.locator(".answered")).to_contain_text("Not recorded")
    page.unroute("**/feedback")
    with answered(page):
        page.locator("button.suggestion").click()
    settle(page)
    assert cards(page) == []
    expect(page.locator("#said")).to_contain_text("Accepted and recorded: Remove the order")
    expect(page.locator("#cards-title")).to_be_focused()


def test_a_suggestion_is_accepted_once(open_page: OpenPage) -> None:
    page = open_page("/console?patient=metformin-b12-never-measured")
    posts: list[str] = []
    page.on("request", lambda each: posts.append(each.url) if each.url.endswith("/feedback") else None)
    button = page.locator("button.suggestion").first
    with page.expect_response("**/feedback"):
        button.click()
    expect(page.locator(".answered").first).to_contain_text("Accepted and recorded")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    page.keyboard.press("Enter")
    assert len(posts) == 1


def test_the_override_menu_closes_on_a_click_elsewhere(open_page: OpenPage) -> None:
    page = open_page("/console")
    page.locator(".menu summary").first.click()
    expect(page.get_by_role("button", name="Already treated or ordered").first).to_be_visible()
    page.locator("h1").click()
    expect(page.get_by_role("button", name="Already treated or ordered").first).to_be_hidden()


@pytest.mark.parametrize(
    "path",
    [
        "/console",
        "/console/rules",
        "/console/rules/iron_status",
        "/console/watch",
        "/console/connect",
        "/console/connect?client=epic",
        "/console/nope",
        "/cds-services/rls-order-sign/source-attributes",
    ],
)
def test_nothing_overflows_at_four_hundred_per_cent(open_page: OpenPage, seen: Seen, path: str) -> None:
    seen.may_fail = "nope" in path
    page = open_page(path, size=(320, 700))
    wide = page.evaluate("""[...document.querySelectorAll('body *')].filter((each) => !each.closest('.scroll, pre, svg')
        && each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 90)).slice(0, 9)""")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, wide
