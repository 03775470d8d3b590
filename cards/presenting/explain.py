"""Why each decision fired, is quiet or could not be answered: for reviewers, the console and the command line."""

from __future__ import annotations

from cards.decisions.decide import Verdict
from cards.facts.chart import Chart
from cards.facts.finding import Finding, Outcome
from cards.knowledge.rules import Rules
from cards.presenting.codes_in_doubt import rests_on_a_code_in_doubt
from cards.values import frozen
from cards.wording.render import fill, joined, wording


@frozen
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
    """Explain every finding of a verdict, in order, each with its reason."""
    dated = rules.on(chart.today)
    return tuple(_explained(finding, chart, dated) for finding in verdict.findings)


def _explained(finding: Finding, chart: Chart, rules: Rules) -> Explanation:
    text = rules.decisions[finding.decision]
    fires = finding.outcome is Outcome.FIRES
    words = wording()["reasons"]
    drafts = joined(draft.reference or words["order"].format(number=draft.number) for draft in finding.drafts)
    return Explanation(
        decision=finding.decision,
        question=text.question,
        outcome=finding.outcome,
        card=finding.card,
        indicator=finding.indicator if fires else "",
        sentence=_sentence(finding, chart, rules),
        about=drafts,
    )


def _sentence(finding: Finding, chart: Chart, rules: Rules) -> str:
    text = rules.decisions[finding.decision]
    if finding.outcome is Outcome.FIRES:
        rule = fill(text.cards[finding.card].rule, finding.facts, rules)
        doubt = wording()["reasons"]["code_in_doubt"]
        return f"{rule} {doubt}" if rests_on_a_code_in_doubt(finding, chart) else rule
    because = text.because.get(finding.because) or wording()["reasons"][finding.because]
    sentence = fill(because, finding.facts, rules)
    said = [sentence]
    for key, lists in (("missing", finding.missing), ("unread", finding.not_checked)):
        names = ", ".join(wording()["not_checked"][name] for name in lists)
        said += [wording()["reasons"][key].format(lists=names)] if names else []
    return " ".join(said)
