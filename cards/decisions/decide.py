"""Run all decisions of a hook over one chart, for the hooks, the command line and screening alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import cast

from cards.decisions.any_age import at_any_age
from cards.facts.chart import DRAFTS, LISTS, Chart, Listing
from cards.facts.finding import Finding, Outcome
from cards.facts.results import UnusableResult
from cards.knowledge.rules import Rules
from cards.patient.status import Rls, excludes_rls, is_newborn, rls_status
from cards.site.choices import as_the_site_counts
from cards.site.units import in_site_units
from cards.values import frozen

Answer = Callable[[Chart, Rules], tuple[Finding, ...]]

PATIENT_VIEW = "patient-view"
ORDER_HOOKS = ("order-sign", "order-select")


@frozen
class Verdict:
    """The answers of all decisions of one call.

    `missing` names the prefetch keys without which the call cannot be answered (status 412). It is empty where
    the patient is out of scope, because then nothing more is needed. `out_of_scope` is the reason.
    """

    hook: str
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    out_of_scope: str = ""

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Return the lists that were not read to their end and may hide a card."""
        open_lists = {name for each in self.findings if each.outcome is Outcome.UNKNOWN for name in each.not_checked}
        return tuple(name for name in LISTS if name in open_lists)

    @property
    def unread(self) -> tuple[UnusableResult, ...]:
        """Return the results that the answer about an order needed, that are there and may not be used."""
        if self.hook not in ORDER_HOOKS:
            return ()
        return tuple(dict.fromkeys(result for each in self.findings for result in each.unread))

    @property
    def fired(self) -> tuple[Finding, ...]:
        """Return the findings that fire."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.FIRES)


@cache
def decision_modules() -> dict[str, Answer]:
    """Return every decision by name: a module of cards/decisions with `answer` and a TOML file of its name."""
    names = sorted(entry.name.removesuffix(".toml") for entry in (files("cards") / "decisions").iterdir()
                   if entry.name.endswith(".toml"))  # fmt: skip
    return {name: cast(Answer, import_module(f"cards.decisions.{name}").answer) for name in names}


def decide(chart: Chart, rules: Rules, hook: str) -> Verdict:
    """Ask every decision of `hook`, with thresholds as they stand on the day of the chart.

    Follows contract section 5: without patient and diagnoses nothing can be said; for a patient out of scope there is
    nothing to add; otherwise each decision names what it misses.
    """
    missing = tuple(name for name in ("patient", "conditions") if chart.listing(name) is Listing.NOT_KNOWN)
    if missing:
        return Verdict(hook, missing=missing)
    dated = rules.on(chart.today)
    chart = in_site_units(as_the_site_counts(chart, dated), dated)
    reason = _out_of_scope(chart, hook)
    if reason:
        return Verdict(hook, out_of_scope=reason)
    if hook == PATIENT_VIEW and rls_status(chart) is Rls.NO:
        return Verdict(hook, missing=("conditions",))
    findings = tuple([finding for name in dated.once(_by_hook).get(hook, ()) for finding in ask(name, chart, dated)])
    return Verdict(hook, findings, _missing(findings, chart, hook, dated))


def _by_hook(rules: Rules) -> Mapping[str, tuple[str, ...]]:
    """Return the decisions that each hook asks, in order."""
    found: dict[str, list[str]] = {}
    for name in decision_modules():
        for hook in rules.decisions[name].hooks:
            found.setdefault(hook, []).append(name)
    return {hook: tuple(names) for hook, names in found.items()}


def _out_of_scope(chart: Chart, hook: str) -> str:
    if chart.person.deceased:
        return "deceased"
    if is_newborn(chart):
        return "newborn"
    if hook == PATIENT_VIEW and excludes_rls(chart):
        return "no RLS"
    return ""


def ask(name: str, chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return the findings of one decision, over thresholds as they stand on the day of the chart."""
    if chart.person.birth_is_unreadable:
        return at_any_age(chart, rules, lambda aged: _asked(name, aged, rules))
    return _asked(name, chart, rules)


def _asked(name: str, chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    return tuple([_as_far_as_read(finding, chart, rules) for finding in decision_modules()[name](chart, rules)])


def _as_far_as_read(finding: Finding, chart: Chart, rules: Rules) -> Finding:
    """Return the finding as unknown where it is quiet and a list that may hold the contrary was not read to its end."""
    if finding.outcome is Outcome.FIRES:
        return finding
    needs = rules.decisions[finding.decision].needs
    needed = needs.get(finding.because, needs.get("default", ()))
    if chart.knows(*needed):
        return finding
    unread = [name for name in needed if not chart.knows(name)]
    not_checked = tuple(dict.fromkeys((*finding.not_checked, *unread)))
    return replace(finding, outcome=Outcome.UNKNOWN, not_checked=not_checked)


def _missing(findings: tuple[Finding, ...], chart: Chart, hook: str, rules: Rules) -> tuple[str, ...]:
    """Return what unknown findings miss, the drugs if they may hold what an order refers to, and orders not judged.

    Without RLS an order that cannot be told matters only where a site stops iron for everyone: it may be iron.
    """
    names = {name for finding in findings for name in finding.missing}
    in_scope = chart.unknown_draft_for_rls or not excludes_rls(chart) or rules.switch("iron_safety_scope") == "all"
    if hook in ORDER_HOOKS and in_scope:
        names |= {"medications"} if chart.has_unknown_draft and not chart.has_untold_draft else set()
        names |= {DRAFTS} if DRAFTS in chart.gaps else set()
    return tuple(sorted(names))


def to_be_shown(verdict: Verdict, chart: Chart) -> Verdict:
    """Return the verdict with the findings that may be shown although something is missing.

    If an order or its drug is missing, laboratory results were read in part, or the birth date cannot be read: all the
    rest. Without any laboratory results: only stops that need none. Without patient or diagnoses: nothing (contract
    section 5, item 3).
    """
    orders = {"medications", DRAFTS, *(("patient",) if chart.person.birth_is_unreadable else ())}
    if set(verdict.missing) <= (orders if chart.listing("labs") is Listing.NOT_KNOWN else orders | {"labs"}):
        return verdict
    needs_no_labs = set(verdict.missing) <= orders | {"labs"}
    stops = (finding for finding in verdict.fired if needs_no_labs and finding.safety_without_labs)
    return replace(verdict, findings=tuple(stops))
