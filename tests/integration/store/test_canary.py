"""No secret in any byte of the store's files (reliability LOG-2, TOK-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cards.facts.card import Expectation, PatientBasis, Settled
from cds_service.store import FeedbackItem, Reason, Store, StoreSettings, open_store
from cds_service.store.records import Candidate
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, a_policy, an_answer, days

CANARIES = {
    "patient": "CanaryPatient-8841",
    "user": "Practitioner/CanaryUser-17",
    "location": "Location/CanaryWard-3",
    "inputs": "CanaryFerritin=38.125 ng/mL",
    "fact of the patient": "CanaryPregnant",
    "drug of a draft": "canarydrug oral",
    "dose of a draft": "1234.5678",
    "drug that is to end": "canaryending",
    "code": "canary-reason-code",
    "system": "urn:canary:system",
    "display": "CanaryDisplay",
    "comment": "CanaryComment: Jane Canaryname, born 1961-04-05",
    "jti": "canary-jti-5f0c",
    "issuer": "https://canary-issuer.example.org",
    "actor": "canary-actor",
}


def use_everything(settings: StoreSettings) -> Store:
    store = open_store(settings)
    doses = ((CANARIES["drug of a draft"], Decimal(CANARIES["dose of a draft"])),)
    asked = Expectation("ended", (CANARIES["drug that is to end"],), NOW.date())
    card = replace(a_card(inputs=CANARIES["inputs"]), doses=doses, expects=asked)
    answer = an_answer(
        card,
        patient_id=CANARIES["patient"],
        user=CANARIES["user"],
        shown_to=CANARIES["user"],
        location=CANARIES["location"],
        basis=PatientBasis((CANARIES["fact of the patient"],), (CANARIES["fact of the patient"],)),
        settle=lambda expected: None,
    )
    store.record_answer(answer)
    settled = Settled(followed=True, on=NOW.date())
    closing = replace(answer, cards=(), settle=lambda expected: settled if expected == asked else None)
    other = replace(a_card("AGGACTIVE"), expects=asked)
    store.record_answer(replace(answer, cards=(other,)))
    store.record_answer(closing)
    (followed, *_) = store.follow_up(NOW - days(1), NOW + days(1), NOW)
    assert (followed.state, followed.days) == ("confirmed", 0)
    reason = Reason(CANARIES["code"], CANARIES["system"], CANARIES["display"])
    known = FeedbackItem(card.uuid, "overridden", NOW, (), reason, CANARIES["comment"])
    unknown = FeedbackItem("0" * 8 + card.uuid[8:], "overridden", NOW, (), reason, CANARIES["comment"])
    store.record_feedback(CLIENT, SERVICE, [known, unknown], NOW)
    candidate = Candidate("IRONLOW", card.indicator, (CANARIES["inputs"],))
    assert store.suppressed(CLIENT, CANARIES["patient"], [candidate], NOW, a_policy(user=CANARIES["user"])).keys() == {
        candidate
    }
    assert store.first_use(CANARIES["issuer"], CANARIES["jti"], NOW + timedelta(minutes=5), NOW)
    (row,) = store.export_feedback(None, CANARIES["actor"], NOW)
    assert (row.user, row.location) == (CANARIES["user"], CANARIES["location"])
    assert CANARIES["comment"] in row.feedback
    assert store.health(NOW).faults == ()
    return store


def found_in(content: bytes) -> list[str]:
    parts = set(CANARIES.values()) | {CANARIES[name].rpartition("/")[2] for name in ("user", "location")}
    forms = {form for part in parts for form in (part.encode(), part.encode("utf-16-le"), part.lower().encode())}
    return sorted(form.decode(errors="replace") for form in forms if form in content)


@pytest.mark.control("V14.2.4")
def test_no_file_of_sqlite_holds_a_canary(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = use_everything(StoreSettings(data_folder=folder))
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    store.close()  # only now, since closing empties the write-ahead log
    assert any(name.endswith("-wal") and content for name, content in files.items())
    assert {name: found for name, content in files.items() if (found := found_in(content))} == {}


def test_the_search_finds_a_planted_canary() -> None:
    assert found_in(b"..." + CANARIES["comment"].encode() + b"...")


@pytest.mark.control("V14.2.4")
@pytest.mark.postgres
def test_no_table_of_postgres_holds_a_canary(postgres: object) -> None:
    """Search a dump of all rows, with bytes in hexadecimal."""
    import sqlalchemy

    from cds_service.store.schema import metadata
    from tests.integration.store.conftest import postgres_settings

    url = postgres()  # type: ignore[operator]
    use_everything(postgres_settings(url)).close()
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sqlalchemy.text(f"SELECT * FROM {table.name}")):  # noqa: S608 - our names
                content = b"\n".join(part if isinstance(part, bytes) else str(part).encode() for part in row)
                assert found_in(content) == []
    engine.dispose()
