"""What stands behind one card: its rule, limits, sources and grade, and what its override reasons mean."""

from __future__ import annotations

from typing import Any

from cards.knowledge.rules import CardText, Citation, DecisionText, Rules
from cards.presenting.override_reasons import offered_reasons, reason_meanings
from cards.wording.render import fill, wording
from cds_service.hooks.services import Service
from cds_service.knowledge.listing import AWAITS, render_limit


def card_page(service: Service, rules: Rules, code: str) -> dict[str, Any] | None:
    """Return the page of one card as JSON, or None if the service has no card of this topic code."""
    for decision in rules.decisions.values():
        for card in decision.cards.values():
            if card.topic == code and service.hook in decision.hooks:
                return _described(service, decision, card, rules)
    return None


def _described(service: Service, decision: DecisionText, card: CardText, rules: Rules) -> dict[str, Any]:
    sentences = wording()["sentences"]
    return {
        "code": card.topic,
        "title": card.title,
        "service": service.id,
        "decision": decision.name,
        "question": decision.question,
        "version": decision.version,
        "changed": decision.changed.isoformat(),
        "signOff": decision.reviewer or AWAITS,
        "nextReview": decision.next_review.isoformat() if decision.next_review else None,
        "rule": fill(card.rule, {}, rules),
        "notFor": fill(card.not_for, {}, rules),
        "limits": [
            *([fill(card.limits, {}, rules)] if card.limits else []),
            sentences["codes_in_doubt"],
            sentences["physician"],
        ],
        "grade": card.grade,
        "noSuggestion": card.no_suggestion or None,
        "sources": [_source(rules.citations[name]) for name in card.citations],
        "thresholds": [
            {
                "value": render_limit(limit),
                "meaning": limit.meaning,
                "source": rules.citations[limit.citation].label,
                "certainty": limit.certainty,
            }
            for limit in rules.limits_of(decision)
        ],
        "overrideReasons": [
            {"code": each.code, "display": each.display, "meaning": reason_meanings()[each.code]}
            for each in offered_reasons(service.hook, card.topic)
        ],
    }


def _source(source: Citation) -> dict[str, str]:
    return {
        "label": source.label,
        "reference": source.reference,
        "url": source.url,
        "certainty": source.certainty,
    }
