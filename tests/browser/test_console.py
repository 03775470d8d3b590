"""The console in a real browser: what users do, and that nothing unwanted happens."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cards.fhir.bundles import Listed
from cards.quantity import plain
from cards.reading import read_chart
from fhir_fixtures import load_patient
from tests.browser.conftest import NOON, TABLET, Demo, OpenPage

pytestmark = pytest.mark.browser
TODAY = NOON.date()
_ONCE_DAILY = "Ferrous sulfate 325 mg oral tablet: 1 tablet by mouth once daily, on an empty stomach"


def cards(page: Page) -> list[str]:
    return [str(each.get_attribute("data-card")) for each in page.locator("article.card[data-uuid]").all()]


def answered(page: Page) -> Any:
    """Wait for the response to the form that the page posts inside the block."""
    return page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/console"))


def settle(page: Page) -> None:
    expect(page.locator("#result[aria-busy]")).to_have_count(0)


def test_the_page_opens_with_a_card_and_a_chart(open_page: OpenPage) -> None:
    page = open_page("/console")
    expect(page).to_have_title(re.compile("Try"))
    assert cards(page) == ["IRONLOW"]
    expect(page.locator("article.card h3")).to_contain_text("Ferritin 38 ng/mL")
    expect(page.locator("article.card .detail strong", has_text="This patient")).to_be_visible()
    expect(page.locator("svg[data-analyte]")).to_have_count(3)
    expect(page.locator("tr[data-outcome=fires]")).to_have_count(1)


def test_another_patient_is_answered_without_a_page_load(open_page: OpenPage) -> None:
    page = open_page("/console")
    page.get_by_label("Patient", exact=True).focus()
    with answered(page):
        page.get_by_label("Patient", exact=True).select_option("vitamin-d-toxic")
    settle(page)
    assert cards(page) == ["VITDTOX"]
    expect(page.locator("#said")).to_have_text("1 card for 25-OH vitamin D of 180 ng/mL with calcium 11.2.")
    assert page.evaluate("document.activeElement.id") == "patient"


def test_a_draft_order_is_found_and_judged(open_page: OpenPage) -> None:
    page = open_page("/console?patient=haemochromatosis-after-phlebotomy")
    page.get_by_text("Draft orders").first.click()
    page.get_by_label("Find an order").fill("ferrous sulfate once")
    expect(page.locator(".choices li:visible")).to_have_count(1)
    with answered(page):
        page.get_by_label(_ONCE_DAILY).check()
    settle(page)
    assert page.get_by_label("Hook").input_value() == "rls-order-sign"
    assert cards(page) == ["OSIRONOVL"]
    with answered(page):
        page.get_by_role("button", name=re.compile("Remove the order")).click()
    settle(page)
    assert cards(page) == []
    expect(page.get_by_label(_ONCE_DAILY)).not_to_be_checked()


def test_a_file_is_chosen(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/console")
    file = tmp_path / "chart.json"
    file.write_text(json.dumps(load_patient("b12-low-in-si-units", TODAY).bundle), encoding="utf-8")
    with answered(page):
        page.get_by_label("Your own data").set_input_files(file)
    settle(page)
    assert "B12LOW" in cards(page)
    expect(page.locator(".subject h2")).to_have_text("Your file")


def test_a_file_is_dropped_and_its_labs_changed(open_page: OpenPage) -> None:
    page = open_page("/console?patient=vitamin-d-toxic")
    text = json.dumps(load_patient("ferritin-38-inside-the-lab-range", TODAY).bundle)
    dropped = page.evaluate_handle(
        """text => { const data = new DataTransfer();
                     data.items.add(new File([text], "chart.json", { type: "application/json" })); return data; }""",
        text,
    )
    with answered(page):
        page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    settle(page)
    assert cards(page) == ["IRONLOW"]
    change(page, "Ferritin", "140")
    assert cards(page) == []


def change(page: Page, name: str, value: str) -> None:
    if not page.locator("#change-lab").evaluate("each => each.open"):
        page.get_by_text("Change a lab").click()
    field = page.locator(".labfields li", has_text=name).get_by_role("textbox")
    with answered(page):
        field.fill(value)
        field.press("Enter")
    settle(page)


def test_a_changed_lab_changes_the_card_and_the_plot(open_page: OpenPage) -> None:
    page = open_page("/console")
    change(page, "Ferritin", "88")
    assert cards(page) == ["IRONMID"]
    expect(page.locator("article.card h3")).to_contain_text("Ferritin 88 ng/mL")
    assert page.locator("svg[data-analyte=ferritin] .point").get_attribute("data-value") == "88"
    expect(page.locator(".was")).to_have_text("was 38")
    assert page.locator("#change-lab").evaluate("each => each.open")
    change(page, "Ferritin", "much")
    expect(page.get_by_text("No number of that form; 38 stays.")).to_be_visible()
    assert cards(page) == ["IRONLOW"]


def test_an_override_is_posted_and_silences_the_card(open_page: OpenPage, demo: Demo) -> None:
    page = open_page("/console?patient=heavy-periods-ferritin-12")
    card = page.locator("article.card[data-card=IRONLOW]")
    uuid = card.get_attribute("data-uuid")
    card.get_by_text("Override").click()
    with page.expect_request("**/feedback") as posted, answered(page):
        card.get_by_role("button", name="Not my part of the care").click()
    assert posted.value.url == f"{demo.base}/cds-services/rls-patient-view/feedback"
    entry = json.loads(posted.value.post_data or "")["feedback"][0]
    assert entry["card"] == uuid and entry["outcome"] == "overridden"
    assert entry["overrideReason"]["reason"]["code"] == "not-my-care"
    settle(page)
    silent = page.locator("article.card.silent[data-card=IRONLOW]")
    expect(silent).to_contain_text("No news: overridden on")
    change(page, "Ferritin", "13")
    expect(page.locator("article.card.silent[data-card=IRONLOW]")).to_have_count(0)
    with sqlite3.connect(demo.store) as connection:
        kept = connection.execute("SELECT outcome FROM feedback_event WHERE card_uuid = ?", [uuid]).fetchall()
    connection.close()
    assert kept == [("overridden",)]


def test_an_accepted_suggestion_is_recorded(open_page: OpenPage, demo: Demo) -> None:
    page = open_page("/console?patient=no-iron-studies-yet")
    with page.expect_response("**/feedback") as posted:
        page.locator("button.suggestion").first.click()
    assert posted.value.status == 200
    expect(page.locator(".answered").first).to_contain_text("Accepted and recorded")


@pytest.mark.parametrize(
    "slug",
    ["ferritin-38-inside-the-lab-range", "ferritin-in-pmol", "vitamin-d-toxic", "ferritin-with-comparator-above-1500"],
)
def test_every_result_of_the_chart_is_plotted_with_its_value(open_page: OpenPage, slug: str) -> None:
    page = open_page(f"/console?patient={slug}")
    chart = read_chart(
        {"labs": Listed(tuple(load_patient(slug, TODAY).resources("Observation")))},
        patient_id=load_patient(slug, TODAY).patient_id, now=NOON, zone=NOON.tzinfo,  # type: ignore[arg-type]
    )  # fmt: skip
    expected = sorted((each.analyte, plain(each.quantity.value), each.quantity.unit) for each in chart.labs)
    points = page.locator("svg[data-analyte] .point:not(.unused)").all()
    shown = []
    for point in points:
        analyte = point.evaluate("each => each.closest('svg').dataset.analyte")
        value, unit = point.get_attribute("data-value"), point.get_attribute("data-unit")
        shown.append((analyte, str(value), unit))
        assert str(value) in point.locator("title").inner_html()
    assert sorted(shown) == expected
    page.get_by_text("All results as a table").click()
    expect(page.locator("#lab-table tbody tr")).to_have_count(len(expected) + len(chart.unusable))


def test_a_higher_value_is_drawn_higher(open_page: OpenPage) -> None:
    page = open_page("/console")
    where = "svg[data-analyte=ferritin] .point .dot"
    low = page.locator(where).bounding_box()
    change(page, "Ferritin", "110")
    high = page.locator(where).bounding_box()
    limit = page.locator("svg[data-analyte=ferritin] .level line").first.bounding_box()
    assert low and high and limit and high["y"] < limit["y"] < low["y"]


def test_another_day_makes_results_too_old(open_page: OpenPage) -> None:
    page = open_page("/console")
    with answered(page):
        page.get_by_label("As of").fill((TODAY + timedelta(days=400)).isoformat())
    settle(page)
    assert cards(page) == ["IRONTEST"]
    expect(page.get_by_text("nothing is recorded and overrides play no part")).to_be_visible()


def test_everything_works_by_keyboard(open_page: OpenPage) -> None:
    page = open_page("/console")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Already treated or ordered")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Already treated or ordered")).to_be_hidden()
    expect(page.locator(".menu summary")).to_be_focused()


def test_the_whole_curl_is_copied(open_page: OpenPage, demo: Demo) -> None:
    page = open_page("/console")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl -s {demo.base}/cds-services/rls-patient-view ") and copied.endswith("}'")
    assert json.loads(copied.split(" -d '", 1)[1][:-1])["hook"] == "patient-view"


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl on this machine")
def test_the_copied_curl_runs_in_a_shell_whatever_the_file_holds(open_page: OpenPage, tmp_path: Path) -> None:
    chart = json.loads(json.dumps(load_patient("b12-low-in-si-units", TODAY).bundle))
    chart["entry"][0]["resource"]["name"] = [{"family": "O'Neil $(touch shell) `touch shell` \\\\ \"; touch shell"}]
    file = tmp_path / "chart.json"
    file.write_text(json.dumps(chart), encoding="utf-8")
    page = open_page("/console")
    with answered(page):
        page.get_by_label("Your own data").set_input_files(file)
    settle(page)
    shown = cards(page)
    ran = subprocess.run(["sh", "-c", page.locator("#curl-whole").text_content() or ""], cwd=tmp_path,
                         capture_output=True, check=True, timeout=20)  # fmt: skip
    assert [card["source"]["topic"]["code"] for card in json.loads(ran.stdout)["cards"]] == shown
    assert "B12LOW" in shown and not (tmp_path / "shell").exists()


def test_draft_orders_are_found_by_their_kind_too(open_page: OpenPage) -> None:
    page = open_page("/console")
    page.get_by_text("Draft orders").first.click()
    page.get_by_label("Find an order").fill("infusions")
    expect(page.locator(".choices .kindname:visible")).to_have_text(["Iron infusions"])
    expect(page.locator(".choices li:visible")).to_have_count(6)
    page.get_by_label("Find an order").fill("nothing of that name")
    expect(page.get_by_text("No order has all these words.")).to_be_visible()


def test_content_below_the_fold_is_rendered_after_the_first_paint(open_page: OpenPage) -> None:
    page = open_page("/console/rules/iron_status")
    expect(page.locator("html.painted")).to_have_count(1)
    assert page.locator("#sentences + dl dd").last.evaluate("each => each.checkVisibility()")
    assert page.locator(".later").last.evaluate("each => getComputedStyle(each).contentVisibility") == "visible"


def test_the_checks_of_connect_pass(open_page: OpenPage) -> None:
    page = open_page("/console/connect")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.locator(".checks li.passed")).to_have_count(5)
    expect(page.locator("[data-check=cors] .state")).to_have_text("passed: allowed: *")
    expect(page.locator("[data-check=call] .state")).to_contain_text("IRONLOW")


@pytest.mark.parametrize(
    "path", ["/console", "/console/rules", "/console/rules/iron_order", "/console/watch", "/console/connect"]
)
def test_nothing_overflows_on_a_tablet(open_page: OpenPage, path: str) -> None:
    page = open_page(path, size=TABLET)
    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET[0]
