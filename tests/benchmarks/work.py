"""Count the work of one call: calls of functions, SQL statements, commits. The numbers do not depend on the machine.

SQL statements are those that SQLite runs, but for the beginning and the end of a transaction.
`python -m tests.benchmarks.work` counts anew and writes `counted_work.toml`, which `test_counted_work.py` holds.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from cds_service.config.client import Client
from cds_service.config.settings import Settings
from tests.benchmarks.bodies import BY_NAME, Case
from tests.benchmarks.wsgi import caller, in_this_process, profiling_this_thread, profiling_threads
from tests.builders.service import NOW, TODAY
from tests.builders.store_records import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.builders.tokens import BASE, DROP, bearer, by_pyjwt, claims, header, jwk

RECORD = Path(__file__).with_name("counted_work.toml")
#: The Python whose calls are counted; others call more or fewer functions for the same source.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: The functions whose calls are held exactly, by module and name.
READERS = (
    "cds_service.web.json_reader.read_json",
    "cds_service.calls.gather.gather",
    "cards.reading.read_orders",
    "cards.reading.read_chart",
    "cards.reading.results.read_results",
    "cards.reading.diagnoses.read_diagnoses",
    "cards.reading.medications.read_drugs",
    "cards.reading.allergies.read_allergies",
    "cards.reading.drafts.read_drafts",
    "cards.fhir.ownership.Ownership.of",
    "cards.decisions.decide.decide",
    "cards.decisions.iron.studies.read_iron_studies",
    "cards.presenting.present.present",
)
#: What is counted: name, case, and whether the call bears a token.
COUNTED = {
    "patient-view": ("view-20", False),
    "patient-view with a token": ("view-20", True),
    "order-sign": ("sign-1", False),
    "order-sign of four": ("sign-4", False),
}
#: How much more than was counted is let pass, since versions of libraries differ; and below which share of the record
#: it is to be written anew, so that what was gained is kept.
ALLOWANCE, TO_BE_LOWERED = 1.03, 0.93
#: Calls of different patients before those that are counted, and calls of one patient that are counted.
_BEFORE, _CALLS = 45, 5
#: Statements at the beginning and the end of a transaction, and settings of a connection.
_FRAMES = ("BEGIN", "ROLLBACK", "PRAGMA")
_ISSUER = "https://ehr.example.org/fhir"


@dataclass(slots=True)
class Work:
    """The work of `_CALLS` calls."""

    functions: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    statements: list[str] = field(default_factory=list)
    commits: int = 0
    is_counting: bool = False

    def count(self, frame: FrameType, what: str, argument: Any) -> None:
        """Count an event of the interpreter, if it is the call of a Python function while a call is answered."""
        if self.is_counting and what == "call":
            self.calls += 1
            name = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
            if name in READERS:
                self.functions[name] += 1

    def of_one_call(self) -> dict[str, int]:
        """Return the counts for one call; raises `ValueError` where not every call did the same."""
        exact = {name: self.functions[name] for name in READERS}
        exact |= {"sql_statements": len(self.statements), "commits": self.commits}
        uneven = {name: count for name, count in exact.items() if count % _CALLS}
        if uneven:
            raise ValueError(f"not the same in each of {_CALLS} calls: {uneven}; {self.statements}")
        return {name: count // _CALLS for name, count in exact.items()} | {"python_calls": self.calls // _CALLS}


def count(name: str) -> dict[str, int]:
    """Return the work of one call of `COUNTED`, with the SQLite store, metrics and log as in production."""
    case, has_token = COUNTED[name]
    return _count(BY_NAME[case], has_token=has_token).of_one_call()


def _count(case: Case, *, has_token: bool) -> Work:
    work = Work()
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder), has_token=has_token)
        log = Path(folder) / "log"
        with (
            profiling_threads(work.count),
            _counted_sql(work),
            in_this_process(settings, log, clock=lambda: NOW) as app,
        ):
            call = caller(app, case.path, case.bodies(TODAY))
            headers = [_headers(case, has_token=has_token) for _ in range(_BEFORE + _CALLS)]
            for number in range(_BEFORE):
                call(number, **headers[number])
            work.statements.clear()
            work.commits = 0
            for number in range(_BEFORE, _BEFORE + _CALLS):
                with profiling_this_thread(work.count):
                    work.is_counting = True
                    call(0, **headers[number])
                    work.is_counting = False
    return work


@contextmanager
def _counted_sql(work: Work) -> Iterator[None]:
    """Count what every connection that is made in the block runs, in whichever thread."""

    def statement(text: str) -> None:
        word = text.split(None, 1)[0]
        if word == "COMMIT":
            work.commits += 1
        elif word not in _FRAMES:
            work.statements.append(word)

    def trace(driver: sqlite3.Connection, _record: object) -> None:
        driver.set_trace_callback(statement)

    event.listen(Engine, "connect", trace)
    try:
        yield
    finally:
        event.remove(Engine, "connect", trace)


def _settings(folder: Path, *, has_token: bool) -> Settings:
    client = Client("bench", issuer=_ISSUER, jwks_inline={"keys": [jwk("p384", "bench")]}, fhir_base=_ISSUER)
    return Settings(
        public_base=BASE,
        database_url=f"sqlite:///{folder}/store.sqlite",
        pseudonym_key=PSEUDONYM_KEY,
        encryption_key=ENCRYPTION_KEY,
        clients=(client,) if has_token else (),
    )


def _headers(case: Case, *, has_token: bool) -> dict[str, str]:
    """Return the headers of one call as WSGI names them."""
    if not has_token:
        return {}
    now = int(NOW.timestamp())
    expires = int((NOW + timedelta(minutes=5)).timestamp())
    about: dict[str, Any] = {"iss": _ISSUER, "aud": f"{BASE}{case.path}", "iat": now, "exp": expires}
    token = bearer(by_pyjwt(header(kid="bench", jku=DROP), claims(**about)))
    return {"HTTP_AUTHORIZATION": token["Authorization"]}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was counted when the record was written, and by which Python."""

    python: str
    calls: Mapping[str, Mapping[str, int]]


def recorded() -> Recorded:
    """Return the record."""
    written = tomllib.loads(RECORD.read_text(encoding="utf-8"))
    return Recorded(written.pop("python"), written)


def main() -> None:
    lines = ["# The work of one call, with a store in SQLite. Written by: python -m tests.benchmarks.work"]
    lines.append(f'python = "{PYTHON}"')
    for name in COUNTED:
        lines += ["", f'["{name}"]']
        for what, number in count(name).items():
            lines.append(f'"{what}" = {number}' if "." in what else f"{what} = {number}")
        print(name, "counted")
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
