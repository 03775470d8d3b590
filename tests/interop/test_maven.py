"""When a Maven project is built, and by which command; a script stands for Maven."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interop import maven

_MAVEN = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
for word in "$@"; do case $word in -Dtarget=*) target=${word#-Dtarget=} ;; esac; done
case "$*" in *--offline*) [ -e "$(dirname "$0")/has-packages" ] || { echo no packages; exit 1; } ;; esac
[ ! -e "$(dirname "$0")/broken" ] || { echo COMPILATION ERROR; exit 1; }
mkdir -p "$target/lib" && touch "$target/project.jar"
"""


class Machine:
    """A project, and a folder of programs that stands first in the path."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.project = folder / "bin", folder / "project"
        self.source = self.project / "src" / "main" / "java" / "Main.java"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("class Main { }")
        (self.project / "pom.xml").write_text("<project/>")
        self.programs.mkdir()
        for name in ("mvn", "javac"):
            (self.programs / name).write_text(_MAVEN)
            (self.programs / name).chmod(0o755)

    def calls(self) -> list[str]:
        found = self.programs / "calls"
        return found.read_text().splitlines() if found.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(maven, "KEPT", tmp_path / "kept")
    return made


def test_the_first_build_downloads_and_the_second_does_nothing(machine: Machine) -> None:
    target = maven.build(machine.project)
    assert (target / "project.jar").exists()
    assert ["--offline" in call for call in machine.calls()] == [True, False]
    assert all(f"-Dmaven.repo.local={maven.KEPT / 'm2'}" in call for call in machine.calls())
    assert maven.build(machine.project) == target
    assert len(machine.calls()) == 2


@pytest.mark.parametrize("changed", ["src/main/java/Main.java", "src/main/java/More.java", "pom.xml"])
def test_a_changed_source_is_built_anew_without_the_network(machine: Machine, changed: str) -> None:
    maven.build(machine.project)
    (machine.programs / "has-packages").touch()
    (machine.project / changed).write_text("class Changed { }")
    stale = maven.KEPT / "maven" / "project" / "stale.class"
    stale.touch()
    maven.build(machine.project)
    assert not stale.exists()
    assert ["--offline" in call for call in machine.calls()] == [True, False, True]


def test_a_project_that_does_not_build_says_why_and_is_tried_again(machine: Machine) -> None:
    (machine.programs / "broken").touch()
    with pytest.raises(AssertionError, match="COMPILATION ERROR"):
        maven.build(machine.project)
    (machine.programs / "broken").unlink()
    assert (maven.build(machine.project) / "project.jar").exists()


@pytest.mark.parametrize("program", ["mvn", "javac"])
def test_without_maven_or_a_jdk_the_test_is_skipped_or_fails(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (machine.programs / program).unlink()
    monkeypatch.setenv("PATH", str(machine.programs))
    monkeypatch.setenv("RLS_CDS_CI", "")
    with pytest.raises(pytest.skip.Exception, match=program):
        maven.build(machine.project)
    monkeypatch.setenv("RLS_CDS_CI", "1")
    with pytest.raises(pytest.fail.Exception, match=program):
        maven.build(machine.project)
