"""What cards asked for, and what became of it: opened with the card, closed by a later call for the same patient.

All of it happens in the transaction that records the answers, so that an expectation is closed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, literal, select, update

from cards.facts.card import Expectation, Settled
from cds_service.store.databases.database import insert_into
from cds_service.store.databases.statement import Statement, spread, spread_values
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import Answer, IssuedCard
from cds_service.store.schema import AnyRow, expectation

#: One that was followed is confirmed by a call that would have told, too, if it had not been: until then it is not
#: known of those alike who did not follow, and the patient counts neither way.
OPEN, FOLLOWED, CONFIRMED, MISSED = "open", "followed", "confirmed", "missed"
_CLOSE = Statement(
    lambda _: (
        update(expectation)
        .where(expectation.c.card_uuid == bindparam("uuid"), expectation.c.state == OPEN)
        .values(open_key=None, state=bindparam("ends"), days=bindparam("after"), closed_at=bindparam("at"))
    )
)
_CONFIRM = Statement(
    lambda _: (
        update(expectation)
        .where(expectation.c.card_uuid == bindparam("uuid"), expectation.c.state == FOLLOWED)
        .values(state=CONFIRMED, closed_at=bindparam("at"))
    )
)
_INSERT = Statement(lambda dialect: insert_into(dialect, expectation).on_conflict_do_nothing())


@cache
def _open_ones(patients: int) -> Statement:
    """Return the query for what is open, or not yet confirmed, of so many patients."""
    columns = expectation.c
    return Statement(
        lambda _: select(
            columns.card_uuid,
            columns.open_key,
            columns.patient_hash,
            columns.asked_at,
            columns.asked_closed,
            columns.state,
        ).where(
            columns.patient_hash.in_(spread("patient", patients)),
            columns.state.in_([literal(OPEN), literal(FOLLOWED)]),
        )
    )


def record_expectations(connection: Connection, cipher: FieldCipher, batch: Iterable[tuple[str, Answer]]) -> None:
    """Close what the charts of these answers show, and open what their cards ask for; each beside its patient hash."""
    answers = [(patient, answer) for patient, answer in batch if answer.settle or _asking(answer)]
    if not answers:
        return
    patients = sorted({patient for patient, _ in answers})
    found = _open_ones(len(patients)).rows(connection, spread_values("patient", patients))
    still_open = {row.open_key for row in found}
    closed = [each for row in found for each in _closed(cipher, row, answers)]
    for row, values in sorted(closed, key=lambda each: str(each[1]["uuid"])):
        (_CLOSE if row.state == OPEN else _CONFIRM).run(connection, values)
        still_open.discard(row.open_key)
    new: dict[str, Mapping[str, object]] = {}
    for patient, answer in answers:
        for card in _asking(answer):
            asked = _new_row(cipher, patient, answer, card)
            if asked["open_key"] not in still_open:
                new.setdefault(str(asked["open_key"]), asked)
    _INSERT.run(connection, *(new[key] for key in sorted(new)))


def _asking(answer: Answer) -> list[IssuedCard]:
    """Return the cards that ask for something and were not silent."""
    return [card for card in answer.cards if card.expects and not card.suppressed]


def _closed(
    cipher: FieldCipher, row: AnyRow, answers: Iterable[tuple[str, Answer]]
) -> Iterable[tuple[AnyRow, dict[str, Any]]]:
    """Yield how an expectation ends, or is confirmed, by the first answer for that patient that can tell."""
    told = [answer for patient, answer in answers if patient == row.patient_hash and answer.settle]
    asked = _read(cipher.decrypt(row.asked_closed, f"expectation:{row.card_uuid}")) if told else None
    for answer in told:
        settled = answer.settle(asked) if asked and answer.settle else None
        if settled and row.state == FOLLOWED:
            if settled.is_final:
                yield row, {"uuid": row.card_uuid, "at": answer.issued_at}
                return
        elif settled:
            days = max(0, (settled.on - _day(asked, row.asked_at)).days)
            yield (
                row,
                {
                    "uuid": row.card_uuid,
                    "ends": _state(settled),
                    "after": days if settled.followed else None,
                    "at": answer.issued_at,
                },
            )
            return


def _state(settled: Settled) -> str:
    if settled.followed:
        return CONFIRMED if settled.is_final else FOLLOWED
    return MISSED


def _day(asked: Expectation | None, asked_at: datetime) -> date:
    """Return the day from which the time to action counts."""
    return asked.since if asked else asked_at.date()


def _new_row(cipher: FieldCipher, patient: str, answer: Answer, card: IssuedCard) -> dict[str, object]:
    arm = card.arm or answer.mode
    content = _written(card.expects) if card.expects else {}
    return {
        "card_uuid": card.uuid,
        "open_key": cipher.pseudonym("expectation", patient, card.card, arm),
        "client": answer.client,
        "patient_hash": patient,
        "card": card.card,
        "rule_version": card.rule_version,
        "arm": arm,
        "asked_at": answer.issued_at,
        "state": OPEN,
        "days": None,
        "closed_at": None,
        "asked_closed": cipher.encrypt(content, f"expectation:{card.uuid}"),
    }


def _written(asked: Expectation) -> dict[str, object]:
    doses = [(name, str(mg)) for name, mg in asked.doses]
    written: dict[str, object] = {"kind": asked.kind, "of": asked.of, "since": asked.since.isoformat(), "doses": doses}
    return written | ({"drafts": asked.drafts} if asked.drafts else {})


def _read(content: object) -> Expectation | None:
    if not isinstance(content, dict):
        return None
    doses = tuple((name, Decimal(mg)) for name, mg in content["doses"])
    since, drafts = date.fromisoformat(content["since"]), tuple(content.get("drafts", ()))
    return Expectation(content["kind"], tuple(content["of"]), since, doses, drafts)
