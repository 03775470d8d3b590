"""Every decision with its limits, sources and codes, as a table for a terminal, as Markdown and for the README.

python -m cds_service.rules_listing --write README.md       refreshes the README's generated part
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from cards.definitions import Definition, definitions
from cards.overrides import own_choices
from cards.quantity import plain
from cards.rules import Citation, DecisionText, Rules, Switch, Threshold
from cards.wording import threshold_in_words, unit_in_words
from cds_service.knowledge_checks import unverified_codes

BEGIN = "<!-- generated:rules (python -m cds_service.rules_listing --write README.md) -->"
END = "<!-- /generated:rules -->"
AWAITS = "awaits a physician"


def as_table(rules: Rules) -> str:
    """For a terminal: one block per decision."""
    blocks = ["\n".join(_block(decision, rules)) for decision in rules.decisions.values()]
    parts = (_defined(), _choices(rules), _unverified())
    return "\n\n".join([*blocks, *("\n".join(part) for part in parts)]) + "\n"


def _block(decision: DecisionText, rules: Rules) -> Iterator[str]:
    yield f"{decision.name}  {decision.title} (version {decision.version} of {decision.changed}{_review(decision)})"
    yield f"  {decision.question}  Asked at: {', '.join(decision.hooks)}. Sign-off: {decision.reviewer or AWAITS}."
    yield f"  Reads: {', '.join(decision.reads)}."
    for limit in rules.limits_of(decision):
        row = f"  {limit.name:28} {value_in_words(limit):42} {_range(limit):22} {limit.certainty:11} {limit.citation}"
        yield row + _defined_in(limit.name, decision, rules)
    for switch in rules.switches_of(decision):
        row = f"  {switch.name:28} {choice_in_words(switch):42} {' | '.join(switch.choices)}"
        yield row + _defined_in(switch.name, decision, rules)
        yield f"  {'':28} {switch.meaning}."
    for card in decision.cards.values():
        yield f"  {card.id:28} {card.indicator:10} {card.grade}. {'; '.join(_labels(card.citations, rules))}"


def _defined() -> Iterator[str]:
    """The numbers that no site may change."""
    yield "Definitions: who the patient is and which data count. No site may change them."
    for each in definitions().values():
        yield f"  {each.name:28} {definition_in_words(each):42} {each.certainty:11} {each.citation:17} {each.meaning}"


def _review(decision: DecisionText) -> str:
    return f"; next review {decision.next_review}" if decision.next_review else ""


def _defined_in(name: str, decision: DecisionText, rules: Rules) -> str:
    """Where another file defines what this decision reads."""
    owner = rules.owner(name)
    return "" if owner == decision.name else f" (defined in {owner})"


def _choices(rules: Rules) -> Iterator[str]:
    """What this site has set, with its reasons."""
    own = [limit for limit in rules.thresholds.values() if limit.national is not None]
    yield "This site's own limits and choices:" if own or own_choices(rules) else "No limit or choice of a site's own."
    for limit in own:
        yield f"  {limit.name}: {value_in_words(limit)}, since {limit.site_date}: {limit.site_reason}"
    for switch in own_choices(rules).values():
        yield f"  {switch.name}: {choice_in_words(switch)}, since {switch.site_date}: {switch.site_reason}"


def _unverified() -> Iterator[str]:
    codes = unverified_codes()
    yield f"{len(codes)} codes await verification; they match like any other, and a card that rests on one says so:"
    yield from (f"  {name:36} {system} {code}" for name, system, code in codes)


def as_markdown(rules: Rules) -> str:
    """The same as one Markdown page, without a heading of its own."""
    folded = (
        _folded(f"Thresholds ({len(rules.thresholds)})", _thresholds(rules)),
        _folded(f"Switches ({len(rules.switches)})", _switches(rules)),
        _folded(f"Definitions ({len(definitions())})", _definitions(rules)),
        _folded("Sources", _sources(rules)),
        _folded("Codes that await verification", _codes()),
    )
    return "\n\n".join([_summary(rules), _decisions(rules), *folded]) + "\n"


def _folded(title: str, text: str) -> str:
    """A part that a reader opens where it is wanted."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def _summary(rules: Rules) -> str:
    cards = sum(len(decision.cards) for decision in rules.decisions.values())
    waiting = sum((limit.reviewer or AWAITS) == AWAITS for limit in rules.thresholds.values())
    unsigned = sum(each.reviewer == AWAITS for each in definitions().values())
    return (
        f"{len(rules.decisions)} decisions, {cards} cards, {len(rules.thresholds)} thresholds, "
        f"{len(rules.switches)} switches, {len(definitions())} definitions. "
        f"{waiting} thresholds and {unsigned} definitions await a physician's sign-off."
    )


def _decisions(rules: Rules) -> str:
    rows = (
        (
            f"`{decision.name}`",
            decision.question,
            ", ".join(decision.hooks),
            ", ".join(card.id for card in decision.cards.values()),
            f"{decision.version} ({decision.changed})",
            decision.reviewer or AWAITS,
            str(decision.next_review or ""),
        )
        for decision in rules.decisions.values()
    )
    return _markdown(("Decision", "Question", "Hook", "Cards", "Version", "Sign-off", "Next review"), rows)


