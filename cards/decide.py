"""All decisions of a hook over one chart. The same brain serves the hook, the command line and screening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import cast

from cards.chart import Chart, Listing
from cards.finding import Finding, Outcome
from cards.rules import Rules
from cards.scope import Rls, is_newborn, rls_status
from cards.site_choices import as_the_site_counts
from cards.site_units import in_site_units

Answer = Callable[[Chart, Rules], tuple[Finding, ...]]

PATIENT_VIEW = "patient-view"
ORDER_HOOKS = ("order-sign", "order-select")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all decisions of one call answered.

    `missing` names the prefetch keys without which the call cannot be answered (product: 412). It is empty where
    the patient is out of scope, for then nothing more is needed. `out_of_scope` says why, in a word.
    """

    hook: str
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    out_of_scope: str = ""

    @property
    def fired(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.FIRES)


@cache
def decision_modules() -> dict[str, Answer]:
    """Every decision by name: a module of cards/decisions with a function `answer` and a file of the same name."""
    names = sorted(entry.name.removesuffix(".toml") for entry in (files("cards") / "decisions").iterdir()
                   if entry.name.endswith(".toml"))  # fmt: skip
    return {name: cast(Answer, import_module(f"cards.decisions.{name}").answer) for name in names}


def decide(chart: Chart, rules: Rules, hook: str) -> Verdict:
    """Ask every decision of `hook`; thresholds as they stand on the day of the chart.

    Follows product.md section 5: without patient and diagnoses nothing can be said; out of scope everything has
    been said; after that each decision names what it misses.
    """
    missing = tuple(name for name in ("patient", "conditions") if chart.listing(name) is Listing.NOT_KNOWN)
    if missing:
        return Verdict(hook, missing=missing)
    dated = rules.on(chart.today)
    chart = in_site_units(as_the_site_counts(chart, dated), dated)
    reason = _out_of_scope(chart, hook)
    if reason:
        return Verdict(hook, out_of_scope=reason)
    if hook == PATIENT_VIEW and rls_status(chart) is Rls.NO and chart.listing("conditions") is Listing.CUT:
        return Verdict(hook, missing=("conditions",))
    findings = tuple(
        finding
        for name, answer in decision_modules().items()
        if hook in rules.decisions[name].hooks
        for finding in answer(chart, dated)
    )
    return Verdict(hook, findings, _missing(findings, chart, hook))


def _out_of_scope(chart: Chart, hook: str) -> str:
    if chart.person.deceased:
        return "deceased"
    if is_newborn(chart):
        return "newborn"
    if hook == PATIENT_VIEW and rls_status(chart) is Rls.NO and chart.listing("conditions") is Listing.COMPLETE:
        return "no RLS"
    return ""


def _missing(findings: tuple[Finding, ...], chart: Chart, hook: str) -> tuple[str, ...]:
    """What unknown findings miss, and the drugs where one of the orders to judge could not be told."""
    unknown_order = hook in ORDER_HOOKS and chart.has_unknown_draft and rls_status(chart) is not Rls.NO
    names = {name for finding in findings for name in finding.missing}
    return tuple(sorted(names | ({"medications"} if unknown_order else set())))


def to_be_shown(verdict: Verdict) -> Verdict:
    """The verdict with the findings that may be shown although something is missing (product.md section 5, item 3).

    Where the drug of an order is missing: all the rest. Without laboratory results: only stops that need none.
    Without patient or diagnoses: nothing.
    """
    if set(verdict.missing) <= {"medications"}:
        return verdict
    needs_no_labs = set(verdict.missing) <= {"labs", "medications"}
    stops = (finding for finding in verdict.fired if needs_no_labs and finding.safety_without_labs)
    return replace(verdict, findings=tuple(stops))
