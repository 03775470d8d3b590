"""What a decision file (cards/decisions/<name>.toml) may hold, member by member: the only list of them."""

from __future__ import annotations

from cards.knowledge.forms import (
    by_name,
    called,
    day,
    listed,
    name,
    number,
    one_of,
    optional,
    table,
    with_facts,
    words,
)
from cards.knowledge.limits import SIDES

#: From the best to the least, and what needs none.
CERTAINTIES = ("retrieved", "quoted", "unverified", "ours")

_SOURCE = name(
    60, "the id of a source in cards/knowledge/citations.toml", "name a source that is listed there, or add it",
    "^[a-z0-9-]+$",
)  # fmt: skip
_DRUG_CLASSES = name(60, "the name of a drug class", "name a class of ingredients.toml", "^[a-z0-9-]+$")
_TEXT = with_facts(words(900, "one block of text"))
_KEY = called("^[a-z0-9_]+$", "a name in lower-case letters, digits and _")

_DATED_VALUE = table("write all three", since=day(), value=number(), citation=_SOURCE)

THRESHOLD = table(
    "see the thresholds of iron_status.toml",
    value=number(),
    unit=name(30, "the unit that is compared and printed", "name it"),
    analyte=optional(
        name(40, "an analyte of cards/labs/analytes.toml", "name one, or leave it out", "^[a-z0-9-]+$")
    ),
    side=one_of(
        [side for side in SIDES if side != "up to"],
        "below, at or below, at or above, above, before, within, at or after, or after more than",
        "say on which side the limit itself lies",
    ),
    meaning=words(900, "what lies on that side"),
    range=listed(
        number(), "two numbers in quotes: what a site may choose from", 'write it as range = ["50", "100"]',
        least=2, most=2, unique=False,
    ),
    step=optional(number()),
    citation=_SOURCE,
    certainty=one_of(
        CERTAINTIES,
        "retrieved (its page was read), quoted (seen on another page), unverified (from memory) or ours",
        "say how sure the source is",
    ),
    says=optional(words(300, "what the source says of it, in one line")),
    history=listed(
        _DATED_VALUE, "the values so far, oldest first, the last one today's",
        "write an entry for each value there was", least=1, unique=False,
    ),
    reviewer=optional(words(900, "who must sign it off, or has")),
    next_review=optional(day()),
)  # fmt: skip

SWITCH = table(
    "see the switches of iron_status.toml",
    default=name(40, "one of its choices", "name one"),
    choices=listed(name(40, "a choice in few words", "name it"), "two or more choices", "list them", least=2),
    meaning=words(900, "what is chosen, and what each choice means"),
)

_NAMES = listed(
    name(60, "an analyte or a drug class", "name one of analytes.toml or ingredients.toml", "^[a-z0-9-]+$"),
    "a list of names", "list what it is about", least=1,
)  # fmt: skip
EXPECTS = table(
    "see the cards of iron_status.toml",
    "one of result (analytes), started, ended, withheld or dose (drug classes)",
    result=optional(_NAMES),
    started=optional(_NAMES),
    ended=optional(_NAMES),
    withheld=optional(_NAMES),
    dose=optional(_NAMES),
)

CARD = table(
    "see the cards of iron_status.toml",
    title=words(120, "the card's name in plain words"),
    expects=optional(EXPECTS),
    indicator=one_of(("info", "warning", "critical"), "info, warning or critical", "choose one"),
    summary=with_facts(words(300, "one line that stands alone")),
    recommendation=with_facts(words(1500, "what to consider, as a list")),
    rule=with_facts(words(1200, "the rule with its limits")),
    rule_in_short=optional(with_facts(words(300, "the rule in one line, for the card itself"))),
    grade=words(300, "strength and certainty of the recommendation"),
    citations=listed(_SOURCE, "one or more sources, the first names the card's source", "list them", least=1),
    limits=optional(with_facts(words(900, "what the card cannot tell"))),
    not_for=with_facts(words(600, "whom it does not apply to")),
    no_suggestion=optional(words(300, "why the card offers nothing to order or to remove")),
    summary_incomplete=optional(with_facts(words(300, "the summary where a contraindication could not be excluded"))),
    recommendation_incomplete=optional(
        with_facts(
            words(
                1500,
                "the recommendation where a contraindication could not be excluded: no iron, route or dose",
            )
        )
    ),
)

