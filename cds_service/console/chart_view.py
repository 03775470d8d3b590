"""Render a chart for the page in the words of this service's tables; unknown items are counted, not quoted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cards.facts.chart import Allergy, Certainty, Chart, Diagnosis, Draft, Listing
from cards.facts.drugs import Drug
from cards.facts.results import LabResult, UnusableResult
from cards.fhir.bundles import Listed
from cards.knowledge.rules import Rules
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd
from cards.wording.reasons import reason_sentence
from cards.wording.render import display_name, inline, render_draft, render_quantity, wording
from cds_service.console.lab_plots import LabPlots, describe_origin, lab_plots

_SEX = {"female": "Woman", "male": "Man"}
#: Value sets that say how a code was found or repeat a wider one, and are not named.
_SILENT = frozenset({"rls-by-text-only-code"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list with a note; `faint` if the entry does not count at present."""

    name: str
    note: str = ""
    faint: bool = False


@dataclass(frozen=True, slots=True)
class LabRow:
    """One result as a table row; `why_not` is the reason why it is not used."""

    name: str
    value: str
    day: str
    source: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class ChartView:
    """The content of the chart panel; `unread` and `cut` are lists that were not read, or only in part."""

    person: str
    plots: LabPlots
    labs: tuple[LabRow, ...]
    lists: Mapping[str, tuple[Entry, ...]]
    unread: tuple[str, ...]
    cut: tuple[str, ...]
    discarded: int
    other_tests: int


def chart_view(chart: Chart, rules: Rules, lists: Mapping[str, Listed]) -> ChartView:
    """Build the view of a chart; `lists` has the lists that it was read from, by prefetch key."""
    others = _count_unknown(chart, lists)
    entries_by_name = {
        "Diagnoses": (*map(_diagnosis, _deduplicate(chart.diagnoses)), *_others("diagnosis", others["conditions"])),
        "Drugs": (*map(_drug, chart.drugs), *_others("drug", others["medications"])),
        "Draft orders": tuple(map(_draft, chart.drafts)),
        "Allergies to iron": tuple(map(_allergy, chart.allergies)),
        "Procedures": tuple(Entry(_titles(each.concepts), inline(each.when) if each.when else "")
                            for each in chart.procedures),
        "Laboratory orders": tuple(Entry(_tests(each.tests), each.when.text if each.when else "", not each.active)
                                   for each in chart.lab_orders),
    }  # fmt: skip
    return ChartView(
        person=_person(chart),
        plots=lab_plots(chart, rules.on(chart.today)),
        labs=_rows(chart),
        lists={name: entries for name, entries in entries_by_name.items() if entries},
        unread=_names(chart, lists, Listing.NOT_KNOWN),
        cut=_names(chart, lists, Listing.CUT),
        discarded=chart.discarded,
        other_tests=others["labs"],
    )


def _count_unknown(chart: Chart, lists: Mapping[str, Listed]) -> Mapping[str, int]:
    """Count the resources of each list about something that is in none of the tables."""
    results = {each.reference for each in chart.labs} | {each.reference for each in chart.unusable}
    diagnoses = {each.reference for each in chart.diagnoses}
    known = {
        "conditions": diagnoses,
        "medications": {each.reference for each in chart.drugs},
        "labs": results | diagnoses | {each.reference for each in chart.measures},
    }
    return {key: sum(_is_unknown(each, known[key]) for each in lists.get(key, Listed()).resources) for key in known}


def _is_unknown(resource: Mapping[str, object], known: set[str]) -> bool:
    kind = resource.get("resourceType")
    return kind not in ("Medication", "Specimen") and f"{kind}/{resource.get('id')}" not in known


def _person(chart: Chart) -> str:
    parts = [_sex(chart), _age(chart)]
    if is_child(chart) and chart.person.sex in _SEX:
        parts.append({"female": "girl", "male": "boy"}[chart.person.sex])
    state = pregnancy(chart)
    if state.is_pregnant:
        parts.append("pregnant" if state.days is None else f"pregnant, {state.days // 7} weeks")
    if is_esrd(chart):
        parts.append("dialysis or end-stage kidney disease")
    return ", ".join(parts) + (", deceased" if chart.person.deceased else "")


