"""List every decision with its limits, sources and codes, as plain text or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from cards.knowledge.definitions import Definition, definitions
from cards.knowledge.rules import Citation, DecisionText, Rules, Switch, Threshold
from cards.quantity import plain
from cards.site.overrides import own_choices
from cards.wording.render import render_side, render_unit
from cds_service.knowledge.checks import unverified_codes

AWAITS = "awaits a physician"


def as_table(rules: Rules) -> str:
    """Render the rules for a terminal, with one block for each decision."""
    blocks = ["\n".join(_block(decision, rules)) for decision in rules.decisions.values()]
    parts = (_defined(), _choices(rules), _unverified())
    return "\n\n".join([*blocks, *("\n".join(part) for part in parts)]) + "\n"


def _block(decision: DecisionText, rules: Rules) -> Iterator[str]:
    yield f"{decision.name}  {decision.title} (version {decision.version} of {decision.changed}{_review(decision)})"
    yield f"  {decision.question}  Asked at: {', '.join(decision.hooks)}. Sign-off: {decision.reviewer or AWAITS}."
    yield f"  Reads: {', '.join(decision.reads)}."
    for limit in rules.limits_of(decision):
        row = f"  {limit.name:28} {render_limit(limit):42} {_range(limit):22} {limit.certainty:11} {limit.citation}"
        yield row + _defined_in(limit.name, decision, rules)
    for switch in rules.switches_of(decision):
        row = f"  {switch.name:28} {render_switch(switch):42} {' | '.join(switch.choices)}"
        yield row + _defined_in(switch.name, decision, rules)
        yield f"  {'':28} {switch.meaning}."
    for card in decision.cards.values():
        yield f"  {card.id:28} {card.indicator:10} {card.grade}. {'; '.join(_labels(card.citations, rules))}"


def _defined() -> Iterator[str]:
    """Yield lines on the numbers that no site may change."""
    yield "Definitions: who the patient is and which data count. No site may change them."
    for each in definitions().values():
        yield f"  {each.name:28} {render_definition(each):42} {each.certainty:11} {each.citation:17} {each.meaning}"


def _review(decision: DecisionText) -> str:
    return f"; next review {decision.next_review}" if decision.next_review else ""


def _defined_in(name: str, decision: DecisionText, rules: Rules) -> str:
    """Return a note if another decision defines what this one reads."""
    owner = rules.owner(name)
    return "" if owner == decision.name else f" (defined in {owner})"


def _choices(rules: Rules) -> Iterator[str]:
    """Yield lines on the values set by this site, with their reasons."""
    own = [limit for limit in rules.thresholds.values() if limit.national is not None]
    yield "This site's own limits and choices:" if own or own_choices(rules) else "No limit or choice of a site's own."
    for limit in own:
        yield f"  {limit.name}: {render_limit(limit)}, since {limit.site_date}: {limit.site_reason}"
    for switch in own_choices(rules).values():
        yield f"  {switch.name}: {render_switch(switch)}, since {switch.site_date}: {switch.site_reason}"


def _unverified() -> Iterator[str]:
    codes = unverified_codes()
    yield f"{len(codes)} codes await verification; they match like any other, and a card that rests on one says so:"
    yield from (f"  {name:36} {system} {code}" for name, system, code in codes)


def as_markdown(rules: Rules) -> str:
    """Render the rules as Markdown, to stand below a heading of its own."""
    sections = {
        "Decisions": _decisions(rules),
        f"Thresholds ({len(rules.thresholds)})": _thresholds(rules),
        f"Switches ({len(rules.switches)})": _switches(rules),
        f"Definitions ({len(definitions())})": _definitions(rules),
        "Sources": _sources(rules),
        "Codes that await verification": _codes(),
    }
    return "\n\n".join([_summary(rules), *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n"


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
    """Return the decisions that read a threshold or switch, with its owner first."""
    owner = rules.owner(name)
    others = [each.name for each in rules.decisions.values() if name in each.uses]
    if len(others) + 1 == len(rules.decisions):
        return f"`{owner}` and every other"
    return ", ".join(f"`{each}`" for each in (owner, *others))


def _thresholds(rules: Rules) -> str:
    rows = (
        (
            f"`{limit.name}`",
            render_limit(limit),
            limit.meaning,
            _range(limit),
            _said(limit, rules),
            _since(limit, rules.day or date.max),
            _readers(limit.name, rules),
        )
        for limit in rules.thresholds.values()
    )
    head = (
        "Threshold",
        "Value",
        "Meaning",
        "A site may choose",
        "What the source says (certainty)",
        "Since",
        "Read by",
    )
    return _markdown(head, rows)


def _said(limit: Threshold | Definition, rules: Rules) -> str:
    """Return one line: the source with its address, how sure it is, and what it says of this number."""
    source = rules.citations[limit.citation]
    says = f": {limit.says}" if limit.says else ""
    return f"{_linked(source)} ({limit.certainty}){says}"


def _since(limit: Threshold, day: date) -> str:
    """Return the day since which the value is in force, and its future changes."""
    entry = limit.entry_on(day)
    coming = (f"; from {each.since} {plain(each.value)}" for each in limit.history if each.since > day)
    return f"{entry.since if entry else ''}{''.join(coming)}"


def _switches(rules: Rules) -> str:
    rows = (
        (
            f"`{switch.name}`",
            render_switch(switch),
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
            render_definition(each),
            each.meaning,
            _said(each, rules),
            str(each.since),
        )
        for each in definitions().values()
    )
    intro = "Definitions, which several decisions share and no site may change:"
    head = ("Definition", "Value", "Meaning", "What the source says (certainty)", "Since")
    return f"{intro}\n\n{_markdown(head, rows)}"


def _sources(rules: Rules) -> str:
    named = {source for decision in rules.decisions.values() for card in decision.cards.values()
             for source in card.citations}  # fmt: skip
    named |= {limit.citation for limit in rules.thresholds.values()}
    named |= {each.citation for each in definitions().values()}
    rows = (_source(rules.citations[name]) for name in sorted(named))
    return _markdown(("Source", "Reference", "Certainty"), rows)


def _source(citation: Citation) -> tuple[str, ...]:
    return _linked(citation), citation.reference, citation.certainty


def _linked(citation: Citation) -> str:
    return f"[{citation.label}]({citation.url})" if citation.url else citation.label


def _codes() -> str:
    rows = ((f"`{name}`", system, code) for name, system, code in unverified_codes())
    intro = "They match like any other; a card that rests on one says so."
    return f"{intro}\n\n{_markdown(('Value set or drug', 'System', 'Code'), rows)}"


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = tuple(head)
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def render_limit(limit: Threshold) -> str:
    """Render a limit such as `at or below 75 ng/mL`, with the national value if the site has its own."""
    text = render_side(limit)
    if limit.national is None:
        return text
    return f"{text} (this site; nationally {plain(limit.national)} {limit.national_unit})"


def render_definition(definition: Definition) -> str:
    """Render a definition such as `below 28 days`, without a side if it is no limit."""
    side = "" if definition.side == "is" else f"{definition.side} "
    return f"{side}{plain(definition.value)} {render_unit(definition.unit)}"


def render_switch(switch: Switch) -> str:
    """Render the value of a switch, with the national value if the site has its own."""
    return switch.value if switch.site_date is None else f"{switch.value} (this site; nationally {switch.default})"


def _range(limit: Threshold) -> str:
    low, high = limit.range
    unit = limit.national_unit or limit.unit
    return "fixed" if low == high else f"{plain(low)} to {plain(high)} {unit}"


def _labels(names: Iterable[str], rules: Rules) -> Iterator[str]:
    return (rules.citations[name].label for name in names)