JUDGES = table(
    "see the judges of gabapentinoid_order.toml",
    "which draft orders it judges: drugs, drugs_for_rls, switched, but_not and tests",
    drugs=optional(listed(_DRUG_CLASSES, "drug classes", "list drug classes", read=frozenset)),
    drugs_for_rls=optional(
        listed(
            _DRUG_CLASSES, "drug classes that count only where RLS is the stated reason", "list drug classes",
            read=frozenset,
        )
    ),
    switched=optional(
        listed(_DRUG_CLASSES, "drug classes that count where the switch of the same name is on", "list drug classes")
    ),
    but_not=optional(
        listed(_DRUG_CLASSES, "drug classes that take a draft out again", "list drug classes", read=frozenset)
    ),
    tests=optional(
        listed(
            listed(
                name(60, "a test of orderables.toml", "name a test that is listed there", "^[a-z0-9-]+$"),
                "tests that count where all of them are ordered", "list tests", least=1, read=frozenset,
            ),
            "sets of tests", "list sets of tests", unique=False,
        )
    ),
)  # fmt: skip

_HOOKS = ("patient-view", "order-sign", "order-select")
#: The kinds of data that a decision may say it looks at.
READS = (
    "sex", "date of birth", "pregnancy", "diagnoses", "laboratory results", "body weight", "drugs", "allergies",
    "procedures", "laboratory orders", "draft orders", "health status assessments",
)  # fmt: skip
_LISTS = ("conditions", "labs", "medications", "allergies", "procedures")
_ONCE = "a list of names, each once"

DECISION = table(
    "see iron_status.toml",
    "a decision file",
    title=words(120, "what is decided, in a few words"),
    question=words(200, "the question the decision answers"),
    version=name(
        20, "three numbers with points", "raise it with every change of limit or text", r"^[0-9]+\.[0-9]+\.[0-9]+$"
    ),
    changed=day(),
    hooks=listed(
        one_of(_HOOKS, "patient-view, order-sign or order-select", "choose among them"),
        "the hooks at which it is asked", "list them", least=1,
    ),
    reviewer=words(120, "who must sign it off, or has"),
    next_review=day(),
    reads=listed(
        one_of(READS, f"a kind of data: {', '.join(READS)}", "name what the decision looks at"),
        "what it looks at in a chart", "list it; a test compares it with what is really read",
    ),
    orders=listed(
        name(
            60, "a test of cards/presenting/orderables.toml", "list the tests its cards may suggest",
            "^[a-z][a-z0-9 _-]*$",
        ),
        _ONCE, "list the tests its cards may suggest",
    ),
    facts=listed(
        name(
            60, "a fact that the decision hands to its texts", "list what its texts name in braces",
            "^[a-z][a-z0-9_]*$",
        ),
        _ONCE, "list what its texts name in braces",
    ),
    uses=listed(
        name(
            60, "a threshold or switch that another file defines",
            "list those that the decision reads; a test compares it with what is really read", "^[a-z][a-z0-9_.]*$",
        ),
        _ONCE, "list the thresholds and switches of other files that the decision reads",
    ),
    thresholds=optional(by_name(THRESHOLD, "tables of thresholds", "see iron_status.toml")),
    switches=optional(by_name(SWITCH, "tables of switches", "see iron_status.toml")),
    because=by_name(
        _TEXT, "why it is quiet or unknown, sentence by sentence", "write a table of texts", names=_KEY
    ),
    texts=optional(by_name(_TEXT, "further blocks of its cards", "write a table of texts", names=_KEY)),
    cards=by_name(
        CARD, "tables of cards", "see iron_status.toml", least=1,
        names=called("^[A-Z0-9]+(-[A-Z0-9]+)*$", "a card id in capitals with hyphens"),
    ),
    needs=by_name(
        listed(
            one_of(_LISTS, f"a list of the chart: {', '.join(_LISTS)}", "name a list by its prefetch key"),
            "the lists, by prefetch key, without whose end such an answer proves nothing",
            "list them; a test drops each list and compares",
        ),
        "a table of lists: default, and further ones by a key of because",
        "write a table needs with at least default; a test drops each list and compares",
        names={"pattern": "^[a-z0-9_]+$", "description": "default, or a key of because",
               "x-next-step": "name a reason of this file"},
        required=("default",),
    ),
    judges=optional(JUDGES),
)  # fmt: skip
