"""Counts over all findings of a run: cards, burden, measures, data quality, and what other rules would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from cards.knowledge.rules import Rules
from cds_service.offline.screening.measures import measures

#: Charts that a clinician opens a day, where the run names no other number. An engineering default without a source.
CHARTS_A_DAY = 20
_INDICATORS = ("critical", "warning", "info")
#: A finding that is nothing but quiet: counted without being parsed.
_QUIET = b'"cards":[],"unknown":[],"scope":"no RLS"}\n'
_QUALITY = ("codes", "units", "undated", "unmapped", "drug_codes")


@dataclass(slots=True)
class Tally:
    """The counts of the findings added so far."""

    patients: int = 0
    scope: Counter[str] = field(default_factory=Counter)
    rls: Counter[str] = field(default_factory=Counter)
    cards: Counter[tuple[str, str]] = field(default_factory=Counter)
    patients_with: Counter[str] = field(default_factory=Counter)
    cards_each: Counter[int] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    gains: Counter[tuple[str, str]] = field(default_factory=Counter)
    loses: Counter[tuple[str, str]] = field(default_factory=Counter)
    gaining: int = 0
    losing: int = 0
    measures: Counter[tuple[str, str]] = field(default_factory=Counter)
    quality: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in _QUALITY})
    quality_totals: Counter[str] = field(default_factory=Counter)

    def add(self, line: bytes) -> dict[str, Any] | None:
        """Count one finding; return it parsed, or None for one that says no more than "no RLS"."""
        if line.endswith(_QUIET):
            self.patients += 1
            self.scope["no RLS"] += 1
            return None
        found: dict[str, Any] = orjson.loads(line)
        if found.get("scope") == "deleted":
            self.scope["deleted"] += 1
            return found
        self.patients += 1
        if "scope" in found:
            self.scope[found["scope"]] += 1
            return found
        self._add_in_scope(found)
        return found

    def _add_in_scope(self, found: Mapping[str, Any]) -> None:
        self.rls[found["rls"]] += 1
        self.cards.update((each["code"], each["indicator"]) for each in found["cards"])
        self.cards_each[len(found["cards"])] += 1
        shown = {each["indicator"] for each in found["cards"]}
        highest = next((each for each in _INDICATORS if each in shown), "none")
        self.patients_with[highest] += 1
        self.unknown.update(found["unknown"])
        self.missing.update(found.get("missing", ()))
        for name, counter in (("gains", self.gains), ("loses", self.loses)):
            counter.update((each["code"], each["indicator"]) for each in found.get(name, ()))
        self.gaining += bool(found.get("gains"))
        self.losing += bool(found.get("loses"))
        for name, answer in found.get("measures", {}).items():
            self.measures[name, {True: "numerator", False: "denominator", None: "unknown"}[answer]] += 1
        for kind, value in found.get("quality", {}).items():
            if isinstance(value, dict):
                self.quality[kind].update(value)
            else:
                self.quality_totals[kind] += value

    @property
    def in_scope(self) -> int:
        """Return how many patients have restless legs syndrome, suspected too, and were reviewed."""
        return self.rls.total()


@dataclass(frozen=True, slots=True)
class About:
    """What a summary says of the run, besides the counts."""

    as_of: str
    program: str
    lines: int
    bad_lines: int
    nobodys: int
    merged: int
    types: Mapping[str, int]
    not_exported: tuple[str, ...]
    cut: tuple[str, ...]
    export_had_errors: bool
    changes: tuple[str, ...]
    charts_a_day: int = CHARTS_A_DAY


def summarised(tally: Tally, about: About, rules: Rules) -> dict[str, Any]:
    """Return the summary as a JSON value, the same for the same findings."""
    total = tally.cards.total()
    content: dict[str, Any] = {
        "as_of": about.as_of,
        "program": about.program,
        "export": {
            "lines": about.lines,
            "bad_lines": about.bad_lines,
            "records_of_no_patient": about.nobodys,
            "merged_patients": about.merged,
            "resources": dict(sorted(about.types.items())),
            "lists_not_exported": list(about.not_exported),
            "lists_cut": list(about.cut),
            "server_reported_errors": about.export_had_errors,
        },
        "patients": tally.patients,
        "rls_patients": tally.in_scope,
        "rls": dict(sorted(tally.rls.items())),
        "out_of_scope": dict(sorted(tally.scope.items())),
        "not_answered": dict(sorted(tally.missing.items())),
        "cards": [_card(key, count, tally, titles(rules)) for key, count in ordered(tally.cards)],
        "cards_in_all": total,
        "rls_patients_by_highest_card": {each: tally.patients_with[each] for each in (*_INDICATORS, "none")},
        "rls_patients_by_number_of_cards": {str(n): count for n, count in sorted(tally.cards_each.items())},
        "burden": burden(total, tally, about.charts_a_day),
        "decisions_not_answered": dict(tally.unknown.most_common()),
        "measures": [_measure(name, tally, rules) for name in measures()],
        "quality": {
            **{kind: _sorted(counter) for kind, counter in tally.quality.items()},
            **{kind: tally.quality_totals[kind] for kind in ("drugs", "drug_names", "damaged")},
        },
    }
    if about.changes:
        content["what_if"] = {
            "changes": list(about.changes),
            "patients_who_gain": tally.gaining,
            "patients_who_lose": tally.losing,
            "gains": [_card(key, count, tally, titles(rules)) for key, count in ordered(tally.gains)],
            "loses": [_card(key, count, tally, titles(rules)) for key, count in ordered(tally.loses)],
        }
    return content


def titles(rules: Rules) -> Mapping[str, str]:
    """Return the title of every card by its code."""
    return {text.topic: text.title for decision in rules.decisions.values() for text in decision.cards.values()}


def ordered(cards: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    """Return cards with their counts, the most frequent first, in one order for equal counts."""
    return sorted(cards.items(), key=lambda each: (-each[1], each[0]))


def rate(part: int, whole: int, of: int = 1000) -> str | None:
    """Return a part of so many, with one decimal; None of nobody."""
    if not whole:
        return None
    return str((Decimal(part) * of / Decimal(whole)).quantize(Decimal("0.1"), ROUND_HALF_UP))


def burden(cards: int, tally: Tally, charts_a_day: int) -> dict[str, Any]:
    """Return how many cards a clinician meets a day, if charts are opened evenly and nothing is silenced."""
    return {
        "charts_a_day": charts_a_day,
        "cards_a_clinician_day": rate(cards, tally.patients, charts_a_day),
        "assumes": "every patient's chart is opened equally often, every opening shows all cards, nothing is silenced",
    }


def _card(key: tuple[str, str], count: int, tally: Tally, named: Mapping[str, str]) -> dict[str, Any]:
    code, indicator = key
    return {
        "code": code,
        "indicator": indicator,
        "title": named.get(code, ""),
        "patients": count,
        "per_1000_patients": rate(count, tally.patients),
        "per_1000_rls_patients": rate(count, tally.in_scope),
    }


def _measure(name: str, tally: Tally, rules: Rules) -> dict[str, Any]:
    measure = measures()[name].with_limits(rules)
    numerator, rest, unknown = (tally.measures[name, part] for part in ("numerator", "denominator", "unknown"))
    return {
        "id": name,
        "title": measure.title,
        "population": measure.population,
        "numerator_is": measure.numerator,
        "better": measure.better,
        "certainty": measure.certainty,
        "reference": measure.reference,
        "denominator": numerator + rest,
        "numerator": numerator,
        "cannot_be_told": unknown,
        "percent": rate(numerator, numerator + rest, 100),
    }


def _sorted(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda each: (-each[1], each[0])))


def as_text(content: Mapping[str, Any]) -> str:
    """Return a summary as a person reads it in a terminal."""
    return "\n".join(_text(content)) + "\n"


def _text(content: Mapping[str, Any]) -> Iterable[str]:
    export = content["export"]
    yield (
        f"{content['patients']} patients, {content['rls_patients']} of them with restless legs syndrome, "
        f"as of {content['as_of']}"
    )
    yield f"{export['lines']} lines read, {export['bad_lines']} bad"
    if export["lists_not_exported"]:
        yield f"Not in the export, so not known: {', '.join(export['lists_not_exported'])}"
    if export["lists_cut"]:
        yield f"Incomplete in the export: {', '.join(export['lists_cut'])}"
    if content["not_answered"]:
        told = ", ".join(f"{name} {count}" for name, count in content["not_answered"].items())
        yield f"No answer for want of: {told}"
    yield ""
    yield f"{'card':18}{'':10}{'patients':>9}{'per 1,000':>11}{'per 1,000 RLS':>15}  title"
    for each in content["cards"]:
        yield (
            f"{each['code']:18}{each['indicator']:10}{each['patients']:9}{each['per_1000_patients']:>11}"
            f"{each['per_1000_rls_patients']:>15}  {each['title']}"
        )
    burden = content["burden"]
    if burden["cards_a_clinician_day"] is not None:
        yield (
            f"\nCards a clinician-day: {burden['cards_a_clinician_day']} with {burden['charts_a_day']} charts opened "
            f"({burden['assumes']})"
        )
    yield f"\n{'measure':36}{'share':>8}{'of':>7}{'?':>7}   (? cannot be told)"
    for each in content["measures"]:
        share = "-" if each["percent"] is None else f"{each['percent']} %"
        yield (
            f"{each['title']:36}{share:>8}{each['denominator']:7}{each['cannot_be_told']:7}   "
            f"({each['better']} is better)"
        )
    yield from _quality_text(content["quality"])
    if "what_if" in content:
        yield from _what_if_text(content["what_if"])


#: What each kind of data quality counts.
QUALITY_WORDS = {
    "codes": "Codes that tell nothing, by list and system",
    "unmapped": "Results in codes that nothing maps, by analyte",
    "units": "Results without a readable unit, by analyte",
    "undated": "Results without a readable date, by analyte",
    "drug_codes": "Drugs that cannot be told, by code system",
}


def _quality_text(quality: Mapping[str, Any]) -> Iterable[str]:
    for kind, words in QUALITY_WORDS.items():
        if quality[kind]:
            yield f"\n{words}:"
            yield from (f"  {count:9} {name}" for name, count in list(quality[kind].items())[:20])
    if quality["drugs"]:
        yield f"\nDrugs that cannot be told: {quality['drugs']}, {quality['drug_names']} of them by a name of no list"
    if quality["damaged"]:
        yield f"\nLines about patients in scope that could not be read: {quality['damaged']}"


def _what_if_text(what_if: Mapping[str, Any]) -> Iterable[str]:
    yield (
        f"\nWith {', '.join(what_if['changes'])}: {what_if['patients_who_gain']} patients gain a card, "
        f"{what_if['patients_who_lose']} lose one"
    )
    for name in ("gains", "loses"):
        yield from (f"  {name:6}{each['code']:18}{each['indicator']:10}{each['patients']:9}" for each in what_if[name])
