"""What the rows of the iron table share: how a row becomes a finding."""

from __future__ import annotations

from cards.chart import Diagnosis, Drug, LabResult, Procedure, references
from cards.context import context_lines
from cards.finding import Fact, Finding, Indicator, OrderTests, Outcome, Suggestion
from cards.iron.studies import IronStudies
from cards.person_in_words import person_in_words
from cards.scope import kidney_failure
from cards.wording import fill

NAME = "iron_status"


def pair(studies: IronStudies) -> dict[str, Fact]:
    return {"ferritin": studies.ferritin or "unknown", "tsat": studies.tsat or "unknown"}


def tsat_first(studies: IronStudies) -> tuple[str, ...]:
    return () if studies.tsat else ("advice_tsat_first",)


def panel(studies: IronStudies) -> tuple[Suggestion, ...]:
    """The only suggestion of a low-ferritin card: the missing TSAT (clinical page 1.5, rule 5)."""
    return () if studies.tsat else (OrderTests(("iron-panel",)),)


def high_crp(studies: IronStudies) -> dict[str, LabResult]:
    """The newest CRP above the limit within 14 days of the ferritin."""
    limit = studies.limit("crp_hi")
    high = next((result for result in crp_near(studies) if result.quantity.surely_above(limit)), None)
    return {"crp": high} if high else {}


def in_words(studies: IronStudies, text: str) -> str:
    """A part of a sentence of this decision, with its limits filled in."""
    return fill(studies.rules.decisions[NAME].texts[text], {}, studies.rules)


def crp_near(studies: IronStudies) -> tuple[LabResult, ...]:
    """Every CRP within 14 days of the ferritin, the newest first."""
    if studies.ferritin is None:
        return ()
    when, days = studies.ferritin.when, studies.rules.limit("crp_window").days
    return tuple(result for result in studies.chart.results("crp") if result.when.pairs_within(when, days))


def fires(
    studies: IronStudies,
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    why: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    suggest: tuple[Suggestion, ...] = (),
) -> Finding:
    """The finding of one row, with the patient, context lines and what was used."""
    person = {"person": person_in_words(studies.chart, studies.rules.limit("cause_age_women").days)}
    shown = tuple(name for name in facts if name in _WHY or name.rstrip("0123456789") in _WHY)
    context, context_facts = context_lines(studies.chart, studies.rules)
    labs = [fact for fact in facts.values() if isinstance(fact, LabResult)]
    return Finding(
        decision=NAME,
        outcome=Outcome.FIRES,
        because="fires",
        card=card,
        indicator=indicator,
        facts={**person, **facts, **context_facts, **_unusable(studies)},
        why=("person", *(why or shown)),
        texts=(*texts, *_borderline(studies, facts), *_origin(labs), *_unusable_text(studies), *context),
        evidence=references([*labs, *studies.treatment.oral, *_infusion(studies), *_kidney(studies, card)]),
        suggestions=suggest,
    )


_WHY = frozenset({"ferritin", "ferritin_missing", "tsat", "tsat_missing", "crp", "therapy", "last_iv", "overload",
                  "chelator", "polycythaemia", "phlebotomy", "newest", "aligned"})  # fmt: skip


#: The cards of an adult with end-stage kidney disease; two of them others get as well.
_ON_DIALYSIS = frozenset({"IRON-ESRD", "IRON-ESRD-DISCORD", "IRON-TEST-TSAT", "IRON-ONTX"})


def _kidney(studies: IronStudies, card: str) -> tuple[Diagnosis | Procedure, ...]:
    return kidney_failure(studies.chart) if card in _ON_DIALYSIS else ()


def _infusion(studies: IronStudies) -> tuple[Drug, ...]:
    return (studies.treatment.last_iv,) if studies.treatment.last_iv else ()


def _borderline(studies: IronStudies, facts: dict[str, Fact]) -> tuple[str, ...]:
    wanted = studies.rules.is_on("borderline_note") and "ferritin" in facts and studies.ferritin_is_borderline
    return ("borderline",) if wanted else ()


def _origin(labs: list[LabResult]) -> tuple[str, ...]:
    converted = any(lab.analyte == "ferritin" and lab.how == "converted" for lab in labs)
    calculated = any(lab.analyte == "tsat" and lab.how == "calculated" for lab in labs)
    return (*(("converted_ferritin",) if converted else ()), *(("calculated_tsat",) if calculated else ()))


def _unusable(studies: IronStudies) -> dict[str, Fact]:
    newer = {"unusable": studies.ferritin_reading, "unusable_tsat": studies.tsat_reading}
    return {name: reading.unusable[0] for name, reading in newer.items() if reading.result and reading.unusable}


def _unusable_text(studies: IronStudies) -> tuple[str, ...]:
    """Results beside the ones that were used, and not older; where none was used, the *why* says so."""
    named = _unusable(studies)
    texts = {"unusable": "newer_unusable", "unusable_tsat": "newer_unusable_tsat"}
    return tuple(text for name, text in texts.items() if name in named)
