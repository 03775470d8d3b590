"""The commands that work on the store, run as a user runs them."""

from __future__ import annotations

import csv
import json
import resource
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import Result

from cds_service.cli import main
from cds_service.store import Store, StoreSettings, open_store
from tests.builders.command_line import runner
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, overridden

COMMANDS = (
    [],
    ["audit"],
    ["audit", "verify"],
    ["audit", "export"],
    ["export-feedback"],
    ["export-follow-up"],
    ["db"],
    ["db", "upgrade"],
    ["db", "rekey"],
)
#: Those that tell something of a store, or write it anew.
READING = (["audit", "verify"], ["audit", "export"], ["export-feedback"], ["export-follow-up"], ["db", "rekey"])


@dataclass(frozen=True, slots=True)
class StoreOnDisk:
    """The command line with a store on disk."""

    folder: Path
    store: Store

    def run(self, *command: str, **environ: str) -> Result:
        return runner().invoke(main, list(command), env={"RLS_CDS_DATA_FOLDER": str(self.folder)} | environ)

    @property
    def named(self) -> str:
        """Return how a command names the store that it works on."""
        return f"Store: {self.folder / 'rls-cds.sqlite'}\n"

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "rls-cds.sqlite")) as database, database:
            database.execute(statement)


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[StoreOnDisk]:
    store = open_store(StoreSettings(data_folder=tmp_path))
    for number in range(5):
        card = a_card(inputs=f"ferritin {number}")
        store.record_answer(an_answer(card, user="Practitioner/7", location="Encounter/9"))
        event = overridden(card, reason="patient-refuses", comment="=SUM(1)") if number % 2 else accepted(card)
        store.record_feedback(CLIENT, SERVICE, [event], NOW + timedelta(days=number))
    yield StoreOnDisk(tmp_path, store)
    store.close()


def test_an_intact_chain_is_reported_with_its_head(on_disk: StoreOnDisk) -> None:
    result = on_disk.run("audit", "verify")
    assert (result.exit_code, result.stderr) == (0, on_disk.named)
    assert result.stdout == f"The audit chain is whole: 10 rows, head {on_disk.store.verify_audit().head}\n"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_event SET client = 'south' WHERE seq = 4", "fault: row 4 was changed"),
        ("DELETE FROM audit_event WHERE seq = 6", "fault: rows 6 to 6 are missing"),
        ("DELETE FROM audit_event WHERE seq > 8", "fault: rows 9 to 10 are missing at the end"),
        ("DELETE FROM audit_anchor", "fault: the anchor of the chain is missing"),
    ],
)
def test_a_broken_chain_is_exit_code_1_and_says_where(on_disk: StoreOnDisk, statement: str, fault: str) -> None:
    on_disk.change(statement)
    result = on_disk.run("audit", "verify")
    assert result.exit_code == 1
    assert fault in result.stdout.splitlines()
    assert "the audit chain is broken" in result.stderr


def test_a_head_that_was_noted_is_looked_for(on_disk: StoreOnDisk) -> None:
    head = on_disk.store.verify_audit().head
    on_disk.store.record_answer(an_answer(a_card()))
    result = on_disk.run("audit", "verify", "--noted", head.upper())
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 rows came after the head that was noted")
    lost = on_disk.run("audit", "verify", "--noted", "ab" * 32)
    assert lost.exit_code == 1 and "the head that was noted is not in the chain" in lost.stderr


def test_the_audit_trail_is_exported_as_audit_events(on_disk: StoreOnDisk, tmp_path: Path) -> None:
    out = tmp_path / "audit.ndjson"
    result = on_disk.run("audit", "export", "--out", str(out))
    assert (result.exit_code, result.stderr) == (0, f"{on_disk.named}10 events\n")
    events = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    assert [event["action"] for event in events] == ["E", "C"] * 5


def test_feedback_is_exported_as_a_table_and_the_export_is_audited(on_disk: StoreOnDisk) -> None:
    result = on_disk.run("export-feedback")
    assert result.exit_code == 0
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert list(rows[0]) == [
        "intervention",
        "action",
        "feedback",
        "user",
        "date",
        "location",
        "rule_version",
        "card_uuid",
    ]
    assert [row["action"] for row in rows] == ["accepted", "overridden"] * 2 + ["accepted"]
    assert {row["user"] for row in rows} == {"Practitioner/7"} and {row["location"] for row in rows} == {"Encounter/9"}
    *_, last = on_disk.store.audit_rows()
    assert last.kind == "export" and str(last.detail["actor"]).startswith("command line, ")


@pytest.mark.parametrize(
    ("since", "rows"),
    [("2026-03-29", 5), ("2026-03-29T00:59:31Z", 4), ("2026-03-31", 3), ("2026-03-29T02:59:30.25+02:00", 5),
     ("2027-01-01", 0)],
)  # fmt: skip
def test_since_counts_from_that_moment(on_disk: StoreOnDisk, since: str, rows: int) -> None:
    result = on_disk.run("export-feedback", "--since", since, "--format", "ndjson")
    assert len(result.stdout.splitlines()) == rows
    assert result.stderr == f"{on_disk.named}{rows} rows\n"


def test_feedback_goes_to_a_file(on_disk: StoreOnDisk, tmp_path: Path) -> None:
    out = tmp_path / "feedback.ndjson"
    assert on_disk.run("export-feedback", "--format", "ndjson", "--out", str(out)).stdout == ""
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0])["intervention"] == "IRONLOW"


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "01.03.2026", "0001-01-01T00:00:00+14:00"])
def test_an_invalid_date_is_a_usage_error(on_disk: StoreOnDisk, day: str) -> None:
    result = on_disk.run("export-feedback", "--since", day)
    assert result.exit_code == 2
    assert "use YYYY-MM-DD" in result.stderr


