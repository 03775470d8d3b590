"""Reading a feedback body (CDS Hooks page, section 3.10): strict in what it says, tolerant in how it is spelled.

Tolerated: member names in any case (`outcomeTimeStamp`), outcomes in any case, uuids in capitals or behind
`urn:uuid:`, a reason as CodeableConcept or as text, a coding without `system`, and the old form with the coding
directly under `overrideReason`. No message holds a word of the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import orjson

from cds_service.store.values import FeedbackItem, Outcome, Reason

MOST_ITEMS = 100
MOST_BYTES = 64 * 1024
COMMENT_LENGTH = 2_000
_AHEAD = timedelta(minutes=5)
_LATE = timedelta(days=90)
_TEXT_LENGTH = 500

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?(?:[Zz]|([+-]\d{2}:\d{2}))", re.ASCII
)
_OUTCOMES: Mapping[str, Outcome] = {"accepted": "accepted", "overridden": "overridden", "overriden": "overridden"}


class BadFeedback(Exception):
    """The body is not feedback. `faults` names every fault with the place it was found at."""

    status: ClassVar[int] = 400

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class FeedbackTooLarge(BadFeedback):
    """The body is longer than 64 KiB."""

    status = 413


def read_feedback(body: bytes, now: datetime) -> tuple[FeedbackItem, ...]:
    """The entries of a feedback body, all of them or none. Raises `BadFeedback` naming all faults at once."""
    if len(body) > MOST_BYTES:
        raise FeedbackTooLarge((f"the body must not be longer than {MOST_BYTES} bytes",))
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadFeedback(("the body must be JSON",)) from None
    faults: list[str] = []
    items = [_item(entry, f"feedback[{index}]", now, faults) for index, entry in enumerate(_entries(content))]
    if faults:
        raise BadFeedback(tuple(faults))
    return tuple(item for item in items if item is not None)


def _entries(content: object) -> list[object]:
    entries = content.get("feedback") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise BadFeedback(("the body must be an object with an array `feedback` of one or more entries",))
    if len(entries) > MOST_ITEMS:
        raise BadFeedback((f"feedback must not have more than {MOST_ITEMS} entries",))
    return entries


def _item(entry: object, place: str, now: datetime, faults: list[str]) -> FeedbackItem | None:
    members = _members(entry)
    if members is None:
        faults.append(f"{place} must be an object")
        return None
    card = _uuid(members.get("card"))
    if card is None:
        faults.append(f"{place}.card must be the uuid of a card")
    outcome = _outcome(members.get("outcome"))
    if outcome is None:
        faults.append(f"{place}.outcome must be accepted or overridden")
    at = _instant(members.get("outcometimestamp"))
    if at is None:
        faults.append(f"{place}.outcomeTimestamp must be a time as in 2026-03-01T10:15:30.52Z")
    elif at > now + _AHEAD:
        faults.append(f"{place}.outcomeTimestamp must not lie in the future")
    suggestions = _suggestions(members, place, faults) if outcome == "accepted" else ()
    reason, comment = _override(members.get("overridereason"), f"{place}.overrideReason", faults)
    if card is None or outcome is None or at is None:
        return None
    return FeedbackItem(card, outcome, at, suggestions, reason, comment, late=at < now - _LATE)


def _members(value: object) -> dict[str, object] | None:
    """The members of an object by their names in small letters; the regular spelling wins over others."""
    if not isinstance(value, dict):
        return None
    return {name.lower(): member for name, member in sorted(value.items(), key=lambda pair: pair[0] in _REGULAR)}


_REGULAR = frozenset(
    {"card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason", "reason", "userComment"}
    | {"id", "code", "system", "display", "coding", "text"}
)


def _uuid(value: object) -> str | None:
    found = _UUID.fullmatch(value) if isinstance(value, str) else None
    return found.group(1).lower() if found else None


def _outcome(value: object) -> Outcome | None:
    return _OUTCOMES.get(value.lower()) if isinstance(value, str) else None


def _instant(value: object) -> datetime | None:
    """An instant with seconds and an offset, in UTC, to the microsecond; nothing is guessed."""
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, time, fraction, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{time}.{fraction or '0':0<6}{offset or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _suggestions(members: Mapping[str, object], place: str, faults: list[str]) -> tuple[str, ...]:
    listed = members.get("acceptedsuggestions")
    if not isinstance(listed, list) or not listed:
        faults.append(f"{place}.acceptedSuggestions must be an array of one or more objects with an id")
        return ()
    found: list[str] = []
    for index, suggestion in enumerate(listed):
        uuid = _uuid((_members(suggestion) or {}).get("id"))
        if uuid is None:
            faults.append(f"{place}.acceptedSuggestions[{index}] must be an object whose id is a suggestion uuid")
        else:
            found.append(uuid)
    return tuple(dict.fromkeys(found))


def _override(value: object, place: str, faults: list[str]) -> tuple[Reason | None, str | None]:
    """Reason and comment; none of both for a plain dismissal."""
    if value is None:
        return None, None
    members = _members(value)
    if members is None:
        faults.append(f"{place} must be an object")
        return None, None
    comment = _text(members.get("usercomment"), COMMENT_LENGTH)
    coding = members["reason"] if members.get("reason") is not None else members
    reason = Reason(*(_text(part, _TEXT_LENGTH) or "" for part in _coding(coding)))
    if any(_is_unfit(part) for part in (members.get("usercomment"), *_coding(coding))):
        faults.append(f"{place} must hold text, without NUL")
    elif not (reason.code or reason.display or comment):
        faults.append(f"{place} must have a reason or a userComment")
    return (reason if reason.code or reason.display else None), comment


def _coding(value: object) -> Iterator[object]:
    """Code, system and display of a Coding, of the first one of a CodeableConcept, or of mere text."""
    members = _members(value) if isinstance(value, dict) else {"display": value}
    codings = (members or {}).get("coding")
    first = _members(codings[0]) if isinstance(codings, list) and codings else None
    coding = first or members or {}
    display = coding.get("display") if coding.get("display") is not None else (members or {}).get("text")
    yield from (coding.get("code"), coding.get("system"), display)


def _is_unfit(part: object) -> bool:
    return part is not None and (not isinstance(part, str) or "\0" in part)


def _text(value: object, length: int) -> str | None:
    return value.strip()[:length] or None if isinstance(value, str) else None
