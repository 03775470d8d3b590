"""The draft orders offered by Try: labels and kinds."""

from __future__ import annotations

from html import unescape

import pytest
from flask.testing import FlaskClient

from cds_service.console.charts import draft_options
from fhir_fixtures import draft, draft_names
from tests.unit.cds_service.console.conftest import NOON


def test_every_draft_is_offered_under_a_label_of_its_own() -> None:
    assert sorted(draft_options()) == sorted(draft_names())
    labels = [each.label.casefold() for each in draft_options().values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", draft_names())
def test_a_label_names_drug_dose_and_route(name: str) -> None:
    order, label = draft(name, "p", NOON.date()), draft_options()[name].label.casefold()
    concept = order.get("medicationCodeableConcept") or order["code"]
    assert label.split(": ")[0].split(" ")[0] == concept["text"].casefold().split(" ")[0]
    for dosage in order.get("dosageInstruction", ()):
        assert label.endswith(dosage["text"].casefold())


@pytest.mark.parametrize(
    ("name", "label", "kind"),
    [
        (
            "ropinirole-0.25-at-bedtime",
            "Ropinirole 0.25 mg oral tablet: 1 tablet by mouth 1 to 3 hours before bedtime",
            "Drugs for restless legs",
        ),
        (
            "iron-sucrose-200",
            "Iron sucrose 20 mg/mL injection: 200 mg intravenously over 15 minutes",
            "Iron infusions",
        ),
        ("ferritin-lab", "Ferritin [Mass/volume] in Serum or Plasma", "Laboratory"),
        (
            "lisinopril-10-once-daily",
            "Lisinopril 10 mg oral tablet: 1 tablet by mouth once daily",
            "Other drugs",
        ),
    ],
)
def test_labels_and_kinds_of_draft_orders(name: str, label: str, kind: str) -> None:
    assert (draft_options()[name].label, draft_options()[name].kind) == (label, kind)


def test_the_page_lists_them_under_their_kinds(reader: FlaskClient) -> None:
    listed = unescape(reader.get("/console").text).split('id="drafts"')[1].split("</fieldset>")[0]
    assert all(each.label in listed and f'value="{each.name}"' in listed for each in draft_options().values())
    parts = listed.split('class="kindname"')[1:]
    kinds = [part.split(">", 1)[1].split("</p>")[0] for part in parts]
    assert kinds == list(dict.fromkeys(each.kind for each in draft_options().values())) and len(kinds) == 7
