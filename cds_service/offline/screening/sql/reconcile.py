"""Each patient of whom the SQL and the screening say different things, and why."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cds_service.offline.screening.sql.queries import QUESTIONS, VALUES

COLUMNS = ("patient", "question", "sql", "screen", "why")
_UNEXPLAINED = "not explained; look at the record"
Answers = Mapping[str, int | None]


class BadRows(ValueError):
    """A file that is not what the query of the patients gives; the message names the place and the next step."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the SQL says of one patient: 1, 0 or None by question, and the ferritin that it took."""

    answers: Answers
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One question on which the two differ; `sql` and `screen` are yes, no, or `-` where it is not asked or unknown."""

    patient: str
    question: str
    sql: str
    screen: str
    why: str


@dataclass(slots=True)
class Reconciliation:
    """What came of a comparison: patients who agree, those who differ, and how often for which reason."""

    agree: int = 0
    differ: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def unexplained(self) -> int:
        """Return how many differences have no reason that we know."""
        return sum(number for (_, why), number in self.reasons.items() if why == _UNEXPLAINED)


def read_rows(path: Path) -> dict[str, Row]:
    """Return the rows that the query of the patients gave, from CSV, by patient. Raises `BadRows` for another file.

    Keys of some runners bear the type (`Patient/p1`): it is left out.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        lacking = {"patient", *QUESTIONS, *VALUES} - set(table.fieldnames or ())
        if lacking:
            raise BadRows(
                f"{path}: no rows of patients.sql; missing columns: {', '.join(sorted(lacking))}; save what the query "
                "gives as CSV, with its header"
            )
        found = {}
        for number, row in enumerate(table, start=2):
            try:
                answers = {name: _number(row[name]) for name in QUESTIONS}
            except ValueError:
                raise BadRows(f"{path}: line {number}: an answer is 1, 0 or empty") from None
            patient = (row["patient"] or "").rpartition("/")[2]
            found[patient] = Row(answers, {name: row[name] or "" for name in VALUES})
    return found


def _number(written: str | None) -> int | None:
    if written in (None, "", "NULL", "null"):
        return None
    return int(written)


def reconcile(findings: Iterable[bytes], rows: Mapping[str, Row], result: Reconciliation) -> Iterator[Difference]:
    """Yield every difference in the order of the patients; what they come to is counted in `result`.

    A question that rests on another on which the two differ already is not named again.
    """
    waiting = dict(rows)
    for line in findings:
        found = orjson.loads(line)
        row = waiting.pop(found["patient"], None)
        yield from _counted(found["patient"], list(_differences(found, row)), result)
    for patient, row in sorted(waiting.items()):
        answers = {name: row.answers[name] for name in QUESTIONS if row.answers[name]}
        others = ["rls"] if answers.get("rls") else []
        why = "another record replaced this one, or its Patient is not in the export"
        yield from _counted(patient, [(name, "yes", "-", why) for name in others], result)


def _counted(patient: str, found: list[tuple[str, str, str, str]], result: Reconciliation) -> Iterator[Difference]:
    if not found:
        result.agree += 1
        return
    result.differ += 1
    for question, sql, screen, why in found:
        result.reasons[question, why] += 1
        yield Difference(patient, question, sql, screen, why)


def _differences(found: Mapping[str, Any], row: Row | None) -> Iterator[tuple[str, str, str, str]]:
    ours = answers_of(found)
    theirs: Answers = row.answers if row is not None else dict.fromkeys(QUESTIONS)
    if (theirs["rls"] or 0) != (ours["rls"] or 0):
        yield "rls", _word(theirs["rls"]), _word(ours["rls"]), _why_rls(found, row)
        return
    if not ours["rls"] or row is None:
        return
    basis = found["basis"]
    if theirs["adult"] != ours["adult"]:
        yield "adult", _word(theirs["adult"]), _word(ours["adult"]), _why_adult(basis)
        return
    reasons = {
        "assessed": _why_assessed,
        "low": _why_low,
        "on_iron": _why_iron,
        "on_dopaminergic": _why_dopaminergic,
        "low_without_iron": _why_measure("low", "on_iron", "taken_out"),
        "not_assessed_on_da": _why_measure("assessed", "on_dopaminergic", "parkinsonism"),
    }
    differing = set()
    for question, why in reasons.items():
        if theirs[question] != ours[question] and not (question == "low" and "assessed" in differing):
            differing.add(question)
            if question in ("low_without_iron", "not_assessed_on_da") and differing & _RESTS_ON[question]:
                continue  # follows from what was named
            yield question, _word(theirs[question]), _word(ours[question]), why(theirs, basis, row.values)


_RESTS_ON = {
    "low_without_iron": frozenset({"assessed", "low", "on_iron"}),
    "not_assessed_on_da": frozenset({"assessed", "on_dopaminergic"}),
}


