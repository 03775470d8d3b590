"""The table of OWASP ASVS 5.0: which requirement is met by which tests, or how, or why not."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tests.docs.paths import DOCS, ROOT
from tests.docs.tables import table
from tests.protocol.table import files_of_tests, marked

_HEADER = """\
# OWASP ASVS

The requirements of the [OWASP Application Security Verification Standard](https://owasp.org/www-project-application-security-verification-standard/)
5.0.0 that concern a service without users, in our own words; the standard's words count. Chapters V6 (passwords and
factors), V7 (sessions) and V17 (WebRTC) are left out as a whole: clients prove who they are by signed tokens, and the
console asks for one token of the settings.

A requirement is **met** by tests that carry a [control](reliability.md#section-1) or its own id in the marker
`control`, or by what the column says; or it is **not met**, or does **not apply**, with the reason. The tests are run
by `.ci/run`. This is what the project says of itself, not an assessment by others.

"""
#: `V1.2.3`, which a marker may name beside a control of the reliability page.
REQUIREMENT = re.compile(r"V\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Requirement:
    id: str
    level: int
    asks: str
    controls: tuple[str, ...] = ()
    how: str = ""
    not_met: str = ""
    not_applicable: str = ""

    @property
    def state(self) -> str:
        """Return met, not met or not applicable."""
        return "not met" if self.not_met else "not applicable" if self.not_applicable else "met"


@dataclass(frozen=True)
class Section:
    title: str
    count: int
    not_applicable: str
    requirements: tuple[Requirement, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Return the sections as they are written, in the order of the standard."""
    content = tomllib.loads((ROOT / "tests" / "docs" / "asvs.toml").read_text(encoding="utf-8"))
    return tuple(_section(title, dict(rows)) for title, rows in content.items())


def _section(title: str, rows: dict[str, object]) -> Section:
    count, left_out = rows.pop("count"), rows.pop("na", "")
    return Section(title, count, left_out, tuple(_requirement(name, *row) for name, row in rows.items()))


def _requirement(name: str, level: int, asks: str, told: Mapping[str, object]) -> Requirement:
    unknown = set(told) - {"by", "how", "not", "na"}
    if unknown:
        raise LookupError(f"{name}: {', '.join(unknown)}")
    return Requirement(
        name, level, asks, tuple(told.get("by", ())), told.get("how", ""), told.get("not", ""), told.get("na", "")
    )


@cache
def proofs() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return the tests, as file and name, by the control or requirement that their markers name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in files_of_tests():
        for test, name in marked(file, "control"):
            found.setdefault(name, []).append((file.relative_to(ROOT / "tests").as_posix(), test))
    return {name: tuple(tests) for name, tests in found.items()}


def proving(requirement: Requirement) -> tuple[tuple[str, str], ...]:
    """Return the tests that prove a requirement, each once."""
    named = (requirement.id, *requirement.controls)
    return tuple(dict.fromkeys(test for name in named for test in proofs().get(name, ())))


def asvs_page() -> str:
    """Return the table as a page of the reference."""
    return _HEADER + "\n".join([_summary(), *(line for section in sections() for line in _written(section))])


def _summary() -> str:
    counts: dict[str, Counter[str]] = {}
    for section in sections():
        chapter = counts.setdefault(section.title.partition(".")[0], Counter())
        chapter.update(each.state for each in section.requirements)
        chapter["not applicable"] += section.count if section.not_applicable else 0
    total = sum(counts.values(), Counter())
    states = ("met", "not met", "not applicable")
    rows = [(name, *(str(chapter[state]) for state in states)) for name, chapter in (*counts.items(), ("all", total))]
    return table(("Chapter", "Met", "Not met", "Does not apply"), rows)


def _written(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    if section.not_applicable:
        yield f"{section.count} requirements do not apply: {section.not_applicable}.\n"
        return
    rows = [(each.id, str(each.level), each.asks, _proof(each)) for each in section.requirements]
    yield table(("Requirement", "Level", "Asks that", "Met by"), rows)


def _proof(requirement: Requirement) -> str:
    if requirement.not_met:
        return f"**not met**: {requirement.not_met}"
    if requirement.not_applicable:
        return f"does not apply: {requirement.not_applicable}"
    controls = ", ".join(f"[{name}](reliability.md#{name.lower()})" for name in requirement.controls)
    return "; ".join(filter(None, (controls, requirement.how, _listed(proving(requirement)))))


def _listed(tests: Iterable[tuple[str, str]]) -> str:
    """Name files with the number of their tests, as one test may have hundreds of cases."""
    counted = Counter(file for file, _ in tests)
    return ", ".join(f"`{file}` ({count})" for file, count in counted.items())


def controls_described() -> frozenset[str]:
    """Return the controls of the reliability page."""
    page = (DOCS / "reference" / "reliability.md").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^\| ([A-Z]+-\d+) \{", page, re.MULTILINE))
