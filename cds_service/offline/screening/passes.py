"""The passes over the pieces of an export, one piece at a time.

    look   diagnoses and patients: who may be in scope, who there is, whose record another took over, what was deleted
    keep   the lines of whoever is in scope, filed under their patient, and what these refer to
    fetch  the Medications, Substances and Specimens that were referred to and name no patient

`look` leaves out the files that hold one other type, by their name and their beginning; `keep` those of a type that no
decision reads. Where a diagnosis or a patient stands in a file of another type after all, `keep` finds that the file is
misnamed (`summary["is_misnamed"]`), and it is looked at as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol

from cards.fhir.json_values import first, objects, reference_of, text
from cards.fhir.references import address_of
from cards.reading.resource_types import KEY_OF_TYPE
from cds_service.offline.screening.blocks import Damage, blocks
from cds_service.offline.screening.counts import Counts
from cds_service.offline.screening.export import ExportFile, Piece
from cds_service.offline.screening.line import (
    NAMED,
    ODD_ESCAPE,
    UNPLAIN,
    Resource,
    looks_whole,
    named_patients,
    owner_of,
    parsed,
    patient_id_of,
    subject_of,
    type_of,
    usable_id,
)
from cds_service.offline.screening.scope import Scope
from cds_service.offline.screening.sieve import READ, REFERRED
from cds_service.offline.screening.spill import bucket_of

#: Types in which patients and diagnoses are looked for, and deletions.
LOOKED_AT = frozenset({"Patient", "Condition", "Bundle"})
#: How many lines at the beginning of a file must be of the type that it is named for.
_BEGINNING = 256
_TOKEN = b"Patient/"
#: What a Patient holds that names another.
_LINK = b'"link"'
_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:[^"\\]*/)?([A-Za-z]+)/([^"/\\]+)"')
#: Other lines that a file of diagnoses may hold.
_PEOPLE = (b'"resourceType":"Patient"', b'"resourceType": "Patient"', b'"resourceType":"Bundle"')
_FIRST, _LAST = itemgetter(0), itemgetter(-1)
_OPENING, _CLOSING = {ord("{")}, {ord("}")}
#: What stands for the patient of a line that names none.
_NOBODY = (b"",)


def is_of_one_type(file: ExportFile) -> bool:
    """Return whether a file holds the one type that it is named for, as far as its beginning tells."""
    if not file.kind:
        return False
    beginning = next(blocks(Piece(file, 0, file.size if file.compression else min(file.size, 1 << 18)), Damage()), b"")
    return all(type_of(line) == file.kind for line in islice(_lines(beginning), _BEGINNING))


def may_hold_people(file: ExportFile, *, of_one_type: bool) -> bool:
    """Return whether Patients may stand in a file, which links let name others."""
    return not of_one_type or file.kind == "Patient"


def _lines(block: bytes) -> Iterator[bytes]:
    return (line for line in block.split(b"\n") if line and not line.isspace())


def _are_whole(lines: list[bytes]) -> bool:
    """Return whether every line begins and ends as a JSON object does, with nothing around it."""
    return all(lines) and set(map(_FIRST, lines)) == _OPENING and set(map(_LAST, lines)) == _CLOSING


class Filing(Protocol):
    """Where lines go, filed under their owner."""

    @property
    def buckets(self) -> int: ...

    def add(self, owner: str, line: bytes = b"") -> None: ...

    def add_to(self, bucket: int, owner: str, line: bytes) -> None: ...


class Look:
    """The first pass over one piece; `summary` is what it found."""

    def __init__(self, scope: Scope, out: Filing) -> None:
        self._scope, self._out = scope, out
        self.counts = Counts()
        self._found: set[str] = set()
        self._replaced: dict[str, str] = {}
        self._deleted: set[str] = set()

    def read(self, piece: Piece, *, of_one_type: bool) -> dict[str, Any]:
        """Go through the lines of a piece; `of_one_type`: its file holds the type that it is named for."""
        for block in blocks(piece, Damage()):
            if of_one_type and piece.file.kind == "Condition" and not any(each in block for each in _PEOPLE):
                self.counts.types["Condition"] += block.count(b"\n")
                for line in self._scope.suspects(block):
                    self._condition(line)
            else:
                self.take(_lines(block))
        return self.summary()

    def take(self, lines: Iterable[bytes]) -> None:
        """Look at lines of any type."""
        for line in lines:
            self._look_at(line)

    def summary(self) -> dict[str, Any]:
        """Return what was found, once all lines were looked at."""
        return {
            "counts": self.counts.as_json(),
            "found": sorted(self._found),
            "replaced": dict(sorted(self._replaced.items())),
            "deleted": sorted(self._deleted),
        }

    def _look_at(self, line: bytes) -> None:
        kind = type_of(line)
        if kind is None:
            kind = str((parsed(line) or {}).get("resourceType", ""))
            if not kind:
                self.counts.bad += 1  # the next pass counts it too: that of this one only says why nothing was found
                return
        self.counts.types[kind] += 1
        if kind == "Patient":
            self._patient(line)
        elif kind == "Condition":
            self._condition(line)
        elif kind == "Bundle" and b"DELETE" in line:
            self._deleted.update(_deleted_by(parsed(line) or {}))

    def _patient(self, line: bytes) -> None:
        patient_id = patient_id_of(line)
        person = parsed(line) if patient_id is None or b'"link"' in line or b"\\u" in line else None
        patient_id = patient_id or usable_id((person or {}).get("id"))
        if not patient_id:
            return
        self._out.add(patient_id)
        add_replaced(self._replaced, _replacements(patient_id, person or {}))

    def _condition(self, line: bytes) -> None:
        condition = self._scope.found_in(line)
        if condition is not None and (owner := usable_id(owner_of(dict(condition)))):
            self._found.add(owner)


def _replacements(patient_id: str, person: Resource) -> Iterator[tuple[str, str]]:
    """The pairs of a record and of that which replaced it, whichever of the two says so."""
    for link in objects(person.get("link")):
        address = address_of(reference_of(first(link.get("other"))))
        other = usable_id(address.id) if address.type in ("", "patient") else ""
        if other and (kind := text(link.get("type")).lower()) in ("replaces", "replaced-by"):
            yield (other, patient_id) if kind == "replaces" else (patient_id, other)


def add_replaced(replaced: dict[str, str], more: Iterable[tuple[str, str]]) -> None:
    """Add pairs of a record and of that which replaced it; of two that claim one, the first id counts in any order."""
    for old, new in more:
        replaced[old] = min(new, replaced.get(old, new))


def last_replaced(replaced: Mapping[str, str]) -> dict[str, str]:
    """Return each replaced record with the last that replaced it; those that replace each other stay by themselves."""
    plain = {old: new for old, new in replaced.items() if _followed(replaced, old) != old}
    return {old: _followed(plain, old) for old in plain}


def _followed(replaced: Mapping[str, str], record: str) -> str:
    """The record at the end of those that replaced one another; the first that comes again where there is no end."""
    met = set()
    while record in replaced and record not in met:
        met.add(record)
        record = replaced[record]
    return record


def _deleted_by(bundle: Resource) -> Iterator[str]:
    for entry in objects(bundle.get("entry")):
        request = first(entry.get("request"))
        address = text(request.get("url")).strip("/").split("/")
        if text(request.get("method")).upper() == "DELETE" and len(address) > 1:
            yield "/".join(address[-2:])


# A line is passed on to be judged, by the blocks of `Keep` and by the SQL of `duckdb_engine` alike, if ...
#
#                                                  Keep._read              _QUERY
#   it names a patient in scope, or nobody         _wanted_ids             id in wanted
#   it names one in scope behind another           every NAMED             any more
#   it may be cut off                              _are_whole              starts_with, ends_with
#   an escape may hide an id                       ODD_ESCAPE              any backslash
#   a reference may name one without `Patient/`    UNPLAIN                 $unplain
#   a Patient may name another                     holds_people, "link"    $people, "link"
#   its file is misnamed, and it a diagnosis       _look_for_diagnoses     $misnamed, "Condition"
#
# What one of them let through in vain only costs time; what it left out would be lost.
class Keep:
    """The second pass over one piece.

    patients   whoever may be in scope
    replaced   ids of records that another replaced, each with the id of that one
    """

    def __init__(self, patients: Collection[str], replaced: Mapping[str, str], scope: Scope, out: Filing) -> None:
        self._patients, self._replaced, self._scope, self._out = patients, replaced, scope, out
        old = (before for before, after in replaced.items() if after in patients)
        self._wanted_ids = frozenset((*_NOBODY, *(each.encode() for each in (*patients, *old))))
        self.counts = Counts()
        self._buckets = out.buckets
        self._refers: dict[str, set[int]] = {}
        self._is_misnamed = self._has_referred = False

    def read(self, piece: Piece, *, of_one_type: bool) -> dict[str, Any]:
        """Go through the lines of a piece; `of_one_type`: its file holds the type that it is named for."""
        damage = Damage()
        for block in blocks(piece, damage):
            self._read(
                block,
                may_be_misnamed=of_one_type and piece.file.kind not in LOOKED_AT,
                holds_people=may_hold_people(piece.file, of_one_type=of_one_type),
            )
        self.counts.bad += damage.too_long
        kind = piece.file.kind if of_one_type else ""
        if damage.is_cut:
            self.counts.cut[kind] += 1
        return self.summary(kind)

    def take(self, lines: Iterable[bytes], *, of: int, may_be_misnamed: bool) -> None:
        """Take lines that another reader left of so many, which surely left out none that matters."""
        self.counts.lines += of
        for line in lines:
            if not line or line.isspace():
                self.counts.lines -= 1
                continue
            if may_be_misnamed and b'"Condition"' in line:
                self._look_for_diagnoses(line)
            self._judge_parsed(line)

    def summary(self, kind: str = "") -> dict[str, Any]:
        """Return what was found, once all lines were read or taken; `kind` where they are of one type."""
        if kind and kind not in LOOKED_AT:
            self.counts.types[kind] += self.counts.lines
        return {
            "counts": self.counts.as_json(),
            "refers": {each: sorted(found) for each, found in sorted(self._refers.items())},
            "is_misnamed": self._is_misnamed,
            "has_referred": self._has_referred,
        }

    def _read(self, block: bytes, *, may_be_misnamed: bool, holds_people: bool) -> None:
        if may_be_misnamed and b'"Condition"' in block:
            self._look_for_diagnoses(block)
        lines = block.split(b"\n")
        lines.pop()
        is_odd = UNPLAIN.search(block) or (b"\\" in block and ODD_ESCAPE.search(block))
        if is_odd or not _are_whole(lines) or (holds_people and _LINK in block):
            for line in _lines(block):
                self.counts.lines += 1
                self._judge_parsed(line)
            return
        self.counts.lines += len(lines)
        wanted = self._wanted_ids
        for line in [line for line in lines if not wanted.isdisjoint(NAMED.findall(line) or _NOBODY)]:
            if _TOKEN in line:
                self._keep(line)
            else:
                self._judge_line_naming_nobody(line)

    def _judge_parsed(self, line: bytes) -> None:
        """Keep, count or pass over a line of which the fast way cannot be sure, parsed where its bytes do not tell."""
        if not looks_whole(line):
            self._keep_damaged(line)
        elif ODD_ESCAPE.search(line) or UNPLAIN.search(line):
            self._keep(line)
        elif _TOKEN not in line or (_LINK in line and type_of(line) == "Patient"):
            self._judge_line_naming_nobody(line)
        elif not self._wanted_ids.isdisjoint(NAMED.findall(line)):
            self._keep(line)

    def _judge_line_naming_nobody(self, line: bytes) -> None:
        kind = type_of(line)
        if kind == "Patient":
            self._is_misnamed = True
            patient_id = patient_id_of(line)
            if patient_id is not None and not self._is_wanted(patient_id):
                return
        elif kind in REFERRED:
            self._has_referred = True
            if kind != "Specimen":
                return
        if kind is None or kind in READ:
            self._keep(line)

    def _keep(self, line: bytes) -> None:
        """File a line under its patient, if they are in scope."""
        kind = type_of(line)
        if kind is not None and kind not in READ:
            return
        owner = subject_of(line) if kind is not None and kind != "Patient" else None
        if owner is None:
            resource = parsed(line)
            if resource is None:
                self._keep_damaged(line)
                return
            kind = str(resource["resourceType"])
            owner = usable_id(resource.get("id") if kind == "Patient" else owner_of(resource))
            if not owner:
                self.counts.nobodys.update({kind} & READ - REFERRED)
                self._has_referred |= kind in REFERRED
                return
        if kind in READ and self._is_wanted(owner):
            self._file(self._replaced.get(owner, owner), line)

    def _is_wanted(self, patient_id: str) -> bool:
        return self._replaced.get(patient_id, patient_id) in self._patients

    def _keep_damaged(self, line: bytes) -> None:
        """Count a bad line, and file it under whoever it names: their list is cut.

        One that begins as a record, and was cut off before it names anybody, may be of each: the list of all is cut.
        """
        self.counts.bad += 1
        named = [each for each in dict.fromkeys(named_patients(line)) if usable_id(each)]
        for patient_id in named:
            if self._is_wanted(patient_id):
                self._out.add(self._replaced.get(patient_id, patient_id), line)
        if (not named or line.endswith(named[-1].encode())) and (kind := type_of(line)) in KEY_OF_TYPE:
            self.counts.cut[str(kind)] += 1

    def _file(self, owner: str, line: bytes) -> None:
        self._out.add(owner, line)
        for kind, logical_id in referred_to(line):
            self._refers.setdefault(f"{kind}/{logical_id}", set()).add(bucket_of(owner, self._buckets))

    def _look_for_diagnoses(self, block: bytes) -> None:
        for line in self._scope.suspects(block):
            if b'"Condition"' in line and type_of(line) in (None, "Condition"):
                condition = self._scope.found_in(line)
                if condition is not None and condition.get("resourceType") == "Condition":
                    owner = usable_id(owner_of(dict(condition)))
                    self._is_misnamed |= bool(owner) and not self._is_wanted(owner)


def referred_to(line: bytes) -> Iterator[tuple[str, str]]:
    """Yield type and id of each Medication, Substance or Specimen that a line refers to."""
    for kind, logical_id in _REFERENCE.findall(line):
        if kind.decode() in REFERRED:
            yield kind.decode(), logical_id.decode("utf-8", "replace")


class Fetch:
    """The third pass over one piece: what was referred to (`Type/id`, with the buckets that want it)."""

    def __init__(self, wanted: Mapping[str, Iterable[int]], out: Filing) -> None:
        self._wanted, self._out = wanted, out
        self._refers: dict[str, set[int]] = {}

    def read(self, piece: Piece) -> dict[str, Any]:
        """Go through the lines of a piece; what was found may refer to more (`summary["refers"]`)."""
        for block in blocks(piece, Damage()):
            self.take(_lines(block))
        return self.summary()

    def take(self, lines: Iterable[bytes]) -> None:
        """Fetch what was referred to from lines of any type."""
        for line in lines:
            kind = type_of(line)
            if kind is None or kind in REFERRED:
                self._fetch(line)

    def summary(self) -> dict[str, Any]:
        """Return what the lines that were fetched refer to in turn."""
        return {"refers": {each: sorted(found) for each, found in sorted(self._refers.items())}}

    def _fetch(self, line: bytes) -> None:
        resource = parsed(line)
        if resource is None or resource["resourceType"] not in REFERRED or owner_of(resource):
            return
        name = f"{resource['resourceType']}/{text(resource.get('id'))}"
        for bucket in self._wanted.get(name, ()):
            self._out.add_to(bucket, name, line)
            for each in referred_to(line):
                self._refers.setdefault("/".join(each), set()).add(bucket)
