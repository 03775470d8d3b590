"""Screen one patient: the lines about them in, one finding out. Every engine shares this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import orjson

from cards.decisions.decide import PATIENT_VIEW
from cards.facts.card import Card
from cards.facts.chart import LISTS, Gap, Listing
from cards.facts.finding import Outcome
from cards.fhir.bundles import NOT_READ, Listed
from cards.fhir.json_values import own_reference, text
from cards.knowledge.rules import Rules
from cards.patient.status import Rls, rls_status
from cards.presenting.card_context import ClientCapabilities
from cards.reading import Site
from cards.reading.resource_types import KEY_OF_TYPE, LIST_TYPES
from cards.review import Review, ReviewContext, review
from cards.site.choices import as_the_site_counts
from cds_service.offline.screening.basis import basis_of
from cds_service.offline.screening.line import Resource, parsed, type_of
from cds_service.offline.screening.measures import measured
from cds_service.offline.screening.quality import quality_of
from cds_service.offline.screening.sieve import REFERRED, Sieve

_REFERENCE = re.compile(rb'"reference"\s*:\s*"([^"\\]*)"')
#: An id as it is written, up to a quote that may be an escaped one.
_ID = re.compile(rb'"id"\s*:\s*"([^"]*)"')
#: Lists that a line of no readable type may belong to.
_ANY_LIST = tuple(name for name in LISTS if name != "patient")
#: What a drug or a result may refer to although the sieve would drop it.
_DRUGS = LIST_TYPES["medications"].answering


@dataclass(frozen=True, slots=True)
class Question:
    """What fixes the answers of a run, besides the lines.

    not_exported  lists of which the export holds no record and says nothing
    cut           lists of which records are missing for everybody
    deleted       records that the export says were deleted, as `Type/id`
    explains      findings say what they rest on
    what_if       other rules to compare with, under `what_if_site`
    """

    rules: Rules
    site: Site
    now: datetime
    zone: tzinfo
    capabilities: ClientCapabilities
    not_exported: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    explains: bool = False
    what_if: Rules | None = None
    what_if_site: Site | None = None


@dataclass(slots=True)
class _Lines:
    """The resources of one patient, how many lines could not be read, and the lists that they may belong to."""

    resources: list[Resource] = field(default_factory=list)
    damaged: int = 0
    cut: set[str] = field(default_factory=set)


class Screener:
    """Screens patients under one question."""

    def __init__(self, question: Question, sieve: Sieve) -> None:
        self._question, self._sieve = question, sieve

    def screen_patient(self, patient_id: str, lines: Iterable[bytes]) -> bytes:
        """Return the finding of one patient as one line of JSON with its line end.

        `lines` are those about the patient, in any order, with what they refer to; lines that occur twice count once.
        """
        if f"Patient/{patient_id}" in self._question.deleted:
            return out_of_scope(patient_id, is_deleted=True)
        gathered, damaged = self.gathered(lines)
        reviewed = self._review(patient_id, gathered, self._question.rules, self._question.site)
        told = self._told(patient_id, reviewed)
        if self._question.explains:
            told["basis"] = basis_of(reviewed.chart, self._question.rules)
        if reviewed.verdict.out_of_scope:
            return written(told)
        if (what_if := self._question.what_if) is not None:
            told |= self._what_if(patient_id, gathered, reviewed, what_if)
        told["measures"] = measured(reviewed.chart, self._question.rules)
        told["quality"] = quality_of(gathered, reviewed.chart, self._question.site, damaged)
        return written(told)

    def gathered(self, lines: Iterable[bytes]) -> tuple[dict[str, Listed], int]:
        """Return the lists of a chart as these lines fill them, and how many lines could not be read."""
        read = self._read(sorted(set(lines)))
        held: dict[str, list[Resource]] = {key: [] for key in LISTS}
        beside: dict[str, list[Resource]] = {"labs": [], "medications": []}
        for resource in read.resources:
            kind = text(resource.get("resourceType"))
            if kind == "Specimen":
                beside["labs"].append(resource)
            elif kind in ("Substance", "MedicationKnowledge"):
                beside["medications"].append(resource)
            elif kind in KEY_OF_TYPE:
                held[KEY_OF_TYPE[kind]].append(resource)
            elif LIST_TYPES["labs"].holds(resource):
                held["labs"].append(resource)
        for key, more in beside.items():
            held[key] += more if held[key] else []
        return {key: self._listed(key, held[key], read.cut) for key in LISTS}, read.damaged

    def _read(self, lines: Iterable[bytes]) -> _Lines:
        """Parse what the sieve keeps, and of the rest what that refers to and what shares an id with it.

        Of two records with one id the reading takes the newer one, so that one that says nothing may take back another.
        """
        found = _Lines()
        wanted: set[str] = set()
        spare: list[tuple[bytes, str]] = []
        for line in lines:
            kind = type_of(line)
            if kind in REFERRED or not self._sieve.keeps(line, kind):
                spare.append((line, kind or ""))
            else:
                self._take(line, kind, found, wanted)
        while wanted and spare:
            asked, wanted = wanted, set()
            rest = []
            for line, kind in spare:
                if _has_id_of(line, asked):
                    self._take(line, kind, found, wanted)
                else:
                    rest.append((line, kind))
            spare = rest
        return found

    def _take(self, line: bytes, kind: str | None, found: _Lines, wanted: set[str]) -> None:
        resource = parsed(line)
        if resource is None:
            found.damaged += 1
            found.cut.update((KEY_OF_TYPE[kind],) if kind and kind in KEY_OF_TYPE else _ANY_LIST)
            return
        if own_reference(resource) in self._question.deleted:
            return
        found.resources.append(resource)
        wanted.update(filter(None, [text(resource.get("id"))]))
        kind = str(resource["resourceType"])
        if kind in _DRUGS or kind in REFERRED or b'"specimen"' in line:
            wanted.update(_references(line, resource))

    def _listed(self, key: str, resources: list[Resource], cut: set[str]) -> Listed:
        if key in self._question.not_exported and not resources:
            return NOT_READ
        whole = Listed(tuple(resources))
        if key in self._question.cut:
            return Listed(whole.resources, Listing.CUT, gap=Gap("cut", read=len(resources)))
        if key in cut:
            return Listed(whole.resources, Listing.CUT, gap=Gap("unreadable-entry"))
        return whole

    def _review(self, patient_id: str, gathered: Mapping[str, Listed], rules: Rules, site: Site) -> Review:
        question = self._question
        context = ReviewContext(
            hook=PATIENT_VIEW,
            patient_id=patient_id,
            now=question.now,
            zone=question.zone,
            new_uuid=lambda: "-",
            site=site,
        )
        return review(gathered, None, context, rules, question.capabilities)

    def _shown(self, reviewed: Review) -> tuple[Card, ...]:
        return reviewed.shown(reviewed.cards, self._question.capabilities.max_cards)

    def _told(self, patient_id: str, reviewed: Review) -> dict[str, Any]:
        verdict = reviewed.verdict
        told: dict[str, Any] = {
            "patient": patient_id,
            "cards": [_in_short(card) for card in self._shown(reviewed)],
            "unknown": sorted({each.decision for each in verdict.findings if each.outcome is Outcome.UNKNOWN}),
        }
        if verdict.out_of_scope:
            return told | {"scope": verdict.out_of_scope}
        if reviewed.missing:
            told |= {"missing": list(reviewed.missing)}
        counted = as_the_site_counts(reviewed.chart, self._question.rules.on(reviewed.chart.today))
        return told | {"rls": "suspected" if rls_status(counted) is Rls.SUSPECTED else "yes"}

    def _what_if(
        self, patient_id: str, gathered: Mapping[str, Listed], reviewed: Review, rules: Rules
    ) -> dict[str, Any]:
        """Which cards come and go under these other rules; one of another indicator goes and comes."""
        other = self._review(patient_id, gathered, rules, self._question.what_if_site or self._question.site)
        before, after = ([_in_short(card) for card in self._shown(each)] for each in (reviewed, other))
        return {
            "gains": [each for each in after if each not in before],
            "loses": [each for each in before if each not in after],
        }


def _in_short(card: Card) -> dict[str, str]:
    return {"code": card.topic.code, "indicator": str(card.indicator)}


def written(told: Mapping[str, Any]) -> bytes:
    """Return a finding as a line of JSON with its line end."""
    return orjson.dumps(told) + b"\n"


def out_of_scope(patient_id: str, *, is_deleted: bool = False) -> bytes:
    """Return the finding of a patient without any diagnosis of restless legs syndrome."""
    return written({"patient": patient_id, "cards": [], "unknown": [], "scope": "deleted" if is_deleted else "no RLS"})


def _has_id_of(line: bytes, ids: Set[str]) -> bool:
    """Return whether a line may have one of these ids: as a whole, or a part of it."""
    if b"\\u" in line:
        return True
    return any(b"\\" in each or each.decode("utf-8", "replace").strip() in ids for each in _ID.findall(line))


def _references(line: bytes, resource: Resource) -> Iterator[str]:
    """Yield the last part of every reference in a line."""
    named: Iterable[str]
    if b"\\" in line:
        named = _values_of(resource, "reference")
    else:
        named = (each.decode("utf-8", "replace") for each in _REFERENCE.findall(line))
    for each in named:
        yield each.partition("/_history/")[0].rstrip("/").rpartition("/")[2].rpartition(":")[2]


def _values_of(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _values_of(each, name)
    elif isinstance(value, dict):
        for key, member in value.items():
            if key == name and isinstance(member, str):
                yield member
            else:
                yield from _values_of(member, name)
