"""Lines of a Bulk Data export: written in the ways of many servers, and mutated so that they mean something else."""

from __future__ import annotations

import copy
import gzip
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Resource = dict[str, Any]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LOINC, _SNOMED, _LOCAL = "http://loinc.org", "http://snomed.info/sct", "urn:oid:1.2.840.114350.1.13"
#: Codes of ours and of others, in spellings that the reading takes and that it does not.
_CODES = (
    (_LOINC, "2276-4", "Ferritin [Mass/volume] in Serum or Plasma"),
    (_LOINC, " 2276-4 ", "Serum level"),
    (_LOINC, "2276-4", "Level"),
    (_LOINC, "2502-3", "Ratio"),
    ("urn:oid:2.16.840.1.113883.6.1", "2502-3", "Transferrin saturation"),
    (_LOINC, "718-7", "Hemoglobin"),
    (_LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    (_LOINC, "8867-4", "Heart rate"),
    (_LOINC, "29463-7", "Body weight"),
    (_LOINC, "82810-3", "Pregnancy status"),
    (_SNOMED, "489004", "Ferritin measurement"),
    (_SNOMED, "1230000", "Ferritin level in serum"),
    (_LOCAL, "FERR", "Ferritin (Serum)"),
    (_LOCAL, "4711", "Kreatinin i. S."),
    ("http://npu-terminology.org", "NPU19763", "P-Ferritin; massekonc."),
    ("urn:oid:1.2.392.200119.4.504", "5C095000002302301", "フェリチン"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "G25.81", "Restless legs syndrome"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "g2581", "RLS"),
    ("http://hl7.org/fhir/sid/icd-10", "G25.8", "Sonstige extrapyramidale Krankheiten: Restless-Legs-Syndrom"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "E11.9", "Type 2 diabetes mellitus"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "N18.32", "Chronic kidney disease, stage 3b"),
    (_SNOMED, "265764009", "Renal dialysis"),
    (_SNOMED, "302497006", "Hemodialysis"),
    (_SNOMED, "80146002", "Appendectomy"),
    ("http://www.ama-assn.org/go/cpt", "90935", "Hemodialysis procedure"),
    ("", "2276-4", ""),
    (_LOINC, 22764, "Ferritin"),
)
#: Codes that no decision needs, as most lines of an export bear them.
_OTHERS = (
    (_LOINC, "8310-5", "Body temperature"),
    (_LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    (_LOINC, "72166-2", "Tobacco smoking status"),
    (_LOINC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
    (_LOINC, "85354-9", "Blood pressure panel"),
    (_LOINC, "2085-9", "Cholesterol in HDL"),
    (_LOINC, "74774-1", "Glukose [Masse/Volumen] in Größe"),
)
_VERSIONS = (
    {"versionId": "1", "lastUpdated": "2026-06-01T08:00:00Z"},
    {"versionId": "2", "lastUpdated": "2026-06-20T08:00:00+02:00"},
    {"versionId": "10"},
)
_WORDS = (
    "Diálisis", "Hemodiálise", "Hämodialyse", "Peritonealdialyse geplant", "restless\nlegs", "FERRITIN",
    "Syndrom der unruhigen Beine", "Ferritín sérica", "むずむず脚症候群", "Vitamín D 25-OH", "Blood pressure",
    "Colonoscopy", "transferrin saturation", "TRANSFERRIN SATURATION", "vitamin b¹²", "𝐅erritin", "haemoglobin",
    "Größe", "§ / \\ \" quoted", "Ekbom disease", "",
)  # fmt: skip


def written(resource: Mapping[str, Any], dice: random.Random | None = None) -> bytes:
    """Return a resource as one line, without a line end; with `dice` as some server would write it."""
    if dice is None or dice.random() < 0.4:
        return json.dumps(resource, separators=(",", ":"), ensure_ascii=False).encode()
    members = dict(resource)
    if dice.random() < 0.15:
        members = dict(dice.sample(list(members.items()), len(members)))
    separators = dice.choice(((",", ":"), (", ", ": "), (" ,\t", " :  ")))
    line = json.dumps(members, separators=separators, ensure_ascii=dice.random() < 0.3)
    if dice.random() < 0.1:
        line = line.replace("/", "\\/")
    if dice.random() < 0.2:
        line = _with_odd_escapes(line, dice)
    return line.encode()


def _with_odd_escapes(line: str, dice: random.Random) -> str:
    """Some letter written as an escape, wherever it stands: JSON allows it in keys as well."""
    letter = dice.choice("2223-76cdeotPa")
    escape = f"\\u{ord(letter):04x}"
    return _STRING.sub(lambda found: found[0] if "\\" in found[0] else found[0].replace(letter, escape), line)


def mutated(resource: Mapping[str, Any], patient_id: str, dice: random.Random) -> Resource:
    """Return a copy of a resource of this patient with another meaning, or none."""
    found = copy.deepcopy(dict(resource))
    if "subject" in found or found.get("resourceType") != "Patient":
        found["subject"] = {"reference": _reference(patient_id, dice)}
    if dice.random() < 0.3:
        found["id"] = _some_id(dice)
        if dice.random() < 0.5:
            found["meta"] = dice.choice(_VERSIONS)
        if found.get("resourceType") == "Observation" and dice.random() < 0.3:
            found["status"] = dice.choice(("corrected", "preliminary", "entered-in-error"))
    for concept in _concepts(found):
        if dice.random() < 0.5:
            system, code, display = dice.choice(_OTHERS)
            concept |= {"coding": [{"system": system, "code": code, "display": display}], "text": display}
        elif dice.random() < 0.5:
            _change(concept, dice)
    if dice.random() < 0.1:
        found["note"] = [{"text": dice.choice(_WORDS)}]
    if found.get("resourceType") == "Observation" and dice.random() < 0.15:
        return _reshaped(found, dice)
    if found.get("resourceType") == "MedicationRequest" and dice.random() < 0.5:
        kind = dice.choice(("Condition", "Observation", "Procedure", "ServiceRequest"))
        words = dice.choice(("Restless legs syndrome", "heart failure", "pain"))
        found["reasonReference"] = [{"reference": f"{kind}/{_some_id(dice).strip()}", "display": words}]
    return found


def _some_id(dice: random.Random) -> str:
    """An id that others may have as well: records of one id are versions of one."""
    return dice.choice(("{}", "{}", "{}", " {}", "{}/")).format(f"m{dice.randrange(12)}")


def _reference(patient_id: str, dice: random.Random) -> str:
    return dice.choice(
        (
            f"Patient/{patient_id}",
            f"Patient/{patient_id}",
            f"Patient/{patient_id}",
            f"Patient/{patient_id}/_history/2",
            f"https://ehr.example.org/fhir/Patient/{patient_id}",
            f"urn:uuid:{patient_id}",
            patient_id,
        )
    )


def _concepts(resource: Resource) -> Iterable[dict[str, Any]]:
    for name in ("code", "medicationCodeableConcept"):
        if isinstance(resource.get(name), dict):
            yield resource[name]
    for part in resource.get("component", ()):
        yield part["code"]


def _change(concept: dict[str, Any], dice: random.Random) -> None:
    system, code, display = dice.choice(_CODES)
    way = dice.random()
    if way < 0.4:
        concept["coding"] = [{"system": system, "code": code, "display": display}]
    elif way < 0.5:
        other, number, name = dice.choice(_OTHERS)
        concept["coding"] = [
            {"system": system, "code": code, "display": display},
            {"system": other, "code": number, "display": name},
        ]
    elif way < 0.65:
        concept.pop("coding", None)
    elif way < 0.8:
        concept["coding"] = [*concept.get("coding", ()), {"system": system, "code": code}]
    else:
        concept["coding"] = {"code": code, "display": display}
    concept.pop("text", None)
    if dice.random() < 0.5:
        concept["text"] = dice.choice(_WORDS)


def _reshaped(observation: Resource, dice: random.Random) -> Resource:
    """The result as a component, inside a report, or inside another result."""
    inner = {key: value for key, value in observation.items() if key in ("code", "valueQuantity", "valueString")}
    if dice.random() < 0.4:
        panel = {"coding": [{"system": _LOINC, "code": "50190-8", "display": "Iron panel"}]}
        rest = {key: value for key, value in observation.items() if key not in inner}
        return {**rest, "code": panel, "component": [inner]}
    held = {**observation, "id": "r1"}
    held.pop("subject", None)
    around = {key: observation[key] for key in ("subject", "effectiveDateTime") if key in observation}
    kind = dice.choice(("DiagnosticReport", "Observation"))
    return {"resourceType": kind, "id": _some_id(dice), "status": "final", **around, "contained": [held]}


def write_export(
    folder: Path, resources: Iterable[Mapping[str, Any]], *, layout: str = "by type", seed: int | None = None
) -> Path:
    """Write resources as an export, and return its folder.

    layout   `by type`, `one file`, `by patient` (each block under a header), `gzip`, `many` small files of mixed
             names, or `parquet` with a resource as JSON in a column
    seed     shuffles lines and writes them in the ways of many servers
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed) if seed is not None else None  # noqa: S311 - a script, not a secret
    held = list(resources)
    if dice is not None:
        dice.shuffle(held)
    lines = [(str(each["resourceType"]), written(each, dice)) for each in held]
    if layout == "parquet":
        _write_tables(folder, lines)
    elif layout in ("by type", "gzip"):
        for kind in {kind for kind, _ in lines}:
            content = _joined(line for other, line in lines if other == kind)
            name = f"{kind}.000.ndjson"
            if layout == "gzip":
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                (folder / name).write_bytes(content)
    elif layout == "by patient":
        (folder / "0.ndjson").write_bytes(_joined(_with_headers(held, dice)))
    elif layout == "many":
        for number in range(0, len(lines), 7):
            part = folder / f"part-{number % 5}"
            part.mkdir(exist_ok=True)
            (part / f"{number}.jsonl").write_bytes(_joined(line for _, line in lines[number : number + 7]))
    else:
        (folder / "everything.ndjson").write_bytes(_joined(line for _, line in lines))
    return folder


def _write_tables(folder: Path, lines: Iterable[tuple[str, bytes]]) -> None:
    import pyarrow
    import pyarrow.parquet

    held = list(lines)
    for kind in {kind for kind, _ in held}:
        column = [line.decode() for other, line in held if other == kind]
        table = pyarrow.table({"version": ["R4"] * len(column), "resource": column})
        pyarrow.parquet.write_table(table, folder / f"{kind}.parquet")


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _with_headers(resources: Sequence[Mapping[str, Any]], dice: random.Random | None) -> Iterable[bytes]:
    """The blocks of `organizeOutputBy=Patient`: a Parameters that names the patient, then what is theirs."""

    def owner(resource: Mapping[str, Any]) -> str:
        named = resource.get("subject") or resource.get("patient") or {}
        return str(resource["id"]) if resource["resourceType"] == "Patient" else str(named.get("reference", ""))[8:]

    for patient_id in sorted({owner(each) for each in resources}):
        header = {"name": "header", "valueReference": {"reference": f"Patient/{patient_id}"}}
        yield written({"resourceType": "Parameters", "parameter": [header]})
        yield from (written(each, dice) for each in resources if owner(each) == patient_id)
