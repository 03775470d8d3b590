"""Who the patient is, in words a card may print: no name, no age, no date."""

from __future__ import annotations

from cards.chart import Chart
from cards.scope import is_child, is_esrd, pregnancy


def person_in_words(chart: Chart, older_woman_from: int) -> str:
    """`woman under 50`, `man`, `child`, with pregnancy and dialysis; the age itself is not printed."""
    words = [_adult(chart, older_woman_from) if not is_child(chart) else f"child under {chart.adult_age}"]
    state = pregnancy(chart)
    if state.is_pregnant:
        words.append("pregnant" if state.days is None else f"pregnant, {state.days // 7} weeks")
    if is_esrd(chart):
        words.append("end-stage kidney disease or dialysis")
    return ", ".join(words)


def _adult(chart: Chart, older_woman_from: int) -> str:
    if chart.age is None:
        return "adult (birth date not known)"
    if chart.person.sex == "male":
        return "man"
    if chart.person.sex == "female":
        return (
            f"woman of {older_woman_from} or more"
            if chart.age >= older_woman_from
            else f"woman under {older_woman_from}"
        )
    return "adult, sex not recorded"
