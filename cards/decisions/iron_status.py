"""Iron status on patient-view: one card, the first row that holds, then stop (clinical amendments, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cards.chart import Chart, LabResult, Listing, references
from cards.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.iron.finding import NAME, crp_near, fires, high_crp, in_words, pair, panel, tsat_first
from cards.iron.overload import overload_facts, overload_in_words, polycythaemia_facts, polycythaemia_in_words
from cards.iron.studies import IronStudies, ferritin_limits, is_replete, read_iron_studies, suspected
from cards.iron.treatment import due_in_words
from cards.readings import Kind
from cards.rules import Rules
from cards.scope import is_child, is_esrd, overload, polycythaemia, pregnancy, probable_overload
from cards.side_tests import side_tests
from cards.wording import capitalised

_STUDIES = ("ferritin", "iron-panel")

Row = Callable[[IronStudies], Finding | None]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """The iron table over one chart. Unknown where laboratory results could not be read."""
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return (unknown(NAME, "labs_unknown", ("labs",)),)
    studies = _studies(chart, rules)
    return (next(finding for row in _ROWS if (finding := row(studies)) is not None),)


def _studies(chart: Chart, rules: Rules) -> IronStudies:
    """The studies inside the window that fits the patient: shorter on oral iron, longer after a replete pair."""
    limits = ferritin_limits(chart)
    usual = read_iron_studies(chart, rules, window=rules.limit("fresh_days").days, extra_limits=limits)
    if usual.treatment.oral:
        return read_iron_studies(chart, rules, window=rules.limit("fresh_days_on_iron").days, extra_limits=limits)
    longer = rules.limit("fresh_days_replete").days
    if usual.ferritin_reading.kind is Kind.STALE and longer > usual.window:
        replete = read_iron_studies(chart, rules, window=longer, extra_limits=limits)
        return replete if is_replete(replete) else usual
    return usual


# ------------------------------------------------------------------ the rows, in the order of the table


def _overload(studies: IronStudies) -> Finding | None:
    chart = studies.chart
    certain, probable = overload(chart), probable_overload(chart)
    if not (certain or probable):
        return None
    iron = chart.active_drugs("iron-oral", "iron-binder") or studies.treatment.iv_counts
    words = capitalised(overload_in_words(chart))
    texts = ("ferric_citrate",) if chart.active_drugs("iron-binder") else ()
    facts = {**overload_facts(chart), "overload_summary": words, **studies.facts, **studies.treatment.facts}
    found = fires(studies, "IRON-OVL", Indicator.WARNING if iron else Indicator.INFO, facts, texts=texts)
    return replace(found, evidence=(*references(certain or probable), *found.evidence))


def _polycythaemia(studies: IronStudies) -> Finding | None:
    causes = polycythaemia(studies.chart)
    if not causes:
        return None
    words = capitalised(polycythaemia_in_words(studies.chart))
    facts = {**polycythaemia_facts(studies.chart), "pv_summary": words, **studies.facts, **studies.treatment.facts}
    indicator = Indicator.WARNING if studies.treatment.is_active else Indicator.INFO
    found = fires(studies, "IRON-PV", indicator, facts)
    return replace(found, evidence=(*references(causes), *found.evidence))


def _high_tsat(studies: IronStudies) -> Finding | None:
    if studies.blocking is None:
        return None
    post_dose = bool(studies.treatment.oral) and studies.ferritin_at_most("ferritin.low")
    facts = {**studies.facts, "tsat": studies.blocking, **studies.treatment.facts}
    facts.pop("tsat_missing", None)
    after_a_tablet = ("advice_post_dose",) if post_dose else ()
    of_women = ("women_easl",) if studies.chart.person.sex == "female" else ()
    indicator = Indicator.INFO if post_dose else Indicator.WARNING
    texts = (*after_a_tablet, *of_women)
    return fires(studies, "IRON-HIGH-TSAT", indicator, facts, texts=texts, suggest=(OrderTests(_STUDIES),))


def _conflict(studies: IronStudies) -> Finding | None:
    results = studies.conflict
    if not results:
        return None
    first, second = results[0], results[1]
    facts: dict[str, Fact] = {
        "conflict_analyte": "ferritin" if first.analyte == "ferritin" else "TSAT",
        "conflict_date": first.when,
        "conflict_first": first.quantity,
        "conflict_second": second.quantity,
        "first": first,
        "second": second,
    }
    found = fires(studies, "IRON-CONFLICT", Indicator.INFO, facts, why=("first", "second"))
    return replace(found, suggestions=(OrderTests(_STUDIES),), evidence=references(results))


def _recheck(studies: IronStudies) -> Finding | None:
    if is_esrd(studies.chart) or not _recheck_is_due(studies) or _may_hold_a_later_ferritin(studies):
        return None
    treatment, newest = studies.treatment, _newest_ferritin(studies)
    facts: dict[str, Fact] = {**studies.facts, **treatment.facts}
    if newest and newest is not studies.ferritin:
        facts["newest"] = newest
    recheck = treatment.recheck_on(studies.rules.limit("oral_recheck").days)
    if treatment.last_iv and treatment.infused_on and _infusion_decides(studies):
        recheck = treatment.infused_on + timedelta(days=treatment.washout)
        facts["last_iv"] = treatment.last_iv
    facts |= {"recheck": recheck, "recheck_when": due_in_words(recheck, studies.chart.today)}
    due = (OrderTests(_STUDIES),) if recheck <= studies.chart.today else ()
    return fires(studies, "IRON-RECHECK", Indicator.INFO, facts, suggest=due)


def _recheck_is_due(studies: IronStudies) -> bool:
    return _infusion_decides(studies) or _oral_without_recheck(studies)


def _infusion_decides(studies: IronStudies) -> bool:
    """(a) the last infusion is later than the newest usable ferritin, or (b) a ferritin above 75 was drawn too soon."""
    given, newest = studies.treatment.infused_on, _newest_ferritin(studies)
    if given is None:
        return False
    if newest is None:
        return studies.treatment.iv_counts
    if newest.when.last < given:
        return True
    too_soon = newest.when.first < given + timedelta(days=studies.treatment.washout)
    return too_soon and newest.quantity.surely_above(studies.limit("ferritin.low"))


def _oral_without_recheck(studies: IronStudies) -> bool:
    """(c) oral iron for 90 days or more and no ferritin drawn 60 days or more after its start."""
    treatment, rules = studies.treatment, studies.rules
    if not treatment.oral_for_at_least(rules.limit("oral_recheck").days) or treatment.start is None:
        return False
    counts_from = treatment.start.last + timedelta(days=rules.limit("oral_recheck_drawn").days)
    return not any(result.when.first >= counts_from for result in studies.chart.results("ferritin"))


def _may_hold_a_later_ferritin(studies: IronStudies) -> bool:
    """A list of results that was cut and shows no fresh ferritin does not prove that there is none (product.md 5)."""
    return studies.ferritin is None and studies.chart.listing("labs") is Listing.CUT


def _newest_ferritin(studies: IronStudies) -> LabResult | None:
    results = studies.chart.results("ferritin")
    return results[0] if results else None


def _test(studies: IronStudies) -> Finding | None:
    if studies.ferritin:
        return None
    chart = studies.chart
    if chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut", ("labs",))
    awaited = _awaited(studies)
    if awaited:
        return quiet(NAME, "order_awaited", awaited=awaited)
    facts: dict[str, Fact] = {**studies.facts, **studies.treatment.facts, "window": f"{studies.window} days"}
    texts: list[str] = []
    reading = studies.ferritin_reading
    if reading.kind is Kind.STALE and reading.others:
        facts["stale"], texts = reading.others[0], [*texts, "stale"]
    if reading.kind is Kind.CENSORED and reading.others:
        facts["censored"], texts = reading.others[0], [*texts, "censored"]
    found = fires(studies, "IRON-TEST", Indicator.INFO, facts, texts=tuple(texts))
    return replace(found, suggestions=(OrderTests(_STUDIES), *side_tests(chart, studies.rules)))


def _awaited(studies: IronStudies) -> Fact | None:
    """The day of a ferritin or iron-panel order of the last 30 days that is still active."""
    days = studies.rules.limit("test_order_days").days
    for order in studies.chart.lab_orders:
        ordered = order.active and not order.tests.isdisjoint(_STUDIES)
        if ordered and order.when and order.when.within_days(days, studies.chart.today):
            return order.when
    return None


def _only_suspected(studies: IronStudies) -> Finding | None:
    """Suspected RLS: after the safety rows and testing only a low ferritin is shown, at info."""
    if not suspected(studies.chart):
        return None
    chart = studies.chart
    adult = not is_child(chart) and not is_esrd(chart)
    if adult and studies.ferritin_at_most("ferritin.low") and not studies.treatment.is_active:
        found = _low(studies)
        return replace(found, indicator=Indicator.INFO, texts=("advice_suspected", *found.texts)) if found else None
    return quiet(NAME, "suspected_enough")


def _kidney(studies: IronStudies) -> Finding | None:
    chart = studies.chart
    if not is_esrd(chart):
        return None
    if is_child(chart):
        return quiet(NAME, "esrd_quiet", **pair(studies))
    if studies.tsat is None:
        return fires(studies, "IRON-TEST-TSAT", Indicator.INFO, studies.facts, suggest=(OrderTests(("iron-panel",)),))
    facts = {**studies.facts, **studies.treatment.facts}
    if studies.ferritin_below("esrd.ferritin") and studies.tsat_below("esrd.tsat"):
        if studies.treatment.iv_counts:
            return _on_treatment_card(studies)
        return fires(studies, "IRON-ESRD", Indicator.INFO, facts)
    if studies.ferritin_at_most("esrd.discord_ferritin") or studies.tsat_below("esrd.tsat"):
        return fires(studies, "IRON-ESRD-DISCORD", Indicator.INFO, facts)
    return quiet(NAME, "esrd_quiet", **pair(studies))


def _child(studies: IronStudies) -> Finding | None:
    if not is_child(studies.chart):
        return None
    facts = {**studies.facts, **studies.treatment.facts}
    if studies.ferritin_below("child.ferritin"):
        if studies.treatment.recent(studies.rules.limit("oral_recheck").days):
            return _on_treatment_card(studies)
        texts = (*tsat_first(studies), *_start_unknown(studies))
        return fires(studies, "IRON-CHILD", Indicator.WARNING, facts, texts=texts, suggest=panel(studies))
    if studies.tsat_below("tsat.low"):
        return fires(studies, "IRON-CHILD-TSAT", Indicator.INFO, facts)
    if studies.ferritin_above("ferritin.high") and studies.treatment.is_active:
        return fires(studies, "IRON-HIGH-FERR", Indicator.WARNING, {**facts, **studies.facts_at_stop})
    return quiet(NAME, "child_quiet", **pair(studies))


def _high_ferritin(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_above("ferritin.high"):
        return None
    facts = {**studies.facts_at_stop, **studies.treatment.facts}
    if studies.treatment.is_active:
        return fires(studies, "IRON-HIGH-FERR", Indicator.WARNING, facts)
    if studies.ferritin_above("ferritin.very_high"):
        return fires(studies, "IRON-HIGH-FERR", Indicator.INFO, facts)
    return quiet(NAME, "high_quiet", **pair(studies))


def _on_treatment(studies: IronStudies) -> Finding | None:
    low = studies.ferritin_at_most("ferritin.mid") or studies.tsat_below("tsat.low")
    recent = studies.treatment.recent(studies.rules.limit("oral_recheck").days)
    return _on_treatment_card(studies) if low and recent else None


def _on_treatment_card(studies: IronStudies) -> Finding:
    treatment = studies.treatment
    recheck = treatment.recheck_on(studies.rules.limit("oral_recheck").days)
    facts = {**studies.facts, **treatment.facts, "recheck": recheck, "therapy_short": treatment.in_words}
    return fires(studies, "IRON-ONTX", Indicator.INFO, facts)


def _low(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_at_most("ferritin.low"):
        return None
    texts = (*tsat_first(studies), "advice_confirm", *_options(studies), "household")
    plan = "recheck_pregnant" if pregnancy(studies.chart).is_pregnant else "recheck_adult"
    facts = {**studies.facts, **studies.treatment.facts, "recheck_plan": in_words(studies, plan)}
    return fires(studies, "IRON-LOW", Indicator.WARNING, facts, texts=texts, suggest=panel(studies))


def _options(studies: IronStudies) -> tuple[str, ...]:
    """How iron may be given: what fits a pregnancy, or somebody who already takes it, in place of the usual ways."""
    taken = _start_unknown(studies)
    if studies.treatment.oral_for_at_least(studies.rules.limit("oral_recheck").days):
        taken = ("advice_non_response",)
    if pregnancy(studies.chart).is_pregnant:
        return (*taken, "advice_pregnant")
    return taken or ("advice_oral", "advice_intravenous")


def _start_unknown(studies: IronStudies) -> tuple[str, ...]:
    return ("advice_start_unknown",) if studies.treatment.oral and studies.treatment.start is None else ()


def _pregnant(studies: IronStudies) -> Finding | None:
    return quiet(NAME, "pregnant_quiet", **pair(studies)) if pregnancy(studies.chart).is_pregnant else None


def _mid_low_tsat(studies: IronStudies) -> Finding | None:
    if studies.ferritin_between("ferritin.low", "ferritin.mid") and studies.tsat_below("tsat.low"):
        words, advice = (
            ("mid_low_site", "advice_mid_site") if studies.is_low_elsewhere else ("mid_low_iv", "advice_mid_low_iv")
        )
        facts = {**studies.facts, **studies.treatment.facts, "route": in_words(studies, words)}
        return fires(studies, "IRON-MID-LOWTSAT", Indicator.WARNING, facts, texts=(advice,))
    return None


def _functional(studies: IronStudies) -> Finding | None:
    if not (studies.ferritin_between("ferritin.mid", "ferritin.high") and studies.tsat_below("tsat.low")):
        return None
    shown_as = studies.rules.switch("tsat_low_without_ferritin_cap")
    if shown_as == "off":
        return quiet(NAME, "func_off", **pair(studies))
    crp = next(iter(crp_near(studies)), None)
    step = in_words(studies, "func_ask" if crp else "func_measure")
    facts = {**studies.facts, **({"crp": crp} if crp else {}), **studies.treatment.facts, "func_step": step}
    kidney = ("deficiency_in_ckd",) if studies.chart.diagnosed("ckd", "ckd-stage-5") else ()
    texts = ("advice_crp_known" if crp else "advice_measure_crp", *kidney)
    suggest = () if crp else (OrderTests(("crp",)),)
    return fires(studies, "IRON-FUNC", Indicator(shown_as), facts, texts=texts, suggest=suggest)


def _tsat_missing(studies: IronStudies) -> Finding | None:
    if studies.tsat is not None:
        return None
    facts = {**studies.facts, **studies.treatment.facts}
    return fires(studies, "IRON-TEST-TSAT", Indicator.INFO, facts, suggest=(OrderTests(("iron-panel",)),))


def _inflammation(studies: IronStudies) -> Finding | None:
    crp = high_crp(studies).get("crp")
    if crp is None:
        return None
    strong = crp.quantity.surely_above(studies.limit("crp_very_high"))
    upper = "ferritin.inflamed" if strong else "ferritin.mid"
    if not studies.ferritin_between("ferritin.low", upper):
        return None
    facts = {**studies.facts, "crp": crp, **studies.treatment.facts}
    return fires(studies, "IRON-INFLAM", Indicator.INFO, facts)


def _mid(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_between("ferritin.low", "ferritin.mid"):
        return None
    words, advice = ("mid_site", "advice_mid_site") if studies.is_low_elsewhere else ("mid_iv", "advice_mid_iv")
    facts = {**studies.facts, **studies.treatment.facts, "route": in_words(studies, words)}
    return fires(studies, "IRON-MID", Indicator.INFO, facts, texts=(advice,))


def _replete_on_treatment(studies: IronStudies) -> Finding | None:
    if not studies.treatment.is_active:
        return None
    return fires(studies, "IRON-REPLETE-ONTX", Indicator.INFO, {**studies.facts, **studies.treatment.facts})


def _replete(studies: IronStudies) -> Finding:
    return quiet(NAME, "replete", **pair(studies))


_ROWS: tuple[Row, ...] = (
    _overload,
    _polycythaemia,
    _high_tsat,
    _conflict,
    _recheck,
    _test,
    _only_suspected,
    _kidney,
    _child,
    _high_ferritin,
    _on_treatment,
    _low,
    _pregnant,
    _mid_low_tsat,
    _functional,
    _tsat_missing,
    _inflammation,
    _mid,
    _replete_on_treatment,
    _replete,
)
