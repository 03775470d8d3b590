"""Details on the pages: given and expected parts of cases, hooks of prefetch keys, unknown codes."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from flask.testing import FlaskClient

from cds_service.console.cases import cases_of
from cds_service.console.markup import template_renderer
from cds_service.console.telemetry import RegistryTelemetry
from cds_service.hooks.services import SERVICES
from cds_service.knowledge.load import national_rules
from cds_service.monitoring.metrics import Metrics

_TABLE = """
[[case]]
says = "a case with everything"
labs = ["ferritin 20 ng/mL"]
meds = []
expect = ["IRON-LOW"]
prints = ["20 ng/mL", "75 ng/mL"]
texts = ["advice_oral"]
without = ["advice_iv"]
offers = []
"""


def test_expectations_of_a_case_are_not_listed_as_given(tmp_path: Path) -> None:
    (tmp_path / "made_up.toml").write_text(_TABLE, encoding="utf-8")
    (case,) = cases_of("made_up", tmp_path) or ()
    assert case.given == (("results", "ferritin 20 ng/mL"), ("meds", "none"))
    assert case.expected == ("IRON-LOW",)
    assert case.details == (
        ("prints", "20 ng/mL; 75 ng/mL"),
        ("says", "advice_oral"),
        ("does not say", "advice_iv"),
        ("offers", "none"),
    )


def test_expectations_are_in_the_last_column(reader: FlaskClient) -> None:
    seen = 0
    for name in national_rules().decisions:
        rows = unescape(reader.get(f"/console/rules/{name}").text).split('class="cases"')[1].split("<tr>")[2:]
        for case, row in zip(cases_of(name) or (), rows, strict=True):
            given, expected = row.split("<td>")[1:]
            assert not re.search(r"<b>(prints|texts|without|offers|says)</b>", given)
            assert all(f"<b>{word}</b> {value}" in expected for word, value in case.details)
            seen += bool(case.details)
    assert seen > 20


def test_every_prefetch_key_names_the_hooks_that_ask_for_it(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/connect").text).split('id="prefetch"')[1].split("</section>")[0]
    hooks_by_key = dict(re.findall(r'<dt><code>(\w+)</code><span class="about">([^<]*)</span>', text))
    for key in {key for service in SERVICES for key in service.keys}:
        hooks = [service.hook for service in SERVICES if key in service.keys]
        assert hooks_by_key[key] == ("every hook" if len(hooks) == len(SERVICES) else ", ".join(hooks))
    assert hooks_by_key["allergies"] == "every hook" and hooks_by_key["labs"] == "every hook"


def test_unknown_code_systems_are_named_as_in_a_code_map() -> None:
    metrics = Metrics()
    for system in ("oid", "other"):
        metrics.unknown_codes.labels("labs", system).inc()
    about = {each.about for each in RegistryTelemetry(metrics.registry).unmapped()}
    assert about == {"in a system named by an OID", "in a system named by a URL"}


def test_no_sentence_repeats_a_word() -> None:
    rules = national_rules()
    words = template_renderer(rules)
    said = [words(text) for decision in rules.decisions.values() for text in decision.because.values()]
    assert not [each for each in said if re.search(r'\b(\w+) <span class="slot">\1</span>', each, re.IGNORECASE)]
