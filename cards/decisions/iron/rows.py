"""Shared parts of the rows of the iron table: how a row becomes a finding."""

from __future__ import annotations

from dataclasses import replace

from cards.dates import PartialDate
from cards.decisions.iron.contraindications import (
    FERRIC_CARBOXYMALTOSE,
    IRON_SUCROSE,
    reactions_to_oral_iron,
    render_allergens,
)
from cards.decisions.iron.routes import earlier_reaction
from cards.decisions.iron.studies import IronStudies
from cards.decisions.shared.card_notes import context_lines
from cards.decisions.shared.firing import fires
from cards.decisions.shared.kidney import read_kidney
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.severe_rls import render_review
from cards.facts.chart import Diagnosis, Procedure
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, Text
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.limits import due_on
from cards.labs.saturation import may_lie
from cards.patient.awaited import awaited_orders
from cards.patient.status import is_child, is_esrd, kidney_failure
from cards.patient.unread import may_hide_overload, not_excluded, undated_infusions
from cards.wording.phrases import NOTHING, phrase

NAME = "iron_status"
STUDIES = ("ferritin", "iron-panel")


def pair(studies: IronStudies) -> dict[str, Fact]:
    """Return ferritin and transferrin saturation as facts, each as unknown where it is missing."""
    unknown = phrase("results.unknown")
    return {"ferritin": studies.ferritin or unknown, "tsat": studies.tsat or unknown}


def tsat_first(studies: IronStudies) -> tuple[str, ...]:
    """Return the advice to measure the transferrin saturation first, if it is missing.

    One that is only reported as below the stop, or below less, is enough where nothing else is asked of it.
    """
    return ("advice_tsat_first",) if studies.tsat_comes_first else ()


def panel(studies: IronStudies) -> tuple[Suggestion, ...]:
    """Return the only suggestion of a low-ferritin card: the missing TSAT (clinical rationale 1.5, rule 5)."""
    return (OrderTests(("iron-panel",)),) if studies.tsat_comes_first else ()


def recheck(studies: IronStudies) -> tuple[Suggestion, ...]:
    """Return iron studies for the day on which they are meaningful again, unless some are awaited already.

    That is after the iron that is taken or was infused, else after the usual time from now.
    """
    if awaited(studies):
        return ()
    today, treatment = studies.chart.today, studies.treatment
    under_way = treatment.oral or treatment.iv_counts
    due = treatment.recheck_on if under_way else due_on(studies.rules.limit("oral_recheck"), today)
    return (OrderTests(STUDIES, due=max(due, today)),)


def awaited(studies: IronStudies) -> PartialDate | None:
    """Return the day of a ferritin or iron-panel order that is still awaited."""
    asked = (order for order in awaited_orders(studies.chart, studies.rules) if not order.tests.isdisjoint(STUDIES))
    return next((order.when for order in asked), None)


def row_fires(
    studies: IronStudies,
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    why: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    suggestions: tuple[Suggestion, ...] = (),
) -> Finding:
    """Return the finding of one row, with context lines and what was used.

    A card that would offer iron offers none while something that speaks against it could not be excluded, and is only
    information where that may be iron overload (contract section 5).
    """
    undated = undated_infusions(studies.chart)
    questions = not_excluded(studies.chart) if card in _OFFERS_IRON else ()
    aim = () if "advice_tsat_first" in texts else _aim(studies, card)
    texts = (*texts, *_optional_vitamin_c(studies, texts), *aim)
    if "advice_routes" in texts:
        facts = {**facts, **numbered("unusable_egfr", _unread_weak_kidney(studies))}
    ordered = awaited(studies) if card in _ORDERS_STUDIES else None
    if ordered:
        texts, facts = (*texts, "studies_awaited"), {**facts, "awaited": ordered}
    review = _review(studies, card)
    if review:
        texts, facts = (*texts, "still_severe"), {**facts, "still_severe": review}
    if questions:
        texts = tuple(text for text in texts if text not in _OFFERS)
        indicator = Indicator.INFO if may_hide_overload(studies.chart) else indicator
    reaction = (
        earlier_reaction(studies, named=_product(card, texts)) if card in _NAMES_INFUSIONS and not questions else {}
    )
    if not _NAMES_ORAL.isdisjoint(texts) and (oral := reactions_to_oral_iron(studies.chart)):
        texts, facts = (*texts, "earlier_oral_reaction"), {**facts, "oral_reaction": render_allergens(oral)}
    shown = tuple(name for name in facts if name in _WHY or name.rstrip("0123456789") in _WHY)
    context, context_facts = context_lines(studies.chart, studies.rules)
    labs = [fact for fact in facts.values() if isinstance(fact, LabResult)]
    found = fires(
        NAME,
        card,
        studies.chart,
        studies.rules,
        facts,
        indicator=indicator,
        why=why or shown,
        texts=(
            *texts,
            *(f"earlier_{name}" for name in reaction),
            *_borderline(studies, card, facts),
            *_origin(labs),
            *_unusable_text(studies),
            *context,
        ),
        evidence=(*studies.treatment.oral, *_infusion(studies), *undated, *_kidney(studies, card)),
        suggestions=suggestions,
        open_questions=questions,
    )
    return replace(found, facts={**found.facts, **context_facts, **_unusable(studies), **reaction})


