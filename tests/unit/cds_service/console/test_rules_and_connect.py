"""The pages Rules and Connect."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from cards.knowledge.definitions import definitions
from cards.quantity import plain
from cds_service.config.client import Client
from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.console.cases import cases_of
from cds_service.console.connect_view import CLIENTS, _hosts
from cds_service.console.markup import template_renderer
from cds_service.hooks.services import SERVICES, template
from cds_service.knowledge.load import national_rules
from cds_service.store import NullStore
from fhir_fixtures import hook_request, load_patient
from tests.unit.cds_service.console.conftest import NOON

RULES = national_rules()
TABLES = sorted(Path(__file__).parents[3].glob("decisions/*.toml"))


@pytest.mark.parametrize("name", RULES.decisions)
def test_a_decision_page_holds_limits_cards_and_sentences(reader: FlaskClient, name: str) -> None:
    text, decision = unescape(reader.get(f"/console/rules/{name}").text), RULES.decisions[name]
    assert decision.question in text and decision.reviewer in text
    for card in decision.cards.values():
        assert f'id="card-{card.id}"' in text and card.title in text and card.grade in text
        assert all(RULES.citations[each].label in text for each in card.citations)


@pytest.mark.parametrize("name", RULES.decisions)
def test_every_text_of_a_decision_is_on_its_page(reader: FlaskClient, name: str) -> None:
    page, decision, words = reader.get(f"/console/rules/{name}").text, RULES.decisions[name], template_renderer(RULES)
    table = page.split('class="which"')[1].split("</table>")[0]
    for card in decision.cards.values():
        text = page.split(f'id="card-{card.id}"')[1].split("</article>")[0]
        written = (card.summary, card.recommendation, card.rule, card.limits, card.not_for)
        assert all(words(each) in text for each in written if each)
        assert words(card.rule) in table and f"#card-{card.id}" in table
        sources = [RULES.citations[each] for each in card.citations]
        assert all(each.certainty in text and unescape(text).count(each.label) for each in sources)
    sentences = page.split('id="sentences"')[1].split("</section>")[0]
    assert all(words(each) in sentences for each in (*decision.because.values(), *decision.texts.values()))


@pytest.mark.parametrize("name", RULES.decisions)
def test_every_case_is_on_the_page_as_given_and_expected(reader: FlaskClient, name: str) -> None:
    page = unescape(reader.get(f"/console/rules/{name}").text)
    rows = page.split('class="cases"')[1].split("</table>")[0].split("<tr>")[2:]
    for case, row in zip(cases_of(name) or (), rows, strict=True):
        assert case.says in row and all(value in row for _, value in case.given)
        assert all(f"<code>{each}</code>" in row for each in case.expected)
        assert ('<span class="faint">no card</span>' in row) is not bool(case.expected)


@pytest.mark.parametrize("name", RULES.decisions)
def test_every_limit_that_a_decision_reads_or_names_is_in_its_table(reader: FlaskClient, name: str) -> None:
    page, text = reader.get(f"/console/rules/{name}").text, RULES.decisions[name]
    words = [*text.because.values(), *text.texts.values()]
    words += [part for card in text.cards.values() for part in (card.summary, card.recommendation, card.rule)]
    named = {each for part in words for each in re.findall(r"\{(?:limit|side)_(\w+)\}", part)}
    shown = set(re.findall(r'<tr id="limit-([\w.]+)"', page))
    assert shown == {each.name for each in RULES.limits_of(text)}
    assert named <= {each.replace(".", "_") for each in shown}
    choices = page.split('id="limits"')[1].split("</section>")[0]
    assert all(f"<code>{each.name}</code>" in choices for each in RULES.switches_of(text))


def test_every_limit_shows_sign_off_and_certainty(reader: FlaskClient) -> None:
    for name, decision in RULES.decisions.items():
        page = unescape(reader.get(f"/console/rules/{name}").text)
        for row in page.split('<tr id="limit-')[1:]:
            threshold = RULES.limit(row.split('"')[0])
            assert (threshold.reviewer or decision.reviewer) in row.split("</tr>")[0]


def of_a_site(name: str, overrides: str, tmp_path: Path) -> str:
    """Return the text of a decision page at a site with overrides."""
    file = tmp_path / "site-overrides.toml"
    file.write_text(overrides, encoding="utf-8")
    settings = Settings(database_url="", site={"overrides": str(file)})
    app = console_app(settings, NullStore(), clock=lambda: NOON)
    return unescape(app.test_client().get(f"/console/rules/{name}").text)


def test_a_site_override_is_shown_with_national_value_and_reason(tmp_path: Path) -> None:
    example = (Path(__file__).parents[4] / "deploy" / "site-overrides.example.toml").read_text(encoding="utf-8")
    row = of_a_site("iron_status", example, tmp_path).split('id="limit-ferritin.low"')[1].split("</tr>")[0]
    assert "<strong>50 ng/mL</strong>" in row
    assert "Site override since 2026-05-01: replaces 75 ng/mL. Local neurology and haematology follow" in row
    page = of_a_site("vitamin_d", example, tmp_path)
    row = page.split('id="limit-vitd.def"')[1].split("</tr>")[0]
    low, high = RULES.limit("vitd.def").range
    assert "<strong>50 nmol/L</strong>" in row and "replaces 20 ng/mL." in row
    assert f"<td>{plain(low)} to {plain(high)} ng/mL</td>" in row
    assert "<dt>Site overrides</dt><dd>none</dd>" not in page


def test_a_site_choice_is_shown(tmp_path: Path) -> None:
    written = """[switches.offer_vitamin_d]