def _sex(chart: Chart) -> str:
    if is_child(chart):
        return "Child"
    return _SEX.get(chart.person.sex, "Adult, sex not recorded" if chart.age is not None else "Sex not recorded")


def _age(chart: Chart) -> str:
    if chart.person.birth_is_unreadable:
        return "birth date not readable"
    return "age not recorded" if chart.age is None else f"{chart.age} years"


def _names(chart: Chart, asked: Iterable[str], listing: Listing) -> tuple[str, ...]:
    return tuple(wording()["not_checked"][name] for name in asked if chart.listing(name) is listing)


def _deduplicate(diagnoses: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Return one diagnosis for each resource, which may have several codes."""
    found: dict[tuple[str, frozenset[str]], Diagnosis] = {}
    for each in diagnoses:
        found.setdefault((each.reference, each.concepts), each)
    return tuple(found.values())


def _diagnosis(diagnosis: Diagnosis) -> Entry:
    since = diagnosis.onset or diagnosis.recorded
    notes = [f"since {since.text}"] if since else []
    if diagnosis.certainty is Certainty.SUSPECTED:
        notes.append("suspected")
    if not diagnosis.counts:
        notes.append("refuted or entered in error" if diagnosis.cleared else "not active")
    return Entry(_titles(diagnosis.concepts), ", ".join(notes), faint=not diagnosis.counts)


def _drug(drug: Drug) -> Entry:
    since = f"since {drug.start.text}" if drug.start else ""
    ahead = f"ordered for {drug.planned_on.text}" if drug.planned_on else since
    when = f"given {drug.given_on.text}" if drug.given_on else ahead
    notes = [when, "" if drug.active or drug.given_on else "not active"]
    return Entry(
        _capitalized(drug.product.name), ", ".join(filter(None, notes)), faint=not (drug.active or drug.given_on)
    )


def _draft(draft: Draft) -> Entry:
    return Entry(_capitalized(render_draft(draft)) or "An order of another kind", f"order {draft.number}")


def _allergy(allergy: Allergy) -> Entry:
    names = sorted(allergy.ingredients) or [_titles(allergy.concepts)]
    return Entry(_capitalized(", ".join(names)), "severe" if allergy.severe else "")


def _others(kind: str, count: int) -> tuple[Entry, ...]:
    if count < 1:
        return ()
    plural = {"diagnosis": "diagnoses", "drug": "drugs"}[kind]
    name = f"Another {kind}" if count == 1 else f"{count} other {plural}"
    return (Entry(name, "read by no rule", faint=True),)


def _titles(concepts: Iterable[str]) -> str:
    """Return the titles of the value sets, in order of their names."""
    names = sorted(set(concepts) - _SILENT)
    known = [load_valueset(name).title if name in valueset_names() else name.replace("-", " ") for name in names]
    return "; ".join(known)


def _tests(tests: Iterable[str]) -> str:
    return _capitalized(", ".join(sorted(name.replace("-", " ") for name in tests)))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rows(chart: Chart) -> tuple[LabRow, ...]:
    """Return all results, newest first, with unusable ones at the end."""
    used = sorted(chart.labs, key=lambda each: each.when.order, reverse=True)
    return (*map(_used, used), *map(_not_used, chart.unusable))


def _used(result: LabResult) -> LabRow:
    status = "" if result.status == "final" else f", {result.status}"
    return LabRow(
        display_name(result.analyte),
        render_quantity(result.quantity),
        result.when.text,
        describe_origin(result) + status,
    )


def _not_used(result: UnusableResult) -> LabRow:
    value = render_quantity(result.quantity) if result.quantity else ""
    day = result.when.text if result.when else ""
    return LabRow(display_name(result.analyte), value, day, "", why_not=reason_sentence(result.why))
