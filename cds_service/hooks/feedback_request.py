"""Parse feedback bodies (protocol B-01 to B-16): strict about what became of which card, tolerant about the rest.

A client does not send feedback again in another form, so an entry is refused only where it does not say what became of
which card and when; the others of its batch are kept (reliability FB-5).

Tolerated are member names in any case (`outcomeTimeStamp`), outcomes in any case, UUIDs in capitals or with
`urn:uuid:`, one object in place of a list, an instant in any spelling, a reason as CodeableConcept, as text or with a
number as its code, a coding without `system`, the old form with the coding directly under `overrideReason`, and Epic's
`overrideReasons` with its extension. No message quotes the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import ClassVar

from cds_service.hooks.instants import read_instant
from cds_service.store.records import FeedbackItem, Outcome, Reason
from cds_service.web.errors import MOST_COUNTED, MOST_NAMED, BadRequest
from cds_service.web.json_reader import MEBIBYTE, read_json

MOST_ITEMS = 1_000
MOST_BYTES = MEBIBYTE
COMMENT_LENGTH = 2_000
_AHEAD = timedelta(minutes=5)
_LATE = timedelta(days=90)
_TEXT_LENGTH = 500

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
_OUTCOMES: Mapping[str, Outcome] = {"accepted": "accepted", "overridden": "overridden", "overriden": "overridden"}
#: Where Epic's extension has the code and the display of a reason; its names are long and end in these.
_CODE_EXTENSION, _DISPLAY_EXTENSION = "reasoncategory", "reasondisplay"


class BadFeedback(Exception):
    """The body has no entry that can be read; `faults` names every fault with its location."""

    status: ClassVar[int] = 400

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class FeedbackTooLarge(BadFeedback):
    """The body is longer than 1 MiB."""

    status = 413


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry that cannot be read: its index, and its faults, each as `member: what is allowed`."""

    index: int
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the entry of `refused` in a response."""
        return {"index": self.index, "reason": "; ".join(self.faults)}


@dataclass(frozen=True, slots=True)
class ReadFeedback:
    """The entries of a body that can be read, in their order, and those that cannot."""

    items: tuple[FeedbackItem, ...]
    refused: tuple[RefusedEntry, ...] = ()


def read_feedback(body: bytes, now: datetime) -> ReadFeedback:
    """Parse all entries of a feedback body; raises `BadFeedback` if none of them can be read."""
    if len(body) > MOST_BYTES:
        raise FeedbackTooLarge((f"the body must not be longer than {MOST_BYTES} bytes",))
    try:
        content = read_json(body, checked_one_by_one="feedback").document
    except BadRequest as refusal:
        raise BadFeedback(tuple(map(str, refusal.faults))) from None
    items: list[FeedbackItem] = []
    refused: list[RefusedEntry] = []
    for index, entry in enumerate(_entries(content)):
        faults: list[str] = []
        item = _item(entry, now, faults)
        if item is None:
            refused.append(RefusedEntry(index, tuple(faults)))
        else:
            items.append(item)
    if not items:
        raise BadFeedback(tuple(f"feedback[{each.index}].{fault}" for each in refused for fault in each.faults))
    return ReadFeedback(tuple(items), tuple(_first_named(refused)))


def _first_named(refused: Iterable[RefusedEntry]) -> Iterator[RefusedEntry]:
    """Yield the entries with the first 20 faults of the batch, and the number of the further ones of each."""
    left = MOST_NAMED
    for each in refused:
        named, further = each.faults[:left], len(each.faults[left:])
        left -= len(named)
        count = f"{further}{' or more' if len(each.faults) >= MOST_COUNTED else ''} faults are not named"
        yield RefusedEntry(each.index, (*named, *((count,) if further else ())))


def _entries(content: object) -> list[object]:
    entries = content.get("feedback") if isinstance(content, dict) else None
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list) or not entries:
        raise BadFeedback(("the body must be an object with an array `feedback` of one or more entries",))
    if len(entries) > MOST_ITEMS:
        raise BadFeedback((f"feedback must not have more than {MOST_ITEMS} entries",))
    return entries


def _item(entry: object, now: datetime, faults: list[str]) -> FeedbackItem | None:
    """Return the item of an entry, or None after adding every fault of it."""
    members = _members(entry)
    if members is None:
        faults.append("entry: must be an object")
        return None
    card = _uuid(members.get("card"))
    if card is None:
        faults.append("card: must be the uuid of a card")
    outcome = _outcome(members.get("outcome"))
    if outcome is None:
        faults.append("outcome: must be accepted or overridden")
    at = read_instant(members.get("outcometimestamp"))
    if at is None:
        faults.append("outcomeTimestamp: must be a time as in 2026-03-01T10:15:30.52Z")
    suggestions = _suggestions(members.get("acceptedsuggestions"), faults) if outcome == "accepted" else ()
    if faults or card is None or outcome is None or at is None:
        return None
    reason, comment = _override(members.get("overridereason"), members.get("overridereasons"))
    is_ahead = at > now + _AHEAD
    return FeedbackItem(
        card,
        outcome,
        now if is_ahead else at,
        suggestions,
        reason,
        comment and comment[:COMMENT_LENGTH],
        late=at < now - _LATE,
        claimed_at=at if is_ahead else None,
        is_comment_cut=comment is not None and len(comment) > COMMENT_LENGTH,
    )


def _members(value: object) -> dict[str, object] | None:
    """Return the members of an object by lower-case name; the standard spelling wins over others."""
    if not isinstance(value, dict):
        return None
    return {name.lower(): member for name, member in sorted(value.items(), key=lambda pair: pair[0] in _REGULAR)}


_REGULAR = frozenset(
    {"card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason", "reason", "userComment"}
    | {"id", "code", "system", "display", "coding", "text", "overrideReasons", "extension"}
)


def _listed(value: object) -> list[object]:
    """Return a list as it is, and one value as a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _uuid(value: object) -> str | None:
    found = _UUID.fullmatch(value) if isinstance(value, str) else None
    return found.group(1).lower() if found else None