def _review(studies: IronStudies, card: str) -> Text:
    """Return what remains for RLS that stays severe, on the cards of an iron that is not low."""
    chart, rules = studies.chart, studies.rules
    if card == "IRON-MID":
        return render_review(chart, rules, phrase("severe_rls.above", limit=rules.limit("ferritin.low")))
    return render_review(chart, rules) if card == "IRON-REPLETE-ONTX" else NOTHING


#: The cards that name the aim of treatment.
_WITH_AIM = frozenset({"IRON-LOW", "IRON-CHILD", "IRON-ONTX", "IRON-RECHECK", "IRON-REPLETE-ONTX"})
#: What speaks against vitamin C with each iron tablet.
_AGAINST_VITAMIN_C = ("oxalate", "primary-hyperoxaluria", "kidney-stone")


def _aim(studies: IronStudies, card: str) -> tuple[str, ...]:
    """Return the text on the aim of treatment: another for children, none on dialysis (clinical amendments 2)."""
    if card not in _WITH_AIM or is_esrd(studies.chart):
        return ()
    return ("aim_child" if is_child(studies.chart) else "aim_adult",)


def _optional_vitamin_c(studies: IronStudies, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the text on vitamin C beside oral iron, unless oxalate would be a danger.

    Where a result is to be repeated or measured first, optional advice waits.
    """
    waits = studies.ferritin_is_borderline or "advice_tsat_first" in texts
    if "advice_routes" not in texts or waits or studies.chart.diagnosed(*_AGAINST_VITAMIN_C):
        return ()
    kidney = read_kidney(studies.chart, studies.rules, "egfr_days")
    weak = kidney.is_below(studies.rules.limit("vitc.egfr")) or kidney.is_in_doubt or _unread_weak_kidney(studies)
    return () if weak else ("optional_vitamin_c",)


def _unread_weak_kidney(studies: IronStudies) -> tuple[UnusableResult, ...]:
    """Return the newest eGFR if it may not be used and may be too low for vitamin C: it bars it, and is named."""
    limit = studies.rules.limit("vitc.egfr")
    return tuple(each for each in read_kidney(studies.chart, studies.rules, "egfr_days").unread if may_lie(each, limit))


#: The cards that offer iron, and the text blocks that name a way to give it.
_OFFERS_IRON = frozenset({"IRON-LOW", "IRON-CHILD", "IRON-MID-LOWTSAT", "IRON-MID", "IRON-ESRD", "IRON-ONTX"})
_OFFERS = frozenset({"advice_confirm", "advice_routes", "advice_pregnant", "advice_non_response",
                     "advice_infusion_first", "advice_coeliac", "advice_mid_iv", "advice_mid_site",
                     "advice_mid_stopped", "advice_mid_on_oral", "advice_mid_low_iv", "advice_mid_low_site",
                     "advice_mid_low_stopped", "advice_mid_low_on_oral", "advice_child",
                     "optional_vitamin_c", "aim_adult", "aim_child", "advice_pregnant_first",
                     "advice_child_first"})  # fmt: skip
#: The cards that offer the next iron studies, unless these are awaited already.
_ORDERS_STUDIES = frozenset({"IRON-LOW", "IRON-CHILD", "IRON-MID-LOWTSAT", "IRON-HIGH-FERR", "IRON-ONTX"})
#: The cards that name an infusion.
_NAMES_INFUSIONS = frozenset({"IRON-LOW", "IRON-MID-LOWTSAT", "IRON-MID", "IRON-ESRD"})
#: The text blocks that name iron by mouth.
_NAMES_ORAL = frozenset({"advice_routes", "advice_coeliac", "advice_pregnant", "advice_mid_site",
                         "advice_mid_low_site", "advice_child"})  # fmt: skip
#: The text blocks that name its product; the others speak of intravenous iron alone.
_NAMES_PRODUCT = frozenset({"advice_routes", "advice_infusion_first", "advice_mid_iv", "advice_mid_on_oral",
                            "advice_mid_low_iv", "advice_mid_low_on_oral"})  # fmt: skip


def _product(card: str, texts: tuple[str, ...]) -> str:
    """Return the intravenous iron that a card names, or names as not to be given; empty where it names none."""
    if card == "IRON-ESRD":
        return IRON_SUCROSE
    return "" if _NAMES_PRODUCT.isdisjoint(texts) else FERRIC_CARBOXYMALTOSE


_WHY = frozenset({"ferritin", "ferritin_missing", "tsat", "tsat_missing", "crp", "therapy", "last_iv", "overload",
                  "planned_iv", "chelator", "polycythaemia", "phlebotomy", "newest", "aligned", "drug", "weight",
                  "unusable_egfr"})  # fmt: skip


#: The cards of an adult with end-stage kidney disease; two of them are also shown to other patients.
_ON_DIALYSIS = frozenset({"IRON-ESRD", "IRON-ESRD-DISCORD", "IRON-TEST-TSAT", "IRON-ONTX"})


def _kidney(studies: IronStudies, card: str) -> tuple[Diagnosis | Procedure, ...]:
    return kidney_failure(studies.chart) if card in _ON_DIALYSIS else ()


def _infusion(studies: IronStudies) -> tuple[Drug, ...]:
    return tuple(drug for drug in (studies.treatment.last_iv, studies.treatment.planned) if drug)


#: The cards on which TSAT may decide where ferritin lies close to a limit; elsewhere ferritin alone or both count.
_TSAT_MAY_DECIDE = frozenset({"IRON-LOW", "IRON-MID", "IRON-MID-LOWTSAT", "IRON-TEST-TSAT"})
#: The cards that say themselves when ferritin is measured again, or leave it to nephrology.
_NOT_BORDERLINE = frozenset({"IRON-INFLAM", "IRON-ESRD-DISCORD"})


def _borderline(studies: IronStudies, card: str, facts: dict[str, Fact]) -> tuple[str, ...]:
    noted = studies.rules.is_on("borderline_note") and card not in _NOT_BORDERLINE
    wanted = noted and "ferritin" in facts and studies.ferritin_is_borderline
    decides = card in _TSAT_MAY_DECIDE and not is_esrd(studies.chart)
    return (("borderline" if decides else "borderline_repeat"),) if wanted else ()


def _origin(labs: list[LabResult]) -> tuple[str, ...]:
    converted = any(lab.analyte == "ferritin" and lab.how == "converted" for lab in labs)
    return ("converted_ferritin",) if converted else ()


def _unusable(studies: IronStudies) -> dict[str, Fact]:
    newer = {"unusable": studies.ferritin_reading, "unusable_tsat": studies.tsat_reading}
    return {name: reading.unusable[0] for name, reading in newer.items() if reading.result and reading.unusable}


def _unusable_text(studies: IronStudies) -> tuple[str, ...]:
    """Return the texts on unusable results beside the ones used and not older.

    Where none was used, the *why* of the card says so.
    """
    named = _unusable(studies)
    texts = {"unusable": "newer_unusable", "unusable_tsat": "newer_unusable_tsat"}
    return tuple(text for name, text in texts.items() if name in named)
