"""How far the kidneys can clear a drug that is being ordered."""

from __future__ import annotations

from dataclasses import dataclass

from cards.chart import Chart, Diagnosis, LabResult, Procedure
from cards.finding import Fact
from cards.levels import level, meets
from cards.rules import Rules, Threshold
from cards.scope import end_stage_kidney, haemodialysis
from cards.wording import inline


@dataclass(frozen=True, slots=True)
class Kidney:
    """Dialysis or end-stage disease, else the newest eGFR of the window, else a coded stage 5 (eGFR below 15)."""

    dialysis: tuple[Diagnosis | Procedure, ...]
    egfr: LabResult | None
    stage_5: tuple[Diagnosis, ...]

    @property
    def is_known(self) -> bool:
        return bool(self.dialysis or self.egfr or self.stage_5)

    def is_below(self, limit: Threshold) -> bool:
        """Surely below; where nothing is known the answer is no."""
        return bool(self.dialysis or self.stage_5) or meets(self.egfr, limit)

    @property
    def facts(self) -> dict[str, Fact]:
        if self.dialysis:
            return {"kidney": "end-stage kidney disease or dialysis"}
        if self.egfr:
            return {"egfr": self.egfr}
        return {"kidney": "chronic kidney disease stage 5 is coded"} if self.stage_5 else {}

    @property
    def in_words(self) -> str:
        """Short, for a summary."""
        if self.dialysis:
            return "dialysis or end-stage kidney disease"
        return f"eGFR {inline(self.egfr)}" if self.egfr else "kidney disease stage 5"

    @property
    def evidence(self) -> tuple[Diagnosis | Procedure | LabResult, ...]:
        """Facts by verified codes carry dialysis where there are any."""
        sure = tuple(fact for fact in self.dialysis if not fact.unverified and "ckd-stage-5" not in fact.concepts)
        return (*(sure or self.dialysis), *((self.egfr,) if self.egfr else ()), *self.stage_5)


def read_kidney(chart: Chart, rules: Rules, days: str, *limits: str) -> Kidney:
    """The kidneys as the chart shows them; an eGFR counts within the threshold `days`, compared at `limits`."""
    dialysis = tuple(dict.fromkeys((*end_stage_kidney(chart), *haemodialysis(chart))))
    egfr = level(chart, rules, "egfr", days, *limits).result
    return Kidney(dialysis, egfr, () if egfr else chart.diagnosed("ckd-stage-5"))
