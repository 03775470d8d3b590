"""Optional further tests offered beside missing iron studies (contract section 4, clinical amendments 4)."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.finding import OrderTests, Suggestion
from cards.knowledge.rules import Rules
from cards.labs.latest import newest_within

_VITAMIN_D_RISKS = ("malabsorption", "bariatric", "ckd", "ckd-stage-5", "esrd", "osteoporosis")


def side_tests(chart: Chart, rules: Rules) -> tuple[Suggestion, ...]:
    """Return further tests to offer: B12, and vitamin D as the site chose; none is recommended.

    A test is offered only if there is no usable result in its window.
    """
    wanted = ("b12", *(("vitd",) if _offers_vitamin_d(chart, rules) else ()))
    window = rules.limit("vitamin_days")
    return tuple(OrderTests((name,)) for name in wanted if newest_within(chart, name, window) is None)


def _offers_vitamin_d(chart: Chart, rules: Rules) -> bool:
    choice = rules.switch("offer_vitamin_d")
    return choice == "always" or (choice == "risk" and bool(chart.diagnosed(*_VITAMIN_D_RISKS)))