def _readers(name: str, rules: Rules) -> str:
    """The decisions that read a threshold or switch, that which defines it first."""
    owner = rules.owner(name)
    others = [each.name for each in rules.decisions.values() if name in each.uses]
    if len(others) + 1 == len(rules.decisions):
        return f"`{owner}` and every other"
    return ", ".join(f"`{each}`" for each in (owner, *others))


def _thresholds(rules: Rules) -> str:
    rows = (
        (
            f"`{limit.name}`",
            value_in_words(limit),
            limit.meaning,
            _range(limit),
            f"{rules.citations[limit.citation].label} ({limit.certainty})",
            _since(limit, rules.day or date.max),
            _readers(limit.name, rules),
        )
        for limit in rules.thresholds.values()
    )
    head = ("Threshold", "Value", "Meaning", "A site may choose", "Source (certainty)", "Since", "Read by")
    return _markdown(head, rows)


def _since(limit: Threshold, day: date) -> str:
    """Since when its value stands, and what is to come on a day of its own."""
    entry = limit.entry_on(day)
    coming = (f"; from {each.since} {plain(each.value)}" for each in limit.history if each.since > day)
    return f"{entry.since if entry else ''}{''.join(coming)}"


def _switches(rules: Rules) -> str:
    rows = (
        (
            f"`{switch.name}`",
            choice_in_words(switch),
            ", ".join(switch.choices),
            switch.meaning,
            _readers(switch.name, rules),
        )
        for switch in rules.switches.values()
    )
    return _markdown(("Switch", "Value", "Choices", "Meaning", "Read by"), rows)


def _definitions(rules: Rules) -> str:
    rows = (
        (
            f"`{each.name}`",
            definition_in_words(each),
            each.meaning,
            f"{rules.citations[each.citation].label} ({each.certainty})",
            str(each.since),
        )
        for each in definitions().values()
    )
    intro = "Definitions, which several decisions share and no site may change:"
    return f"{intro}\n\n{_markdown(('Definition', 'Value', 'Meaning', 'Source (certainty)', 'Since'), rows)}"


def _sources(rules: Rules) -> str:
    named = {source for decision in rules.decisions.values() for card in decision.cards.values()
             for source in card.citations}  # fmt: skip
    named |= {limit.citation for limit in rules.thresholds.values()}
    named |= {each.citation for each in definitions().values()}
    rows = (_source(rules.citations[name]) for name in sorted(named))
    return _markdown(("Source", "Reference", "Certainty"), rows)


def _source(citation: Citation) -> tuple[str, ...]:
    named = f"[{citation.label}]({citation.url})" if citation.url else citation.label
    return named, citation.reference, citation.certainty


def _codes() -> str:
    rows = ((f"`{name}`", system, code) for name, system, code in unverified_codes())
    intro = "They match like any other; a card that rests on one says so."
    return f"{intro}\n\n{_markdown(('Value set or drug', 'System', 'Code'), rows)}"


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = tuple(head)
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def value_in_words(limit: Threshold) -> str:
    """`at or below 75 ng/mL`; where a site has set it, with the national value beside it."""
    said = f"{limit.side} {threshold_in_words(limit)}"
    if limit.national is None:
        return said
    return f"{said} (this site; nationally {plain(limit.national)} {limit.national_unit})"


def definition_in_words(definition: Definition) -> str:
    """`below 28 days`; a number that is no limit without a word before it."""
    side = "" if definition.side == "is" else f"{definition.side} "
    return f"{side}{plain(definition.value)} {unit_in_words(definition.unit)}"


def choice_in_words(switch: Switch) -> str:
    """The choice; where a site has made it, with the national one beside it."""
    return switch.value if switch.site_date is None else f"{switch.value} (this site; nationally {switch.default})"


def _range(limit: Threshold) -> str:
    low, high = limit.range
    unit = limit.national_unit or limit.unit
    return "fixed" if low == high else f"{plain(low)} to {plain(high)} {unit}"


def _labels(names: Iterable[str], rules: Rules) -> Iterator[str]:
    return (rules.citations[name].label for name in names)


def refreshed(readme: str, rules: Rules) -> str:
    """The README with its generated part as the rules stand. Raises `ValueError` where the marks are not there."""
    before, mark, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"no {BEGIN} ... {END}; put both where the rules shall stand")
    return f"{before}{BEGIN}\n\n{as_markdown(rules)}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """`--write FILE` refreshes the generated part of a Markdown file; without it the Markdown is printed."""
    from cds_service.knowledge import national_rules

    if arguments[:1] == ["--write"] and len(arguments) == 2:
        path = Path(arguments[1])
        path.write_text(refreshed(path.read_text(encoding="utf-8"), national_rules()), encoding="utf-8")
    else:
        sys.stdout.write(as_markdown(national_rules()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
