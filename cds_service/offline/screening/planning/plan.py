"""The requests that fetch the few patients who matter, and what they should come to.

The first step asks for the diagnoses of restless legs syndrome, by code. The second asks for the records of the
patients whom these name, with the parameters that the service itself asks a FHIR server with when a chart is opened.
Nothing is fetched here: the requests are for a Bulk Data client.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from cards.knowledge.valuesets import lab_codes
from cards.reading.resource_types import LIST_TYPES
from cds_service.offline.screening.counts import Counts
from cds_service.offline.screening.export import Export
from cds_service.offline.screening.passes import LOOKED_AT, Look, add_replaced, last_replaced
from cds_service.offline.screening.recipe import Known

_FOLDER = files("cds_service") / "offline" / "screening" / "planning"
#: The types of the second step: those that a server of R4 is asked for, list by list.
TYPES = tuple(each.asked for each in LIST_TYPES.values())
_OUTPUT = "application/fhir+ndjson"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a vendor's server can do; `a_minute` are the fewest and the most resources that were measured."""

    id: str
    title: str
    filters: str
    patients: str
    a_minute: tuple[int, int]
    source: str
    notes: tuple[str, ...]


@cache
def vendors() -> Mapping[str, Vendor]:
    """Return every vendor by its id."""
    found = tomllib.loads((_FOLDER / "vendors.toml").read_text(encoding="utf-8"))
    return {
        name: Vendor(name, **{**each, "a_minute": tuple(each["a_minute"]), "notes": tuple(each["notes"])})
        for name, each in found.items()
    }


@dataclass(frozen=True, slots=True)
class Step:
    """One kick-off request: a GET of `address`, or a POST of `body` to it; `types` and `filters` as a client has them.

    resources  how many are expected
    """

    title: str
    address: str
    types: tuple[str, ...]
    filters: tuple[str, ...]
    resources: int
    body: Body | None = None

    def hours(self, vendor: Vendor) -> tuple[float, float]:
        """Return how many hours the export should take, at the best and at the slowest speed that was measured."""
        slowest, fastest = vendor.a_minute
        return self.resources / fastest / 60, self.resources / slowest / 60


@dataclass(frozen=True, slots=True)
class Plan:
    """Both steps, beside an export of everything.

    patients  ids of the patients with a diagnosis, where the first step was done; else None
    size      how many patients there are in all
    """

    vendor: Vendor
    base: str
    group: str
    size: int
    steps: tuple[Step, ...]
    everything: Step
    patients: tuple[str, ...] | None = None

    @property
    def share(self) -> float:
        """Return which share of all resources the steps fetch."""
        return sum(step.resources for step in self.steps) / self.everything.resources


def plan(
    vendor: Vendor, known: Known, *, base: str, group: str, size: int, patients: tuple[str, ...] | None = None
) -> Plan:
    """Plan an export from the server at `base`, of a Group or, where `group` is empty, of all patients."""
    expected = _expected()
    each, kept = expected["each"], expected["filtered"]
    wanted = len(patients) if patients is not None else round(size * expected["rls"])
    filters = condition_filters(known) if vendor.filters != "no" else ()
    conditions = size * expected["rls"] * expected["conditions_of_rls"] if filters else size * each["Condition"]
    level = f"Group/{group}" if group else "Patient"
    first = _step("The diagnoses of restless legs syndrome", f"{base}/{level}", ("Condition",), filters, conditions)
    narrowed = record_filters(known) if vendor.filters != "no" else ()
    share = {name: kept[name] for name in kept if narrowed}
    records = wanted * sum(each[kind] * share.get(kind, 1) for kind in TYPES)
    second = _second(vendor, base, narrowed, records, patients)
    whole = _step("Everything", f"{base}/{level}", (), (), size * sum(each.values()))
    return Plan(vendor, base, group, size, (first, second), whole, patients)


def _second(
    vendor: Vendor, base: str, filters: tuple[str, ...], resources: float, patients: tuple[str, ...] | None
) -> Step:
    title = "The records of these patients"
    if vendor.patients == "group":
        return _step(title, f"{base}/Group/GROUP-OF-THE-SECOND-STEP", TYPES, filters, resources)
    named = [{"name": "patient", "valueReference": {"reference": f"Patient/{each}"}} for each in patients or ()]
    asked = [{"name": "_outputFormat", "valueString": _OUTPUT}, {"name": "_type", "valueString": ",".join(TYPES)}]
    asked += [{"name": "_typeFilter", "valueString": each} for each in filters]
    body: Body = {"resourceType": "Parameters", "parameter": [*asked, *named]}
    return Step(title, f"{base}/Patient/$export", TYPES, filters, round(resources), body)


def _step(title: str, base: str, types: tuple[str, ...], filters: tuple[str, ...], resources: float) -> Step:
    asked = [f"_outputFormat={quote(_OUTPUT, safe='')}"]
    if types:
        asked.append(f"_type={','.join(types)}")
    if filters:
        asked.append("_typeFilter=" + ",".join(quote(each.replace(",", "%2C"), safe="") for each in filters))
    return Step(title, f"{base}/$export?{'&'.join(asked)}", types, filters, round(resources))


def condition_filters(known: Known) -> tuple[str, ...]:
    """Return the filter for diagnoses that put a patient in scope: every code, whatever its system.

    Codes that mean it only beside words are among them; what stands in words alone no filter finds.
    """
    return (f"Condition?code={_tokens(known.vocabulary.rls.published)}",)


def record_filters(known: Known) -> tuple[str, ...]:
    """Return the filter for results: what the service asks for on opening a chart, and the site's own codes."""
    local = (code for _, code in known.question.site.local_codes)
    return (f"Observation?code={_tokens([*lab_codes(), *local])}",)


def _tokens(codes: Iterable[str]) -> str:
    """Codes as a search takes them: commas, bars and dollars in them are no signs of the search."""
    plain = sorted(dict.fromkeys(codes))
    return ",".join("".join(f"\\{sign}" if sign in "\\,|$" else sign for sign in code) for code in plain)


@cache
def _expected() -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / "expected.toml").read_text(encoding="utf-8"))


class _Nowhere:
    """Takes the owners that a pass files, and keeps none."""

    buckets = 1

    def add(self, owner: str, line: bytes = b"") -> None: ...

    def add_to(self, bucket: int, owner: str, line: bytes) -> None: ...


def patients_named_in(export: Export, known: Known) -> tuple[str, ...] | None:
    """Return the ids of the patients whom the diagnoses of an export put in scope, or None where it holds none."""
    found: set[str] = set()
    replaced: dict[str, str] = {}
    counts = Counts()
    for piece in export.pieces():
        if piece.file.kind and piece.file.kind not in LOOKED_AT:
            continue
        summary = Look(known.scope, _Nowhere()).read(piece, of_one_type=False)
        counts.add(summary["counts"])
        found.update(summary["found"])
        add_replaced(replaced, summary["replaced"].items())
    if not counts.types["Condition"]:
        return None
    last = last_replaced(replaced)
    owners = {last.get(each, each) for each in found}
    return tuple(sorted({*owners, *(before for before, after in last.items() if after in owners)}))
