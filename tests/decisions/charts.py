"""A chart from the short notation of the case tables, without FHIR.

today      2026-06-15 unless the case has its own; "180d" in place of any date means 180 days before it
person     "46 F", "9 M", "31 F pregnant 13w6d", "63 M esrd", "52 ?"     (age in years, or "20d" in days)
dx         value-set names, joined by + where one diagnosis belongs to several; "rls?" is suspected, "rls!" cleared,
           "haemochromatosis~" inactive; "rls 2024-06-14 encounter" was coded on that day for a visit
labs       "ferritin 38 ng/mL 2026-05-20", "<5" and the like are censored; a date may be 2026-05 or 2026; "T08:00"
           gives a time; "not: ferritin preliminary 2026-05-20" is an unusable result;
           "raw 320" at the end is the number before a site's assay factor
drugs      "iron-oral ferrous sulfate 65 since 2026-05-16"; "iron-iv ferric carboxymaltose given 2026-04-17"
           "iron-iv ferric carboxymaltose planned 2026-07-10" is ordered for a day ahead
           "iron-iv iron sucrose 200" is 200 mg of iron
           "gabapentinoid gabapentin 150 alternate-days" is 300 mg every other day: the number is the mean of a day;
           "vitd ergocalciferol 50000IU weekly" is taken once a week; further flags: after-dialysis (so the directions
           say), extended (release), administered (a record of what was given, not an order), ends (an order of the
           basket ends or replaces it)
drafts     "iron-oral ferrous sulfate 65 reason heart-failure", "tests ferritin iron-panel"; reasons are joined by +
orders     "ferritin iron-panel 30d", laboratory orders already placed; "done" at the end: no longer awaited
listings   how far a list can be trusted, where it is not complete: { labs = "cut", medications = "not known" }
answered   what a cut list was asked for alone and answered completely: { labs = ["ferritin", "tsat"] }
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cards.dates import PartialDate, cut_at, on_day, parse_partial_date
from cards.facts.chart import LISTS, Allergy, Certainty, Chart, Diagnosis, Draft, LabOrder, Listing, Person, Procedure
from cards.facts.drugs import Amount, DailyDose, Drug, Product, Reasons
from cards.facts.results import LabResult, Measure, UnusableResult
from cards.labs.analytes import analyte
from cards.quantity import Quantity

TODAY = date(2026, 6, 15)
#: Names as the drug tables make them; a case with `names = "strength"` calls its drafts by them.
LONG_NAMES = ("strength", "multi-ingredient")
_LAB = re.compile(
    r"(\S+) (<=|>=|<|>)?([\d.]+) (\S+) ([\dTd:Z-]+)(?: (amended|corrected))?(?: issued (\S+))?"
    r"(?: (calculated|low-priority))?(?: raw ([\d.]+))?"
)
_DRUG = re.compile(
    r"(?P<classes>[a-z0-9+-]+) (?P<name>[a-z][a-z0-9 /%-]*?)"
    r"(?: (?P<dose>[\d.]+|\?)(?P<unit>mg|IU)?)?"
    r"(?: since (?P<start>[\dd-]+|\?))?(?: until (?P<end>[\dd-]+))?(?: given (?P<given>[\dd-]+(?:T[\d:]+)?))?"
    r"(?: planned (?P<planned>[\d-]+))?"
    r"(?: reason (?P<reason>[a-z0-9+-]+))?"
    r"(?P<flags>(?: (?:once|inpatient|inactive|injected|salt-unknown|words-rls|words-heart-failure|words-ckd|active|"
    r"extended|after-dialysis|alternate-days|weekly|administered|ends))*)"
)


_DAYS_AGO = re.compile(r"(\d+)d")


def moment(text: str, today: date = TODAY) -> PartialDate:
    ago = _DAYS_AGO.fullmatch(text)
    if ago:
        return on_day(today - timedelta(days=int(ago.group(1))))
    found = parse_partial_date(text, UTC)
    assert found is not None, text
    return cut_at(found, today)


def chart(case: Mapping[str, Any]) -> Chart:
    """The chart of one case; every list is complete unless the case says otherwise."""
    today = case.get("today", TODAY)
    words = case.get("person", "46 F").split()
    age, sex, more = words[0], words[1], words[2:]
    diagnoses = [diagnosis(text, today) for text in case.get("dx", ["rls"])]
    measures = [_measure(text, today) for text in case.get("measures", [])]
    if "pregnant" in more:
        diagnoses.append(
            Diagnosis(frozenset({"pregnant"}), counts=True, recorded=on_day(today), reference="Condition/p")
        )
        measures += [_gestation(*found.groups(), today) for word in more if (found := _GESTATION.fullmatch(word))]
    diagnoses += [diagnosis(word, today) for word in more if word in ("esrd", "dialysis-dependence")]
    labs = [lab for lab in case.get("labs", []) if not lab.startswith("not:")]
    unusable = [lab for lab in case.get("labs", []) if lab.startswith("not:")]
    listings = dict.fromkeys(LISTS, Listing.COMPLETE) | {
        name: Listing(value) for name, value in case.get("listings", {}).items()
    }
    return Chart(
        today=today,
        person=Person(_born(age, today), {"F": "female", "M": "male", "?": "unknown"}[sex], "deceased" in more),
        diagnoses=tuple(diagnoses),
        labs=tuple(lab_result(text, number, today) for number, text in enumerate(labs)),
        unusable=tuple(_unusable(text, today) for text in unusable),
        measures=tuple(measures),
        drugs=tuple(drug(text, number, today) for number, text in enumerate(case.get("drugs", []))),
        allergies=tuple(_allergy(text) for text in case.get("allergies", [])),
        procedures=tuple(_procedure(text, today) for text in case.get("procedures", [])),
        lab_orders=tuple(_lab_order(text, today) for text in case.get("orders", [])),
        drafts=tuple(
            _called(draft(text, number, today), case.get("names", ""))
            for number, text in enumerate(case.get("drafts", []), 1)
        ),
        listings=listings,
        answered={name: frozenset(subjects) for name, subjects in case.get("answered", {}).items()},
    )


def _born(age: str, today: date) -> PartialDate | None:
    if age == "-":
        return None
    if age.endswith("d"):
        return on_day(today - timedelta(days=int(age[:-1])))
    return on_day(date(today.year - int(age), today.month, 1))


_GESTATION = re.compile(r"(\d+)w(?:(\d)d)?")


def _gestation(weeks: str, days: str | None, today: date) -> Measure:
    """So many weeks and days of pregnancy today, as an age that was noted that many days ago."""
    return Measure("gestational-age", Decimal(weeks), on_day(today - timedelta(days=int(days or 0))))


def diagnosis(text: str, today: date = TODAY) -> Diagnosis:
    words = text.split()
    name = words[0].rstrip("?!~")
    mark = words[0][len(name) :]
    concepts = {
        "haemochromatosis": {"overload", "hereditary-overload"},
        "rls-in-pregnancy": {"rls", "rls-in-pregnancy", "pregnant"},
    }
    return Diagnosis(
        concepts=frozenset(concepts.get(name, name.split("+"))),
        counts=mark not in ("!", "~") or (mark == "~" and name == "haemochromatosis"),
        certainty=Certainty.SUSPECTED if mark == "?" else Certainty.CONFIRMED,
        cleared=mark == "!",
        recorded=moment(words[1], today) if len(words) > 1 and words[1] != "-" else None,
        from_encounter="encounter" in words,
        reference=f"Condition/{name}",
    )


def lab_result(text: str, number: int = 0, today: date = TODAY) -> LabResult:
    found = _LAB.fullmatch(text)
    assert found, f"cannot read the result {text!r}"
    name, comparator, value, unit, when, status, issued, how, raw = found.groups()
    known = analyte(name)
    conversion = known.conversion(unit)
    assert conversion is not None, f"{unit} is not a unit of {name}"
    reported = Quantity(Decimal(value), unit, comparator or "")
    exact = replace(reported, value=conversion.apply(reported.value), unit=known.unit)
    converted = exact.value != reported.value
    return LabResult(
        analyte=name,
        quantity=known.shown(exact, converted=converted),
        when=moment(when, today),
        status=status or "final",
        how="calculated" if how == "calculated" else "converted" if converted else "reported",
        reported=reported if converted else None,
        reference=f"Observation/{number}",
        issued=datetime.fromisoformat(issued).replace(tzinfo=UTC) if issued else None,
        low_priority=how == "low-priority",
        raw=known.quantity(raw) if raw else None,
    )


def _unusable(text: str, today: date) -> UnusableResult:
    """`not: ferritin implausibly-high 2026-05-20 150000 ng/mL` (value optional)."""
    words = text.removeprefix("not: ").split()
    quantity = Quantity(Decimal(words[3]), " ".join(words[4:])) if len(words) > 3 else None
    when = moment(words[2], today) if words[2] != "-" else None
    possible = (quantity,) if quantity else ()
    numbers = (quantity.value,) if quantity else ()
    return UnusableResult(words[0], words[1], when, quantity, "Observation/x", possible, numbers)


def _measure(text: str, today: date) -> Measure:
    kind, value, when = text.split()
    return Measure(kind, Decimal(value), moment(when, today))


def drug(text: str, number: int = 0, today: date = TODAY) -> Drug:
    found = _DRUG.fullmatch(text)
    assert found, f"cannot read the drug {text!r}"
    part = found.groupdict()
    flags = (part["flags"] or "").split()
    classes = frozenset(part["classes"].split("+"))
    names = tuple(name.strip() for name in part["name"].split(" / "))
    dose = Decimal(part["dose"]) if part["dose"] not in (None, "?") else None
    ended = part["end"] is not None and moment(part["end"], today).last < today
    infused = part["given"] is not None
    return Drug(
        product=Product(
            tuple(Amount(name) for name in names),
            classes,
            part["name"],
            "iv" if "iron-iv" in classes else "im" if "injected" in flags else "oral",
            extended_release="extended" in flags,
        ),
        reference=f"Medication{'Administration' if 'administered' in flags else 'Request'}/{number}",
        status="completed" if infused or ended else "active",
        active=("active" in flags) or not (infused or ended or "inactive" in flags),
        given_on=moment(part["given"], today) if infused else None,
        planned_on=moment(part["planned"], today) if part["planned"] else None,
        start=moment(part["start"], today) if part["start"] not in (None, "?") else None,
        end=moment(part["end"], today) if part["end"] else None,
        daily=_daily(names, classes, dose, part["unit"], flags),
        reasons=_reasons(part["reason"], frozenset(each[6:] for each in flags if each.startswith("words-"))),
        one_dose="once" in flags,
        inpatient="inpatient" in flags,
        set_aside="ends" in flags,
    )


def _daily(
    names: Iterable[str], classes: frozenset[str], dose: Decimal | None, unit: str | None, flags: Collection[str]
) -> DailyDose:
    if classes & {"iron-oral"} or (classes & {"iron-iv"} and dose is not None):
        return DailyDose(elemental_iron_mg=dose, iron_salt_known="salt-unknown" not in flags)
    if unit == "IU":
        mean = (dose / 7).quantize(Decimal("0.0001")) if dose is not None and "weekly" in flags else dose
        return DailyDose(international_units=dict.fromkeys(names, mean), fullest_units=dict.fromkeys(names, dose))
    fullest = dose * 2 if dose is not None and "alternate-days" in flags else dose
    return DailyDose(
        mg=dict.fromkeys(names, dose),
        fullest_mg=dict.fromkeys(names, fullest),
        after_dialysis="after-dialysis" in flags,
    )


def _reasons(reason: str | None, in_words: frozenset[str]) -> Reasons:
    if "rls" in in_words:
        return Reasons(readable=True, rls_in_words_only=True)
    if in_words:
        return Reasons(in_words=in_words)
    if reason is None:
        return Reasons()
    if reason == "symptoms-only":
        return Reasons(frozenset({reason}), readable=True, symptoms_only=True)
    return Reasons(frozenset(reason.split("+")), readable=reason != "unreadable")


def _allergy(text: str) -> Allergy:
    """`ferric carboxymaltose` is an allergy to that infusion, `oral ferrous sulfate` one to that tablet, `concept name`
    one to a value set.
    """
    if text.startswith("concept "):
        return Allergy(frozenset({text.removeprefix("concept ")}), severe=True, reference="AllergyIntolerance/1")
    if text.startswith("oral "):
        return Allergy(frozenset({"iron-oral"}), frozenset({text.removeprefix("oral ")}), True, "AllergyIntolerance/1")
    return Allergy(frozenset({"iron-iv"}), frozenset({text}), True, "AllergyIntolerance/1")


def _procedure(text: str, today: date) -> Procedure:
    concepts, when = text.split()
    return Procedure(frozenset(concepts.split("+")), moment(when, today), "Procedure/1")


def _lab_order(text: str, today: date) -> LabOrder:
    *tests, when = text.removesuffix(" done").removesuffix(" completed").split()
    completed = text.endswith(" completed")
    active = not completed and not text.endswith(" done")
    day = moment(when, today)
    return LabOrder(frozenset(tests), day, active=active, reference="ServiceRequest/1", completed=completed)


def _called(made: Draft, names: str) -> Draft:
    if not made.drug or not names:
        return made
    product = made.drug.product
    if product.route == "iv":
        name = f"{product.name} 62.5 mg/mL intravenous"
    elif names == "strength":
        name = f"{product.name} 325 mg (105.625 mg iron) extended-release oral tablet"
    else:
        name = f"multi-ingredient product with {product.name} 87 mg (29 mg iron) / ascorbic acid 120 mg oral tablet"
    return replace(made, drug=replace(made.drug, product=replace(product, name=name)))


def draft(text: str, number: int, today: date) -> Draft:
    """`tests ferritin` is a laboratory order; ` not-draft` a revised one, ` background` one that is not selected."""
    removable, selected = not text.endswith(" not-draft"), not text.endswith(" background")
    text = text.removesuffix(" not-draft").removesuffix(" background")
    common = {"can_be_removed": removable, "selected": selected, "number": number}
    if text.startswith("tests "):
        return Draft(f"ServiceRequest/d{number}", tests=frozenset(text.split()[1:]), **common)
    made = replace(drug(text, today=today), reference=f"MedicationRequest/d{number}", status="draft", active=False)
    return Draft(f"MedicationRequest/d{number}", drug=made, **common)