def answers_of(found: Mapping[str, Any]) -> Answers:
    """Return what a finding says to the questions of the SQL."""
    basis = found.get("basis")
    rls = found.get("rls") == "yes"
    answers: dict[str, int | None] = dict.fromkeys(QUESTIONS)
    answers["rls"] = int(rls)
    if basis is None:
        return answers
    answers["adult"] = _as_number(basis["adult"])
    if rls and basis["adult"]:
        measures = found["measures"]
        answers["assessed"] = _as_number(measures.get("iron-stores-assessed"))
        answers["low"] = _as_number(basis["ferritin"]["low"]) if answers["assessed"] else None
        answers["on_iron"] = _as_number(basis["iron"])
        answers["on_dopaminergic"] = _as_number(basis["dopaminergic"])
        answers["low_without_iron"] = _as_number(measures.get("low-ferritin-without-iron"))
        answers["not_assessed_on_da"] = _as_number(measures.get("dopaminergic-without-ferritin"))
    return answers


def _as_number(answer: bool | None) -> int | None:
    return None if answer is None else int(answer)


def _word(answer: int | None) -> str:
    return "-" if answer is None else "yes" if answer else "no"


def _why_rls(found: Mapping[str, Any], row: Row | None) -> str:
    if row is None:
        return "no Patient in the views: none in the export, or several versions of it"
    diagnoses = found.get("basis", {}).get("rls", {})
    if row.answers["rls"]:
        if found.get("rls") == "suspected":
            return "suspected only: not confirmed, or a code that means it beside words"
        if found.get("scope", "no RLS") != "no RLS":
            return f"out of scope: {found['scope']}"
        if diagnoses.get("not_counted"):
            return "over, refuted or in error, as another record or field says"
        return _UNEXPLAINED
    if diagnoses.get("by_code"):
        return "a record that this one replaced, a status, or a system that is written otherwise"
    if diagnoses.get("by_words"):
        return "told in words"
    return "told by a code that the views do not have" if diagnoses.get("by_other_code") else _UNEXPLAINED


def _why_adult(basis: Mapping[str, Any]) -> str:
    if basis["adult"] is None:
        return "no birth date that can be read"
    return _UNEXPLAINED if basis["birth_is_whole"] else "a birth date without a day"


def _why_assessed(theirs: Answers, basis: Mapping[str, Any], values: Mapping[str, str]) -> str:
    ferritin = basis["ferritin"]
    if theirs["assessed"]:
        if basis["unusable"]:
            return f"a newer result that cannot be compared: {', '.join(basis['unusable'])}"
        return "taken outside the period, by the clinic's day" if ferritin["kind"] == "stale" else _UNEXPLAINED
    if basis["unusable"] and ferritin["kind"] not in ("usable", "conflict", "censored"):
        return f"whether there is one cannot be told: {', '.join(basis['unusable'])}"
    if ferritin["kind"] == "censored" or ferritin["comparator"]:
        return "given as above or below a value"
    if ferritin["how"] == "converted":
        return "in another unit, converted"
    return "in a form that the views do not have: a unit without a code, a text, a panel, another date or code"


def _why_low(theirs: Answers, basis: Mapping[str, Any], values: Mapping[str, str]) -> str:
    ferritin = basis["ferritin"]
    if ferritin["kind"] == "conflict":
        return "two results of one time on both sides of the limit"
    if ferritin["comparator"]:
        return "the newest is given as above or below a value"
    if values["ferritin_taken"] and ferritin["taken"] != values["ferritin_taken"]:
        return "the newest is another one than the SQL took"
    return "the number that is compared is rounded, or another of the same day"


def _why_iron(theirs: Answers, basis: Mapping[str, Any], values: Mapping[str, str]) -> str:
    if theirs["on_iron"]:
        if basis["iron_orders"]:
            return "an order that is no treatment: a low dose, or an infusion outside the period"
        return "an order that is over, or is no iron by its words, its pack or its other orders"
    return "told by words, by a reference, or by another record than an order"


def _why_dopaminergic(theirs: Answers, basis: Mapping[str, Any], values: Mapping[str, str]) -> str:
    if theirs["on_dopaminergic"]:
        return "an order that is over, or not taken"
    return "told by words, by a reference, or by another record than an order"


def _why_measure(*rests_on: str) -> Any:
    def why(theirs: Answers, basis: Mapping[str, Any], values: Mapping[str, str]) -> str:
        excluded = rests_on[-1]
        if basis[excluded]:
            return f"not counted by us: {_EXCLUDED[excluded]}"
        return "cannot be told by us: a list was not read to its end" if theirs else _UNEXPLAINED

    return why


_EXCLUDED = {
    "taken_out": "iron overload, polycythaemia vera or end-stage kidney disease, told by more than a code of the views",
    "parkinsonism": "parkinsonism, told by more than a code of the views",
}


def as_text(result: Reconciliation) -> str:
    """Return the comparison in a few lines."""
    lines = [f"\nSQL and screen agree on {result.agree} patients and differ on {result.differ}."]
    for (question, why), number in sorted(result.reasons.items(), key=lambda each: (-each[1], each[0])):
        lines.append(f"{number:>11} {question:18} {why}")
    return "\n".join(lines) + "\n"
