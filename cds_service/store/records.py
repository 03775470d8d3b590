"""The values a store takes and returns. Times are aware datetimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Literal

from cards.facts.card import Expectation, PatientBasis, Settled
from cards.facts.finding import Indicator
from cards.knowledge.repetition import Repetition

Outcome = Literal["accepted", "overridden"]
Mode = Literal["live", "shadow"]
#: In which arm a card was issued: shown, recorded alone, held out of the comparison, or sent after the deadline, so
#: that it is not known whether anybody saw it.
Arm = Literal["live", "shadow", "holdout", "late"]
#: The largest number that tells the arms of patients apart.
MOST_ARM_NUMBER = 9_999
#: Called during long work with the number of rows done and the total.
OnProgress = Callable[[int, int], None]


def ignore_progress(done: int, of: int) -> None:
    """Do nothing with the progress."""


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """One card of an answer.

    `card` is the topic code (IRONLOW); `inputs` are the facts behind it as text, in any order (stored as a keyed digest
    only); `suggestions` are uuids in display order; `suppressed` is true if it was not shown; `due` is the day for
    which it suggests tests; `doses` are those of its drafts, in mg (stored encrypted); `expects` is what it asks for
    (stored encrypted); `arm` is that of the card where it is not that of the answer.
    """

    uuid: str
    card: str
    rule_version: str
    indicator: Indicator
    inputs: tuple[str, ...]
    suggestions: tuple[str, ...] = ()
    suppressed: bool = False
    due: date | None = None
    doses: tuple[tuple[str, Decimal | None], ...] = ()
    expects: Expectation | None = None
    arm: Arm | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One call of a service and its response.

    `client` is the name of the client profile. `user` and `location` are references from the hook context.
    `queries` are the prefetch templates that the FHIR server at `server` answered; they keep their placeholders, so
    they contain no patient identifier. `host` is the name of the machine that asked. `status` is the HTTP status of the
    response. `shown_to` is the user who sees the cards, None where it is nobody or nobody in particular. `basis` is
    what overrides rest on that are about the patient. `settle` tells how an earlier expectation ends by this chart,
    None while it is open; without it there was no chart.
    """

    client: str
    service: str
    hook: str
    hook_instance: str
    patient_id: str
    issued_at: datetime
    cards: tuple[IssuedCard, ...] = ()
    mode: Mode = "live"
    user: str | None = None
    location: str | None = None
    queries: tuple[str, ...] = ()
    server: str = ""
    host: str = ""
    status: int = 200
    shown_to: str | None = None
    basis: PatientBasis = field(default_factory=PatientBasis)
    settle: Callable[[Expectation], Settled | None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reason:
    """The override reason of a card: a coding as the client sent it; each part may be empty."""

    code: str = ""
    system: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One validated item of a feedback request.

    late             it was older than 90 days on arrival
    claimed_at       the time that the client gave, if that lay in the future, so that `at` is the time of arrival
    is_comment_cut   the comment was longer
    """

    card: str
    outcome: Outcome
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: Reason | None = None
    comment: str | None = None
    late: bool = False
    claimed_at: datetime | None = None
    is_comment_cut: bool = False


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    """A new event on an issued card: uuid and topic code are this service's own, the reason code is as sent."""

    uuid: str
    card: str
    outcome: Outcome
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """Counts of a recorded batch, for metrics and tests.

    They must not be sent to the client, since they would reveal which cards exist. `dropped` items arrived when the
    client's quarantine was full. `events` are those recorded.
    """

    recorded: int = 0
    repeated: int = 0
    unmatched: int = 0
    dropped: int = 0
    events: tuple[FeedbackEvent, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that may be silent, with the members of `IssuedCard`."""

    card: str
    indicator: Indicator
    inputs: tuple[str, ...]
    doses: tuple[tuple[str, Decimal | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """When the cards of one call are silent.

    rules           the days, as the site set them
    zone            that of the site, whose calendar days count
    user            who asks, None where it is nobody in particular
    is_order_hook   nothing but an override with a reason silences a card there
    counts_shown    having been shown silences a card of patient-view
    basis           what overrides rest on that are about the patient
    """

    rules: Repetition
    zone: tzinfo
    user: str | None = None
    is_order_hook: bool = False
    counts_shown: bool = True
    is_child: bool = False
    basis: PatientBasis = field(default_factory=PatientBasis)


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a card is silent: what happened on `since`, and the day on which it comes again at the latest.

    `reason` is a key of the sentences of the console: shown, accepted, dismissed, or overridden.
    """

    reason: Literal["shown", "accepted", "dismissed", "overridden"]
    since: date
    until: date
    is_for_everybody: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """The days for which rows are kept. A card is kept as long as feedback on it is."""

    cards: int = 2192
    feedback: int = 2192
    unmatched_feedback: int = 90
    evidence: int = 400
    audit: int = 2192


@dataclass(frozen=True, slots=True)
class Health:
    """The result of a health check: healthy if `faults` is empty; each fault is a short sentence."""

    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of verifying the audit chain. `head` is the last hash; kept elsewhere, it reveals a truncation."""

    rows: int
    head: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What it took to give a store new keys: rows written anew, and the audit chain before and after."""

    rows: int
    before: AuditReport
    after: AuditReport


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One decrypted audit event; `kind` is decision, feedback, export or rekey."""

    number: int
    recorded: datetime
    kind: str
    client: str
    service: str
    patient_hash: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One row of the HTI-1 export, 45 CFR 170.315(b)(11)(ii)(C). Missing values read `unknown`."""

    intervention: str
    action: str
    feedback: str
    user: str
    date: str
    location: str
    rule_version: str
    card_uuid: str


@dataclass(frozen=True, slots=True)
class CardCount:
    """The number of cards with these properties on one day (UTC).

    `patients` are those whom this client's card was about on that day, in any mode, shown or silent: each once.
    """

    day: date
    client: str
    card: str
    mode: str
    suppressed: bool
    cards: int
    patients: int


@dataclass(frozen=True, slots=True)
class CallCount:
    """The number of hook calls answered on one day (UTC), from the audit trail, and of the patients they are about."""

    day: date
    client: str
    service: str
    calls: int
    patients: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """The cards with one topic code shown in a period, and how many were accepted or overridden at least once."""

    card: str
    shown: int
    accepted: int
    overridden: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """The number of overrides of a card with one reason; `code` is empty if no reason was given."""

    card: str
    code: str
    events: int


@dataclass(frozen=True, slots=True)
class FollowUpCount:
    """What became of what a card asked for first of each patient, counted alike in all these members.

    state      open, followed (not to be compared with those who did not until it is confirmed), confirmed or missed
    days       time to action of those that were followed
    is_mature  asked so long ago that they are over by now
    is_compared  of live and held out: asked first of all in that time in which one hold-out share was set
    """

    client: str
    card: str
    rule_version: str
    arm: str
    state: str
    is_mature: bool
    days: int | None
    patients: int
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """The live cards shown of one client, card and version, and how many were answered in any way.

    `repeats` are those shown before on the same facts of the same patient.
    """

    client: str
    card: str
    rule_version: str
    shown: int
    answered: int
    accepted: int
    overridden: int
    repeats: int


@dataclass(frozen=True, slots=True)
class VersionDay:
    """A version of a card that was issued on one day (UTC), whether it was shown or not."""

    day: date
    card: str
    rule_version: str


@dataclass(frozen=True, slots=True)
class DwellTime:
    """How long after a card was issued the EHR says that it was answered."""

    client: str
    card: str
    seconds: float


@dataclass(frozen=True, slots=True)
class EvidenceCount:
    """How many charts of a client had something on one day (UTC)."""

    day: date
    client: str
    subject: str
    kind: str
    number: int
