"""Whether an infusion of iron is called for now, by what the rows of the iron tables decide.

Where none is, no card names another infusion than the one ordered (clinical amendments 2, section 3.5).
"""

from __future__ import annotations

from cards.decisions.iron.duplicates import infusion_may_be_too_soon
from cards.decisions.iron.inflammation import raising_crp
from cards.decisions.iron.orders import IronOrder
from cards.decisions.iron.other_definitions import other_definitions
from cards.decisions.iron.recheck import iron_under_way_decides
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd
from cards.patient.unread import open_questions


def why_no_infusion(order: IronOrder) -> str:
    """Return why no infusion is called for now, as a part of text keys; empty where one may be.

    `waits` for iron studies or another card, `unread` for what may speak against iron, `obstetrics` in pregnancy.
    """
    chart, studies = order.chart, order.studies
    if studies.is_beyond_the_stop or infusion_may_be_too_soon(order):
        return "waits"
    if open_questions(chart):
        return "unread"
    if order.states_another_indication:
        return ""
    if is_esrd(chart):
        return "waits" if order.ferritin is None or studies.tsat is None else ""
    if order.ferritin is None or order.waits_for_tsat or iron_under_way_decides(studies):
        return "waits"
    if pregnancy(chart).is_pregnant and not _is_called_for_in_pregnancy(order):
        return "obstetrics"
    lifted = raising_crp(studies) and not studies.tsat_meets("tsat.low")
    return "waits" if lifted or _is_enough(order) else ""


def _is_called_for_in_pregnancy(order: IronOrder) -> bool:
    """Return whether ferritin is low after oral iron failed, or low enough for severe RLS (clinical amendments 2)."""
    studies = order.studies
    failed = studies.ferritin_meets("ferritin.low") and studies.treatment.oral_is_due
    return failed or studies.ferritin_meets("pregnancy.severe_ferritin")


def _is_enough(order: IronOrder) -> bool:
    """Return whether ferritin is above the limit for iron, and neither heart nor kidney disease calls for it.

    In kidney disease without known anaemia nephrology decides.
    """
    other = other_definitions(order.studies)
    if other.heart or (other.kidney and other.anaemic):
        return False
    return order.studies.ferritin_misses("child.ferritin" if is_child(order.chart) else "ferritin.mid")
