"""Why each decision fired, is quiet or could not be answered: for reviewers, the console and the command line."""

from __future__ import annotations

from dataclasses import dataclass

from cards.chart import Chart
from cards.decide import Verdict
from cards.finding import Finding, Outcome
from cards.rules import Rules
from cards.wording import fill, wording


@dataclass(frozen=True, slots=True)
class Explanation:
    """One answer in words. `about` names the draft order where the question is about one."""

    decision: str
    question: str
    outcome: str
    card: str
    indicator: str
    sentence: str
    about: str = ""


def explain(verdict: Verdict, chart: Chart, rules: Rules) -> tuple[Explanation, ...]:
    """Every finding of a verdict, in order, each with its reason."""
    dated = rules.on(chart.today)
    return tuple(_explained(finding, dated) for finding in verdict.findings)


def _explained(finding: Finding, rules: Rules) -> Explanation:
    text = rules.decisions[finding.decision]
    fires = finding.outcome is Outcome.FIRES
    drafts = " and ".join(draft.reference or f"order {draft.number}" for draft in finding.drafts)
    return Explanation(
        decision=finding.decision,
        question=text.question,
        outcome=finding.outcome,
        card=finding.card,
        indicator=finding.indicator if fires else "",
        sentence=_sentence(finding, rules),
        about=drafts,
    )


def _sentence(finding: Finding, rules: Rules) -> str:
    text = rules.decisions[finding.decision]
    if finding.outcome is Outcome.FIRES:
        return fill(text.cards[finding.card].rule, finding.facts, rules)
    sentence = fill(text.because[finding.because], finding.facts, rules)
    if not finding.missing:
        return sentence
    names = ", ".join(wording()["not_checked"][name] for name in finding.missing)
    return f"{sentence} Missing: {names}."