value = "never"
replaces = "risk"
reason = "Ordered by the dietitians"
date = 2026-05-01
"""
    assert "Site override since 2026-05-01: replaces risk. Ordered by the dietitians" in of_a_site(
        switch_owner("offer_vitamin_d"), written, tmp_path
    )


def switch_owner(switch: str) -> str:
    folder = Path(__file__).parents[4] / "cards" / "decisions"
    files = {name: tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")) for name in RULES.decisions}
    return next(name for name, content in files.items() if switch in content.get("switches", {}))


def test_without_overrides_there_are_none(reader: FlaskClient) -> None:
    text = reader.get("/console/rules/iron_status").text
    assert "<dt>Site overrides</dt><dd>none</dd>" in text and "Site override since" not in text


_INSTALLED = """
from datetime import UTC, datetime
from cds_service.config.client import Client
from cds_service.console import console_app
from cds_service.config.load import Settings
from cds_service.store import NullStore
app = console_app(Settings(database_url=""), NullStore(), clock=lambda: datetime(2026, 6, 15, 12, tzinfo=UTC))
print(app.test_client().get("/console/rules/iron_status").text)
"""


def test_an_installed_package_says_that_the_cases_are_not_part_of_it(tmp_path: Path) -> None:
    """Only the three packages, as in a wheel."""
    for package in ("cards", "cds_service", "fhir_fixtures"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(__file__).parents[4] / package, tmp_path / package, ignore=ignored)
    environ = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    ran = subprocess.run([sys.executable, "-P", "-c", _INSTALLED], cwd=tmp_path, env=environ, check=True,
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (
        "The cases are not part of an installed package" in ran.stdout and "tests/decisions/iron_status" in ran.stdout
    )
    assert 'class="cases"' not in ran.stdout


def test_every_limit_is_shown_with_source_and_range(reader: FlaskClient) -> None:
    folder = Path(__file__).parents[4] / "cards" / "decisions"
    seen = set()
    for name in RULES.decisions:
        text = unescape(reader.get(f"/console/rules/{name}").text)
        for limit in tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")).get("thresholds", {}):
            threshold, seen = RULES.limit(limit), seen | {limit}
            row = text.split(f'id="limit-{limit}"')[1].split("</tr>")[0]
            assert plain(threshold.value) in row and threshold.meaning in row and threshold.certainty in row
            assert RULES.citations[threshold.citation].label in row
    assert seen == set(RULES.thresholds)


def test_the_index_links_to_every_decision(reader: FlaskClient) -> None:
    text = reader.get("/console/rules").text
    assert all(f'href="/console/rules/{name}"' in text for name in RULES.decisions)
    assert all(switch in text for switch in RULES.switches)


def test_shared_numbers_are_shown_with_source_and_sign_off(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/rules").text)
    for each in definitions().values():
        row = text.split(f'id="shared-{each.name}"')[1].split("</tr>")[0]
        expected = (
            each.meaning,
            plain(each.value),
            each.certainty,
            each.reviewer,
            RULES.citations[each.citation].label,
        )
        assert all(words in row for words in expected)


def test_an_unknown_decision_is_not_found(reader: FlaskClient) -> None:
    for name in ("nothing", "..%2f..%2fpyproject", "iron_status.toml"):
        assert reader.get(f"/console/rules/{name}").status_code == 404


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_case_of_a_table_is_shown_as_given_and_expected(table: Path) -> None:
    written = tomllib.loads(table.read_text(encoding="utf-8"))["case"]
    shown = cases_of(table.stem)
    assert shown and [case.says for case in shown] == [case["says"] for case in written]
    assert all(case.given or set(each) <= {"says", "expect", "limit", "side", "prints", "texts", "without", "offers"}
               for case, each in zip(shown, written, strict=True))  # fmt: skip


def test_without_the_source_tree_there_are_no_cases(tmp_path: Path) -> None:
    assert cases_of("iron_status", tmp_path) is None


@pytest.mark.parametrize("client", CLIENTS)
def test_a_guide_names_every_address_and_template(reader: FlaskClient, client: str) -> None:
    text = unescape(reader.get(f"/console/connect?client={client}", base_url="http://127.0.0.1:8080").text)
    for service in SERVICES:
        assert f"http://127.0.0.1:8080/cds-services/{service.id}<" in text
        assert all(template(key) in text for key in service.keys)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_settings_of_a_guide_are_settings(reader: FlaskClient, client: str, tmp_path: Path) -> None:
    text = unescape(reader.get(f"/console/connect?client={client}").text)
    written = text.split('id="settings"')[1].split(">", 1)[1].split("</pre>")[0]
    file = tmp_path / "rls-cds.toml"
    file.write_text(written, encoding="utf-8")
    names = ("RLS_CDS_PSEUDONYM_KEY", "RLS_CDS_ENCRYPTION_KEY")
    keys = {name: base64.b64encode(bytes(range(n, n + 32))).decode() for n, name in enumerate(names)}
    settings = load_settings(file, keys)
    assert [each.name for each in settings.clients] == [client]
    modes = {settings.mode(service.id, settings.clients[0]) for service in SERVICES}
    assert modes == ({"live"} if client == "sandbox" else {"shadow", "off"})


def test_the_sandbox_guide_names_observed_behaviour(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/connect").text)
    for words in ("typed or pasted", "override without a reason", "a warning for 14 days and information for 90",
                  "a critical card is never silenced", "status 400"):  # fmt: skip
        assert words in text
    assert "Dismiss" not in reader.get("/console/connect?client=epic").text


def test_the_sandbox_guide_describes_dismissal_correctly(client: FlaskClient) -> None:
    """Dismissed without a reason: suppressed on the same results, shown again on others."""
    patient = load_patient("ferritin-38-inside-the-lab-range", NOON.date())
    body = hook_request("sandbox", "patient-view", patient, today=NOON.date(), fhir_server="")
    card = client.post("/cds-services/rls-patient-view", json=body).json["cards"][0]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": NOON.isoformat()}
    answer = client.post("/cds-services/rls-patient-view/feedback", json={"feedback": [entry]})
    assert answer.status_code == 200
    assert client.post("/cds-services/rls-patient-view", json=body).json["cards"] == []
    changed = json.loads(json.dumps(body).replace('"value": 38', '"value": 37'))
    again = client.post("/cds-services/rls-patient-view", json=changed).json["cards"]
    assert [each["source"]["topic"]["code"] for each in again] == ["IRONLOW"]


def test_connect_says_which_lists_a_client_can_never_send() -> None:
    able = Client("a", issuer="a")
    unable = replace(able, name="b", cannot_send=frozenset({"orders", "allergies"}))
    settings = Settings(database_url="", public_base="https://cds.example.org", clients=(able, unable))
    text = unescape(console_app(settings, NullStore()).test_client().get("/console/connect?client=generic").text)
    assert "<code>b</code> cannot send allergies, orders already placed. What rests on them stays unknown" in text
    assert text.count("cannot send") == 1


def test_an_unknown_client_is_not_found(reader: FlaskClient) -> None:
    assert reader.get("/console/connect?client=nobody").status_code == 404


def test_the_test_call_of_the_page_returns_a_card(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/connect").text)
    body = json.loads(text.split('id="example"')[1].split(">", 1)[1].split("</pre>")[0])
    answer = reader.post("/cds-services/rls-patient-view", json=body)
    assert [card["source"]["topic"]["code"] for card in answer.json["cards"]] == ["IRONLOW"]


def test_connect_names_the_hosts_that_cards_link_to_and_no_other() -> None:
    """For the cards of every fixture on every hook: an EHR that registers these hosts removes no link."""
    found = _hosts("https://cds.example.org:8443", RULES)
    linked = {"cds.example.org"}
    for path in (Path(__file__).parents[3] / "golden").glob("*/*.json"):
        cards = json.loads(path.read_text(encoding="utf-8"))["cards"]
        linked |= {str(urlsplit(link["url"]).hostname) for card in cards for link in card.get("links", [])}
    assert linked <= set(found) and list(found) == sorted(set(found))
    assert "rls-cds.example.org" not in found and "" not in found
