"""A site's overrides and code maps: what is read, and every fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cards.knowledge.rules import BadKnowledge, DatedValue, Rules
from cards.reading import Site
from cards.site.overrides import SiteSwitch, SiteThreshold, overridden
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.config.table import SETTINGS
from cds_service.knowledge import load as knowledge
from cds_service.knowledge.listing import as_markdown
from cds_service.knowledge.load import Knowledge, national_rules
from cds_service.knowledge.warnings import knowledge_warnings

TODAY = date(2026, 11, 25)
GOOD = """
[thresholds."ferritin.low"]
value = "50"
replaces = "75"
reason = "Our clinic follows the lower limit"
date = 2026-05-01
"""
SWITCH = """
[switches.include_plmd]
value = "true"
replaces = "false"
reason = "Our sleep clinic treats both alike"
date = 2026-05-01
"""
FACTOR = """
[assay_factors.ferritin]
value = "0.62"
reason = "Comparison of the two assays"
date = 2026-05-01
"""


def settings(tmp_path: Path, overrides: str = "", codes: str = "", **more: Any) -> Settings:
    site = {}
    for name, text in (("overrides", overrides), ("local_codes", codes)):
        if text:
            (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
            site[name] = str(tmp_path / f"{name}.toml")
    return Settings(site=site, **more)


def load_knowledge(given: Settings, today: date = TODAY) -> Knowledge:
    return knowledge.load_knowledge(given, today=today)


def rules(tmp_path: Path, overrides: str) -> Rules:
    return load_knowledge(settings(tmp_path, overrides)).rules


def faults(tmp_path: Path, overrides: str = "", codes: str = "") -> tuple[str, ...]:
    with pytest.raises(BadKnowledge) as raised:
        load_knowledge(settings(tmp_path, overrides, codes))
    return raised.value.faults


def test_a_site_limit_replaces_the_national_one(tmp_path: Path) -> None:
    limit = rules(tmp_path, GOOD).limit("ferritin.low")
    assert (limit.value, limit.national, limit.unit) == (50, 75, "ng/mL")
    assert limit.site_reason == "Our clinic follows the lower limit"


def test_a_site_choice_replaces_the_national_one(tmp_path: Path) -> None:
    made = rules(tmp_path, SWITCH)
    assert made.is_on("include_plmd")
    assert made.switches["include_plmd"].default == "false"


def test_an_assay_factor_reaches_every_client(tmp_path: Path) -> None:
    known = load_knowledge(settings(tmp_path, FACTOR, clients=(Client("a"), Client("b"))))
    assert {name: site.assay_factors for name, site in known.sites.items()} == {
        "a": {"ferritin": Decimal("0.62")},
        "b": {"ferritin": Decimal("0.62")},
    }


def test_without_site_files_the_national_rules_apply() -> None:
    known = load_knowledge(Settings())
    assert all(limit.national is None for limit in known.rules.thresholds.values())
    assert known.sites == {"open": Site()}


OVERRIDES = {
    "the national value has changed": (GOOD.replace('"75"', '"70"'),
                                       "made against 70, but the national value is now 75"),
    "below the range": (GOOD.replace('"50"', '"49.9"'), "found 49.9 ng/mL; allowed: 50 to 100 ng/mL"),
    "above the range": (GOOD.replace('"50"', '"100.1"'), "found 100.1 ng/mL; allowed: 50 to 100 ng/mL"),
    "no reason": (GOOD.replace('reason = "Our clinic follows the lower limit"', ""), ".reason: found nothing"),
    "a reason of two words": (GOOD.replace("Our clinic follows the lower limit", "we like"), "found 'we like'"),
    "no day": (GOOD.replace("date = 2026-05-01", ""), ".date: found nothing"),
    "a day in quotes": (GOOD.replace("2026-05-01", '"2026-05-01"'), "write the day without quotes"),
    "no word of the national value": (GOOD.replace('replaces = "75"', ""), ".replaces: found nothing"),
    "a limit that is none": (GOOD.replace("ferritin.low", "feritin.low"), "no such name; did you mean ferritin.low?"),
    "a number without quotes": (GOOD.replace('"50"', "50"), ".value: found 50; allowed: a number in quotes"),
    "a table that is none": ("[limits]\nx = 1\n", "limits: found a name that is none; allowed: thresholds, switches"),
    "a choice that is none": (SWITCH.replace('"true"', '"yes"'), "found 'yes'; allowed: true, false"),
    "a switch that is none": (SWITCH.replace("include_plmd", "include_plm"), "did you mean include_plmd?"),
    "the national choice has changed": (SWITCH.replace('replaces = "false"', 'replaces = "maybe"'),
                                        "made against 'maybe', but the national choice is now 'false'"),
    "a factor out of all proportion": (FACTOR.replace("0.62", "62"), "found 62; allowed: 0.4 to 2.5"),
    "a factor of nothing": (FACTOR.replace("[assay_factors.ferritin]", "[assay_factors.feritin]"), "no such analyte"),
    "a part of a day": (GOOD.replace("ferritin.low", "pair_days").replace('"50"', '"7.5"').replace('"75"', '"14"'),
                        "a whole number"),
    "no TOML": ("[thresholds", "not TOML"),
    "the future": (GOOD.replace("2026-05-01", "2031-05-01"), "found 2031-05-01; allowed: 2018-01-01"),
    "another century": (GOOD.replace("2026-05-01", "1926-05-01"), "found 1926-05-01; allowed: 2018-01-01"),
    "before the value it replaces": (GOOD.replace("2026-05-01", "2017-12-31"), "since then the national value stands"),
    "a choice of another century": (SWITCH.replace("2026-05-01", "1999-12-31"),
        "allowed: 2000-01-01 (no choice is older)"),
    "a factor of the future": (FACTOR.replace("2026-05-01", "2026-11-26"), "to 2026-11-25 (today)"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), OVERRIDES.values(), ids=OVERRIDES)
def test_a_fault_in_the_overrides_is_named(tmp_path: Path, text: str, says: str) -> None:
    named = faults(tmp_path, text)
    assert any(says in fault for fault in named), named
    assert all(fault.startswith("overrides.toml: ") for fault in named)


@pytest.mark.parametrize(
    "day", ["2026-11-25", "2018-01-01"], ids=["today", "as old as the value, said by another source"]
)
def test_a_valid_date_is_accepted(tmp_path: Path, day: str) -> None:
    assert rules(tmp_path, GOOD.replace("2026-05-01", day)).limit("ferritin.low").value == 50


def test_a_project_default_has_no_earliest_date(tmp_path: Path) -> None:
    text = GOOD.replace("ferritin.low", "pair_days").replace('"50"', '"7"').replace('"75"', '"14"')
    assert rules(tmp_path, text.replace("2026-05-01", "2000-01-01")).limit("pair_days").value == 7


#: One entry with several faults, each of which is named.
SEVERAL = {
    "no reason, out of range, another national value": (
        GOOD.replace('reason = "Our clinic follows the lower limit"',
        "").replace('"50"', '"10"').replace('"75"', '"80"'),
        (".reason: found nothing", ".value: found 10 ng/mL", ".replaces: made against 80"),
    ),
    "no value, and a unit that is none": (
        GOOD.replace('value = "50"', 'unit = "stone"'),
        (".value: found nothing", ".unit: found 'stone'"),
    ),
    "a number without quotes, and the future": (
        GOOD.replace('"50"', "50.10").replace("2026-05-01", "2031-05-01"),
        ('.value: found 50.10; allowed: a number in quotes, with a point; write it as value = "50.10"',
         "found 2031-05-01"),
    ),
    "a switch without a reason, a choice that is none": (
        SWITCH.replace('reason = "Our sleep clinic treats both alike"', "").replace('"true"', '"yes"'),
        (".reason: found nothing", "found 'yes'; allowed: true, false"),
    ),
    "a switch without a choice that replaces another": (
        SWITCH.replace('value = "true"', "").replace('replaces = "false"', 'replaces = "maybe"'),
        (".value: found nothing", "made against 'maybe'"),
    ),
    "a factor of nothing without a value": (
        FACTOR.replace("ferritin]", "feritin]").replace('value = "0.62"', ""),
        (".value: found nothing", "no such analyte"),
    ),
    "bands out of order beside another fault": (
        GOOD.replace('"50"', '"90"')
        + GOOD.replace("ferritin.low", "ferritin.mid").replace('"50"', '"80"').replace('"75"', '"100"')
        + GOOD.replace("ferritin.low", "tsat.low").replace('"50"', '"10"').replace('"75"', '"20"'),
        ("ferritin.low (90) lies above ferritin.mid (80)", "found 10 %; allowed: 15 to 20 %"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), SEVERAL.values(), ids=SEVERAL)
def test_every_fault_of_an_entry_is_named_once(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    named = faults(tmp_path, text)
    assert len(named) == len(says), named
    assert all(any(part in fault for fault in named) for part in says), named


def test_a_next_step_repeats_only_numbers_that_were_written(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, GOOD.replace('"50"', "50"))
    assert fault.endswith('write it as value = "50"') and "75" not in fault


def test_a_day_in_quotes_is_named_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, GOOD.replace("2026-05-01", '"yesterday"'))) == 1


def test_a_site_may_name_its_own_unit(tmp_path: Path) -> None:
    limit = rules(tmp_path, GOOD.replace('value = "50"', 'value = "50"\nunit = "ng/mL"')).limit("ferritin.low")
    assert (limit.value, limit.unit) == (50, "ng/mL")


def test_an_incomplete_entry_is_never_used() -> None:
    limit = SiteThreshold("ferritin.low", None, Decimal(75), "Local", date(2026, 2, 1))
    with pytest.raises(ValueError, match="must not be used"):
        overridden(national_rules(), [limit], (), where="x")
    choice = SiteSwitch("lithium", None, "false", "Local", date(2026, 2, 1))
    with pytest.raises(ValueError, match="must not be used"):
        overridden(national_rules(), (), [choice], where="x")


def test_a_future_national_value_applies_from_its_date(tmp_path: Path) -> None:
    """Until then a site's entry is compared with today's value, with a warning at start-up."""
    national = national_rules()
    low, ahead = national.limit("ferritin.low"), TODAY + timedelta(days=1)
    coming = replace(low, value=Decimal(70), history=(*low.history, DatedValue(ahead, Decimal(70), "aasm-2025")))
    changed = replace(national, thresholds={**national.thresholds, low.name: coming})
    given = settings(tmp_path, GOOD)
    before = knowledge.load_knowledge(given, changed, today=TODAY).rules
    assert before.limit("ferritin.low").national == 75
    (said,) = knowledge_warnings(before, given, TODAY)
    assert "ferritin.low: the national value changes on 2026-11-26 to 70" in said
    with pytest.raises(BadKnowledge, match="the national value is now 70"):
        knowledge.load_knowledge(given, changed, today=ahead)
    assert "| 2025-01-01; from 2026-11-26 70 |" in as_markdown(changed.on(TODAY))


def test_bands_must_stay_in_order(tmp_path: Path) -> None:
    low = GOOD.replace('value = "50"', 'value = "90"')
    mid = GOOD.replace("ferritin.low", "ferritin.mid").replace('"50"', '"80"').replace('"75"', '"100"')
    assert faults(tmp_path, low + mid) == (
        "overrides.toml: ferritin.low (90) lies above ferritin.mid (80) ng/mL; set them in this order",
    )


@pytest.mark.parametrize("value", ["50", "100"])
def test_the_ends_of_the_range_are_allowed(tmp_path: Path, value: str) -> None:
    assert rules(tmp_path, GOOD.replace('"50"', f'"{value}"')).limit("ferritin.low").value == Decimal(value)


def test_faults_of_both_files_are_named_at_once(tmp_path: Path) -> None:
    both = GOOD.replace('"50"', '"20"') + SWITCH.replace('"true"', '"yes"') + FACTOR.replace("0.62", "62")
    named = faults(tmp_path, both, '[drugs."urn:x"]\n"1" = "99999999"\n')
    assert [fault.split(":")[0] for fault in named] == ["overrides.toml"] * 3 + ["local_codes.toml"]


# --- local codes ------------------------------------------------------------------------------------------------

CODES = """
[laboratory."urn:oid:1.2.3"]
"LAB68" = "ferritin"
"W" = "body-weight"
"IRLS" = "irls"
[diagnoses."urn:oid:1.2.3"]
"D-HFE" = ["overload", "hereditary-overload"]
[procedures."urn:oid:1.2.3"]
"P-HD" = ["dialysis-procedure", "haemodialysis-procedure"]
[drugs."urn:oid:1.2.3"]
"FE" = "310325"
[allergies."urn:oid:1.2.3"]
"FCM" = "1433693"
"FER" = "iron-adverse-reaction"
[orderables."urn:oid:1.2.3"]
"ORD" = ["ferritin", "iron-panel"]
"""


def test_every_kind_of_code_is_read(tmp_path: Path) -> None:
    own = "urn:oid:1.2.3"
    site = load_knowledge(settings(tmp_path, codes=CODES)).sites["open"]
    assert site.local_codes == {(own, "LAB68"): "lab-ferritin", (own, "W"): "measure-body-weight",
                                (own, "IRLS"): "measure-irls"}  # fmt: skip
    assert site.diagnosis_codes == {
        (own, "D-HFE"): {"overload", "hereditary-overload"},
        (own, "FER"): {"iron-adverse-reaction"},
    }
    assert site.procedure_codes == {(own, "P-HD"): {"dialysis-procedure", "haemodialysis-procedure"}}
    assert site.drug_codes == {(own, "FE"): "310325"}
    assert site.allergy_codes == {(own, "FCM"): "1433693"}
    assert site.order_codes == {(own, "ORD"): {"ferritin", "iron-panel"}}


def test_a_clients_map_overrides_the_sites(tmp_path: Path) -> None:
    (tmp_path / "general.toml").write_text('[laboratory."urn:x"]\n"1" = "tsat"\n', encoding="utf-8")
    general = Client("general", local_codes=str(tmp_path / "general.toml"))
    known = load_knowledge(
        settings(tmp_path, codes='[laboratory."urn:x"]\n"1" = "ferritin"\n', clients=(general, Client("other")))
    )
    assert known.sites["general"].local_codes == {("urn:x", "1"): "lab-tsat"}
    assert known.sites["other"].local_codes == {("urn:x", "1"): "lab-ferritin"}


def test_site_orderables_are_recognised_in_orders(tmp_path: Path) -> None:
    orders = {"ferritin": {"system": "urn:x", "code": "LAB68"}}
    known = load_knowledge(settings(tmp_path, clients=(Client("general", site_orderables=orders),)))
    assert known.sites["general"].order_codes == {("urn:x", "LAB68"): {"ferritin"}}


BAD_CODES = {
    "an analyte that is none": ('[laboratory."urn:x"]\n"1" = "feritin"', 'laboratory."urn:x".1: found'),
    "a set of rejected codes": ('[laboratory."urn:x"]\n"1" = "rejected"', "allowed: a laboratory or measure value set"),
    "a diagnosis that is none": ('[diagnoses."urn:x"]\n"1" = "rsl"', "found 'rsl'; allowed: value sets of diagnoses"),
    "a laboratory set as a diagnosis": ('[diagnoses."urn:x"]\n"1" = ["rls", "lab-ferritin"]', "found 'lab-ferritin'"),
    "a procedure that is none": ('[procedures."urn:x"]\n"1" = "surgery"', "allowed: dialysis-procedure"),
    "a test that is none": ('[orderables."urn:x"]\n"1" = "sodium"', "allowed: tests, such as ferritin"),
    "a drug that is none of ours": ('[drugs."urn:x"]\n"1" = "99999999"', "an RxNorm product or ingredient code"),
    "an allergy that is none of ours": ('[allergies."urn:x"]\n"1" = "peanuts"', "or iron-adverse-reaction"),
    "a number for a name": ('[laboratory."urn:x"]\n"1" = 2', 'laboratory."urn:x".1: found 2'),
    "a kind that is none": ('[labs."urn:x"]\n"1" = "ferritin"', "labs: found a name that is none"),
    "a system without codes": ('[laboratory]\n"urn:x" = "ferritin"', "laboratory.\"urn:x\": found 'ferritin'"),
    "an allergy to iron by mouth": ('[allergies."urn:x"]\n"1" = "24947"', "of an intravenous iron (no other allergy"),
    "a public laboratory code": ('[laboratory."http://loinc.org"]\n"2276-4" = "tsat"',
        "known as lab-ferritin and cannot"),
    "the same by its object identifier": ('[laboratory."urn:oid:2.16.840.1.113883.6.1"]\n"2276-4" = "tsat"',
        "known as lab-f"),
    "a code that we reject": ('[laboratory."http://loinc.org"]\n"14724-9" = "ferritin"', "known as lab-rejected"),
    "a public code of an order": ('[orderables."http://loinc.org"]\n"2276-4" = "b12"', "known as order-ferritin"),
    "a public diagnosis": ('[diagnoses."http://hl7.org/fhir/sid/icd-10-cm"]\n"E83110" = "rls"',
        "known as hereditary-overload"),
    "a result as a diagnosis": ('[diagnoses."http://loinc.org"]\n"2276-4" = "rls"',
        "known as lab-ferritin, order-ferritin"),
    "a diagnosis as a result": ('[laboratory."http://hl7.org/fhir/sid/icd-10-cm"]\n"G25.81" = "ferritin"',
        "known as rls"),
    "a public drug": ('[drugs."http://www.nlm.nih.gov/research/umls/rxnorm"]\n"24947" = "310431"',
        "known as ingredient ferrous"),
    "a public procedure": ('[procedures."http://snomed.info/sct"]\n"302497006" = "transfusion"',
        "known as dialysis-proc"),
    "an empty list": ('[orderables."urn:x"]\n"1" = []', 'orderables."urn:x".1: found []'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), BAD_CODES.values(), ids=BAD_CODES)
def test_a_fault_in_a_code_map_is_named(tmp_path: Path, text: str, says: str) -> None:
    named = faults(tmp_path, codes=text)
    assert len(named) == 1, named
    assert named[0].startswith("local_codes.toml: ") and says in named[0]


@pytest.mark.parametrize(
    "text",
    [
        '[laboratory."http://loinc.org"]\n"2276-4" = "ferritin"',
        '[drugs."http://www.nlm.nih.gov/research/umls/rxnorm"]\n"310325" = "24947"',
        '[drugs."http://www.whocc.no/atc"]\n"B03AC" = "1433693"',
        '[allergies."urn:x"]\n"1" = "5992"',
        '[allergies."http://snomed.info/sct"]\n"293354007" = "iron-adverse-reaction"',
    ],
    ids=["as it is known", "its own ingredient", "a group that tells no product", "plain iron dextran", "a reaction"],
)
def test_a_map_may_repeat_a_public_meaning(tmp_path: Path, text: str) -> None:
    assert load_knowledge(settings(tmp_path, codes=text))


def test_a_faulty_code_does_not_hide_others(tmp_path: Path) -> None:
    named = faults(tmp_path, codes='[laboratory."urn:x"]\n"LAB70" = 5\n"LAB68" = "ferritine"\n')
    assert ["LAB70" in named[0], "LAB68" in named[1], len(named)] == [True, True, 2]


def test_the_settings_still_know_both_files() -> None:
    assert {"site.overrides", "site.local_codes"} <= {row.name for row in SETTINGS}


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "overrides.toml").write_bytes(b"\xff\xfe")
    gone = Settings(site={"overrides": str(tmp_path / "overrides.toml"), "local_codes": str(tmp_path / "gone.toml")})
    with pytest.raises(BadKnowledge) as raised:
        load_knowledge(gone)
    assert [fault.split(";")[0] for fault in raised.value.faults] == [
        "overrides.toml: text in another encoding",
        "gone.toml: cannot be read (No such file or directory)",
    ]


@pytest.mark.parametrize("text", ["thresholds = 3", "switches = []", 'assay_factors = "ferritin"'])
def test_a_value_instead_of_a_table_is_refused(tmp_path: Path, text: str) -> None:
    assert len(faults(tmp_path, text)) == 1


def test_a_value_instead_of_codes_is_refused(tmp_path: Path) -> None:
    assert len(faults(tmp_path, codes="drugs = 3")) == 1


@pytest.mark.parametrize(
    ("repeat_days", "named"),
    [
        ({"IRON-LOW": 5}, None),
        ({"IRONLOW": 5, "IRON-RECHECK": 9}, None),
        ({"IRONLO": 5}, "repeat_days.IRONLO: no card of patient-view"),
        ({"OS-IRON-OVL": 5}, "repeat_days.OS-IRON-OVL: no card of patient-view"),
        ({"IRON-LOW": 5, "IRONLOW": 9}, "repeat_days.IRON-LOW: the card is named by its topic too"),
        ({"IRONL-OW": 5}, "repeat_days.IRONL-OW: no card of patient-view"),
        ({"-IRONLOW-": 5}, "repeat_days.-IRONLOW-: no card of patient-view"),
        ({"IRON-LOW": 5, "IRONL-OW": 9}, "repeat_days.IRONL-OW: no card of patient-view"),
    ],
)
def test_the_days_of_a_card_are_given_once_by_its_id_or_its_topic(
    repeat_days: dict[str, int], named: str | None
) -> None:
    given = Settings(repeat_days=repeat_days)
    if named is None:
        assert load_knowledge(given)
        return
    with pytest.raises(BadKnowledge) as raised:
        load_knowledge(given)
    assert [named in fault for fault in raised.value.faults] == [True]
