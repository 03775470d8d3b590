"""Silent faults are noticed, with cause, first day and calls touched; chance raises few alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

import pytest

from cds_service.monitoring.change_search import WATCHED_DAYS
from cds_service.monitoring.daily_counts import BASELINE_DAYS
from cds_service.monitoring.evidence import (
    AGES,
    CHARTS,
    CODES,
    FEEDBACK,
    LISTS_OF,
    MODES,
    PATIENT,
    SCOPE,
    UNITS,
    USABLE,
    VALUES,
)
from cds_service.monitoring.sentinel import FALSE_ALARMS, Alarm, alarms
from cds_service.store import CallCount, CardCount, EvidenceCount

TODAY = date(2026, 9, 7)
#: Cards per call of one client: common ones and rare ones.
RATES = {"IRONTEST": 0.45, "IRONLOW": 0.2, "DAAUG": 0.3, "AGGACTIVE": 0.25, "IRONMID": 0.05, "B12LOW": 0.02,
         "VITDTOX": 0.002}  # fmt: skip
USABLE_SHARE = {"ferritin": 0.5, "tsat": 0.45, "b12": 0.2}


@dataclass(frozen=True)
class Hospital:
    """What the store of a simulated service counted; a test changes days from `since` on."""

    calls: tuple[CallCount, ...] = ()
    cards: tuple[CardCount, ...] = ()
    evidence: tuple[EvidenceCount, ...] = ()
    since: date = field(default=TODAY - timedelta(days=7))

    def alarms(self, today: date = TODAY) -> tuple[Alarm, ...]:
        early = [each for each in self.evidence if each.day < today]
        return alarms(
            [each for each in self.cards if each.day < today], [each for each in self.calls if each.day < today],
            early, today,
        )  # fmt: skip


def simulated(seed: int, clients: int = 1, a_day: int = 40, days: int = WATCHED_DAYS + BASELINE_DAYS) -> Hospital:
    dice = Random(seed)  # noqa: S311 - counts, not secrets
    calls, cards, evidence = [], [], []
    for client in (f"client-{n}" for n in range(clients)):
        for back in range(days, 0, -1):
            day = TODAY - timedelta(days=back)
            number = _poisson(dice, a_day if day.weekday() < 5 else a_day / 4)
            signed = sum(dice.random() < 0.5 for _ in range(number))
            calls += (
                [CallCount(day, client, "rls-patient-view", number - signed, number - signed)]
                if number > signed
                else []
            )
            calls += [CallCount(day, client, "rls-order-sign", signed, signed)] if signed else []
            for card, rate in RATES.items():
                fired = sum(dice.random() < rate for _ in range(number))
                cards += [CardCount(day, client, card, "live", False, fired, fired)] if fired else []
            evidence += _evidence(dice, day, client, number)
    return Hospital(tuple(calls), tuple(cards), tuple(evidence))


def _evidence(dice: Random, day: date, client: str, charts: int) -> Iterator[EvidenceCount]:
    yield EvidenceCount(day, client, "chart", CHARTS, charts)
    yield EvidenceCount(day, client, "labs", f"{LISTS_OF}prefetch", charts)
    yield EvidenceCount(day, client, "answers", f"{MODES}live", charts)
    yield EvidenceCount(day, client, PATIENT, SCOPE, sum(dice.random() < 0.9 for _ in range(charts)))
    yield EvidenceCount(day, client, FEEDBACK, FEEDBACK, sum(dice.random() < 0.5 for _ in range(charts)))
    for analyte, share in USABLE_SHARE.items():
        steps = [round(4 * dice.gauss(6, 1.1)) for _ in range(charts) if dice.random() < share]
        if steps:
            yield EvidenceCount(day, client, analyte, USABLE, len(steps))
            yield EvidenceCount(day, client, analyte, f"{UNITS}ng/mL", len(steps))
            other = sum(dice.random() < 0.3 for _ in steps)
            yield EvidenceCount(day, client, analyte, f"{CODES}one", len(steps) - other)
            yield EvidenceCount(day, client, analyte, f"{CODES}other", other)
            ages = [round(2 * dice.gauss(7, 1.0)) for _ in steps]
            for age in sorted(set(ages)):
                yield EvidenceCount(day, client, analyte, f"{AGES}{age}", ages.count(age))
        for step in sorted(set(steps)):
            yield EvidenceCount(day, client, analyte, f"{VALUES}{step}", steps.count(step))


def _poisson(dice: Random, mean: float) -> int:
    total, number = dice.expovariate(1), 0
    while total < mean:
        total, number = total + dice.expovariate(1), number + 1
    return number


Fault = Callable[[Hospital], Hospital]


def _from(hospital: Hospital, day: date) -> bool:
    return day >= hospital.since


def rule_switched_off(hospital: Hospital) -> Hospital:
    return replace(hospital, cards=tuple(
        each for each in hospital.cards if each.card != "IRONLOW" or not _from(hospital, each.day)))  # fmt: skip


def rule_fires_for_everybody(hospital: Hospital) -> Hospital:
    return replace(hospital, cards=tuple(
        replace(each, patients=each.patients * 4) if each.card == "IRONLOW" and _from(hospital, each.day) else each
        for each in hospital.cards))  # fmt: skip


def client_is_silent(hospital: Hospital) -> Hospital:
    def kept(each: CallCount | CardCount | EvidenceCount) -> bool:
        return each.client != "client-0" or not _from(hospital, each.day)

    return replace(
        hospital,
        calls=tuple(filter(kept, hospital.calls)),
        cards=tuple(filter(kept, hospital.cards)),
        evidence=tuple(filter(kept, hospital.evidence)),
    )


def _with_evidence(hospital: Hospital, change: Callable[[EvidenceCount], EvidenceCount | None]) -> Hospital:
    changed = (change(each) if _from(hospital, each.day) else each for each in hospital.evidence)
    return replace(hospital, evidence=tuple(each for each in changed if each))


def code_is_renamed(hospital: Hospital) -> Hospital:
    return _with_evidence(hospital, lambda each: None if each.subject == "ferritin" else each)


def prefetch_drops_the_results(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        return replace(each, kind=f"{LISTS_OF}read") if each.subject == "labs" else each

    return _with_evidence(hospital, change)


def pages_are_cut(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        return replace(each, kind=f"{LISTS_OF}cut") if each.subject == "labs" else each

    return _with_evidence(hospital, change)


def unit_is_another(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        is_unit = each.subject == "ferritin" and each.kind.startswith(UNITS)
        return replace(each, kind=f"{UNITS}pmol/L") if is_unit else each

    return _with_evidence(hospital, change)


def values_are_2_247_times_as_high(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        is_value = each.subject == "ferritin" and each.kind.startswith(VALUES)
        return replace(each, kind=f"{VALUES}{int(each.kind.removeprefix(VALUES)) + 5}") if is_value else each

    return _with_evidence(hospital, change)


def half_the_results_are_lost(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        return replace(each, number=each.number // 3) if each.subject == "tsat" and each.kind == USABLE else each

    return _with_evidence(hospital, change)


def assay_is_half_as_high_again(hospital: Hospital) -> Hospital:
    """Nearly half a standard deviation of these values, where 20 a day are known."""

    def change(each: EvidenceCount) -> EvidenceCount:
        is_value = each.subject == "ferritin" and each.kind.startswith(VALUES)
        return replace(each, kind=f"{VALUES}{int(each.kind.removeprefix(VALUES)) + 2}") if is_value else each

    return _with_evidence(hospital, change)


def one_of_two_codes_is_lost(hospital: Hospital) -> Hospital:
    return _with_evidence(hospital, lambda each: None if each.kind == f"{CODES}other" else each)


def dates_are_shifted(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        return replace(each, kind=f"{AGES}18") if each.kind.startswith(AGES) else each

    return _with_evidence(hospital, change)


def live_is_made_shadow(hospital: Hospital) -> Hospital:
    def change(each: EvidenceCount) -> EvidenceCount:
        return replace(each, kind=f"{MODES}shadow") if each.kind.startswith(MODES) else each

    return _with_evidence(hospital, change)


def nobody_is_in_scope(hospital: Hospital) -> Hospital:
    return _with_evidence(hospital, lambda each: None if each.kind == SCOPE else each)


def feedback_stops(hospital: Hospital) -> Hospital:
    return _with_evidence(hospital, lambda each: None if each.subject == FEEDBACK else each)


def one_service_is_called_no_more(hospital: Hospital) -> Hospital:
    kept = (each for each in hospital.calls if each.service != "rls-order-sign" or not _from(hospital, each.day))
    return replace(hospital, calls=tuple(kept))


FAULTS: dict[Fault, tuple[str, str]] = {
    rule_switched_off: ("IRONLOW", "gone"),
    rule_fires_for_everybody: ("IRONLOW", "more"),
    client_is_silent: ("calls", "gone"),
    code_is_renamed: ("ferritin", "gone"),
    prefetch_drops_the_results: ("labs list prefetch", "gone"),
    pages_are_cut: ("labs list cut", "more"),
    unit_is_another: ("ferritin unit ng/mL", "gone"),
    values_are_2_247_times_as_high: ("ferritin value", "higher"),
    half_the_results_are_lost: ("tsat", "fewer"),
    assay_is_half_as_high_again: ("ferritin value", "higher"),
    one_of_two_codes_is_lost: ("ferritin code other", "gone"),
    dates_are_shifted: ("ferritin age", "higher"),
    live_is_made_shadow: ("answers mode live", "gone"),
    nobody_is_in_scope: ("patient in scope", "gone"),
    feedback_stops: ("feedback", "gone"),
    one_service_is_called_no_more: ("calls rls-order-sign", "gone"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_silent_fault_is_told_within_a_week_with_its_first_day(fault: Fault) -> None:
    subject, cause = FAULTS[fault]
    broken = fault(simulated(1, clients=3))
    days = next(
        n for n in range(1, 8) if any(each.subject == subject for each in broken.alarms(broken.since + timedelta(n)))
    )
    found = [each for each in broken.alarms() if each.subject == subject]
    print(f"{fault.__name__}: after {days} days: {found}")
    assert cause in {each.cause for each in found}
    assert all(abs((each.first_bad_day - broken.since).days) <= 3 for each in found)
    assert all(each.calls > 20 or each.subject == "calls" for each in found)


def test_a_rule_that_dies_at_one_hospital_is_told_of_that_one() -> None:
    """Over all clients together the cards have hardly become fewer."""
    whole = simulated(14, clients=6)
    broken = rule_switched_off(whole)
    alone = tuple(each for each in whole.cards if each.client != "client-2")
    alone += tuple(each for each in broken.cards if each.client == "client-2")
    (told,) = of(replace(whole, cards=alone), "IRONLOW")
    assert (told.client, told.cause) == ("client-2", "gone")


def test_a_client_that_never_sent_feedback_is_not_said_to_have_stopped() -> None:
    hospital = simulated(2)
    without = tuple(each for each in hospital.evidence if each.subject != FEEDBACK)
    assert not [each for each in replace(hospital, evidence=without).alarms() if each.subject == FEEDBACK]


def test_feedback_that_begins_is_no_alarm() -> None:
    hospital = simulated(2)
    late = tuple(each for each in hospital.evidence if each.subject != FEEDBACK or _from(hospital, each.day))
    assert not [each for each in replace(hospital, evidence=late).alarms() if each.subject == FEEDBACK]


def test_the_service_of_a_client_with_one_alone_is_not_named() -> None:
    hospital = simulated(2)
    alone = [replace(each, service="rls-patient-view") for each in hospital.calls if not _from(hospital, each.day)]
    found = alarms((), alone, (), TODAY)
    assert [(each.subject, each.cause) for each in found] == [("calls", "gone")]


def test_chance_raises_no_more_alarms_than_the_budget() -> None:
    clients = 40
    found = simulated(7, clients=clients).alarms()
    print(f"{len(found)} false alarms of {clients} clients in {WATCHED_DAYS} days: {found}")
    assert len(found) <= FALSE_ALARMS * clients * 0.5


def test_a_client_without_a_baseline_raises_nothing() -> None:
    hospital = simulated(3)
    late = [each for each in hospital.calls if each.day >= TODAY - timedelta(days=WATCHED_DAYS)]
    assert alarms(hospital.cards, late, (), TODAY) == ()


def test_quiet_weekends_are_no_silence() -> None:
    hospital = simulated(5)
    weekdays = tuple(each for each in hospital.calls if each.day.weekday() < 5)
    assert not [each for each in alarms((), weekdays, (), TODAY) if each.subject == "calls"]


def only_on(hospital: Hospital, fault: Fault, first: date, last: date) -> Hospital:
    """Return the hospital with a fault that begins on one day and is mended after another."""
    broken = fault(replace(hospital, since=first))
    return Hospital(*(
        tuple(each for each in getattr(broken, kind) if each.day <= last)
        + tuple(each for each in getattr(hospital, kind) if each.day > last)
        for kind in ("calls", "cards", "evidence")
    ))  # fmt: skip


def of(hospital: Hospital, subject: str, today: date = TODAY) -> list[Alarm]:
    return [each for each in hospital.alarms(today) if each.subject == subject]


def test_one_bank_holiday_is_no_silence() -> None:
    """2 September 2026 is a Wednesday."""
    day = date(2026, 9, 2)
    hospital = only_on(simulated(4), client_is_silent, day, day)
    assert [of(hospital, "calls", day + timedelta(days=after)) for after in (1, 2, 5)] == [[], [], []]


def test_an_alarm_ends_with_what_it_tells() -> None:
    first, last = date(2026, 8, 24), date(2026, 8, 28)
    (told,) = of(only_on(simulated(4, days=100), client_is_silent, first, last), "calls")
    assert (told.cause, told.first_bad_day) == ("gone", first)
    assert told.last_bad_day is not None and abs((told.last_bad_day - last).days) <= 2, "the weekend is quiet"
    assert 120 <= told.calls <= 280, "the calls of one week were missing"


@pytest.mark.parametrize("ago", [20, 40, 55])
def test_a_lost_rule_keeps_its_first_day(ago: int) -> None:
    first = TODAY - timedelta(days=ago)
    (told,) = of(rule_switched_off(replace(simulated(6, days=130), since=first)), "IRONLOW")
    assert abs((told.first_bad_day - first).days) <= 2 and told.cause == "gone"


@pytest.mark.parametrize("ago", [65, 95])
def test_what_lasts_is_the_usual_state_after_eight_weeks(ago: int) -> None:
    lost = rule_switched_off(replace(simulated(6, days=140), since=TODAY - timedelta(days=ago)))
    assert of(lost, "IRONLOW") == []


@pytest.mark.parametrize("ended", [31, 50, 80])
def test_a_recovery_is_no_change_of_its_own(ended: int) -> None:
    last = TODAY - timedelta(days=ended)
    hospital = only_on(simulated(8, days=140), code_is_renamed, last - timedelta(days=20), last)
    assert of(hospital, "ferritin") == []


def test_calls_are_touched_until_the_last_bad_day() -> None:
    first, last = TODAY - timedelta(days=20), TODAY - timedelta(days=11)
    hospital = only_on(simulated(8, days=100), code_is_renamed, first, last)
    (told,) = of(hospital, "ferritin")
    assert told.last_bad_day == last
    assert told.calls == sum(each.calls for each in hospital.calls if first <= each.day <= last)


@pytest.mark.parametrize("ago", [10, 56, 120])
def test_a_client_that_has_gone_stays_told(ago: int) -> None:
    gone = client_is_silent(replace(simulated(9, days=170), since=TODAY - timedelta(days=ago)))
    (told,) = of(gone, "calls")
    assert told.cause == "gone" and abs((told.first_bad_day - TODAY).days - -ago) <= 3


def test_a_clinic_that_calls_on_mondays_alone_is_missed_after_two_of_them() -> None:
    hospital = simulated(10, a_day=25, days=84)
    mondays = tuple(
        each for each in hospital.calls if each.day.weekday() == 0 and each.day < TODAY - timedelta(days=21)
    )
    found = [alarms((), mondays, (), TODAY - timedelta(days=back)) for back in (14, 7, 6)]
    causes = [{(each.subject, each.cause) for each in day} for day in found]
    assert causes[0] == set()
    assert ("calls", "gone") in causes[2]


def test_a_new_client_is_judged_after_two_weeks() -> None:
    hospital = simulated(11, days=20)
    assert [each.cause for each in of(client_is_silent(replace(hospital, since=TODAY - timedelta(days=4))), "calls")]


def test_calls_that_fall_to_two_fifths_are_told() -> None:
    hospital = simulated(12, days=84)
    fewer = tuple(
        replace(each, calls=each.calls * 2 // 5) if each.day >= TODAY - timedelta(days=7) else each
        for each in hospital.calls
    )
    assert {each.cause for each in alarms((), fewer, (), TODAY) if each.subject == "calls"} == {"fewer"}


def test_days_that_differ_more_than_by_chance_raise_nothing() -> None:
    """A ward round opens the charts of a few patients, alike in what they hold, on days of its own."""
    dice, counts = Random(13), []  # noqa: S311
    for back in range(112, 0, -1):
        day = TODAY - timedelta(days=back)
        wards = [round(4 * dice.gauss(6, 1.5)) for _ in range(4)]
        for step in sorted(set(wards)):
            counts.append(EvidenceCount(day, "ward", "ferritin", f"{VALUES}{step}", 8 * wards.count(step)))
    assert alarms((), (), counts, TODAY) == ()


def test_a_card_that_is_silent_when_the_chart_is_opened_again_is_no_change() -> None:
    """Each patient counts once a day: that an open chart is opened again says nothing of the rule."""
    calm = simulated(1, days=120)
    again = tuple(replace(each, suppressed=True) for each in calm.cards if each.day >= TODAY - timedelta(days=40))
    assert alarms((*calm.cards, *again), calm.calls, calm.evidence, TODAY) == alarms(
        calm.cards, calm.calls, calm.evidence, TODAY
    )
