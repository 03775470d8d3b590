"""Laboratory orders, placed or drafted, out of ServiceRequest and its older names, told from drugs ordered so.

Nothing is judged of a drug that is ordered as a service (`Iron infusion 1000 mg`): that it is there is said, so that it
is not passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from functools import cache

from cards.dates import PartialDate, parse_known
from cards.drugs.medication import Medications
from cards.drugs.recognise import is_coded_as_drug, recognise, words_of
from cards.facts.chart import LabOrder
from cards.facts.drugs import Product, Reasons
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    objects,
    own_reference,
    partial_date_of,
    text,
    text_and_displays,
)
from cards.fhir.local_codes import NONE, LocalConcepts, local_concepts
from cards.fhir.ownership import subject_is
from cards.knowledge.code_systems import CPT, LOINC, SNOMED, system_of
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names
from cards.reading.diagnosis_words import beginnings, mentions
from cards.reading.resource_types import LAB_ORDERS

NO_REASONS = Reasons()
_PREFIX = "order-"
#: R4's word, and DSTU2's for an order that was placed and has not been answered.
_ACTIVE = frozenset({"active", "requested", "received", "accepted", "in-progress"})
_COMPLETED = frozenset({"completed"})
#: R4's words, and those of STU3 and DSTU2, for an order that will not be carried out.
_WITHDRAWN = frozenset({"revoked", "stopped", "entered-in-error", "cancelled", "rejected", "failed"})
_ORDERS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order", "plan"})
_DATES = ("authoredOn", "authored", "orderedOn")
#: The drugs that a decision judges in an order, whatever its reason; any other is of no card as a service either.
JUDGED = frozenset(
    {
        "iron-oral", "iron-iv", "iron-binder", "b6", "folate", "vitc", "vitd", "vitd-active", "magnesium-oral",
        "gabapentinoid", "da", "levodopa", "ergot", "agg-sub-antiemetic", "agg-sub-antihistamine",
        "agg-psy-antipsychotic", "agg-psy-antidepressant", "vmat2",
    }
)  # fmt: skip
#: Words after so many are no name of an order.
_MOST_WORDS = 60
_VALUES = ("valueCodeableConcept", "valueString")
_SENTENCE = re.compile(r"[;\n]|(?<=\w{3})\.\s")
#: Behind a drug, where its order ends and tells with what, for what or until when it is given.
_BESIDE = re.compile(
    r"[,;:()]|\b(?:with|for|and|until|to|then|if|per|re-?check|check|measure|before|after|in|at|from|due|because|by|when"
    r"|mit|für|und|bis|wegen|nach|vor|avec|pour|et|jusqu|après|med|för|och|tills|efter)\b",
    re.IGNORECASE,
)
#: `on quetiapine 25 mg`: right before the name of a drug, a drug that the patient has.
_HAS = re.compile(
    r"\b(?:on|unter|sous|står på)(?:\s+(?:oral|iv|i\.v\.|po|daily|stable|chronic|long-?term|(?:high|low)-?dose))?\s*$",
    re.IGNORECASE,
)
_TEST_DOSE = re.compile(r"\btest[\s-]*dose", re.IGNORECASE)
#: An order in words begins with the name of its drug where it stands among the first so many.
_BEGINNING = 3
#: Systems whose codes name a service by what is done.
_PUBLIC = frozenset({SNOMED, CPT, LOINC})


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in valueset_names() if name.startswith(_PREFIX))


def tests_ordered(resource: Mapping[str, Json], *, local: LocalConcepts = NONE) -> frozenset[str]:
    """Return the tests an order or a draft asks for, by the names of the value sets order-<name>: ferritin, iron-panel
    ...

    `local`: the site's own codes, each to such names.
    """
    sent = _sent(resource)
    found = frozenset().union(*(_index().concepts_of(system, code) for system, code in sent))
    return frozenset(name.removeprefix(_PREFIX) for name in found) | local_concepts(sent, local)


def ordered_in_doubt(resource: Mapping[str, Json], *, local: LocalConcepts = NONE) -> bool:
    """Return whether every code by which the tests were recognised still awaits verification."""
    sent = _sent(resource)
    return not local_concepts(sent, local) and _index().all_unverified(sent)


def _sent(resource: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    return tuple(coding for concept in _codes(resource) for coding in codings(concept))


def _codes(resource: Mapping[str, Json]) -> Iterator[Json]:
    """`code` of R4, R5 and STU3 (R5 wraps it), its details, and the items of a DSTU2 order."""
    yield resource.get("code")
    yield resource.get("orderDetail")
    yield from (item.get("code") for item in objects(resource.get("item")))


def read_lab_orders(
    resources: Iterable[Json],
    *,
    patient_id: str,
    zone: tzinfo,
    local: LocalConcepts = NONE,
    reasons_of: Callable[[Mapping[str, Json]], Reasons] = lambda resource: NO_REASONS,
) -> tuple[LabOrder, ...]:
    """Return the patient's orders for tests of ours; `active` where it was placed, not answered and not forbidden.

    `reasons_of` reads why an order was placed.
    """
    return tuple(
        LabOrder(
            tests,
            _when(resource, zone),
            _is_placed(resource, _ACTIVE),
            own_reference(resource),
            ordered_in_doubt(resource, local=local),
            _is_placed(resource, _COMPLETED),
            reasons_of(resource).name_rls,
            _is_withdrawn(resource),
        )
        for resource in resources
        if isinstance(resource, Mapping) and text(resource.get("resourceType")) in LAB_ORDERS
        if subject_is(resource, patient_id) and (tests := tests_ordered(resource, local=local))
    )


def _is_placed(resource: Mapping[str, Json], statuses: frozenset[str]) -> bool:
    return (
        code_of_status(resource.get("status")) in statuses
        and _is_an_order(resource)
        and resource.get("doNotPerform") is not True
    )


def _is_withdrawn(resource: Mapping[str, Json]) -> bool:
    forbidden = resource.get("doNotPerform") is True
    return _is_an_order(resource) and (forbidden or code_of_status(resource.get("status")) in _WITHDRAWN)


def _is_an_order(resource: Mapping[str, Json]) -> bool:
    """Return whether it is more than a proposal."""
    return code_of_status(resource.get("intent")) in _ORDERS


def _when(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    events = (parse_known(event.get("dateTime"), zone) for event in objects(resource.get("event")))
    return partial_date_of(resource, *_DATES, zone=zone) or next((moment for moment in events if moment), None)


def orders_a_drug(service: Mapping[str, Json], medications: Medications, local: LocalConcepts = NONE) -> bool:
    """Return whether a service order names a drug that is judged as one to be given, in its code or its details.

    A laboratory order is none, whatever it names: `Vitamin D, 25-OH`, `iron and TIBC`, `ferritin after iron infusion`.
    Nor is a drug that is spoken of: `EKG; on quetiapine 25 mg`, `prior authorization Injectafer`.
    """
    if _is_laboratory(service, local):
        return False
    if any(_is_given(each, medications) for each in _what(service)):
        return True
    at_first = _is_another_service(service.get("code"), medications)
    return any(_is_given(each, medications, at_first=at_first) for each in _details(service))


def _is_laboratory(service: Mapping[str, Json], local: LocalConcepts) -> bool:
    coded = any(system_of(system) == LOINC for system, _ in codings(service.get("code")))
    category = service.get("category")
    named = " ; ".join((text_and_displays(category), *(code for _, code in codings(category))))
    return coded or bool(tests_ordered(service, local=local)) or mentions("laboratory", named)


def _is_another_service(code: Json, medications: Medications) -> bool:
    """Return whether a public code with words names a service in which no drug is given: a polysomnography."""
    is_public = any(system_of(system) in _PUBLIC for system, _ in codings(code))
    if not is_public or is_coded_as_drug(code, site_codes=medications.site_codes):
        return False
    words = text_and_displays(code)
    return bool(words.strip()) and not mentions("gives-drugs", words)


def _what(service: Mapping[str, Json]) -> Iterator[Json]:
    """What is ordered; DSTU2 keeps it in items."""
    yield service.get("code")
    yield from (item.get("code") for item in objects(service.get("item")))


def _details(service: Mapping[str, Json]) -> Iterator[Json]:
    """The details of what is ordered, in every version; R5 keeps these in parameters."""
    for detail in objects(service.get("orderDetail")):
        yield detail
        yield from (value for each in objects(detail.get("parameter")) for value in map(each.get, _VALUES))


def _is_given(concept: Json, medications: Medications, *, at_first: bool = False) -> bool:
    """By a code of a drug, else by words that say a drug and how it is given; `at_first` they begin with the drug."""
    if not concept:
        return False
    if is_coded_as_drug(concept, site_codes=medications.site_codes):
        product = recognise(concept, site_codes=medications.site_codes)
        return product is not None and not product.classes.isdisjoint(JUDGED)
    sentences = (part for words in words_of(concept) for part in _SENTENCE.split(words))
    return any(_is_given_in_words(*each, at_first=at_first) for part in sentences for each in _headed(part))


def _headed(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield each part of a sentence with the headings before it (`Patient education: oral iron`).

    A part that names a drug is no heading of the next: `reaction to oral iron: Ferinject 500 mg`.
    """
    heading = ""
    for part in sentence.split(":")[:_MOST_WORDS]:
        yield heading, part
        heading = "" if _is_of_a_drug(recognise(part)) else f"{heading} {part}"


