"""What the benchmarks measure with: bodies, load, parts, ratios."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, Response

from cards import review
from tests.benchmarks import as_installed
from tests.benchmarks.bare import bare_app
from tests.benchmarks.bodies import BY_NAME, CASES, USUAL, Case
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.load import Plan, run
from tests.benchmarks.parts import ELSEWHERE, PARTS, REST, Watch, profile, watched
from tests.benchmarks.wsgi import caller
from tests.builders.service import NOW, TODAY, application, settings
from tests.builders.serving import in_threads


@pytest.mark.parametrize("case", [case for case in CASES if case.contents.resources < 100], ids=lambda case: case.name)
def test_every_patient_of_a_case_gets_the_same_cards(case: Case) -> None:
    bodies = case.bodies(TODAY)
    with application() as app:
        call = caller(app, case.path, bodies)
        answers = [json.loads(call(number))["cards"] for number in range(case.variants)]
    told = {tuple((card["source"]["topic"]["code"], card["indicator"]) for card in cards) for cards in answers}
    assert len(told) == 1 and told != {()}
    assert len(set(bodies)) == case.variants


def test_bodies_are_as_large_as_their_names_say() -> None:
    sizes = {case.name: len(case.bodies(TODAY)[0]) for case in CASES}
    assert 13_000 < sizes["view-20"] < 14_500 and 170_000 < sizes["view-248"] < 190_000
    assert [BY_NAME[name].contents.resources for name in ("view-20", "view-248")] == [20, 248]


def constant(status: int = 200, text: str = '{"cards": []}', **headers: str) -> Flask:
    app = Flask("constant")
    app.add_url_rule("/there", view_func=lambda: Response(text, status, headers), methods=["POST"])
    return app


def test_a_load_counts_cards_and_times_them() -> None:
    with in_threads(bare_app()) as address:
        plan = Plan(int(address.rpartition(":")[2]), USUAL.path, USUAL.bodies(TODAY)[:3], connections=2, seconds=0.3)
        measured = run(plan)
    assert measured.faults == {} and measured.calls > 10
    assert 0 < measured.p50 <= measured.p99 <= measured.longest < 1000 * measured.seconds
    assert 0.3 <= measured.seconds < 5 and measured.per_second == measured.calls / measured.seconds


@pytest.mark.parametrize(
    ("app", "fault"),
    [(constant(), "no card"), (constant(503, "{}"), "503"), (constant(text='{"summary": 1}', Connection="close"), "")],
    ids=["no card", "refused", "a card, and closed"],
)
def test_an_answer_without_a_card_is_a_fault(app: Flask, fault: str) -> None:
    with in_threads(app) as address:
        measured = run(Plan(int(address.rpartition(":")[2]), "/there", ("{}",), seconds=0.2))
    assert set(measured.faults) == ({fault} if fault else set())
    assert bool(measured.calls) != bool(fault)


def test_a_measured_service_has_what_the_lock_file_has() -> None:
    assert {"pytest", "mypy"} <= set(as_installed.hidden())
    assert not {"tests", "cards", "cds_service", "flask", "psycopg", "jsonschema"} & set(as_installed.hidden())
    statement = "import jsonschema; print(sorted(name for name, module in sys.modules.items() if module is None))"
    done = subprocess.run(as_installed.python(statement), capture_output=True, text=True, check=True)
    assert done.stdout == f"{list(as_installed.hidden())}\n"


def test_each_token_is_sent_once() -> None:
    plan = Plan(1, "/there", ("{}", "[]"), tokens=("one", "two", "three"))
    sent = [each.decode() for each in plan.requests()]
    assert [each.partition("Bearer ")[2].partition("\r\n")[0] for each in sent] == ["one", "two", "three"]
    assert [each[-2:] for each in sent] == ["{}", "[]", "{}"]


def test_every_call_and_all_time_belong_to_a_part(tmp_path: Path) -> None:
    kept = replace(settings(), database_url=f"sqlite:///{tmp_path}/store.sqlite")
    found = {name: profile(kept, tmp_path / "log", BY_NAME[name], 0.05, lambda: NOW) for name in ("view-20", "sign-1")}
    assert [each.name for each in found["view-20"]] == [*PARTS, REST, ELSEWHERE]
    idle = {name: {each.name for each in parts if not each.calls} for name, parts in found.items()}
    assert idle == {"view-20": {"drafts before the chart"}, "sign-1": set()}
    assert all(each.milliseconds > 0 for each in found["sign-1"])
    written = next(each for each in found["view-20"] if each.name == "store: record")
    assert written.calls > 100, "what another thread writes counts as well"


def test_parts_are_no_longer_watched_afterwards() -> None:
    before = vars(review)["read_chart"]
    with watched(Watch()):
        assert vars(review)["read_chart"] is not before
    assert vars(review)["read_chart"] is before


def test_a_ratio_is_taken_round_by_round() -> None:
    figure = Figure("throughput", "us", "/s", [10, 100, 30], against={"(a)": [100, 200, 100], "(b)": [50], "(c)": [0]})
    assert figure.ratio("(a)") == 0.3
    assert figure.ratio("(b)") == 0.6
    assert figure.ratio("(c)") is None and figure.ratio("none") is None


def test_the_table_names_a_baseline_that_has_no_column() -> None:
    text = table([Figure("one call", "us", "ms", [150.0], "a body", {"one read": [100.0]}, "in doubt")])
    assert text.splitlines()[-1].split(" | ") == [
        *("| one call", "a body", "us ", "150  ", "ms", "     ", "     ", "1.5 x one read; in doubt |")
    ]
