"""Numbers for those who watch the service: what is counted, and how each is named.

Labels hold words of ours only: ids of cards, decisions and services, names of client profiles, prefetch keys, codes of
our own tables. Never a patient, an address, a token or any other text of a request (LOG-6), so that the number of
series is bounded by the settings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cards.reading import Listed, Site
from cards.reading.unknown import unknown_codes, unread_units
from cards.wording import wording
from cds_service.call import Answered, Call
from cds_service.gather import Gathered
from cds_service.store import FeedbackResult
from cds_service.unknown_samples import PATIENTS, Person, UnknownSamples, person

#: Seconds. Prefetch answers lie in the first three, the default deadline of 1 s and the longest of 5 s on a limit.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
#: An answer may come so long after its deadline (product page 6).
GRACE = 0.02


class Metrics:
    """All numbers of one process, in a registry of its own, and beside them samples of the codes that nothing maps.

    `patients`: how many must have had such a code before it is told; see `unknown_samples`.
    """

    def __init__(self, patients: int = PATIENTS) -> None:
        self.registry = CollectorRegistry()
        self.samples = UnknownSamples(patients)
        self._requests()
        self._cards()
        self._data()
        self._health()

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"rls_cds_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, mode: Any, *labels: str) -> Gauge:
        return Gauge(f"rls_cds_{name}", meaning, labels, registry=self.registry, multiprocess_mode=mode)

    def _requests(self) -> None:
        self.requests = self._counter(
            "requests", "Requests by route, service, client and status.", "route", "service", "client", "status"
        )
        self.request_seconds = Histogram(
            "rls_cds_request_seconds", "Time to answer.", ("route",), registry=self.registry, buckets=_SECONDS
        )
        self.in_flight = self._gauge("in_flight", "Requests being answered.", "livesum")
        self.deadline_missed = self._counter(
            "deadline_missed", "Hook calls answered later than deadline + 20 ms.", "service", "client"
        )
        self.auth_failures = self._counter(
            "auth_failures", "Calls turned away at the door; `replayed` is a token used twice.", "reason"
        )

    def _cards(self) -> None:
        self.cards = self._counter(
            "cards", "Cards answered, or in shadow mode decided.", "card", "indicator", "service", "client", "mode"
        )
        self.suppressed = self._counter(
            "cards_suppressed", "Cards kept silent by an earlier override.", "card", "service", "client"
        )
        self.decisions = self._counter(
            "decisions", "Answers of the decisions: fires, quiet or unknown.", "decision", "outcome", "service"
        )
        self.feedback = self._counter(
            "feedback", "New feedback events on our cards.", "card", "outcome", "reason", "client"
        )
        self.feedback_unmatched = self._counter(
            "feedback_unmatched", "Feedback on cards that were not given to that client.", "client"
        )

    def _data(self) -> None:
        self.prefetch = self._counter(
            "prefetch", "Where each list came from: prefetched, read, failed or absent.", "service", "key", "source"
        )
        self.read_seconds = Histogram(
            "rls_cds_fhir_read_seconds",
            "Time to read one list from a FHIR server, all pages.",
            ("key", "result"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.reads_failed = self._counter(
            "fhir_reads_failed",
            "Lists that could not be read; by-reference: drugs named by reference.",
            "key",
            "reason",
        )
        self.breaker = self._gauge(
            "fhir_breaker_open", "1 while a client's FHIR server is left alone.", "livemax", "client"
        )
        self.discarded = self._counter(
            "resources_discarded", "Resources about another patient than the call's.", "client"
        )
        self.unusable = self._counter(
            "results_unusable", "Results that could not be compared, by test and reason.", "analyte", "why"
        )
        self.unknown_codes = self._counter("codes_unknown", "Local codes that no code map translates.", "key", "system")

    def _health(self) -> None:
        self.check_failed = self._gauge("check_failed", "1 while a check of /readyz fails.", "livemax", "check")
        self.key_age = self._gauge(
            "client_keys_age_seconds", "Seconds since a client's keys were last fetched well.", "livemax", "client"
        )
        self.rate_ratio = self._gauge(
            "card_rate_ratio", "Cards per call in the last 7 days over those of the 28 before.", "mostrecent", "card"
        )
        self.silence_ratio = self._gauge(
            "card_silence_ratio", "Days without the card over its usual gap in days.", "mostrecent", "card"
        )
        self.background_failed = self._counter("background_failed", "Background work that failed.", "work")

    def count_answer(self, call: Call, answered: Answered, site: Site) -> None:
        """What was decided for one hook call, whether shown or not."""
        service, client = call.service.id, call.client.name
        for card in answered.cards:
            self.cards.labels(card.topic.code, card.indicator, service, client, call.mode).inc()
        for card in answered.suppressed:
            self.suppressed.labels(card.topic.code, service, client).inc()
        for finding in answered.findings:
            self.decisions.labels(finding.decision, finding.outcome.value, service).inc()
        for result in answered.unusable:
            self.unusable.labels(result.analyte, result.why).inc()
        self.discarded.labels(client).inc(answered.discarded)
        self._count_lists(service, answered.gathered)
        self._count_unknown(call, answered, site)

    def _count_lists(self, service: str, gathered: Gathered) -> None:
        for key, source in gathered.sources.items():
            failed = gathered.lists[key].refused or key in gathered.faults
            self.prefetch.labels(service, key, source_label(source, failed)).inc()
        for key, seconds in gathered.seconds.items():
            self.read_seconds.labels(key, result_label(gathered.faults.get(key))).observe(seconds)
        for key, fault in gathered.faults.items():
            self.reads_failed.labels(key, result_label(fault)).inc()

    def _count_unknown(self, call: Call, answered: Answered, site: Site) -> None:
        """Codes and units that nothing maps; the numbers name none of them, `samples` keeps some aside."""
        lists = answered.gathered.lists
        known = {system for codes in (site.local_codes, site.drug_codes, site.diagnosis_codes) for system, _ in codes}
        found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for key in ("labs", "medications", "conditions"):
            for code in unknown_codes({key: lists[key]}, site) if key in lists else ():
                found[key, system_label(code[0], known)].append(code)
        whose = _person(call, lists) if found else Person("", frozenset())
        for (key, label), codes in found.items():
            self.unknown_codes.labels(key, label).inc(len(codes))
            self.samples.note_codes(key, label, codes, whose)
        if "labs" in lists:
            for analyte, why, unit in unread_units(lists["labs"].resources, answered.unusable):
                self.samples.note_units(analyte, why, (unit,))

    def count_feedback(self, client: str, kept: FeedbackResult) -> None:
        """New events of one feedback body; a reason that is not one of ours counts as `other`."""
        for event in kept.events:
            self.feedback.labels(event.card, event.outcome, reason_label(event.reason), client).inc()
        self.feedback_unmatched.labels(client).inc(kept.unmatched + kept.turned_away)

    def show_breakers(self, clients: Iterable[str], opened: Container[str]) -> None:
        for client in clients:
            self.breaker.labels(client).set(client in opened)


def _person(call: Call, lists: Mapping[str, Listed]) -> Person:
    """Whom the call is about, as far as it says so: nothing of this may become a sample."""
    asked = call.request
    return person((asked.patient_id, asked.user, asked.encounter_id), lists.get("patient", Listed()).resources)


def reason_label(code: str) -> str:
    """An override reason in words of ours: one of those the cards offer, `other`, or `none`."""
    return code if code in wording()["override_reasons"] else "other" if code else "none"


def source_label(source: str, failed: bool) -> str:
    """`gather` says prefetch, read or missing; what is missing was looked for in vain, or could not be looked for."""
    if source == "missing":
        return "failed" if failed else "absent"
    return "prefetched" if source == "prefetch" else source


def result_label(fault: str | None) -> str:
    """`ok`, or why a read failed; a status we expect by its number, any other by its class."""
    if fault is None:
        return "ok"
    number = fault.removeprefix("http-")
    if number == fault or number in ("401", "403", "404", "429", "503"):
        return fault
    return f"http-{number[:1]}xx"


def system_label(system: str, known: Container[str]) -> str:
    """The code system where the settings name it; else what kind of name it has, since it is the request's text."""
    if system in known:
        return system
    return "oid" if system.startswith("urn:oid:") else "other" if system else "none"
