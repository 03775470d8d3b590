"""A chart as the page shows it. Every word comes from our own tables; what they do not know is counted, not quoted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cards.chart import Allergy, Certainty, Chart, Diagnosis, Draft, Drug, LabResult, Listing, UnusableResult
from cards.reading import Listed
from cards.reading.reasons import reason_sentence
from cards.rules import Rules
from cards.scope import is_child, is_esrd, pregnancy
from cards.valuesets import load_valueset, valueset_names
from cards.wording import display_name, draft_in_words, inline, quantity_in_words, wording
from cds_service.console.lab_plots import LabPlots, how, lab_plots

_SEX = {"female": "Woman", "male": "Man"}
#: Value sets that only say how a code was found, or repeat a wider one; never named on their own.
_SILENT = frozenset({"rls-by-text-only-code"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: what, and what is to know about it. `faint` where it does not count at present."""

    name: str
    note: str = ""
    faint: bool = False


@dataclass(frozen=True, slots=True)
class LabRow:
    """One result as a table row; `why_not` says why it is not compared."""

    name: str
    value: str
    day: str
    source: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class ChartView:
    person: str
    plots: LabPlots
    labs: tuple[LabRow, ...]
    lists: Mapping[str, tuple[Entry, ...]]
    unread: tuple[str, ...]
    cut: tuple[str, ...]
    discarded: int
    other_tests: int


def chart_view(chart: Chart, rules: Rules, lists: Mapping[str, Listed]) -> ChartView:
    """`lists`: what the chart was read from, by the prefetch keys that the service asks for."""
    others = _unnamed(chart, lists)
    entries_by_name = {
        "Diagnoses": (*map(_diagnosis, _once(chart.diagnoses)), *_others("diagnosis", others["conditions"])),
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


def _unnamed(chart: Chart, lists: Mapping[str, Listed]) -> Mapping[str, int]:
    """How many resources of a list are about something that none of our tables names."""
    results = {each.reference for each in chart.labs} | {each.reference for each in chart.unusable}
    diagnoses = {each.reference for each in chart.diagnoses}
    known = {
        "conditions": diagnoses,
        "medications": {each.reference for each in chart.drugs},
        "labs": results | diagnoses | {each.reference for each in chart.measures},
    }
    return {key: sum(_is_unnamed(each, known[key]) for each in lists.get(key, Listed()).resources) for key in known}


def _is_unnamed(resource: Mapping[str, object], known: set[str]) -> bool:
    kind = resource.get("resourceType")
    return kind not in ("Medication", "Specimen") and f"{kind}/{resource.get('id')}" not in known


def _person(chart: Chart) -> str:
    age = chart.age
    who = _SEX.get(chart.person.sex, "Adult, sex not recorded") if not is_child(chart) else "Child"
    words = [who, "age not recorded" if age is None else f"{age} years"]
    if is_child(chart) and chart.person.sex in _SEX:
        words.append({"female": "girl", "male": "boy"}[chart.person.sex])
    state = pregnancy(chart)
    if state.is_pregnant:
        words.append("pregnant" if state.days is None else f"pregnant, {state.days // 7} weeks")
    if is_esrd(chart):
        words.append("dialysis or end-stage kidney disease")
    return ", ".join(words) + (", deceased" if chart.person.deceased else "")


def _names(chart: Chart, asked: Iterable[str], listing: Listing) -> tuple[str, ...]:
    return tuple(wording()["not_checked"][name] for name in asked if chart.listing(name) is listing)


def _once(diagnoses: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """One line for each resource, although it may carry several codes."""
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
    when = f"given {drug.given_on.text}" if drug.given_on else f"since {drug.start.text}" if drug.start else ""
    notes = [when, "" if drug.active or drug.given_on else "not active"]
    return Entry(_capital(drug.product.name), ", ".join(filter(None, notes)), faint=not (drug.active or drug.given_on))


def _draft(draft: Draft) -> Entry:
    return Entry(_capital(draft_in_words(draft)) or "An order of another kind", f"order {draft.number}")


def _allergy(allergy: Allergy) -> Entry:
    names = sorted(allergy.ingredients) or [_titles(allergy.concepts)]
    return Entry(_capital(", ".join(names)), "severe" if allergy.severe else "")


def _others(kind: str, count: int) -> tuple[Entry, ...]:
    if count < 1:
        return ()
    plural = {"diagnosis": "diagnoses", "drug": "drugs"}[kind]
    name = f"Another {kind}" if count == 1 else f"{count} other {plural}"
    return (Entry(name, "read by no rule", faint=True),)


def _titles(concepts: Iterable[str]) -> str:
    """The titles of the value sets, by name."""
    names = sorted(set(concepts) - _SILENT)
    known = [load_valueset(name).title if name in valueset_names() else name.replace("-", " ") for name in names]
    return "; ".join(known)


def _tests(tests: Iterable[str]) -> str:
    return _capital(", ".join(sorted(name.replace("-", " ") for name in tests)))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _rows(chart: Chart) -> tuple[LabRow, ...]:
    """All results, newest first, those that are not compared at the end."""
    used = sorted(chart.labs, key=lambda each: each.when.order, reverse=True)
    return (*map(_used, used), *map(_not_used, chart.unusable))


def _used(result: LabResult) -> LabRow:
    status = "" if result.status == "final" else f", {result.status}"
    return LabRow(
        display_name(result.analyte), quantity_in_words(result.quantity), result.when.text, how(result) + status
    )


def _not_used(result: UnusableResult) -> LabRow:
    value = quantity_in_words(result.quantity) if result.quantity else ""
    day = result.when.text if result.when else ""
    return LabRow(display_name(result.analyte), value, day, "", why_not=reason_sentence(result.why))
