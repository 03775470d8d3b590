"""What awaits a physician, by the marks in the knowledge files: who has signed, how sure a source is, since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from cards.knowledge.definitions import Definition, definitions
from cards.knowledge.rules import Threshold
from cds_service.knowledge.checks import unverified_codes
from cds_service.knowledge.listing import AWAITS, render_definition, render_limit
from cds_service.knowledge.load import national_rules
from tests.docs.tables import code, table

Limit = Threshold | Definition
#: The day of the last reading of the clinic as a whole; what is dated on it or later is new to whoever signed before.
LAST_READING = date(2026, 11, 29)
_PAGE = """\
# Sign-off

What awaits a physician, drawn from the marks in the knowledge files: no name beside a limit, a source that was only
quoted or written from memory, a number of this project's own, a day that is new. The points on which sources disagree
come first and in words: [clinical rationale, section 9](../explanation/clinical/index.md#c-9). The cards themselves
are marked in the [booklet](cards/index.md).

{limits} of {all_limits} limits and definitions and {decisions} of {all_decisions} decisions await a signature.

"""
#: How sure a source is, the least first, with what a reader should do.
_CERTAINTIES: Mapping[str, str] = {
    "unverified": "From memory: find the source before a sign-off",
    "quoted": "Seen on another page: read the original before a sign-off",
    "ours": "This project's own: agree, or say another number",
    "retrieved": "The source was read: agree that it is followed rightly",
}
_HEAD = ("Limit", "Value", "Meaning", "What the source says", "Agreed, by and on")


def limits() -> Mapping[str, Limit]:
    """Every threshold and definition by name."""
    return {**national_rules().thresholds, **definitions()}


def is_unsigned(limit: Limit) -> bool:
    return (limit.reviewer or AWAITS) == AWAITS


def since(limit: Limit) -> date:
    """The day of the last change of a number."""
    return limit.since if isinstance(limit, Definition) else limit.history[-1].since


def sign_off_page() -> str:
    """Return what awaits a signature: what is new first, then by how sure the source is, then codes."""
    decisions = national_rules().decisions.values()
    unsigned = {name: limit for name, limit in limits().items() if is_unsigned(limit)}
    head = _PAGE.format(
        limits=len(unsigned),
        all_limits=len(limits()),
        decisions=sum((each.reviewer or AWAITS) == AWAITS for each in decisions),
        all_decisions=len(decisions),
    )
    return head + "\n".join([*_new(unsigned), *_by_certainty(unsigned), *_sources(), _codes()])


def _new(unsigned: Mapping[str, Limit]) -> Iterator[str]:
    new = {name: limit for name, limit in unsigned.items() if since(limit) >= LAST_READING}
    yield f"## New or changed since {LAST_READING} {{ #new }}\n"
    yield "Decisions whose limits, texts or reasoning changed, with all their cards:\n"
    rows = (
        (code(each.name), f"{each.version} ({each.changed})", ", ".join(each.cards), "")
        for each in national_rules().decisions.values()
        if each.changed >= LAST_READING and (each.reviewer or AWAITS) == AWAITS
    )
    yield table(("Decision", "Version", "Cards", "Agreed, by and on"), rows)
    yield "Limits and definitions that are new or changed:\n"
    yield table(_HEAD, _rows(new))


def _by_certainty(unsigned: Mapping[str, Limit]) -> Iterator[str]:
    for certainty, what in _CERTAINTIES.items():
        found = {name: limit for name, limit in unsigned.items() if limit.certainty == certainty}
        yield f"## {what} ({len(found)}) {{ #{certainty} }}\n"
        yield table(_HEAD, _rows(found))


def _rows(found: Mapping[str, Limit]) -> Iterable[tuple[str, ...]]:
    for name, limit in found.items():
        value = render_limit(limit) if isinstance(limit, Threshold) else render_definition(limit)
        source = national_rules().citations[limit.citation].label
        yield code(name), value, limit.meaning, f"{source}{f': {limit.says}' if limit.says else ''}", ""


def _sources() -> Iterator[str]:
    """Yield the sources that nobody has read in the original."""
    yield "## Sources to be read in the original { #sources }\n"
    rows = (
        (f"[{each.label}]({each.url})", each.reference, each.certainty, "")
        for each in national_rules().citations.values()
        if each.certainty in ("quoted", "unverified")
    )
    yield table(("Source", "Reference", "Certainty", "Read, by and on"), rows)


def _codes() -> str:
    return (
        f"## Codes that await verification ({len(unverified_codes())}) {{ #codes }}\n\n"
        "They match like any other, and a card that rests on one says so. They are listed at the end of "
        "[Rules](rules.md#codes-that-await-verification).\n"
    )