def test_the_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    on_disk = StoreOnDisk(tmp_path / "new", open_store(StoreSettings("")))
    for _ in range(2):
        result = on_disk.run("db", "upgrade")
        assert (result.exit_code, result.stdout) == (0, "The store is up to date.\n")
    assert (tmp_path / "new" / "rls-cds.sqlite").exists()


@pytest.mark.parametrize("command", [["audit", "verify"], ["audit", "export"], ["export-feedback"], ["db", "upgrade"]])
def test_without_a_store_there_is_nothing_to_work_on(on_disk: StoreOnDisk, command: list[str]) -> None:
    result = on_disk.run(*command, RLS_CDS_DATABASE_URL="")
    assert result.exit_code == 1
    assert "there is no store" in result.stderr


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_command_vouches_for_a_store_that_is_not_there(tmp_path: Path, command: list[str]) -> None:
    """It would make an empty one beside that of the service, and find its chain whole."""
    (tmp_path / "key").write_text(b64encode(sha256(b"a new key").digest()).decode(), encoding="utf-8")
    given = ["--encryption-key", str(tmp_path / "key")] if "rekey" in command else []
    folder = tmp_path / "elsewhere"
    result = runner().invoke(main, [*command, *given], env={"RLS_CDS_DATA_FOLDER": str(folder)})
    assert result.exit_code == 1
    assert f"there is no store at {folder / 'rls-cds.sqlite'}" in result.stderr
    assert not folder.exists()


@pytest.mark.parametrize("command", [["audit", "verify"], ["export-feedback"], ["export-follow-up"], ["db", "upgrade"]])
def test_faults_are_sentences_without_a_traceback(on_disk: StoreOnDisk, command: list[str]) -> None:
    on_disk.change("UPDATE alembic_version SET version_num = '9999'")
    result = on_disk.run(*command)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "the store was made by a newer program" in result.stderr
    bad = on_disk.run(*command, RLS_CDS_PORT="many")
    assert bad.exit_code == 1 and "RLS_CDS_PORT" in bad.stderr


def test_a_database_that_does_not_answer_is_exit_code_1(on_disk: StoreOnDisk) -> None:
    keys = {"RLS_CDS_PSEUDONYM_KEY": "p" * 44, "RLS_CDS_ENCRYPTION_KEY": "e" * 44}
    result = on_disk.run("db", "upgrade", RLS_CDS_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", **keys)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "nobody@" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_explains_the_command(command: list[str]) -> None:
    result = runner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0 and len(result.stdout.splitlines()) > 5


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_fast(command: list[str]) -> None:
    """Less than 0.3 s of CPU time, the best of three; not wall-clock time, since other tests may run in parallel."""
    script, took = Path(sys.executable).with_name("rls-cds"), []
    for _ in range(3):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([script, *command, "--help"], check=True, capture_output=True, timeout=30)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    assert min(took) < 0.3, took


@pytest.fixture
def new_keys(tmp_path: Path) -> list[str]:
    """Make two new keys, and return the options that name them."""
    for name, byte in (("pseudonym", 3), ("encryption", 77)):
        (tmp_path / name).write_text(b64encode(bytes(range(byte, byte + 32))).decode() + "\n")
    return ["--pseudonym-key", str(tmp_path / "pseudonym"), "--encryption-key", str(tmp_path / "encryption")]


def test_rekey_says_what_the_chain_was_and_is(on_disk: StoreOnDisk, new_keys: list[str], tmp_path: Path) -> None:
    before = on_disk.run("export-feedback").stdout
    chain = on_disk.run("audit", "verify").stdout
    on_disk.store.close()
    result = on_disk.run("db", "rekey", *new_keys)
    assert (result.exit_code, result.stderr) == (0, "")
    was, written, is_now, then = result.stdout.splitlines()
    assert was == chain.replace("is whole", "was whole").rstrip()
    assert written == "21 rows are written anew."  # five cards, five events, the chain of eleven
    assert is_now + "\n" == on_disk.run("audit", "verify").stdout and "12 rows" in is_now
    assert "Keep the old ones for the backups" in then
    assert on_disk.run("export-feedback").stdout == before
    keys = {f"RLS_CDS_{name.upper()}_KEY_FILE": str(tmp_path / name) for name in ("pseudonym", "encryption")}
    assert on_disk.run("audit", "verify", **keys).exit_code == 0


def test_rekey_without_a_new_key_is_a_usage_error(on_disk: StoreOnDisk) -> None:
    result = on_disk.run("db", "rekey")
    assert result.exit_code == 2 and "--pseudonym-key FILE" in result.stderr


def test_rekey_refuses_what_is_no_key_and_does_not_repeat_it(on_disk: StoreOnDisk, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("secret-but-short")
    result = on_disk.run("db", "rekey", "--encryption-key", str(tmp_path / "short"))
    assert result.exit_code == 1 and "short does not hold 32 random bytes or more" in result.stderr
    assert "secret-but-short" not in result.output


def test_rekey_of_a_broken_chain_is_refused(on_disk: StoreOnDisk, new_keys: list[str]) -> None:
    on_disk.change("DELETE FROM audit_event WHERE seq = 6")
    result = on_disk.run("db", "rekey", *new_keys)
    assert result.exit_code == 1 and "the audit chain is broken (rows 6 to 6 are missing)" in result.stderr
