"""The table of OWASP ASVS 5.0 is complete, and what it calls met is proved or told."""

from __future__ import annotations

from tests.docs.asvs import REQUIREMENT, Requirement, controls_described, proofs, proving, sections

EVERY = [each for section in sections() for each in section.requirements]


def test_every_requirement_of_the_chapters_is_told_of() -> None:
    """345 requirements less those of V6 (47), V7 (19) and V17 (12)."""
    assert sum(section.count for section in sections()) == 345 - 47 - 19 - 12
    for section in sections():
        told = len(section.requirements)
        assert told == (0 if section.not_applicable else section.count), section.title
        number = section.title.partition(" ")[0]
        assert [each.id for each in section.requirements] == [f"{number}.{n + 1}" for n in range(told)]


def test_what_is_met_names_a_test_or_tells_how() -> None:
    assert [each.id for each in EVERY if each.state == "met" and not proving(each) and not each.how] == []


def test_what_is_not_met_claims_nothing() -> None:
    def claims(each: Requirement) -> bool:
        return bool(each.controls or each.how or (each.not_met and each.not_applicable) or proofs().get(each.id))

    assert [each.id for each in EVERY if each.state != "met" and claims(each)] == []


def test_every_control_is_described_and_proved() -> None:
    named = {control for each in EVERY for control in each.controls}
    assert named <= controls_described()
    assert sorted(control for control in named if control not in proofs()) == []


def test_every_requirement_that_a_test_names_is_in_the_table() -> None:
    known = {each.id for each in EVERY}
    assert [name for name in proofs() if REQUIREMENT.fullmatch(name) and name not in known] == []


def test_levels_are_one_to_three_and_words_are_short() -> None:
    assert {each.level for each in EVERY} == {1, 2, 3}
    assert [each.id for each in EVERY if len(each.asks) > 80] == []
