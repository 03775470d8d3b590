"""The thirteen source attributes of each decision: where it comes from and which data it uses.

Numbers and names follow 45 CFR 170.315(b)(11)(iv)(A)(1) to (13). The file of a decision lists what it reads (`reads`),
and a test compares that with what it really reads.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from cards.knowledge.rules import DecisionText, Rules
from cds_service.hooks.services import Service
from cds_service.knowledge.listing import AWAITS, render_limit, render_switch

INTENDED_USE = (
    "For licensed health professionals; people with diagnosed or suspected restless legs syndrome; not for "
    "emergencies. Adds to clinical judgement and does not replace it."
)
REQUIREMENTS = (
    {
        "requirement": "Source attributes of evidence-based decision support, 45 CFR 170.315(b)(11)(iv)(A)",
        "status": "In force for certified health IT since 2025-01-01. It binds the developer of a certified EHR, not "
        "this service, which offers these attributes so that an EHR can show them.",
        "source": "89 FR 1192",
    },
    {
        "requirement": "HTI-5, which would take the requirement away",
        "status": "Proposed on 2025-12-29; no final rule was found when this text was written. To be checked before "
        "anyone relies on it.",
        "source": "90 FR 60970",
    },
)
NO_CLAIM = (
    "This page makes no claim of certification. The service is neither certified health IT nor CE-marked, and every "
    "threshold awaits the sign-off of a physician where it does not name one."
)

_NOT_USED = "Not used."
_DEVELOPER = "The rls-cds project turned the cited sources into rules; where sources disagree the rule list says so."
_FUNDING = "No funding source has been declared for the technical implementation."
#: Texts on the data that a decision reads.
_SEX = "Used, as the record has it: haemoglobin limits, wording for women, and a pregnancy noted for a man is ignored."
_BIRTH = "Used: age, which tells children from adults and older from younger adults."
_PREGNANCY = "pregnancy status and gestational age"
_SCORE = "the total of the International RLS scale, where a site records it"


def source_attributes(service: Service, rules: Rules) -> dict[str, Any]:
    """Build the page of one service as JSON, with every decision of its hook in order."""
    asked = [decision for decision in rules.decisions.values() if service.hook in decision.hooks]
    return {
        "service": service.id,
        "title": service.title,
        "intendedUse": INTENDED_USE,
        "noClaim": NO_CLAIM,
        "requirements": list(REQUIREMENTS),
        "decisions": [_described(decision, rules) for decision in asked],
    }


def _described(decision: DecisionText, rules: Rules) -> dict[str, Any]:
    return {
        "decision": decision.name,
        "title": decision.title,
        "question": decision.question,
        "version": decision.version,
        "changed": decision.changed.isoformat(),
        "signOff": decision.reviewer or AWAITS,
        "nextReview": decision.next_review.isoformat() if decision.next_review else None,
        "cards": [{"code": card.topic, "title": card.title, "grade": card.grade} for card in decision.cards.values()],
        "reads": list(decision.reads),
        "thresholds": [
            {
                "name": limit.name,
                "value": render_limit(limit),
                "meaning": limit.meaning,
                "certainty": limit.certainty,
                "definedIn": rules.owner(limit.name),
            }
            for limit in rules.limits_of(decision)
        ],
        "switches": [
            {
                "name": switch.name,
                "value": render_switch(switch),
                "meaning": switch.meaning,
                "definedIn": rules.owner(switch.name),
            }
            for switch in rules.switches_of(decision)
        ],
        "attributes": [
            {"number": number, "attribute": name, "text": text}
            for number, (name, text) in enumerate(attributes(decision, rules), 1)
        ],
    }


def attributes(decision: DecisionText, rules: Rules) -> tuple[tuple[str, str], ...]:
    """Return the names and texts of the thirteen attributes of a decision, in order; none is empty."""
    reads = frozenset(decision.reads)
    return (
        ("Bibliographic citation of the intervention", _citations(decision, rules)),
        ("Developer of the intervention", _DEVELOPER),
        ("Funding source of the technical implementation", _FUNDING),
        ("Release and revision dates", _dates(decision, rules)),
        ("Use of race", _NOT_USED),
        ("Use of ethnicity", _NOT_USED),
        ("Use of language", _NOT_USED),
        ("Use of sexual orientation", _NOT_USED),
        ("Use of gender identity", _NOT_USED),
        ("Use of sex", _SEX if "sex" in reads else _NOT_USED),
        ("Use of date of birth", _BIRTH if "date of birth" in reads else _NOT_USED),
        ("Use of social determinants of health", _NOT_USED),
        ("Use of health status assessments", _assessments(reads)),
    )


def _citations(decision: DecisionText, rules: Rules) -> str:
    """Return every source of its cards and limits, without duplicates."""
    cited = [name for card in decision.cards.values() for name in card.citations]
    named = dict.fromkeys([*cited, *(limit.citation for limit in rules.limits_of(decision))])
    sources = (rules.citations[name] for name in named)
    return "; ".join(
        f"{each.label}: {each.reference}{f', {each.url}' if each.url else ''} ({each.certainty})" for each in sources
    )


def _dates(decision: DecisionText, rules: Rules) -> str:
    """Return the version and date of the decision, and since when its limits have been in force."""
    entries = (limit.entry_on(rules.day or date.max) for limit in rules.limits_of(decision))
    since = sorted({entry.since.isoformat() for entry in entries if entry})
    limits = f" Its limits stand as they do since {', '.join(since)}." if since else " It reads no limit."
    review = f" Next review by {decision.next_review}, a day that this project has set itself."
    return f"Version {decision.version} of {decision.changed}.{limits}{review}"


def _assessments(reads: frozenset[str]) -> str:
    used = [text for name, text in (("pregnancy", _PREGNANCY), ("health status assessments", _SCORE)) if name in reads]
    return f"Used: {'; '.join(used)}." if used else _NOT_USED
