"""The metrics of the service.

Label values come from fixed sets: ids of cards, decisions and services, names of client profiles, prefetch keys, codes
of the product's tables. They never hold a patient, an address, a token or other text of a request (reliability LOG-6),
so that the number of series is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cards.fhir.bundles import Listed
from cards.knowledge.code_systems import system_of
from cards.presenting.override_reasons import reason_names
from cards.reading import Site
from cards.reading.unknown import UntoldDrugs, measurements_in_doubt, unknown_codes, unread_units, untold_drugs
from cards.reading.untold import untold_codes
from cards.remembered import all_counts
from cds_service.calls.call import Answered, Call
from cds_service.calls.gather import Gathered
from cds_service.monitoring.unknown_samples import LEAST_PATIENTS, PersonalWords, UnknownSamples, personal_words
from cds_service.store import FeedbackResult

#: Buckets in seconds: the first three are for prefetched calls; the default deadline of 1 s and the longest of 5 s are
#: bucket limits.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
#: How many seconds after its deadline an answer is still in time (contract section 6).
GRACE = 0.02


class Metrics:
    """The metrics of one process in a registry of its own, with samples of codes that nothing maps.

    `patients` is the number of patients that must share such a code before it is shown; see `unknown_samples`.
    """

    def __init__(self, patients: int = LEAST_PATIENTS) -> None:
        self.registry = CollectorRegistry()
        self.samples = UnknownSamples(patients)
        self._systems: dict[str, frozenset[str]] = {}
        self._requests()
        self._cards()
        self._data()
        self._health()
        self._look_up_once()

    def _look_up_once(self) -> None:
        """Remember the series that every call counts in; label values come from fixed sets, so that they stay few."""
        self.request_of, self.seconds_of = cache(self.requests.labels), cache(self.request_seconds.labels)
        self._decision_of, self._list_of = cache(self.decisions.labels), cache(self.prefetch.labels)
        self._discarded_of, self._breaker_of = cache(self.discarded.labels), cache(self.breaker.labels)

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
            "auth_failures", "Calls refused by authentication; `replayed` is a token used twice.", "reason"
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
            "Lists that were not read or could not be; by-reference: drugs named by reference.",
            "key",
            "reason",
        )
        self.servers_refused = self._counter(
            "fhir_servers_refused",
            "Calls whose FHIR server was not read at all: not the client's, or a token that cannot be used.",
            "client",
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
        self.unknown_codes = self._counter(
            "codes_unknown", "Codes that no table and no code map has; of drugs, public ones too.", "key", "system"
        )
        self.unknown_drugs = self._counter(
            "drugs_untold",
            "Drugs that cannot be told: a `name` that no list has, or a `code` that no table has.",
            "key",
            "reason",
        )
        self.untold = self._counter(
            "codes_untold",
            "Diagnoses and results in public systems whose codes may lie below ours, and tell nothing by themselves.",
            "key",
            "system",
        )

    def _health(self) -> None:
        self.check_failed = self._gauge("check_failed", "1 while a check of /readyz fails.", "livemax", "check")
        self.key_age = self._gauge(
            "client_keys_age_seconds", "Seconds since a client's keys were last fetched well.", "livemax", "client"
        )
        self.changed = self._gauge(
            "changed_calls",
            "Calls touched by a change of cards, results (unit, code, value, age), lists, patients, mode, feedback.",
            "mostrecent",
            "client",
            "subject",
            "cause",
        )
        self.changed_since = self._gauge(
            "changed_since_seconds",
            "The first day of that change, in seconds since 1970.",
            "mostrecent",
            "client",
            "subject",
            "cause",
        )
        self.vocabulary = self._gauge(
            "vocabulary_lookups",
            "How often what a code, a unit or directions mean was known (`found`) or had to be worked out (`missed`).",
            "livesum",
            "function",
            "result",
        )
        self.background_failed = self._counter("background_failed", "Background work that failed.", "work")

    def count_answer(self, call: Call, answered: Answered, site: Site) -> None:
        """Count what was decided for one hook call, whether shown or not."""
        service, client = call.service.id, call.client.name
        for card in answered.cards:
            self.cards.labels(card.topic.code, card.indicator, service, client, call.mode).inc()
        for card in answered.suppressed:
            self.suppressed.labels(card.topic.code, service, client).inc()
        for finding in answered.findings:
            self._decision_of(finding.decision, str(finding.outcome), service).inc()
        for result in answered.unusable:
            self.unusable.labels(result.analyte, result.why).inc()
        discarded = self._discarded_of(client)
        if answered.discarded:
            discarded.inc(answered.discarded)
        if answered.gathered.not_read:
            self.servers_refused.labels(client, answered.gathered.not_read).inc()
        self._count_lists(service, answered.gathered)
        self._count_unknown(call, answered, site)

    def _count_lists(self, service: str, gathered: Gathered) -> None:
        for key, source in gathered.sources.items():
            failed = gathered.lists[key].refused or key in gathered.faults
            self._list_of(service, key, source_label(source, failed)).inc()
        for key, seconds in gathered.seconds.items():
            self.read_seconds.labels(key, result_label(gathered.faults.get(key))).observe(seconds)
        for key, fault in gathered.faults.items():
            self.reads_failed.labels(key, result_label(fault)).inc()

    def _count_unknown(self, call: Call, answered: Answered, site: Site) -> None:
        """Count codes and units that nothing maps; only `samples` keeps some of them."""
        lists, doubted = answered.gathered.lists, dict(answered.gathered.lists)
        if "labs" in lists:
            doubted["labs"] = replace(lists["labs"], resources=measurements_in_doubt(lists["labs"].resources))
        known = self._systems_of(call.client.name, site)
        found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        drafts = call.request.drafts
        for key in ("labs", "medications", "conditions", "allergies"):
            for code in unknown_codes({key: doubted[key]}, site) if key in doubted else ():
                found[key, system_label(code[0], known)].append(code)
        for code in unknown_codes({"medications": drafts}, site) if drafts.resources else ():
            found["draftOrders", system_label(code[0], known)].append(code)
        whose = _personal_words(call, lists) if found else PersonalWords("", frozenset())
        for (key, label), codes in found.items():
            self.unknown_codes.labels(key, label).inc(len(codes))
            self.samples.add_codes(key, label, codes, whose)
        listed = lists["medications"].resources if "medications" in lists else ()
        at_hand = (*lists.values(), drafts)
        self._count_untold("medications", untold_drugs(listed, site, at_hand))
        if drafts.resources:
            self._count_untold("draftOrders", untold_drugs(drafts.resources, site, at_hand))
        for (key, system), seen in untold_codes(doubted, site).items():
            if system_of(system):  # of other systems the local codes are counted above, with their samples
                self.untold.labels(key, system).inc(seen)
        if "labs" in lists:
            for analyte, why, unit in unread_units(lists["labs"].resources, answered.unusable):
                self.samples.add_units(analyte, why, (unit,))

    def _count_untold(self, key: str, untold: UntoldDrugs) -> None:
        """Count drugs that cannot be told; a name is counted and never kept."""
        for reason, count in (("name", untold.names), ("code", untold.drugs - untold.names)):
            if count:
                self.unknown_drugs.labels(key, reason).inc(count)

    def _systems_of(self, client: str, site: Site) -> frozenset[str]:
        """Return the code systems that the site of a client maps; a site never changes while the process runs."""
        if client not in self._systems:
            mapped = (site.local_codes, site.drug_codes, site.diagnosis_codes)
            self._systems[client] = frozenset(system for codes in mapped for system, _ in codes)
        return self._systems[client]

    def count_feedback(self, client: str, kept: FeedbackResult) -> None:
        """Count the new events of one feedback body; an unknown reason counts as `other`."""
        for event in kept.events:
            self.feedback.labels(event.card, event.outcome, reason_label(event.reason), client).inc()
        self.feedback_unmatched.labels(client).inc(kept.unmatched + kept.dropped)

    def publish_vocabulary(self) -> None:
        """Set how often each function that remembers vocabulary found it."""
        for function, counts in all_counts().items():
            self.vocabulary.labels(function, "found").set(counts.found)
            self.vocabulary.labels(function, "missed").set(counts.missed)

    def publish_breakers(self, clients: Iterable[str], opened: Container[str]) -> None:
        """Set the circuit breaker gauge of each client."""
        for client in clients:
            self._breaker_of(client).set(client in opened)


def _personal_words(call: Call, lists: Mapping[str, Listed]) -> PersonalWords:
    """Return the words of the call that may identify its patient, none of which may become a sample."""
    asked = call.request
    return personal_words((asked.patient_id, asked.user, asked.encounter_id), lists.get("patient", Listed()).resources)


def reason_label(code: str) -> str:
    """Return the label of an override reason: one that the cards offer, `other`, or `none`."""
    return code if code in reason_names() else "other" if code else "none"


def source_label(source: str, failed: bool) -> str:
    """Return the label of a source: prefetched, read, failed (could not be read) or absent."""
    if source == "missing":
        return "failed" if failed else "absent"
    return "prefetched" if source == "prefetch" else source


def result_label(fault: str | None) -> str:
    """Return `ok`, or why a read failed; expected HTTP statuses by number, others by class."""
    if fault is None:
        return "ok"
    number = fault.removeprefix("http-")
    if number == fault or number in ("401", "403", "404", "429", "503"):
        return fault
    return f"http-{number[:1]}xx"


def system_label(system: str, known: Container[str]) -> str:
    """Return the code system if it is public or the settings name it, else only the kind of its name."""
    if system in known:
        return system
    public = system_of(system)
    if public:
        return public
    return "oid" if system.startswith("urn:oid:") else "other" if system else "none"