def _outcome(value: object) -> Outcome | None:
    return _OUTCOMES.get(value.lower()) if isinstance(value, str) else None


def _suggestions(value: object, faults: list[str]) -> tuple[str, ...]:
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not listed:
        faults.append("acceptedSuggestions: must be an array of one or more objects with an id")
        return ()
    found = [_uuid((_members(suggestion) or {}).get("id")) for suggestion in listed]
    wrong = (index for index, uuid in enumerate(found) if uuid is None)
    for index in islice(wrong, MOST_COUNTED):
        faults.append(f"acceptedSuggestions[{index}]: must be an object whose id is a suggestion uuid")
    return tuple(dict.fromkeys(uuid for uuid in found if uuid))


def _override(*given: object) -> tuple[Reason | None, str | None]:
    """Return the first reason and all comments; both are None for a plain dismissal.

    Neither refuses an entry: what became of the card counts, whatever the form of its reason.
    """
    forms = [form for value in given for form in _listed(value)]
    reasons = (reason for form in forms if (reason := _reason(form)))
    comments = (_text((_members(form) or {}).get("usercomment")) for form in forms)
    return next(reasons, None), "; ".join(filter(None, comments)) or None


def _reason(form: object) -> Reason | None:
    members = _members(form) or {}
    named = members["reason"] if members.get("reason") is not None else members or form
    found = [_coding(each) for each in (named, *_extended(members))]
    return next((reason for reason in found if reason.code or reason.display), None)


def _extended(members: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield the reason in Epic's extension, beside the reason or inside it."""
    for holder in (members, _members(members.get("reason")) or {}):
        told = {name.rpartition(".")[2]: value for name, value in (_members(holder.get("extension")) or {}).items()}
        yield {"code": told.get(_CODE_EXTENSION), "display": told.get(_DISPLAY_EXTENSION)}


def _coding(value: object) -> Reason:
    """Return code, system and display of a Coding, of a CodeableConcept's first coding, or of plain text."""
    one = next(iter(value), None) if isinstance(value, list) else value
    members = _members(one) if isinstance(one, dict) else {"display": one}
    codings = [_members(each) for each in _listed((members or {}).get("coding"))]
    coding = next((each for each in codings if each), None) or members or {}
    display = coding.get("display") if coding.get("display") is not None else (members or {}).get("text")
    return Reason(*((_text(part) or "")[:_TEXT_LENGTH] for part in (coding.get("code"), coding.get("system"), display)))


def _text(value: object) -> str | None:
    """Return a text without NUL and surrounding blanks, or the digits of a number; None if nothing is left."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value.replace("\0", "").strip() or None if isinstance(value, str) else None
