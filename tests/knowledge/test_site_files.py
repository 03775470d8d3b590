"""A site's own file of limits and choices, and its code maps: what is taken, and every fault of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cards.reading import Site
from cards.rules import BadKnowledge, Rules
from cds_service.clients.client import Client
from cds_service.knowledge import load_knowledge
from cds_service.settings import Settings
from cds_service.settings_table import SETTINGS

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


def rules(tmp_path: Path, overrides: str) -> Rules:
    return load_knowledge(settings(tmp_path, overrides)).rules


def faults(tmp_path: Path, overrides: str = "", codes: str = "") -> tuple[str, ...]:
    with pytest.raises(BadKnowledge) as raised:
        load_knowledge(settings(tmp_path, overrides, codes))
    return raised.value.faults


def test_a_limit_stands_in_place_of_the_national_one(tmp_path: Path) -> None:
    limit = rules(tmp_path, GOOD).limit("ferritin.low")
    assert (limit.value, limit.national, limit.unit) == (50, 75, "ng/mL")
    assert limit.site_reason == "Our clinic follows the lower limit"


def test_a_choice_stands_in_place_of_the_national_one(tmp_path: Path) -> None:
    made = rules(tmp_path, SWITCH)
    assert made.is_on("include_plmd")
    assert made.switches["include_plmd"].default == "false"


def test_an_assay_factor_reaches_every_client(tmp_path: Path) -> None:
    known = load_knowledge(settings(tmp_path, FACTOR, clients=(Client("a"), Client("b"))))
    assert {name: site.assay_factors for name, site in known.sites.items()} == {
        "a": {"ferritin": Decimal("0.62")},
        "b": {"ferritin": Decimal("0.62")},
    }


def test_without_site_files_everything_is_national() -> None:
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
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), OVERRIDES.values(), ids=OVERRIDES)
def test_a_fault_of_the_overrides(tmp_path: Path, text: str, says: str) -> None:
    named = faults(tmp_path, text)
    assert any(says in fault for fault in named), named
    assert all(fault.startswith("overrides.toml: ") for fault in named)


def test_bands_must_not_be_turned_over(tmp_path: Path) -> None:
    low = GOOD.replace('value = "50"', 'value = "90"')
    mid = GOOD.replace("ferritin.low", "ferritin.mid").replace('"50"', '"80"').replace('"75"', '"100"')
    assert faults(tmp_path, low + mid) == (
        "overrides.toml: ferritin.low (90) lies above ferritin.mid (80) ng/mL; set them in this order",
    )


@pytest.mark.parametrize("value", ["50", "100"])
def test_the_ends_of_the_range_belong_to_it(tmp_path: Path, value: str) -> None:
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


def test_every_kind_of_code_is_taken(tmp_path: Path) -> None:
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


def test_a_clients_own_map_comes_before_the_sites(tmp_path: Path) -> None:
    (tmp_path / "general.toml").write_text('[laboratory."urn:x"]\n"1" = "tsat"\n', encoding="utf-8")
    general = Client("general", local_codes=str(tmp_path / "general.toml"))
    known = load_knowledge(
        settings(tmp_path, codes='[laboratory."urn:x"]\n"1" = "ferritin"\n', clients=(general, Client("other")))
    )
    assert known.sites["general"].local_codes == {("urn:x", "1"): "lab-tsat"}
    assert known.sites["other"].local_codes == {("urn:x", "1"): "lab-ferritin"}


def test_what_we_offer_to_order_under_a_sites_code_is_recognised(tmp_path: Path) -> None:
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
    "an empty list": ('[orderables."urn:x"]\n"1" = []', 'orderables."urn:x".1: found []'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), BAD_CODES.values(), ids=BAD_CODES)
def test_a_fault_of_a_code_map(tmp_path: Path, text: str, says: str) -> None:
    named = faults(tmp_path, codes=text)
    assert len(named) == 1, named
    assert named[0].startswith("local_codes.toml: ") and says in named[0]


def test_the_settings_still_know_both_files() -> None:
    assert {"site.overrides", "site.local_codes"} <= {row.name for row in SETTINGS}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "overrides.toml").write_bytes(b"\xff\xfe")
    gone = Settings(site={"overrides": str(tmp_path / "overrides.toml"), "local_codes": str(tmp_path / "gone.toml")})
    with pytest.raises(BadKnowledge) as raised:
        load_knowledge(gone)
    assert [fault.split(";")[0] for fault in raised.value.faults] == [
        "overrides.toml: text in another encoding",
        "gone.toml: cannot be read (No such file or directory)",
    ]


@pytest.mark.parametrize("text", ["thresholds = 3", "switches = []", 'assay_factors = "ferritin"'])
def test_a_table_that_is_no_table(tmp_path: Path, text: str) -> None:
    assert len(faults(tmp_path, text)) == 1


def test_a_kind_of_codes_that_is_no_table(tmp_path: Path) -> None:
    assert len(faults(tmp_path, codes="drugs = 3")) == 1
