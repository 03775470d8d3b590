"""Screen one patient: the lines about them in, one finding out. Every engine shares this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import orjson

from cards.decisions.decide import PATIENT_VIEW
from cards.facts.chart import LISTS, Chart, Gap, Listing
from cards.facts.finding import Outcome
from cards.fhir.bundles import NOT_READ, Listed
from cards.fhir.json_values import own_reference, text
from cards.knowledge.rules import Rules
from cards.patient.status import Rls, rls_status
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import CardInShort
from cards.reading import Site, read_chart
from cards.reading.resource_types import KEY_OF_TYPE, LIST_TYPES
from cards.review import ReviewInShort, review_in_short
from cards.site.choices import as_the_site_counts
from cds_service.offline.screening.basis import basis_of
from cds_service.offline.screening.line import Resource, may_be_cut, parsed_for_chart, type_of
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
        question = self._question
        gathered, damaged = self.gathered(lines)
        chart = self._chart(patient_id, gathered, question.site)
        reviewed = self._reviewed(chart, question.rules)
        told = self._told(patient_id, chart, reviewed)
        if question.explains:
            told["basis"] = basis_of(chart, question.rules)
        if reviewed.verdict.out_of_scope:
            return written(told)
        if question.what_if is not None:
            other = chart if (site := question.what_if_site) is None else self._chart(patient_id, gathered, site)
            told |= _changes(reviewed, self._reviewed(other, question.what_if))
        told["measures"] = measured(chart, question.rules)
        told["quality"] = quality_of(gathered, chart, question.site, damaged)
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
        spare: list[tuple[bytes, str | None, frozenset[str] | None]] = []
        for line in lines:
            kind = type_of(line)
            is_spare = kind in REFERRED or not self._sieve.keeps(line, kind)
            if is_spare and not (kind in KEY_OF_TYPE and may_be_cut(line)):  # what it said may be behind the cut
                spare.append((line, kind, _ids_of(line)))
            else:
                self._take(line, kind, found, wanted)
        while wanted and spare:
            asked, wanted = wanted, set()
            rest = []
            for each in spare:
                line, kind, ids = each
                if ids is None or not asked.isdisjoint(ids):
                    self._take(line, kind, found, wanted)
                else:
                    rest.append(each)
            spare = rest
        return found

    def _take(self, line: bytes, kind: str | None, found: _Lines, wanted: set[str]) -> None:
        resource = parsed_for_chart(line)
        if resource is None:
            found.damaged += 1
            found.cut.update((KEY_OF_TYPE[kind],) if kind and kind in KEY_OF_TYPE else _ANY_LIST)
            return
        if (deleted := self._question.deleted) and own_reference(resource) in deleted:
            return
        found.resources.append(resource)
        if logical_id := text(resource.get("id")):
            wanted.add(logical_id)
        kind = resource["resourceType"]
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

    def _chart(self, patient_id: str, gathered: Mapping[str, Listed], site: Site) -> Chart:
        question = self._question
        return read_chart(gathered, patient_id=patient_id, now=question.now, zone=question.zone, site=site)

    def _reviewed(self, chart: Chart, rules: Rules) -> ReviewInShort:
        return review_in_short(chart, rules, PATIENT_VIEW, self._question.capabilities)

    def _told(self, patient_id: str, chart: Chart, reviewed: ReviewInShort) -> dict[str, Any]:
        verdict = reviewed.verdict
        told: dict[str, Any] = {
            "patient": patient_id,
            "cards": _as_json(reviewed.cards),
            "unknown": sorted({each.decision for each in verdict.findings if each.outcome is Outcome.UNKNOWN}),
        }
        if verdict.out_of_scope:
            return told | {"scope": verdict.out_of_scope}
        if reviewed.missing:
            told |= {"missing": list(reviewed.missing)}
        counted = as_the_site_counts(chart, self._question.rules.on(chart.today))
        return told | {"rls": "suspected" if rls_status(counted) is Rls.SUSPECTED else "yes"}


def _changes(before: ReviewInShort, after: ReviewInShort) -> dict[str, Any]:
    """Which cards come and go under other rules; one of another indicator goes and comes."""
    return {
        "gains": _as_json(each for each in after.cards if each not in before.cards),
        "loses": _as_json(each for each in before.cards if each not in after.cards),
    }


def _as_json(cards: Iterable[CardInShort]) -> list[dict[str, str]]:
    return [{"code": each.topic, "indicator": str(each.indicator)} for each in cards]


def written(told: Mapping[str, Any]) -> bytes:
    """Return a finding as a line of JSON with its line end."""
    return orjson.dumps(told) + b"\n"


def out_of_scope(patient_id: str, *, is_deleted: bool = False) -> bytes:
    """Return the finding of a patient without any diagnosis of restless legs syndrome."""
    return written({"patient": patient_id, "cards": [], "unknown": [], "scope": "deleted" if is_deleted else "no RLS"})


def _ids_of(line: bytes) -> frozenset[str] | None:
    """Return the ids of a line and of its parts, or None where only parsing tells them."""
    found = _ID.findall(line)
    if b"\\" in line and (b"\\u" in line or any(b"\\" in each for each in found)):
        return None
    return frozenset([each.decode("utf-8", "replace").strip() for each in found])


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
