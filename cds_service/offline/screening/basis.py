"""What a finding rests on, of what the SQL of `sql/` asks: enough to say why the two differ."""

from __future__ import annotations

from typing import Any

from cards.facts.chart import Chart, Diagnosis
from cards.fhir.local_codes import local_key
from cards.knowledge.rules import Rules
from cards.patient.status import is_child, is_esrd, overload, polycythaemia, probable_overload
from cards.quantity import plain
from cards.site.choices import as_the_site_counts
from cards.site.units import in_site_units
from cds_service.offline.screening.measures import DOPAMINERGIC, Care
from cds_service.offline.screening.sql.queries import rls_codes

_RLS = ("rls",)
_IRON = ("iron-oral", "iron-iv")


def basis_of(chart: Chart, rules: Rules) -> dict[str, Any]:
    """Return the facts behind a finding as a JSON value: restless legs, age, ferritin, iron, dopaminergic drugs."""
    dated = rules.on(chart.today)
    counted = in_site_units(as_the_site_counts(chart, dated), dated)
    care = Care(counted, dated)
    known = care.ferritin.bounds
    result = known or (care.ferritin.others[0] if care.ferritin.others else None)
    return {
        "rls": _diagnoses(counted),
        "adult": None if counted.age is None else not is_child(counted),
        "birth_is_whole": counted.person.birth is not None and counted.person.birth.first == counted.person.birth.last,
        "ferritin": {
            "kind": str(care.ferritin.kind),
            "value": plain(result.quantity.value) if result else "",
            "comparator": result.quantity.comparator if result else "",
            "taken": result.when.last.isoformat() if result else "",
            "how": result.how if result else "",
            "low": care.on_the_side("ferritin.low") if known else None,
        },
        "unusable": sorted({each.why for each in counted.unusable if each.analyte == "ferritin"}),
        "iron": care.treatment.is_active,
        "iron_orders": len(counted.active_drugs(*_IRON)),
        "dopaminergic": bool(counted.active_drugs(*DOPAMINERGIC)),
        "taken_out": bool(
            overload(counted) or probable_overload(counted) or polycythaemia(counted) or is_esrd(counted)
        ),
        "parkinsonism": bool(counted.diagnosed("parkinsonism")),
    }


def _diagnoses(chart: Chart) -> dict[str, int]:
    """How many diagnoses of restless legs syndrome there are, by what the SQL makes of them."""
    found = {"by_code": 0, "by_other_code": 0, "by_words": 0, "not_counted": 0}
    for each in chart.diagnoses:
        if not each.concepts.isdisjoint(_RLS):
            found[_kind(each)] += 1
    return found


def _kind(diagnosis: Diagnosis) -> str:
    if not diagnosis.counts:
        return "not_counted"
    if not diagnosis.code:
        return "by_words"
    system, _, code = diagnosis.code.rpartition("|")
    return "by_code" if local_key(system, code) in rls_codes() else "by_other_code"
