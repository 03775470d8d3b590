"""Synthetic patients with the facts that the service reads of them and the cards that it answers.

The golden calls are answered over HTTP; what no synthetic patient shows comes from a chart of the decision tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

from cards.decisions.decide import decide, to_be_shown
from cards.decisions.shared.vitamin_d_doses import render_vitamin_d_dose
from cards.facts.card import Card
from cards.facts.chart import Chart, Diagnosis, Draft
from cards.facts.drugs import DailyDose, Drug
from cards.fhir.bundles import Listed
from cards.knowledge.rules import Rules
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import lists_not_evaluated, not_evaluated, present
from cards.quantity import plain
from cards.reading import read_chart
from cards.site.choices import as_the_site_counts
from cards.wording.person import render_person
from cards.wording.render import (
    capitalised,
    display_name,
    joined,
    render_draft,
    render_drug,
    render_unusable,
    why_line,
)
from fhir_fixtures.clients import PREFETCH_KEYS
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, rules_of_the_day
from tests.golden.calls import TODAY, GoldenCall, answers, calls

_NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 16, tzinfo=UTC)
#: Where the pages of the cards lie in the golden answers.
_PAGES = "https://cds.example.org/cds-services/rls-{hook}/source-attributes"
#: Measures that no analyte names.
_MEASURES = {
    "gestational-age": "Gestational age {value} weeks",
    "body-weight": "Body weight {value} kg",
    "irls": "International RLS scale {value} of 40",
    "due-date": "Due date",
}


#: Sets that sum up others, and name nothing more of a diagnosis.
_SUMS = frozenset({"iron-indication"})
#: From here an amount needs no decimals.
_LARGE = 100


@dataclass(frozen=True, slots=True)
class ShownPatient:
    """A patient on one hook: `title` and `shows` in words, `source` where it is kept, `cards` as they are sent."""

    title: str
    shows: str
    source: str
    hook: str
    chart: Chart
    cards: tuple[Mapping[str, Any], ...]
    site: tuple[str, ...] = ()


# ------------------------------------------------------------------ the golden calls


@cache
def golden_patients() -> tuple[ShownPatient, ...]:
    """Every golden call with its answer."""
    return tuple(_golden(call) for call in calls())


def golden_patient(slug: str, *drafts: str) -> ShownPatient:
    """The golden call of a synthetic patient, when the chart opens or when these drafts are signed."""
    source = f"tests/golden/{'order-sign' if drafts else 'patient-view'}/{'--'.join((slug, *drafts))}.json"
    return next(each for each in golden_patients() if each.source == source)


def _golden(call: GoldenCall) -> ShownPatient:
    cards = tuple(answers()[call.file]["cards"])
    return ShownPatient(call.title, call.shows, f"tests/golden/{call.file}", call.hook, _chart_of(call), cards)


def _chart_of(call: GoldenCall) -> Chart:
    sent = call.body["prefetch"]
    lists = {"patient": Listed((sent["patient"],))}
    lists |= {key: Listed(tuple(entry["resource"] for entry in sent[key].get("entry", []))) for key in PREFETCH_KEYS}
    return read_chart(
        lists,
        patient_id=call.body["context"]["patientId"],
        now=_NOW,
        zone=UTC,
        drafts=call.body["context"].get("draftOrders"),
    )


# ------------------------------------------------------------------ charts of the tables


def patient_of_case(decision: str, case: Mapping[str, Any]) -> ShownPatient:
    """A case of a decision table, answered by all decisions of its hook."""
    site = tuple(f"{name} = {value}" for kind in ("switches", "limits") for name, value in case.get(kind, {}).items())
    return told(case, RULES.decisions[decision].hooks[0], f"tests/decisions/{decision}.toml", site)


def told(case: Mapping[str, Any], hook: str, source: str, site: tuple[str, ...] = ()) -> ShownPatient:
    """A chart in the notation of the tables, answered by all decisions of the hook."""
    built = chart(case)
    rules = rules_of_the_day(case, RULES, built.today)
    counted = as_the_site_counts(built, rules)
    return ShownPatient(case["says"], "", source, hook, counted, answered(counted, hook, rules), site)


def answered(built: Chart, hook: str, rules: Rules = RULES) -> tuple[Mapping[str, Any], ...]:
    """Return the cards of a chart as they are sent, without a cap, and the card on what could not be read."""
    profile, numbers = ClientCapabilities("p1", source_url=_PAGES.format(hook=hook), max_cards=0), count(1)
    verdict = decide(built, rules, hook)
    shown = to_be_shown(verdict, built)

    def new_uuid() -> str:
        return f"uuid {next(numbers)}"

    cards: tuple[Card, ...] = present(shown, built, rules, profile=profile, new_uuid=new_uuid)
    unread = tuple(dict.fromkeys((*verdict.missing, *lists_not_evaluated(verdict, shown, built, profile))))
    if unread or verdict.unread:
        cards += (not_evaluated(unread, built, results=verdict.unread, profile=profile, new_uuid=new_uuid),)
    return tuple(card.as_json() for card in cards)


def kinds(patient: ShownPatient) -> tuple[tuple[str, str], ...]:
    """The code and the indicator of each card, the most urgent first."""
    return tuple((card["source"]["topic"]["code"], card["indicator"]) for card in patient.cards)


@cache
def every_kind() -> Mapping[tuple[str, str], ShownPatient]:
    """For each card and each indicator that it may have: the plainest patient who gets it, golden ones before others.

    A case in which a site has chosen something is taken only where no other shows the card.
    """
    found: dict[tuple[str, str], ShownPatient] = {}
    for patient in sorted(golden_patients(), key=_plainness):
        for kind in kinds(patient):
            found.setdefault(kind, patient)
    plain_first = sorted(CASES, key=lambda entry: any(key in entry[1] for key in ("switches", "limits", "today")))
    for decision, case in plain_first:
        wanted = [(code.replace("-", ""), each) for code, _, each in (e.partition(":") for e in case["expect"]) if each]
        if all(kind in found for kind in wanted):
            continue
        patient = patient_of_case(decision, case)
        for kind in wanted:
            if kind in kinds(patient):
                found.setdefault(kind, patient)
    found.setdefault(("NOTEVALUATED", "info"), told(_UNREAD, "order-sign", "tests/docs/shown_patients.py"))
    return found


@cache
def further_examples() -> Mapping[tuple[str, str, str], ShownPatient]:
    """Cards that read otherwise by the product that is ordered: card, indicator and the product, with a patient."""
    return {
        ("OSIVBOX", "info", "iron-dextran"): golden_patient("sepsis-with-ferritin-60", "iron-dextran-1000"),
        ("OSIVBOX", "info", "ferumoxytol"): golden_patient("pregnant-9-weeks-ferritin-88", "ferumoxytol-510"),
    }


def _plainness(patient: ShownPatient) -> tuple[int, int]:
    """How little there is to read beside the card: the fewest cards first, then the fewest facts."""
    return len(patient.cards), sum(len(said) for said in facts(patient))


#: Nobody's synthetic record is cut; this one is.
_UNREAD = {
    "says": "Oral iron is ordered, and the list of diagnoses could not be read to its end",
    "labs": ["ferritin 38 ng/mL 26d", "tsat 24 % 26d"],
    "drafts": ["iron-oral ferrous sulfate 65"],
    "listings": {"conditions": "cut"},
}


# ------------------------------------------------------------------ the facts in words


def facts(patient: ShownPatient) -> Iterator[str]:
    """Yield what the service knows of a patient, a line for each kind of fact, as Markdown."""
    built = patient.chart
    rows = {
        "Patient": [capitalised(str(render_person(built))), *(["has died"] if built.person.deceased else [])],
        "Diagnoses": [_diagnosis(each) for each in built.diagnoses if each.concepts],
        "Results": [why_line("", each) for each in built.labs] + [render_unusable(each) for each in built.unusable],
        "Measures": [
            f"{_measured(each.kind, each.value)} ({each.day.isoformat() if each.day else each.when.text})"
            for each in built.measures
        ],
        "Drugs": [_drug(each) for each in built.drugs],
        "Allergies": [joined(sorted(each.ingredients)) or _titles(each.concepts) for each in built.allergies],
        "Procedures": [f"{_titles(each.concepts)} ({each.when.text if each.when else 'no day'})"
                       for each in built.procedures if each.concepts],
        "Tests awaited": [_tests(each.tests) for each in built.lab_orders if each.active],
        "**Draft orders**": [_draft(each) for each in built.drafts],
        "Not read to the end": sorted(name for name, how in built.listings.items() if how.value != "complete"),
        "The site has set": list(patient.site),
    }  # fmt: skip
    yield from (f"{name}: {'; '.join(dict.fromkeys(said))}" for name, said in rows.items() if said)


def _diagnosis(diagnosis: Diagnosis) -> str:
    notes = [
        *(["refuted"] if diagnosis.cleared else ["not active"] if not diagnosis.counts else []),
        *([diagnosis.certainty.value] if diagnosis.certainty.value == "suspected" else []),
    ]
    return f"{_titles(diagnosis.concepts)}{f' ({joined(notes)})' if notes else ''}"


def _titles(concepts: frozenset[str]) -> str:
    known = [load_valueset(name).title for name in sorted(concepts - _SUMS) if name in valueset_names()]
    return " / ".join(dict.fromkeys(known)) or joined(sorted(concepts))


def _measured(kind: str, value: Decimal) -> str:
    return _MEASURES[kind].format(value=plain(value)) if kind in _MEASURES else f"{display_name(kind)} {plain(value)}"


def _drug(drug: Drug) -> str:
    over = "" if drug.active or drug.given_on else " (no longer taken)"
    return f"{render_drug(drug)}{_dose(drug)}{over}"


def _dose(drug: Drug) -> str:
    """The amount of a day, or of an infusion, where it could be read."""
    daily = drug.daily or DailyDose()
    if daily.elemental_iron_mg is not None:
        return f", {_number(daily.elemental_iron_mg)} mg iron{'' if drug.has('iron-iv') else ' a day'}"
    if units := render_vitamin_d_dose(drug):
        return f", {units}"
    amounts = [f"{_number(mg)} mg" for mg in daily.mg.values() if mg is not None]
    return f", {' + '.join(amounts)} a day" if amounts else ""


def _number(value: Decimal) -> str:
    return plain(value.quantize(Decimal(1)) if value >= _LARGE else value.quantize(Decimal("0.001")))


def _draft(draft: Draft) -> str:
    if draft.drug is None:
        return f"tests: {render_draft(draft)}"
    reasons = draft.drug.reasons.concepts
    return f"**{render_draft(draft)}**{_dose(draft.drug)}{f', for {_titles(reasons)}' if reasons else ''}"


def _tests(tests: frozenset[str]) -> str:
    return joined(sorted(name.replace("-", " ") for name in tests))
