"""Who the patient is, in words a card may print: sex, age in years, pregnancy and dialysis, never a name or a date."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.finding import Text
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd
from cards.wording.phrases import listed, phrase

_MONTHS = 12
_ADULTS = {"female": "person.female", "male": "person.male"}


def render_person(chart: Chart) -> Text:
    """Return the patient as `woman, 62`, `child, 9` or `child, 5 months`, with pregnancy and dialysis."""
    state = pregnancy(chart)
    words = [_sex_and_age(chart)]
    if state.days is not None:
        words.append(phrase("person.pregnant_weeks", weeks=state.days // 7))
    return listed([*words, *_conditions(chart, weeks_are_told=state.days is not None)])


def render_person_without_age(chart: Chart) -> Text:
    """Return what does not change from day to day: child, pregnancy and dialysis."""
    child = [phrase("person.a_child")] if is_child(chart) else []
    return listed([*child, *_conditions(chart, weeks_are_told=False)])


def _sex_and_age(chart: Chart) -> Text:
    if chart.person.birth_is_unreadable:
        return phrase("person.age_unreadable")
    if chart.age is None:
        return phrase("person.age_unknown")
    if is_child(chart):
        return phrase("person.child", age=chart.age) if chart.age > 0 else _months(chart)
    return phrase(_ADULTS.get(chart.person.sex or "", "person.sex_unknown"), age=chart.age)


def _months(chart: Chart) -> Text:
    """Return a child under one year by its completed months, where the month of birth is known."""
    born = chart.person.birth
    if born is None or born.first.month != born.last.month:
        return phrase("person.infant")
    today, last = chart.today, born.last
    months = (today.year - last.year) * _MONTHS + today.month - last.month - (today.day < last.day)
    key = "person.child_weeks" if months < 1 else "person.child_month" if months == 1 else "person.child_months"
    return phrase(key, months=months)


def _conditions(chart: Chart, *, weeks_are_told: bool) -> list[Text]:
    pregnant = [phrase("person.pregnant")] if pregnancy(chart).is_pregnant and not weeks_are_told else []
    return [*pregnant, *([phrase("person.kidney")] if is_esrd(chart) else [])]
