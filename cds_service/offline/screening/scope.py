"""Which diagnoses of an export put their patient in scope: told from the bytes where they tell, else by the reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, tzinfo
from typing import Any

from cards.reading import Site
from cards.reading.diagnoses import read_diagnoses
from cds_service.offline.screening.line import parsed
from cds_service.offline.screening.sieve import CODE, any_of, holds_code, needs_parsing
from cds_service.offline.screening.vocabulary import RLS_SETS, Vocabulary

#: Words as they stand in a block, with the first of their quotes.
_SAID = (re.compile(rb'"text"\s*:\s*("[^"]*)'), re.compile(rb'"display"\s*:\s*("[^"]*)'))


class Scope:
    """What puts a patient in scope: any diagnosis that the reading takes for restless legs syndrome.

    One that is over or refuted does so as well: the review of the whole chart decides. `with_plmd`: the site counts
    periodic limb movement disorder.
    """

    def __init__(self, known: Vocabulary, site: Site, today: date, zone: tzinfo, *, with_plmd: bool) -> None:
        self._codes = known.rls
        self._words = any_of(known.rls_words)
        self._sets = frozenset((*RLS_SETS[:2], *(("plmd",) if with_plmd else ())))
        self._site, self._today, self._zone = site, today, zone

    def suspects(self, block: bytes) -> Iterator[bytes]:
        """Yield the lines of a block that may name restless legs syndrome, and of others only few."""
        if b"\\" in block or not block.isascii():
            yield from (line for line in block.split(b"\n") if line and self._may_name(line))
            return
        hits = {each for each in set(CODE.findall(block)) if self._codes.holds(each) or self._is_named(each)}
        hits |= {each for part in _SAID for each in set(part.findall(block)) if self._is_named(each)}
        starts = {block.rfind(b"\n", 0, at) + 1 for each in hits for at in _places(block, each)}
        yield from (_line_at(block, start) for start in sorted(starts))

    def _is_named(self, words: bytes) -> bool:
        return self._words.search(words.lower()) is not None

    def found_in(self, line: bytes) -> Mapping[str, Any] | None:
        """Return the Condition of a line if it names restless legs syndrome, else None."""
        if not self._may_name(line):
            return None
        condition = parsed(line)
        return condition if condition is not None and self._names(condition) else None

    def _may_name(self, line: bytes) -> bool:
        return needs_parsing(line) or holds_code(line, self._codes) or self._words.search(line.lower()) is not None

    def _names(self, condition: Mapping[str, Any]) -> bool:
        nobodys = {**condition, "subject": None, "patient": None}
        found = read_diagnoses(
            (nobodys,), patient_id="", today=self._today, zone=self._zone, local=self._site.diagnosis_codes
        )
        return any(each.concepts & self._sets for each in found)


def _places(block: bytes, part: bytes) -> Iterator[int]:
    at = block.find(part)
    while at >= 0:
        yield at
        at = block.find(part, at + len(part))


def _line_at(block: bytes, start: int) -> bytes:
    """The line that begins there; the last of a block may have no line end."""
    end = block.find(b"\n", start)
    return block[start : end if end >= 0 else None]