def _is_given_in_words(heading: str, words: str, *, at_first: bool) -> bool:
    """Return whether words order a drug: all that they need to say so stands before a word of a measurement, and
    neither what stands before it nor what follows it makes of it a drug that is only spoken of.
    """
    if not _says_how(recognise(words)):
        return False
    for so_far, rest in beginnings(words, _MOST_WORDS):
        if _says_how(recognise(so_far)):
            clause = so_far.rpartition(",")[2]
            if not _is_only_mentioned(heading, clause, rest, words):
                return not at_first or mentions("begun", clause) or _begins_with_a_drug(clause)
            # `On oral iron, start iron infusion 1000 mg`: another drug may be ordered behind one that is spoken of.
            return mentions("begun", rest) and _is_given_in_words("", rest, at_first=at_first)
    return False


def _is_only_mentioned(heading: str, clause: str, rest: str, words: str) -> bool:
    behind = _TEST_DOSE.sub(" ", _BESIDE.split(rest, maxsplit=1)[0])
    before, whole = _before_the_drug(clause), recognise(words)
    if mentions("measured", clause) or mentions("measured-behind", behind):
        return True
    # `Referral to hematology: Ferinject 1000 mg`: a dose of an infusion is ordered, whatever the heading.
    if _is_spoken_of(heading) and not (whole and "iron-iv" in whole.classes and _has_strength(whole)):
        return True
    if _is_spoken_of(before) or (_HAS.search(before) and not mentions("begun", before)):
        return True
    return mentions("mentioned-behind", behind) and not mentions("granted", behind) and not _has_strength(whole)


def _is_spoken_of(before: str) -> bool:
    return mentions("mentioned-before", before) and not mentions("begun", before) and not mentions("granted", before)


def _before_the_drug(clause: str) -> str:
    """What stands in a clause before the last words that still name a drug of ours."""
    starts = [each.start() for each in list(re.finditer(r"\S+", clause))[:_MOST_WORDS]]
    named = (start for start in reversed(starts) if _is_of_a_drug(recognise(clause[start:])))
    return clause[: next(named, 0)]


def _begins_with_a_drug(clause: str) -> bool:
    return len(_before_the_drug(clause).split()) < _BEGINNING


def _is_of_a_drug(product: Product | None) -> bool:
    return product is not None and not product.classes.isdisjoint(JUDGED)


def _has_strength(product: Product | None) -> bool:
    amounts = product.ingredients if product else ()
    return any(each.mg is not None or each.international_units is not None for each in amounts)


def _says_how(product: Product | None) -> bool:
    """Return whether a drug is named with its route, form or strength; iron by vein is never measured."""
    if product is None or not _is_of_a_drug(product):
        return False
    return "iron-iv" in product.classes or bool(product.route or product.form) or _has_strength(product)
