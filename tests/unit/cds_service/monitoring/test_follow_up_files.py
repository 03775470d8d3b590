"""The follow-up report as page, table and FHIR: the same counts in each, and no word of a patient."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest

from cds_service.monitoring.follow_up import Arm, ChangeMark, FollowUp, Report, ShadowComparison
from cds_service.monitoring.follow_up_files import as_csv, as_fhir, as_html
from cds_service.monitoring.intervals import difference, wilson

LIVE, HELD = Arm(120, 100, 30, 50, 10, 21.5), Arm(60, 50, 8, 10, 5, 40)
BEFORE = ShadowComparison("before and after", LIVE, Arm(80, 70, 10, 21, 2, 33))
CARD = FollowUp("", "IRONTEST", "", 200, 80, 50, 30, 40, 35.0, {"live": LIVE, "holdout": HELD}, BEFORE,
                {"live": LIVE, "holdout": HELD})  # fmt: skip
REPORT = Report(
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
    cards=(CARD,),
    by_client=(FollowUp("north", "IRONTEST", "", 200, 80, 50, 30, 40, 35.0, {"live": LIVE}),),
    marks=(ChangeMark(date(2026, 3, 1), "release 0.3"),),
    without_feedback=("south",),
)


def test_the_numbers_of_a_card() -> None:
    assert CARD.unanswered == 120
    assert CARD.needed_to_alert == pytest.approx(200 / 120 / 0.5)
    assert CARD.effect == difference((50, 100), (10, 50))
    assert CARD.may_stop
    assert FollowUp("", "X", "", 5, 0, 0, 0, 0, None, {}).needed_to_alert is None


def test_the_interval_is_newcombes() -> None:
    """His example (Stat Med 1998;17:873, table II): 56 of 70 against 48 of 80."""
    found = difference((56, 70), (48, 80))
    assert found is not None
    assert [round(bound, 4) for bound in found] == [0.2, 0.0524, 0.3339]
    assert difference((1, 2), (0, 0)) is None
    assert wilson(0, 0) is None


def test_the_table_has_a_line_for_each_arm() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(REPORT))))
    assert [(line["client"], line["arm"], line["followed_90"], line["not_known"]) for line in lines] == [
        ("", "live", "50", "10"), ("", "holdout", "10", "5"), ("north", "live", "50", "10"),
    ]  # fmt: skip
    assert (lines[0]["share_90"], lines[0]["median_days"], lines[1]["shown"]) == ("0.5000", "21.5", "")
    compared = [(line["minus_holdout"], line["minus_shadow"], line["shadow_compared"]) for line in lines]
    assert compared == [("0.3000", "0.2000", "before and after"), ("", "", ""), ("", "", "")]
    more = [(line["beyond_stopping_line"], line["cards_for_one_followed"], line["median_seconds_to_answer"])
            for line in lines]  # fmt: skip
    assert more == [("yes", "3.3", "35.0"), ("", "", ""), ("", "3.3", "35.0")]


def test_the_page_says_what_changed_and_who_sends_nothing() -> None:
    page = as_html(REPORT)
    for words in ("2026-03-01 release 0.3", "These clients send no feedback: south", "50 % (40 to 60) of 100",
                  "+30.0 (", "(beyond the stopping line)", "30 % (21 to 42) of 70", "not randomised",
                  "+20.0 (+5.0 to +33.5) before and after", "<td>35</td>"):  # fmt: skip
        assert words in page


def test_the_measure_reports_count_who_is_not_known_as_neither() -> None:
    (entry,) = json.loads(as_fhir(REPORT))["entry"]
    live, _ = entry["resource"]["group"]
    counts = {each["code"]["coding"][0]["code"]: each["count"] for each in live["population"]}
    assert counts == {"initial-population": 120, "denominator": 110, "denominator-exclusion": 10, "numerator": 50}
    assert live["measureScore"] == {"value": 0.5}, "a share without a unit, as FHIR demands of a proportion"
