"""Gather the lists of a call, key by key, from the prefetch or else from the FHIR server (protocol F-01 to F-13).

An absent key is read from the server. `null` or an empty search means that there is none. An OperationOutcome means
that the client looked and failed, so the list is not read again. A wrong shape, a wrong type or another patient's
record counts as absent. A list that is not complete carries the cause (`Listed.gap`).

Where the drug list is read, so are the further lists of drugs (statements, dispenses, administrations), which no
template asks a client for. A server that does not offer them leaves the drug list as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from cards.facts.chart import Gap, Listing
from cards.fhir.bundles import NOT_READ, Listed
from cards.fhir.json_values import first, reference_of, text
from cards.fhir.ownership import Ownership
from cards.fhir.references import References, address_of, name_of, within
from cards.reading.own_lists import accepted_list, is_not_offered
from cards.reading.resource_types import MORE_DRUGS, asked_type
from cds_service.fhir.access import FOREIGN_SERVER, access_token_of
from cds_service.fhir.narrow_questions import with_narrow_answers
from cds_service.fhir.reader import Reader
from cds_service.fhir.search import SearchResults, SentPage, search
from cds_service.hooks.prefetch import prefetched_lists
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import parameters_for_codes, query, template

#: The most Medication resources that are read because orders refer to them and the client did not send them.
MOST_MEDICATIONS = 10
#: What may stand in a path once it is percent-encoded (reliability SSRF-7); the id may be of any length in use.
_ID = re.compile(r"(?!.{0,511}\.\.)(?!\.$)[^\x00-\x1f\x7f-\x9f/\\?#]{1,512}")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was gathered for a call, by prefetch key.

    sources          where each list came from: prefetch, read or missing
    faults           why reads failed
    seconds          how long each read took
    narrow_queries   the templates of the narrow questions that were answered
    server           the base of the server that was read, or empty
    not_read         why the server that the request names was not read at all, one of `REFUSED_SERVERS`; empty where
                     it was read, or need not be
    """

    lists: Mapping[str, Listed]
    sources: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    narrow_queries: tuple[str, ...] = ()
    server: str = ""
    not_read: str = ""

    @property
    def queries(self) -> tuple[str, ...]:
        """Return the templates that were read from the server, without patient ids."""
        return (*(template(key) for key, source in self.sources.items() if source == "read"), *self.narrow_queries)

    @property
    def gaps(self) -> Mapping[str, Gap]:
        """Return the cause for each list that is not complete."""
        return {key: listed.gap for key, listed in self.lists.items() if listed.gap}


def gather(
    request: HookRequest, whole: Mapping[str, Listed], reader: Reader | None, more_drugs: Iterable[str] = MORE_DRUGS
) -> Gathered:
    """Gather every key of the service; without a reader, from the prefetch alone. Never raises because of data.

    `whole` is what `sent_lists` finds in the prefetch; `more_drugs` holds the keys of the further lists of drugs that
    are read where `medications` is.
    """
    drafts = request.drafts
    ownership = Ownership.of(request.patient_id, whole, drafts)
    sent = prefetched_lists(whole, ownership)
    if reader is None:
        lists = {key: _with_cause(listed, request) for key, listed in _without_lists_not_offered(sent).items()}
        sources = {key: _source(listed, is_read=False) for key, listed in lists.items()}
        return Gathered(lists, sources, not_read=_refusal(request) if request.fhir_server else "")
    if "medications" in sent and _is_absent(sent["medications"]):
        sent = {**sent, **{key: NOT_READ for key in more_drugs if key not in sent}}
    absent = tuple(sorted((key for key, listed in sent.items() if _is_absent(listed)), key=MORE_DRUGS.__contains__))
    cut = {key: SentPage(request.prefetch[key], listed) for key, listed in sent.items() if _is_cut(listed)}
    references = _References(drafts, sent, ownership.references)
    found = search(reader, request.patient_id, absent, cut, references)
    read_besides = {f"{key} read": listed for key, listed in found.lists.items()}
    ownership = Ownership.of(request.patient_id, {**whole, **read_besides}, drafts)
    read = {key: _accept_list(key, found, ownership, reader) for key in found.lists}
    taken = {key: listed for key, listed in read.items() if key in cut or _is_better(listed, sent[key])}
    lists = _without_lists_not_offered({**sent, **taken})
    for key in absent:  # what was sent there may say whose the rest is
        if key in taken and key in lists and key in whole:
            lists[key] = replace(lists[key], addresses=(*whole[key].addresses, *lists[key].addresses))
    if found.referred and "medications" in lists:
        drugs = lists["medications"]
        lists["medications"] = replace(drugs, resources=(*drugs.resources, *found.referred))
    sources = {key: _source(listed, is_read=key in absent and key in taken) for key, listed in lists.items()}
    narrow_queries = tuple(
        each for key, answers in found.narrow.items() for each in _answered_queries(key, answers, reader)
    )
    return Gathered(
        lists, sources, dict(reader.faults), dict(reader.seconds), narrow_queries, server=reader.server.base
    )


