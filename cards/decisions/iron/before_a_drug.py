"""What iron calls for before a dopaminergic drug: the same advice as the iron cards give, in one line."""

from __future__ import annotations

from collections.abc import Mapping

from cards.decisions.iron.contraindications import IRON_SUCROSE, against_infusions, against_product
from cards.decisions.iron.inflammation import raising_crp
from cards.decisions.iron.recheck import infusion_decides, oral_without_recheck, planned_decides, recheck_on
from cards.decisions.iron.routes import oral_iron_works
from cards.decisions.iron.studies import IronStudies
from cards.decisions.iron.treatment import render_due
from cards.facts.chart import Listing
from cards.facts.finding import Fact, Text
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd, overload, polycythaemia, probable_overload
from cards.patient.unread import undated_infusions
from cards.wording.phrases import NOTHING, say

NAME = "dopaminergic_order"
#: The answers that rest on iron that was given or is taken.
ON_IRON = frozenset({"iron_infused", "iron_taken"})
_BY_TREATMENT = ON_IRON | {"iron_planned", "iron_low_on_oral", "iron_start_unknown"}


def iron_first(studies: IronStudies) -> str:
    """Return what comes before the drug, as a key of the texts."""
    chart = studies.chart
    if overload(chart) or probable_overload(chart) or polycythaemia(chart) or studies.blocking:
        return "advice_iron_barred"
    if is_esrd(chart):
        return _in_dialysis(studies)
    if infusion_decides(studies):
        return "iron_infused"
    if planned_decides(studies):
        return "iron_planned"
    if studies.ferritin is None:
        return _not_known(studies)
    return _under_way(studies) or _by_numbers(studies)


def render_iron_first(studies: IronStudies) -> Text:
    """Return what comes before the drug."""
    chart, rules, treatment = studies.chart, studies.rules, studies.treatment
    key = iron_first(studies)
    product = against_product(chart, rules, IRON_SUCROSE) if key == "iron_dialysis_barred" else NOTHING
    facts: dict[str, Fact] = {
        "recheck_when": render_due(recheck_on(studies), chart.today),
        "barred": against_infusions(chart) or product,
        **({"given": treatment.infusion_day} if treatment.infusion_day else {}),
        **({"planned": treatment.planned_day} if treatment.planned_day else {}),
    }
    told = "infusion_ordered" if key == "iron_infused" and treatment.infusion_is_only_ordered else key
    return say(rules, NAME, told, **facts)


def further_facts(studies: IronStudies) -> Mapping[str, Fact]:
    """Return what the answer rests on beside the studies: iron treatment, or the CRP that may have raised ferritin."""
    treatment, key = studies.treatment, iron_first(studies)
    crp = raising_crp(studies) if key == "iron_inflamed" else None
    if key not in _BY_TREATMENT:
        return {"crp": crp} if crp else {}
    return {**treatment.facts, **({"last_iv": treatment.last_iv} if treatment.last_iv else {})}


def waits_for_recheck(studies: IronStudies) -> bool:
    """Return whether iron studies would not yet be meaningful."""
    return iron_first(studies) in ON_IRON and recheck_on(studies) > studies.chart.today


def _not_known(studies: IronStudies) -> str:
    if studies.chart.listing("labs") is not Listing.COMPLETE:
        return "iron_first"
    return "iron_taken" if oral_without_recheck(studies) and not is_esrd(studies.chart) else "advice_iron_unknown"


def _in_dialysis(studies: IronStudies) -> str:
    """Return what the rows of end-stage kidney disease say (clinical amendments 2 and 3)."""
    if studies.is_beyond_the_stop:
        return "iron_dialysis_hold"
    if studies.ferritin is None:
        return _not_known(studies)
    if is_child(studies.chart):
        return "iron_dialysis_child"
    if studies.tsat is None:
        return "iron_without_tsat"
    if not (studies.ferritin_meets("esrd.ferritin") and studies.tsat_meets("esrd.tsat")):
        return "iron_dialysis_not_low"
    if studies.treatment.iv_counts or undated_infusions(studies.chart):
        return "iron_infused" if studies.treatment.iv_counts else "iron_undated"
    barred = against_infusions(studies.chart) or against_product(studies.chart, studies.rules, IRON_SUCROSE)
    return "iron_dialysis_barred" if barred else "iron_dialysis"


def _under_way(studies: IronStudies) -> str:
    """Return what iron treatment says before the numbers do; empty where the numbers decide."""
    treatment = studies.treatment
    if oral_without_recheck(studies):
        return "iron_taken"
    if not _is_low(studies):
        return ""
    if treatment.is_recent or oral_iron_works(studies):
        return "iron_infused" if treatment.iv_counts else "iron_taken"
    if undated_infusions(studies.chart):
        return "iron_undated"
    if treatment.oral and treatment.start is None:
        return "iron_start_unknown"
    low = "child.ferritin" if is_child(studies.chart) else "ferritin.low"
    return "iron_low_on_oral" if treatment.oral and studies.ferritin_meets(low) else ""


def _is_low(studies: IronStudies) -> bool:
    """Return whether the numbers alone would call for iron, or for a look at it (clinical amendments 2, row 15)."""
    if is_child(studies.chart):
        return studies.ferritin_meets("child.ferritin")
    low = studies.ferritin_meets("ferritin.mid") or studies.tsat_meets("tsat.low")
    return low and not studies.ferritin_meets("ferritin.high")


def _by_numbers(studies: IronStudies) -> str:
    """Return what a ferritin that is known says, as a key of the texts, by the rows of the iron table."""
    child, tsat_low = is_child(studies.chart), studies.tsat_meets("tsat.low")
    # in a child a low saturation is asked about whatever the ferritin (IRON-CHILD-TSAT)
    if studies.ferritin_meets("ferritin.high") and not (child and tsat_low):
        return "iron_high"
    if studies.ferritin_meets("child.ferritin" if child else "ferritin.low"):
        return "iron_low_tsat_first" if studies.tsat_comes_first else "iron_low"
    if studies.tsat is None:
        return "iron_without_tsat"
    if _may_read_high(studies) and not tsat_low:
        return "iron_inflamed"
    if not child and studies.ferritin_is_mid:
        return _mid(studies)
    return "iron_low_tsat" if tsat_low else "iron_enough"


def _may_read_high(studies: IronStudies) -> bool:
    """Return whether inflammation may have raised the ferritin; that row is for adults who are not pregnant."""
    chart = studies.chart
    return raising_crp(studies) is not None and not is_child(chart) and not pregnancy(chart).is_pregnant


def _mid(studies: IronStudies) -> str:
    """Return what a ferritin between the limits says: only an infusion is an option, in pregnancy for obstetrics."""
    if pregnancy(studies.chart).is_pregnant:
        return "iron_mid_pregnant"
    stopped = against_infusions(studies.chart) and not studies.is_low_elsewhere
    return "iron_mid_barred" if stopped else "iron_mid"
