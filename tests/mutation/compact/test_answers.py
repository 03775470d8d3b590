"""Every finding of every case of the decision tables, whole, and that each can say why.

The tables say which card an answer is; here stands all of it: facts, evidence, blocks of text, suggestions, and the
reason where nothing is shown. `python -m tests.mutation.compact.record` writes the files anew: read the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cards.decisions.decide import Verdict, ask
from cards.facts.chart import Chart
from cards.knowledge.rules import Rules
from cards.presenting.explain import explain
from cards.site.choices import as_the_site_counts
from cds_service.knowledge.load import national_rules
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, site_rules
from tests.mutation.compact.telling import told_in_short

ANSWERS = Path(__file__).parent / "answers"
DECISIONS = sorted({decision for decision, _ in CASES})


def verdicts(decision: str) -> Iterator[tuple[str, Verdict, Chart, Rules]]:
    """What each case says, and its answer."""
    rules, dated = national_rules(), {}
    for name, case in CASES:
        if name == decision:
            built = chart(case)
            own = {"switches", "limits"} & case.keys()
            chosen = site_rules(case, rules).on(built.today) if own else dated.get(built.today)
            chosen = dated.setdefault(built.today, chosen or rules.on(built.today)) if not own else chosen
            found = ask(decision, as_the_site_counts(built, chosen), chosen)
            yield case["says"], Verdict(chosen.decisions[decision].hooks[0], found), built, chosen


def lines(decision: str) -> Iterator[str]:
    for says, verdict, _, _ in verdicts(decision):
        yield f"# {says}"
        yield from map(told_in_short, verdict.findings)


def test_the_answers_of_every_decision_are_recorded() -> None:
    recorded = {file.stem for file in ANSWERS.glob("*.txt")}
    assert recorded == set(DECISIONS), "run: python -m tests.mutation.compact.record"


@pytest.mark.parametrize("decision", DECISIONS)
def test_an_answer_is_whole(decision: str) -> None:
    recorded = iter((ANSWERS / f"{decision}.txt").read_text(encoding="utf-8").splitlines())
    for says, verdict, built, rules in verdicts(decision):
        assert next(recorded) == f"# {says}"
        assert [told_in_short(each) for each in verdict.findings] == [next(recorded) for _ in verdict.findings], says
        assert all(isinstance(each.missing, tuple) for each in verdict.findings), says
        for reason in explain(verdict, built, rules):
            assert len(reason.sentence) > 10, says
            assert not {"None", "None."} & set(reason.sentence.split()), says
    assert next(recorded, "") == ""