def _without_lists_not_offered(lists: Mapping[str, Listed]) -> dict[str, Listed]:
    """Return the lists without the further lists of drugs that nobody offers."""
    return {key: listed for key, listed in lists.items() if key not in MORE_DRUGS or not is_not_offered(listed)}


def _is_absent(listed: Listed) -> bool:
    """Return whether the client sent nothing, or nothing that could be read."""
    if listed.listing is Listing.NOT_KNOWN:
        return not listed.refused
    return listed.gap == Gap("shape")


def _is_cut(listed: Listed) -> bool:
    """Return whether the client sent a part, such as the first of several pages."""
    return listed.listing is Listing.CUT and not _is_absent(listed)


def _is_better(read: Listed, sent: Listed) -> bool:
    return read.listing is not Listing.NOT_KNOWN or sent.listing is Listing.NOT_KNOWN


def _with_cause(listed: Listed, request: HookRequest) -> Listed:
    """Return the list with the cause set, if it was not sent and the server that was named may not be read."""
    if not request.fhir_server or listed.gap != Gap("absent"):
        return listed
    return replace(listed, gap=Gap("forbidden-server" if _refusal(request) == FOREIGN_SERVER else "token"))


def _refusal(request: HookRequest) -> str:
    return access_token_of(request).fault or FOREIGN_SERVER


def _accept_list(key: str, found: SearchResults, ownership: Ownership, reader: Reader) -> Listed:
    """Return a list as read, with the answers to its narrow question; lists about other patients are rejected."""
    listed = accepted_list(found.lists[key], key, ownership)
    if listed.listing is not Listing.CUT or key not in found.narrow:
        return listed
    answers = tuple(accepted_list(answer, key, ownership) for answer in found.narrow[key])
    return with_narrow_answers(listed, answers, reader.narrow_questions[key])


def _answered_queries(key: str, answers: Iterable[Listed], reader: Reader) -> Iterator[str]:
    """Yield the parts of a narrow question that the server answered, as templates."""
    for codes, answer in zip(reader.narrow_questions[key].parts, answers, strict=True):
        if answer.listing is not Listing.NOT_KNOWN:
            yield query(asked_type(key, reader.fhir_version), parameters_for_codes(codes))


def _source(listed: Listed, *, is_read: bool) -> str:
    if listed.listing is Listing.NOT_KNOWN:
        return "missing"
    return "read" if is_read else "prefetch"


class _References:
    """Finds the Medication resources that drafts and drug orders refer to and the client did not send."""

    def __init__(self, drafts: Listed, sent: Mapping[str, Listed], references: References) -> None:
        self._drafts = drafts.resources
        drugs = (sent[key] for key in ("medications", *MORE_DRUGS) if key in sent)
        self._sent = tuple(each for listed in drugs for each in listed.resources)
        self._references = references
        self._asked: dict[str, None] = {}

    def __call__(self, drug_orders: Iterable[Mapping[str, Any]], is_all: bool) -> tuple[str, ...]:
        """Return the references to read now, each once.

        While pages of drug orders are still to come, references of ended orders are held back.
        """
        read = tuple(dict(each) for each in drug_orders)
        orders = [each for each in (*self._sent, *read) if is_all or not _is_over(each)]
        records = (*self._drafts, *sorted(orders, key=_is_over))
        have = References.of([Listed(read)])
        wanted = dict.fromkeys(name for record in records for name in self._wanted(record, have))
        new = (each for each in wanted if each not in self._asked)
        found = tuple(islice(new, MOST_MEDICATIONS - len(self._asked)))
        self._asked.update(dict.fromkeys(found))
        return found

    def _wanted(self, record: Mapping[str, Any], have: References) -> Iterator[str]:
        """Yield the Medication that a record refers to as `Medication/id`, unless it is at hand.

        Of an absolute reference the id is taken, never the host: a server goes by several addresses, and it is read
        below our own base alone.
        """
        for value in (record.get("medicationReference"), first(record.get("medication")).get("reference")):
            reference = reference_of(value)
            address = address_of(reference)
            if name_of(reference).lower() != f"medication/{address.id}".lower() or not _ID.fullmatch(address.id):
                continue
            if within(record, self._references.find)(reference) is None and have.find(reference) is None:
                yield f"Medication/{address.id}"


def _is_over(record: Mapping[str, Any]) -> bool:
    return text(record.get("status")) not in ("active", "draft", "on-hold", "")
