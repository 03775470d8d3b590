"""The report of one request and its answer, for metrics and log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cards.wording.render import render_gap
from cds_service.calls.call import Answered, Call
from cds_service.store import FeedbackResult


@dataclass(slots=True)
class RequestReport:
    """One request. Only `call` and `answered` hold patient data; `fields` leaves it out.

    route    the name of the route, or none
    caller   the address of the caller, by the trusted proxies
    claimed  the client that a refused token named, which need not have sent it
    reason   why the request was refused; for the log, never for the caller
    faults   the parts of the request that were found faulty, without what stands there
    seconds  the time from arrival to response
    """

    request_id: str
    method: str
    route: str
    caller: str = ""
    status: int = 0
    seconds: float = 0.0
    service: str = ""
    client: str = ""
    mode: str = ""
    hook_instance: str = ""
    claimed: str = ""
    reason: str = ""
    faults: tuple[str, ...] = ()
    call: Call | None = None
    answered: Answered | None = None
    feedback: FeedbackResult | None = None

    def fields(self) -> Mapping[str, object]:
        """Return the fields of a log line (see `cds_service/web/log.py`)."""
        named: dict[str, object] = {
            "request_id": self.request_id,
            "caller": self.caller,
            "method": self.method,
            "route": self.route,
            "service": self.service,
            "client": self.client,
            "claimed": self.claimed,
            "mode": self.mode,
            "hook_instance": self.hook_instance,
            "reason": self.reason,
            "faults": list(self.faults) or None,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
        }
        named |= _of_answer(self.answered) if self.answered else {}
        kept = self.feedback.events if self.feedback else ()
        return named | ({"feedback": [f"{each.uuid} {each.card} {each.outcome}" for each in kept]} if kept else {})


#: Gets the report of every request once it is answered.
Observer = Callable[[RequestReport], None]


def _of_answer(answered: Answered) -> dict[str, object]:
    return {
        "outcomes": dict(answered.outcomes),
        "cards": [card.topic.code for card in answered.cards],
        "card_uuids": [card.uuid for card in answered.cards],
        "suppressed": [card.topic.code for card in answered.suppressed],
        **({"held": [card.topic.code for card in answered.held]} if answered.held else {}),
        "missing": list(answered.missing),
        "prefetch": dict(answered.gathered.sources),
        "reads": dict(answered.gathered.faults),
        "not_read": answered.gathered.not_read,
        "gaps": {key: render_gap(gap) for key, gap in answered.gaps.items()},
        "discarded": answered.discarded,
        **({"reason": answered.reason} if answered.reason else {}),
    }
