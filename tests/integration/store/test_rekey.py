"""A store that is written anew under other keys: nothing is lost, and the old keys open nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy
from sqlalchemy import select, update

from cards.facts.card import Expectation
from cds_service.store import (
    BadStore,
    Candidate,
    FeedbackResult,
    Keys,
    Retention,
    Store,
    StoreError,
    StoreSettings,
    StoreUnavailable,
    WrongKeys,
    open_store,
)
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.rekeying.key_change import rekey, rekeyed_tables
from cds_service.store.schema import audit_event, card_issued, feedback_event
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    a_policy,
    accepted,
    an_answer,
    overridden,
)

NEW = Keys(bytes(range(7, 47)), bytes(range(50, 90)))
NEWER = Keys(bytes(range(90, 130)), bytes(range(130, 170)))
OVERRIDDEN = a_card(inputs="ferritin=38 ng/mL")
ACCEPTED = a_card(card="B12BORDER")
UNKNOWN = a_card(card="MGLOW")
#: Shown to one user, with the dose of a draft; it asks for a ferritin.
SHOWN = replace(
    a_card(card="VITDLOW"),
    doses=(("cholecalciferol", Decimal(1)),),
    expects=Expectation("result", ("ferritin",), NOW.date()),
)
EXPIRES = NOW + timedelta(minutes=15)
CANDIDATE = Candidate(OVERRIDDEN.card, OVERRIDDEN.indicator, OVERRIDDEN.inputs)
SHOWN_CANDIDATE = Candidate(SHOWN.card, SHOWN.indicator, SHOWN.inputs, doses=SHOWN.doses)
EVENTS = (overridden(OVERRIDDEN, reason="patient-refuses", comment="declined"), accepted(ACCEPTED), accepted(UNKNOWN))


@pytest.fixture
def filled(store: Store) -> Store:
    store.record_answer(an_answer(OVERRIDDEN, ACCEPTED, user="Practitioner/7", location="Encounter/9"))
    store.record_answer(an_answer(SHOWN))
    store.record_feedback(CLIENT, SERVICE, EVENTS, NOW)
    store.first_use("https://ehr.example.org", "token-1", EXPIRES, NOW)
    return store


def under(settings: StoreSettings, keys: Keys) -> StoreSettings:
    return replace(settings, pseudonym_key=keys.pseudonym, encryption_key=keys.encryption)


def change_keys(settings: StoreSettings, keys: Keys) -> StoreSettings:
    """Rekey a store, and return its settings with the new keys."""
    rekey(settings, keys.pseudonym, keys.encryption, "a test", NOW)
    return under(settings, keys)


def known(store: Store) -> dict[str, object]:
    """Return all that the store tells of what `filled` recorded."""
    return {
        "feedback": store.export_feedback(None, "a test", NOW),
        "suppressed": store.suppressed(CLIENT, "pat-1", [CANDIDATE], NOW + timedelta(days=1), a_policy()),
        "shown to this user": store.suppressed(CLIENT, "pat-1", [SHOWN_CANDIDATE], NOW + timedelta(days=1), a_policy()),
        "shown to another": store.suppressed(
            CLIENT, "pat-1", [SHOWN_CANDIDATE], NOW + timedelta(days=1), a_policy(user="Practitioner/8")
        ),
        "asked for": store.follow_up(NOW - timedelta(days=1), NOW + timedelta(days=1), NOW),
        "arm": store.arm_number(CLIENT, "pat-1"),
        "of another patient": store.suppressed(CLIENT, "pat-2", [CANDIDATE], NOW, a_policy()),
        "of other results": store.suppressed(
            CLIENT, "pat-1", [replace(CANDIDATE, inputs=("ferritin=40 ng/mL",))], NOW, a_policy()
        ),
        "repeated": store.record_feedback(CLIENT, SERVICE, EVENTS, NOW),
        "token": store.first_use("https://ehr.example.org", "token-1", EXPIRES, NOW),
        "reasons": store.reasons_by_card(NOW - timedelta(days=1), NOW + timedelta(days=1)),
        "details": [row.detail for row in store.audit_rows() if row.kind in ("decision", "feedback")],
        "faults": store.verify_audit().faults,
    }


def stored(engine: sqlalchemy.Engine) -> dict[str, set[object]]:
    """Return every value of the columns that depend on the keys."""
    tables = [*rekeyed_tables(), audit_event]
    with engine.connect() as connection:
        return {
            str(column): set(connection.execute(select(column)).scalars()) - {None, ""}
            for table in tables
            for column in table.columns
            if column.info
        }


def test_all_that_was_known_stays_known(filled: Store, settings: StoreSettings, engine: sqlalchemy.Engine) -> None:
    before = known(filled)
    assert (
        list(before["suppressed"]) == [CANDIDATE]
        and not before["of another patient"]
        and not before["of other results"]
    )
    assert before["shown to this user"] and not before["shown to another"] and before["asked for"]
    assert (before["repeated"], before["token"]) == (FeedbackResult(repeated=3), False)
    old_values = stored(engine)
    filled.close()
    for keys in (NEW, NEWER):
        settings = change_keys(settings, keys)
        store = open_store(settings)
        assert known(store) == before
        store.close()
    new_values = stored(engine)
    assert all(not old_values[column] & new_values[column] for column in old_values)
    assert {column: len(found) for column, found in old_values.items() if "audit" not in column} == {
        column: len(found) for column, found in new_values.items() if "audit" not in column and "former" not in column
    } | {"former_key.key_closed": 0}


@pytest.mark.parametrize("keys", [Keys(NEW.pseudonym, ENCRYPTION_KEY), Keys(PSEUDONYM_KEY, NEW.encryption)])
def test_one_key_alone_can_be_changed(filled: Store, settings: StoreSettings, keys: Keys) -> None:
    before = known(filled)
    filled.close()
    store = open_store(change_keys(settings, keys))
    assert known(store) == before
    store.close()


def test_the_old_keys_open_it_no_more_and_tell_no_patient(
    filled: Store, settings: StoreSettings, engine: sqlalchemy.Engine
) -> None:
    filled.close()
    old = FieldCipher(Keys(PSEUDONYM_KEY, ENCRYPTION_KEY))
    with engine.connect() as connection:
        patients = select(card_issued.c.patient_hash).distinct()
        assert connection.execute(patients).scalar_one() == old.pseudonym("patient", CLIENT, "pat-1")
        change_keys(settings, NEW)
        connection.rollback()
        (patient,) = connection.execute(patients).scalars()
    assert patient not in {
        FieldCipher(Keys(pseudonym, ENCRYPTION_KEY)).pseudonym("patient", CLIENT, "pat-1")
        for pseudonym in (PSEUDONYM_KEY, NEW.pseudonym)
    }
    for keys in (old.keys, Keys(NEW.pseudonym, ENCRYPTION_KEY), Keys(PSEUDONYM_KEY, NEW.encryption)):
        with pytest.raises(WrongKeys, match="the store was written with other keys"):
            open_store(under(settings, keys))


def test_the_trail_says_who_changed_the_keys_and_what_the_chain_was(filled: Store, settings: StoreSettings) -> None:
    before = filled.verify_audit()
    filled.close()
    done = rekey(settings, NEW.pseudonym, NEW.encryption, "the night shift", NOW)
    store = open_store(under(settings, NEW))
    *_, last = store.audit_rows()
    assert (last.kind, last.detail["actor"], last.detail["headBefore"]) == ("rekey", "the night shift", before.head)
    assert (done.before, done.after) == (before, store.verify_audit())
    assert done.after.rows == before.rows + 1
    store.close()


def test_a_shortened_chain_keeps_its_beginning(store: Store, settings: StoreSettings) -> None:
    store.record_answer(an_answer(a_card()))
    store.record_answer(an_answer(a_card(), issued_at=NOW + timedelta(days=10)))
    store.apply_retention(NOW + timedelta(days=11), Retention(audit=5))
    store.close()
    changed = open_store(change_keys(settings, NEW))
    assert [row.number for row in changed.audit_rows()] == [2, 3]
    assert changed.verify_audit().faults == ()
    changed.close()


def break_chain(engine: sqlalchemy.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(audit_event).values(client="south").where(audit_event.c.seq == 1))


def change_comment(engine: sqlalchemy.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(feedback_event).values(detail_closed=b"x" * 40))


@pytest.mark.parametrize(
    ("change", "fault", "says"),
    [
        (break_chain, BadStore, r"the audit chain is broken \(row 1 was changed\)"),
        (change_comment, StoreUnavailable, r"feedback_event.detail_closed of row \d was changed from outside"),
    ],
)
def test_a_store_that_was_changed_from_outside_is_refused_and_stays_as_it_is(
    filled: Store, settings: StoreSettings, engine: sqlalchemy.Engine, change: object, fault: type, says: str
) -> None:
    filled.close()
    change(engine)  # type: ignore[operator]
    before = stored(engine)
    with pytest.raises(fault, match=says):
        change_keys(settings, NEW)
    assert stored(engine) == before
    open_store(settings).close()


def test_the_keys_that_it_has_are_refused(filled: Store, settings: StoreSettings) -> None:
    filled.close()
    with pytest.raises(BadStore, match="the keys that the store has already"):
        change_keys(settings, Keys(PSEUDONYM_KEY, ENCRYPTION_KEY))


class Interrupted(Exception):
    """Somebody pressed Control-C."""


def test_an_interrupted_run_changes_nothing_and_can_be_begun_again(
    filled: Store, settings: StoreSettings, engine: sqlalchemy.Engine
) -> None:
    before = known(filled)
    filled.close()
    values = stored(engine)

    def interrupt(done: int, of: int) -> None:
        if done == of:
            raise Interrupted

    with pytest.raises(Interrupted):
        rekey(settings, NEW.pseudonym, NEW.encryption, "a test", NOW, interrupt)
    assert stored(engine) == values
    store = open_store(change_keys(settings, NEW))
    assert known(store) == before
    store.close()


def test_a_service_that_still_has_the_old_keys_writes_nothing_more(filled: Store, settings: StoreSettings) -> None:
    changed = open_store(change_keys(settings, NEW))
    head = changed.verify_audit()
    for attempt in (
        lambda: filled.record_answer(an_answer(a_card())),
        lambda: filled.record_feedback(CLIENT, SERVICE, [overridden(ACCEPTED)], NOW),
        lambda: filled.record_feedback(CLIENT, SERVICE, [overridden(a_card())], NOW),
    ):
        with pytest.raises(WrongKeys):
            attempt()  # type: ignore[no-untyped-call]
    with pytest.raises(StoreUnavailable):
        filled.export_feedback(None, "a test", NOW)
    assert WrongKeys.status == StoreUnavailable.status == 503
    assert any("was written with other keys" in fault for fault in filled.health(NOW).faults)
    assert changed.verify_audit() == head and known(changed)["repeated"] == FeedbackResult(repeated=3)
    changed.close()


def test_nothing_acknowledged_meanwhile_is_lost(store: Store, settings: StoreSettings) -> None:
    """Calls go on while the keys change: each is either recorded, and then in the store under the new keys, or 503."""
    acknowledged: list[str] = []
    warm, refused = threading.Event(), threading.Event()

    def call() -> None:
        while not refused.is_set():
            card = a_card(suggestions=0)
            try:
                store.record_answer(an_answer(card))
                store.record_feedback(CLIENT, SERVICE, [overridden(card, comment="late")], NOW)
            except WrongKeys:
                refused.set()
            except StoreError:
                continue  # busy
            else:
                acknowledged.append(card.uuid)
                if len(acknowledged) >= 30:
                    warm.set()

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        assert warm.wait(60)
        changed = open_store(change_keys(settings, NEW))
        assert refused.wait(60)
    finally:
        refused.set()
        for caller in callers:
            caller.join(60)
    exported = {row.card_uuid: row.feedback for row in changed.export_feedback(None, "a test", NOW)}
    assert set(acknowledged) <= exported.keys() and set(exported.values()) == {"late"}
    assert changed.verify_audit().faults == ()
    changed.close()


def test_used_tokens_stay_used(filled: Store, settings: StoreSettings) -> None:
    filled.close()
    store = open_store(change_keys(settings, NEW))
    assert not store.first_use("https://ehr.example.org", "token-1", EXPIRES, NOW)
    assert store.first_use("https://ehr.example.org", "token-2", EXPIRES, NOW)
    store.close()


@pytest.fixture
def with_own_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """Yield the settings of a store whose keys the program made."""
    settings = StoreSettings(data_folder=tmp_path_factory.mktemp("own"))
    store = open_store(settings)
    store.record_answer(an_answer(a_card()))
    store.close()
    yield settings


def test_keys_that_the_program_made_are_replaced_beside_the_store(with_own_keys: StoreSettings) -> None:
    change_keys(with_own_keys, NEW)
    store = open_store(with_own_keys)
    assert store.verify_audit().rows == 2
    store.close()
    folder = with_own_keys.data_folder
    assert folder and (folder / "rls-cds.sqlite.key").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in folder.glob("*.key*")) == ["rls-cds.sqlite.key"]
