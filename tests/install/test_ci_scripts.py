"""The scripts of .ci/run tell outcomes apart: an advisory from a cut network, a skip from a missing component."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.install.lock_files import PYTHONS, ROOT

_ADVISORY = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": ["CVE-2026-1"], "description": "..."}
_CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
_AFFECTED = {"name": "jinja2", "version": "2.0", "vulns": [_ADVISORY]}
_UNKNOWN = {"name": "orjson", "skip_reason": "Dependency not found on PyPI and could not be audited: orjson (3.9)"}
#: Output, errors and exit code of pip-audit, as it gave them.
_CUT = ("", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\nERROR:pip_audit._cli:Tip: ...", 1)
_BROKEN = ("", "usage: pip-audit [-h]\npip-audit: error: unrecognized arguments: --colour", 2)


def answer(*packages: object, code: int = 0) -> tuple[str, str, int]:
    return json.dumps({"dependencies": packages, "fixes": []}), "", code


def audit(folder: Path, **services: tuple[str, str, int]) -> subprocess.CompletedProcess[str]:
    """Run the script with a stub of pip-audit that answers for each service as given."""
    stub = folder / "pip-audit"
    cases = ""
    for service, (output, errors, code) in services.items():
        (folder / f"{service}.out").write_text(output)
        (folder / f"{service}.err").write_text(errors)
        cases += f'*"-s {service}") cat "{folder}/{service}.out"; cat "{folder}/{service}.err" >&2; exit {code};;\n'
    stub.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\n')
    stub.chmod(0o755)
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(stub)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.control("V15.2.1")
@pytest.mark.parametrize(
    ("pypi", "osv", "code", "says"),
    [
        (answer(_CLEAN), _CUT, 0, "1 packages audited by pypi: 0 advisories"),
        (answer(_CLEAN, _UNKNOWN, _AFFECTED, code=1), _CUT, 1, "jinja2 2.0: PYSEC-2026-1, fixed in 2.1"),
        (_CUT, answer(_AFFECTED, code=1), 1, "1 packages audited by osv: 1 advisories"),
        (_CUT, _CUT, 0, "NOT AUDITED: no advisory service answered (pypi: "),
        (answer(_UNKNOWN), _CUT, 0, "NOT AUDITED: no advisory service answered (pypi: it knows none of 1 packages"),
        (_BROKEN, _CUT, 1, "pip-audit failed: usage"),
    ],
    ids=["clean", "advisory", "advisory of the other service", "no network", "no package known", "broken"],
)
def test_an_advisory_fails_and_a_cut_network_is_said(
    tmp_path: Path, pypi: tuple[str, str, int], osv: tuple[str, str, int], code: int, says: str
) -> None:
    ran = audit(tmp_path, pypi=pypi, osv=osv)
    assert (ran.returncode, says in ran.stdout + ran.stderr) == (code, True), ran.stdout + ran.stderr
    assert code or len(ran.stdout.splitlines()) == 1


def report(folder: Path, *cases: str) -> subprocess.CompletedProcess[str]:
    file = folder / "run.xml"
    file.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", encoding="utf-8")
    command = [sys.executable, str(ROOT / ".ci" / "report.py"), f"quick={file}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ran(name: str) -> str:
    return f'<testcase classname="tests" name="{name}"/>'


def skipped(name: str, reason: str, kind: str = "pytest.skip") -> str:
    return f'<testcase classname="tests" name="{name}"><skipped type="{kind}" message="{reason}"/></testcase>'


def test_tests_are_counted_with_the_reasons_of_skips(tmp_path: Path) -> None:
    absent = [skipped(name, "the folder ../shared is not beside this checkout") for name in "de"]
    said = report(tmp_path, *map(ran, "abc"), *absent, skipped("f", "not built", "pytest.xfail"))
    assert said.returncode == 0
    assert "quick: 1 expected to fail, 3 ran, 2 skipped" in said.stdout
    assert "     2 skipped: the folder ../shared is not beside this checkout\n" in said.stdout


@pytest.mark.parametrize("reason", ["there is no chromium on this machine", "no PostgreSQL here", "no Node.js"])
def test_a_skip_for_want_of_a_component_fails(tmp_path: Path, reason: str) -> None:
    said = report(tmp_path, ran("a"), skipped("b", reason))
    assert (said.returncode, "not allowed here" in said.stdout) == (1, True)


@pytest.mark.parametrize(("number", "code"), [(1, 0), (3, 0), (4, 1)])
def test_what_passed_only_when_it_ran_again_is_named_and_may_be_few(tmp_path: Path, number: int, code: int) -> None:
    names = "abcdef"[:number]
    said = report(tmp_path, *map(ran, "xyz"), *(ran(name) for name in names for _ in range(2)))
    assert said.returncode == code
    assert f"quick: {3 + number} ran\n" in said.stdout
    assert [line.split()[1] for line in said.stdout.splitlines() if "unsteady" in line] == [
        f"tests::{name}" for name in names
    ]


def test_a_missing_component_fails_a_test_where_nothing_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.builders.components import missing

    monkeypatch.setenv("RLS_CDS_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no chromium"):
        missing("there is no chromium on this machine")
    monkeypatch.delenv("RLS_CDS_CI")
    with pytest.raises(pytest.skip.Exception, match="no chromium"):
        missing("there is no chromium on this machine")


def test_every_night_installs_on_each_python_and_on_the_oldest_there_is() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["fresh"]
    images = set(job["strategy"]["matrix"]["image"])
    assert {f"python:{minor}-slim" for minor in PYTHONS} | {"python:3.11.0-slim", "debian:12"} <= images
    assert job["steps"][-1]["run"] == ".ci/nightly"


def test_the_nightly_script_takes_whole_entries_of_the_lock() -> None:
    script = (ROOT / ".ci" / "nightly").read_text(encoding="utf-8")
    (line,) = [each for each in script.splitlines() if each.startswith("awk ")]
    taken = subprocess.run(
        ["sh", "-c", line.partition(" >")[0]], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    entries = taken.replace("\\\n", " ").splitlines()
    assert [entry.partition("==")[0] for entry in entries] == ["packaging", "uv"]
    assert all(entry.count("--hash=sha256:") > 1 for entry in entries)


def test_the_classifiers_name_the_pythons_that_are_tried() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    assert [each.rpartition(" ")[2] for each in stated if "Python :: 3." in each] == list(PYTHONS)
