"""Optional further tests offered beside missing iron studies (product.md section 4, clinical amendments section 4)."""

from __future__ import annotations

from cards.chart import Chart
from cards.finding import OrderTests, Suggestion
from cards.readings import newest_within
from cards.rules import Rules

_VITAMIN_D_RISKS = ("malabsorption", "bariatric", "ckd", "ckd-stage-5", "esrd", "osteoporosis")


def side_tests(chart: Chart, rules: Rules) -> tuple[Suggestion, ...]:
    """B12, and vitamin D as the site chose; each only without a usable result in the window, none ever recommended."""
    wanted = ("b12", *(("vitd",) if _offers_vitamin_d(chart, rules) else ()))
    days = rules.limit("vitamin_days").days
    return tuple(OrderTests((name,)) for name in wanted if newest_within(chart, name, days) is None)


def _offers_vitamin_d(chart: Chart, rules: Rules) -> bool:
    choice = rules.switch("offer_vitamin_d")
    return choice == "always" or (choice == "risk" and bool(chart.diagnosed(*_VITAMIN_D_RISKS)))
