"""The table *Only news* (clinical amendments 2, section 6), row by row, through the application with its clock.

On both databases. Each row has patients of its own, and begins on a day of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fhir_fixtures import hook_request, load_patient
from fhir_fixtures.loading import PatientFile
from tests.builders.monitored import NORTH, SIGN, VIEW, Harness, as_somebody_else, start_harness

Card = dict[str, Any]
Change = Callable[[PatientFile, datetime], PatientFile]

_USER = "Practitioner/one"
_CLIENT = replace(NORTH, shared_users=("Practitioner/desk",))
_RLS, _PREGNANT, _SURGERY = "32914008", "77386006", "442338001"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def harness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    url = request.getfixturevalue("postgres")() if request.param == "postgres" else ""
    folder = tmp_path_factory.mktemp("table")
    with start_harness(folder, database_url=url, clients=(_CLIENT,), max_cards=0) as started:
        yield started


@dataclass
class Case:
    """One patient of a row: the chart as it was on the first day, and its calls."""

    harness: Harness
    slug: str
    hook: str = VIEW
    drafts: tuple[str, ...] = ()
    begun: datetime = field(init=False)
    patient: PatientFile = field(init=False)

    def __post_init__(self) -> None:
        self.harness.later(days=1)
        self.begun = self.harness.now
        chart = load_patient(self.slug, self.begun.date())
        self.patient = as_somebody_else(chart, f"{self.slug[:30]}-{self.begun:%Y%m%d}")

    def cards(
        self, day: int, user: str = _USER, change: Change | None = None, drafts: tuple[str, ...] = ()
    ) -> dict[str, Card]:
        """Return the cards of a call so many days after the first, by topic code."""
        self.harness.now = self.begun + timedelta(days=day)
        patient = change(self.patient, self.harness.now) if change else self.patient
        hook, written = self.hook.removeprefix("rls-"), drafts or self.drafts
        body = hook_request("generic", hook, patient, today=self.harness.now.date(), drafts=written)
        body["context"]["userId"] = user
        answer = self.harness.post(self.hook, body, _CLIENT)
        assert answer.status_code == 200, answer.text
        return {card["source"]["topic"]["code"]: card for card in answer.get_json()["cards"]}


def with_record(patient: PatientFile, **record: Any) -> PatientFile:
    made = {"id": f"more-{len(patient.bundle['entry'])}", "subject": {"reference": f"Patient/{patient.patient_id}"}}
    bundle = {**patient.bundle, "entry": [*patient.bundle["entry"], {"resource": made | record}]}
    return replace(patient, bundle=bundle)


def coded(code: str, system: str = "http://snomed.info/sct") -> Card:
    return {"coding": [{"system": system, "code": code}]}


def diagnosis(code: str) -> Change:
    return lambda patient, now: with_record(
        patient, resourceType="Condition", clinicalStatus={"coding": [{"code": "active"}]}, code=coded(code),
        verificationStatus={"coding": [{"code": "confirmed"}]}, recordedDate=now.date().isoformat(),
    )  # fmt: skip


def result(loinc: str, value: float, unit: str = "") -> Change:
    unit_of = {"unit": unit, "system": "http://unitsofmeasure.org", "code": unit} if unit else {}
    return lambda patient, now: with_record(
        patient, resourceType="Observation", status="final", code=coded(loinc, "http://loinc.org"),
        effectiveDateTime=now.isoformat(), valueQuantity={"value": value} | unit_of,
    )  # fmt: skip


def drug(text: str, **more: Any) -> Change:
    return lambda patient, now: with_record(
        patient, resourceType="MedicationRequest", status="active", intent="order", authoredOn=now.date().isoformat(),
        medicationCodeableConcept={"text": text}, dosageInstruction=[{"text": "1 tablet by mouth at bedtime"}], **more,
    )  # fmt: skip


def confirmed(patient: PatientFile, now: datetime) -> PatientFile:
    text = json.dumps(patient.bundle).replace('"provisional"', '"confirmed"').replace('"unconfirmed"', '"confirmed"')
    assert text != json.dumps(patient.bundle)
    return replace(patient, bundle=json.loads(text))


#: Results that a card names: one that makes another card of it would not tell whether this one came again.
NEW_FERRITIN, UNREADABLE = result("2276-4", 36, "ng/mL"), result("2276-4", 900)
SYMPTOMS = {
    "facts": UNREADABLE, "pregnancy": diagnosis(_PREGNANT), "anaemia": result("718-7", 9.1, "g/dL"),
    "a new drug for RLS": drug("pramipexole 0.125 MG Oral Tablet"),
}  # fmt: skip
DIAGNOSIS = {
    "a new entry": diagnosis(_RLS),
    "the reason of an order": drug("pregabalin 75 MG Oral Capsule", reasonCode=[coded(_RLS)]),
    "the reason of a laboratory order": lambda patient, now: with_record(
        patient, resourceType="ServiceRequest", status="active", intent="order", authoredOn=now.date().isoformat(),
        code=coded("2132-9", "http://loinc.org"), reasonCode=[coded(_RLS)]),
}  # fmt: skip

Act = Callable[[Harness, Card], Any]


def nothing(harness: Harness, card: Card) -> None:
    """Click nothing."""


def overridden(reason: str = "", **more: Any) -> Act:
    return lambda harness, card: harness.override(card, reason, VIEW, _CLIENT, **more)


def accepted(harness: Harness, card: Card) -> Any:
    return harness.accept(card, VIEW, _CLIENT)


def commented(harness: Harness, card: Card) -> Any:
    item = {"card": card["uuid"], "outcome": "overridden", "overrideReason": {"userComment": "we know"}}
    return harness.feedback(item, VIEW, _CLIENT)


@dataclass(frozen=True)
class Row:
    """What happened to a card, for how many days it is silent for that user and for others, and what ends that."""

    name: str
    slug: str
    card: str
    act: Act
    own: int
    others: int
    back: Mapping[str, Change] = field(default_factory=dict)
    stays: Mapping[str, Change] = field(default_factory=dict)


TEST, LOW = "no-iron-studies-yet", "ferritin-38-inside-the-lab-range"
ROWS = (
    Row("shown, information", TEST, "IRONTEST", nothing, 90, 0, {"facts": UNREADABLE}),
    Row("shown, IRON-RECHECK", "infusion-ten-days-ago", "IRONRECHECK", nothing, 30, 0),
    Row("shown, warning", LOW, "IRONLOW", nothing, 21, 0, {"facts": NEW_FERRITIN}),
    Row("shown, the indicator rises", "suspected-rls-ferritin-40", "IRONLOW", nothing, 90, 0, {"rises": confirmed}),
    Row("accepted", TEST, "IRONTEST", accepted, 30, 30, {"facts": UNREADABLE}),
    Row("remind later", LOW, "IRONLOW", overridden("remind-later"), 14, 0, {"facts": NEW_FERRITIN}),
    Row("not significant", TEST, "IRONTEST", overridden("not-significant"), 365, 365, SYMPTOMS),
    Row("not significant, where it is not offered", "folate-low", "FOLLOW", overridden("not-significant"), 14, 0),
    Row("wrong diagnosis", TEST, "IRONTEST", overridden("wrong-diagnosis"), 365, 365, DIAGNOSIS,
        {"facts": UNREADABLE, "pregnancy": diagnosis(_PREGNANT)}),
    Row("wrong diagnosis, AGG-ACTIVE", "metoclopramide-and-sertraline", "AGGACTIVE", overridden("wrong-diagnosis"),
        365, 365),
    Row("wrong diagnosis, where it never counts", "haemochromatosis-after-phlebotomy", "IRONOVL",
        overridden("wrong-diagnosis"), 90, 0),
    Row("another coded reason", LOW, "IRONLOW", overridden("already-done"), 90, 90, {"facts": NEW_FERRITIN}),
    Row("without a reason, information", TEST, "IRONTEST", overridden(), 90, 0, {"facts": UNREADABLE}),
    Row("without a reason, warning", LOW, "IRONLOW", overridden(), 14, 0, {"facts": NEW_FERRITIN}),
    Row("a comment alone", LOW, "IRONLOW", commented, 14, 0),
    Row("critical, shown", "vitamin-d-toxic", "VITDTOX", nothing, 0, 0),
    Row("critical, overridden", "vitamin-d-toxic", "VITDTOX", overridden("already-done"), 0, 0),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_of_the_table(harness: Harness, row: Row) -> None:
    case = Case(harness, row.slug)
    row.act(harness, case.cards(0)[row.card])
    for day in sorted({1, row.own - 1, row.own, row.others - 1, row.others} - {-1, 0}):
        other = case.cards(day, f"Practitioner/other-{day}")
        assert (row.card in other) is (day >= row.others), f"another user after {day} days"
        if day <= row.own or not row.own:
            assert (row.card in case.cards(day)) is (day >= row.own), f"that user after {day} days"


@pytest.mark.parametrize(
    ("row", "what", "comes"),
    [pytest.param(row, what, comes, id=f"{row.name}: {what}")
     for row in ROWS for comes, changes in ((True, row.back), (False, row.stays)) for what in changes],
)  # fmt: skip
def test_what_ends_a_silence_at_once(harness: Harness, row: Row, what: str, comes: bool) -> None:
    case = Case(harness, row.slug)
    row.act(harness, case.cards(0)[row.card])
    assert row.card not in case.cards(1)
    assert (row.card in case.cards(2, change={**row.back, **row.stays}[what])) is comes


IRON, LEVOTHYROXINE = "ferrous-sulfate-325-once-daily", "levothyroxine-100-once-daily"


def on_order(harness: Harness, card: Card, reason: str) -> None:
    assert harness.override(card, reason, SIGN, _CLIENT).status_code == 200


class TestOrderHooks:
    def test_a_coded_reason_holds_for_that_user_and_thirty_days(self, harness: Harness) -> None:
        case = Case(harness, LOW, SIGN, ("ferrous-sulfate-325-three-times-daily",))
        on_order(harness, case.cards(0)["OSIRONDOSE"], "dose-is-right")
        assert "OSIRONDOSE" not in case.cards(1)
        assert "OSIRONDOSE" in case.cards(1, "Practitioner/two")
        assert "OSIRONDOSE" in case.cards(2, drafts=("ferrous-sulfate-325-four-times-daily",)), "a higher dose"
        assert "OSIRONDOSE" not in case.cards(29)
        assert "OSIRONDOSE" in case.cards(30)

    def test_a_lower_dose_is_no_news(self, harness: Harness) -> None:
        case = Case(harness, LOW, SIGN, ("ferrous-sulfate-325-four-times-daily",))
        on_order(harness, case.cards(0)["OSIRONDOSE"], "dose-is-right")
        assert "OSIRONDOSE" not in case.cards(1, drafts=("ferrous-sulfate-325-three-times-daily",))

    def test_another_drug_is_news(self, harness: Harness) -> None:
        case = Case(harness, LOW, SIGN, ("diphenhydramine-25-at-bedtime",))
        on_order(harness, case.cards(0)["OSAGG"], "other-indication")
        assert "OSAGG" not in case.cards(1)
        assert "OSAGG" in case.cards(2, drafts=("metoclopramide-10-before-meals",))

    @pytest.mark.parametrize(
        ("slug", "drafts", "card"),
        [
            ("anaphylaxis-to-carboxymaltose", ("ferric-carboxymaltose-750",), "OSIVHSR"),
            ("sepsis-with-ferritin-60", ("iron-sucrose-200",), "OSIVINFECT"),
            ("pregnant-9-weeks-ferritin-88", ("iron-sucrose-200",), "OSIVPREG1"),
            ("low-phosphate-before-an-infusion", ("ferric-carboxymaltose-750",), "OSIVFCMPHOS"),
            ("haemochromatosis-after-phlebotomy", (IRON,), "OSIRONOVL"),
            ("high-saturation-low-ferritin", (IRON,), "OSIRONTSAT45"),
            ("child-nine-ferritin-45", ("ferrous-sulfate-325-four-times-daily",), "OSIRONDOSE"),
        ],
    )
    def test_what_keeps_from_harm_comes_every_time(
        self, harness: Harness, slug: str, drafts: tuple[str, ...], card: str
    ) -> None:
        case = Case(harness, slug, SIGN, drafts)
        for day in (0, 1):
            on_order(harness, case.cards(day)[card], "benefit-outweighs")
        assert card in case.cards(2)

    @pytest.mark.parametrize("reason", ["", "wrong-diagnosis", "not-significant", "remind-later"])
    def test_anything_else_silences_nothing(self, harness: Harness, reason: str) -> None:
        case = Case(harness, LOW, SIGN, (IRON, LEVOTHYROXINE, "diphenhydramine-25-at-bedtime"))
        shown = case.cards(0)
        assert len(shown) >= 2
        for card in shown.values():
            on_order(harness, card, reason)
        assert case.cards(1).keys() == shown.keys()

    def test_an_acceptance_silences_nothing(self, harness: Harness) -> None:
        case = Case(harness, "haemochromatosis-after-phlebotomy", SIGN, (IRON,))
        card = case.cards(0)["OSIRONOVL"]
        assert harness.accept(card, SIGN, _CLIENT).status_code == 200
        assert "OSIRONOVL" in case.cards(1)

    def test_every_card_comes_again_after_it_was_shown_and_dismissed(self, harness: Harness) -> None:
        """Of all charts and one draft of each kind: what fires on the first day fires on the next."""
        drafts = (IRON, LEVOTHYROXINE, "pyridoxine-200-once-daily", "diphenhydramine-25-at-bedtime",
                  "vitamin-d-50000-weekly", "magnesium-oxide-400-once-daily", "vitamin-c-1000-once-daily",
                  "gabapentin-300-three-times-daily", "pramipexole-1-at-bedtime",
                  "folic-acid-1-mg-once-daily", "ferric-carboxymaltose-750")  # fmt: skip
        seen = set()
        for slug in ("magnesium-high-egfr-22", "vitamin-d-toxic", "copd-on-gabapentin", "b12-borderline-on-metformin",
                     "haemodialysis-gabapentin-900-mg", "ferritin-420-on-oral-iron", LOW):  # fmt: skip
            case = Case(harness, slug, SIGN, drafts)
            shown = case.cards(0)
            for card in shown.values():
                on_order(harness, card, "")
            assert case.cards(1).keys() == shown.keys()
            seen |= shown.keys()
        assert len(seen) >= 10, seen


def ordered(status: str, day: datetime, /, **unlike: Any) -> Change:
    order = {
        "resourceType": "ServiceRequest", "status": status, "intent": "order", "authoredOn": day.date().isoformat(),
        "code": coded("2276-4", "http://loinc.org"),
    }  # fmt: skip
    return lambda patient, now: with_record(patient, **(order | unlike))


class TestAwaited:
    """A test that was ordered is awaited for some days; then that there is no result of it is news."""

    @pytest.mark.parametrize(("status", "days"), [("completed", 14), ("active", 30)])
    @pytest.mark.parametrize("act", [nothing, accepted, overridden("already-done")], ids=["shown", "accepted", "done"])
    def test_without_a_result_the_card_comes_back(self, harness: Harness, status: str, days: int, act: Act) -> None:
        case = Case(harness, TEST)
        act(harness, case.cards(0)["IRONTEST"])
        order = ordered(status, case.begun)
        assert "IRONTEST" not in case.cards(1, change=order)
        assert "IRONTEST" not in case.cards(days, change=order)
        assert "IRONTEST" in case.cards(days + 1, change=order)
        assert "IRONTEST" not in case.cards(days + 2, change=order), "once"

    @pytest.mark.parametrize(
        ("unlike", "comes"),
        [({"status": "draft"}, False), ({"status": "on-hold"}, False), ({"intent": "proposal"}, False),
         ({"status": "unknown"}, False), ({"status": "revoked"}, True), ({"status": "entered-in-error"}, True),
         ({"doNotPerform": True}, True)],
    )  # fmt: skip
    def test_only_an_order_that_is_taken_back_is_news(
        self, harness: Harness, unlike: dict[str, Any], comes: bool
    ) -> None:
        """An accepted suggestion may stay a draft for some days; it is not withdrawn for that."""
        case = Case(harness, TEST)
        accepted(harness, case.cards(0)["IRONTEST"])
        assert ("IRONTEST" in case.cards(1, change=ordered("active", case.begun, **unlike))) is comes

    def test_an_order_that_is_renamed_at_every_call_is_no_news(self, harness: Harness) -> None:
        case = Case(harness, TEST)
        assert "IRONTEST" in case.cards(0, change=ordered("revoked", case.begun, id="one"))
        assert "IRONTEST" not in case.cards(1, change=ordered("revoked", case.begun, id="two"))

    def test_a_test_added_on_to_an_earlier_sample_answers_its_order(self, harness: Harness) -> None:
        """The result has the day of the sample; for 14 days nothing is awaited, and after them nothing is in vain."""
        case = Case(harness, TEST)
        sample = case.begun - timedelta(days=1)

        def change(patient: PatientFile, now: datetime) -> PatientFile:
            studied = result("2502-3", 20, "%")(result("2276-4", 30, "ng/mL")(patient, sample), sample)
            return ordered("completed", case.begun)(studied, now)

        assert "awaited" not in case.cards(0, change=change)["IRONLOW"]["detail"]
        assert "IRONLOW" not in case.cards(15, change=change)

    def test_a_card_whose_recheck_was_accepted_stays_away(self, harness: Harness) -> None:
        """It says from now on that the studies are awaited, and no longer that an earlier order was withdrawn."""
        case = Case(harness, LOW)
        revoked = ordered("revoked", case.begun - timedelta(days=100))
        studied = result("2502-3", 20, "%")

        def before(patient: PatientFile, now: datetime) -> PatientFile:
            return studied(revoked(patient, now), case.begun - timedelta(days=26))

        def after(patient: PatientFile, now: datetime) -> PatientFile:
            return ordered("active", case.begun)(before(patient, now), now)

        accepted(harness, case.cards(0, change=before)["IRONLOW"])
        assert "IRONLOW" not in case.cards(1, change=after)
        other = case.cards(2, "Practitioner/two", after)
        assert "IRONLOW" not in other
        assert "awaited" in case.cards(30, "Practitioner/three", after)["IRONLOW"]["detail"]

    def test_a_panel_that_never_came_is_news_for_the_card_that_asks_for_it(self, harness: Harness) -> None:
        case = Case(harness, TEST)
        both = {"coding": [coded(code, "http://loinc.org")["coding"][0] for code in ("2276-4", "50190-8")]}

        def change(patient: PatientFile, now: datetime) -> PatientFile:
            return result("2276-4", 90, "ng/mL")(ordered("completed", case.begun, code=both)(patient, now), case.begun)

        assert "IRONTESTTSAT" in case.cards(0, change=change)
        assert "IRONTESTTSAT" not in case.cards(14, change=change)
        assert "IRONTESTTSAT" in case.cards(15, change=change)
        assert "IRONTESTTSAT" not in case.cards(16, change=change), "once"

    def test_an_old_order_is_no_news(self, harness: Harness) -> None:
        case = Case(harness, TEST)
        order = ordered("completed", case.begun - timedelta(days=400))
        assert "IRONTEST" in case.cards(0, change=order)
        for day in (1, 20, 89):
            assert "IRONTEST" not in case.cards(day, change=order)

    def test_an_order_that_was_answered_is_no_news(self, harness: Harness) -> None:
        """The answer may lie too far back to count: it is asked for because it is old, not because of the order."""
        case = Case(harness, TEST)
        day = case.begun - timedelta(days=400)

        def change(patient: PatientFile, now: datetime) -> PatientFile:
            return result("2276-4", 90, "ng/mL")(ordered("completed", day)(patient, now), day)

        assert "IRONTEST" in case.cards(0, change=change)
        assert "IRONTEST" not in case.cards(20, change=change)


class TestClockOfTheClient:
    """A clock that is wrong silences nothing for longer than the table says."""

    def answered(self, harness: Harness, card: Card, reason: str, hours: float) -> None:
        at = (harness.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        more = (
            {"overrideReason": {"reason": {"code": reason, "system": "https://rls-cds.example.org"}}} if reason else {}
        )
        item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": at, **more}
        assert harness.feedback(item, VIEW, _CLIENT).status_code == 200

    @pytest.mark.parametrize("hours", [-30, -11, 11, 30, 24 * 400])
    def test_being_reminded_later_takes_the_place_of_having_been_shown(self, harness: Harness, hours: float) -> None:
        """Dated before the card was shown, the answer would leave the three weeks of a warning that nobody answered."""
        case = Case(harness, LOW)
        self.answered(harness, case.cards(0)["IRONLOW"], "remind-later", hours)
        assert "IRONLOW" in case.cards(14)

    def test_an_answer_of_long_ago_counts_from_its_card(self, harness: Harness) -> None:
        case = Case(harness, LOW)
        self.answered(harness, case.cards(0)["IRONLOW"], "already-done", -24 * 365 * 40)
        assert "IRONLOW" not in case.cards(89)
        assert "IRONLOW" in case.cards(90)

    def test_a_dismissal_dated_before_its_card_holds_its_days(self, harness: Harness) -> None:
        """Else it would have ended before it began, and cancelled that the card was shown: it came every day."""
        case = Case(harness, LOW)
        self.answered(harness, case.cards(0)["IRONLOW"], "", -24 * 20)
        assert "IRONLOW" not in case.cards(1)
        assert "IRONLOW" not in case.cards(13)
        assert "IRONLOW" in case.cards(14)

    def test_a_result_dated_before_the_last_one_is_news(self, harness: Harness) -> None:
        """It is another newest result, or an earlier one that changes nothing; never the reason of a silence."""
        case = Case(harness, TEST)
        assert "IRONTEST" in case.cards(0)
        behind = case.begun - timedelta(hours=30)
        assert "IRONLOW" in case.cards(1, change=lambda patient, now: NEW_FERRITIN(patient, behind))

    def test_a_second_answer_dated_before_the_first_prolongs_nothing(self, harness: Harness) -> None:
        case = Case(harness, LOW)
        card = case.cards(0)["IRONLOW"]
        self.answered(harness, card, "remind-later", 0)
        self.answered(harness, card, "", -5)
        assert "IRONLOW" in case.cards(14)


class TestForNobodyInParticular:
    def test_a_shared_user_is_shown_it_every_time(self, harness: Harness) -> None:
        case = Case(harness, LOW)
        for day in range(3):
            shown = case.cards(day, "Practitioner/desk")
            assert "IRONLOW" in shown
            assert overridden("remind-later")(harness, shown["IRONLOW"]).status_code == 200
