"""Iron deficiency as heart failure and kidney disease define it (clinical amendments 2, section 3.2)."""

from __future__ import annotations

from cards.decisions.iron.contraindications import against_infusions
from cards.decisions.iron.studies import IronStudies
from cards.facts.chart import Diagnosis
from cards.facts.finding import Text
from cards.patient.anaemia import anaemia
from cards.patient.unread import open_questions
from cards.values import frozen
from cards.wording.phrases import say, sentences

#: The decision that holds the words.
_TEXTS_OF = "iron_status"


@frozen
class OtherDefinitions:
    """The diagnoses whose own definition of iron deficiency is met; `anaemic` counts for kidney disease alone."""

    heart: tuple[Diagnosis, ...] = ()
    kidney: tuple[Diagnosis, ...] = ()
    anaemic: bool = False

    def __bool__(self) -> bool:
        return bool(self.heart or self.kidney)


def other_definitions(studies: IronStudies) -> OtherDefinitions:
    """Return whose definition a ferritin above 100 with a low saturation meets.

    None counts while something that speaks against iron could not be excluded.
    """
    chart = studies.chart
    deficient = studies.ferritin_meets("func.definition") and studies.tsat_meets("tsat.low")
    if not deficient or studies.ferritin is None or open_questions(chart):
        return OtherDefinitions()
    coded = bool(chart.diagnosed("anaemia-in-ckd"))
    return OtherDefinitions(
        chart.diagnosed("heart-failure"),
        chart.diagnosed("ckd", "ckd-stage-5"),
        coded or anaemia(chart, studies.rules, studies.ferritin) is not None,
    )


def render_other_definitions(studies: IronStudies, other: OtherDefinitions) -> Text:
    """Return what heart failure and kidney disease call for, alike for a chart and for an order."""
    rules, barred = studies.rules, against_infusions(studies.chart)
    heart = say(rules, _TEXTS_OF, "func_heart_stopped" if barred else "func_heart", barred=barred)
    kidney = say(rules, _TEXTS_OF, "func_kidney_anaemia" if other.anaemic else "func_kidney")
    return sentences((*((heart,) if other.heart else ()), *((kidney,) if other.kidney else ())))
