"""Which lines of a patient in scope the reading can do without, told from the bytes of the line.

A line that is dropped never changes the chart: it is of a type that no list asks for, or it is a result, a procedure
or a laboratory order that holds no code of ours, no word of ours and nothing that only parsing would show. Diagnoses,
drugs and allergies are always kept: a drug that cannot be told cuts the list of drugs, and any diagnosis may be the
reason of a drug. A result in whose line LOINC is not named is kept as well, so that its code is counted as not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from cards.drugs.medication import Medications
from cards.labs.foreign_codes import foreign_system
from cards.reading.procedures import may_be_an_infusion
from cards.reading.resource_types import KEY_OF_TYPE, LAB_ORDERS
from cards.reading.unknown import measurements_in_doubt
from cds_service.offline.screening.line import parsed
from cds_service.offline.screening.vocabulary import Codes, Vocabulary

#: What other records refer to: kept where they do.
REFERRED = frozenset({"Medication", "MedicationKnowledge", "Substance", "Specimen"})
_REPORT = "DiagnosticReport"
#: Types of which some line may matter.
READ = frozenset(KEY_OF_TYPE) | REFERRED | {_REPORT}

#: A code as it stands in a line, with the quote before it.
CODE = re.compile(rb'"code"\s*:\s*("[^"]*|\d+)')
#: Signs beyond ASCII, but for the two that units are written with: folding may make letters of ours of them.
_BEYOND_ASCII = re.compile(rb"[\xc3-\xff]|\xc2[^\xb0\xb5]")
_SYSTEM = re.compile(rb'"system"\s*:\s*"([^"]*)"')
_LOINC = b"loinc.org"
#: The most systems of which it is remembered whether they are foreign.
_MOST_SYSTEMS = 4096


class Sieve:
    """The sieve of one site's vocabulary."""

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._result_words = any_of(known.result_words)
        self._result_marks = _shortest(known.result_marks)
        self._procedure_words = any_of(known.procedure_words)
        self._is_foreign: dict[bytes, bool] = {}

    def keeps(self, line: bytes, kind: str | None) -> bool:
        """Return whether a line of this type may change a chart, or is to be counted; `None` is a type not told."""
        if kind is None:
            return True
        if kind == "Observation":
            return self._keeps_result(line)
        if kind == _REPORT:
            return b'"contained"' in line or needs_parsing(line)
        if kind == "Procedure":
            return self._keeps_procedure(line)
        if kind in LAB_ORDERS:
            return self._keeps(line, self._known.orders)
        return kind in READ

    def _keeps_procedure(self, line: bytes) -> bool:
        """Whether it is one of ours by its code or words, or may be an infusion of iron; that only parsing tells."""
        if self._keeps(line, self._known.procedures) or self._procedure_words.search(line.lower()):
            return True
        held = parsed(line)
        return held is None or "contained" in held or may_be_an_infusion(held, Medications(self._known.drug_codes))

    def _keeps_result(self, line: bytes) -> bool:
        if _LOINC not in line or self._keeps(line, self._known.results):
            return True
        if not self._result_words.search(line.lower()):
            return False
        return self._names_foreign(line) or not _is_of_loinc_alone(line)

    def _names_foreign(self, line: bytes) -> bool:
        """Return whether a code may be of a laboratory system from which nothing is mapped: words then count.

        A system is known by its address or by a word in it, or stands before a bar in a code that is written as a text.
        """
        remembered = self._is_foreign
        for system in _SYSTEM.findall(line):
            known = remembered.get(system)
            if known is None:
                if len(remembered) >= _MOST_SYSTEMS:
                    remembered.clear()
                known = remembered[system] = self._may_be_foreign(system.replace(b"\\/", b"/"))
            if known:
                return True
        return b"|" in line and self._holds_mark(line.lower().replace(b"\\/", b"/"))

    def _may_be_foreign(self, system: bytes) -> bool:
        known = bool(foreign_system(system.decode("utf-8", "replace")))
        return b"\\" in system or known or self._holds_mark(system.lower())

    def _holds_mark(self, lowered: bytes) -> bool:
        return any(mark in lowered for mark in self._result_marks)

    @staticmethod
    def _keeps(line: bytes, codes: Codes) -> bool:
        return needs_parsing(line) or holds_code(line, codes)


def holds_code(line: bytes, codes: Codes) -> bool:
    """Return whether any `code` of a line may be one of these."""
    return codes.hold_any_of(CODE.findall(line))


def needs_parsing(line: bytes) -> bool:
    """Return whether a line holds what its bytes do not show: an escape of a sign, or signs that folding changes."""
    return (b"\\" in line and b"\\u" in line) or not (line.isascii() or _BEYOND_ASCII.search(line) is None)


def _is_of_loinc_alone(line: bytes) -> bool:
    """Return whether each code of a result is one of LOINC, so that no word of it counts; parses the line."""
    held = parsed(line)
    return held is not None and "contained" not in held and not measurements_in_doubt([held])


def any_of(words: Iterable[str]) -> re.Pattern[bytes]:
    """Return a pattern that finds any of the words in a line.

    Words beyond ASCII are left out: a line that may hold one is parsed anyway.
    """
    plain = sorted(word for word in words if word.isascii())
    return re.compile(_alternatives(plain).encode() if plain else rb"(?!)")


def _alternatives(words: Iterable[str]) -> str:
    """Return a pattern for any of some sorted words that writes each shared beginning once.

    The engine tries every alternative at each character, so fewer are faster.
    """
    parts = []
    for character, begun in groupby(words, itemgetter(slice(1))):
        if not character:
            return ""  # a word ends here: the longer ones contain it
        parts.append(re.escape(character) + _alternatives(each[1:] for each in begun))
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _shortest(marks: Iterable[str]) -> tuple[bytes, ...]:
    """Those in which no other stands: where any stands, one of these does."""
    held = sorted(marks, key=len)
    return tuple(each.encode() for n, each in enumerate(held) if not any(other in each for other in held[:n]))
