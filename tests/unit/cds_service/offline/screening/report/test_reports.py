"""What is told of the findings: counts, rates, page, FHIR resources, work list, files."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.list import List

from cds_service.knowledge.load import national_rules
from cds_service.offline.screening.export import BadExport
from cds_service.offline.screening.patient import out_of_scope, written
from cds_service.offline.screening.report.outputs import form_of, state_of, write_outputs
from cds_service.offline.screening.report.page import report_page
from cds_service.offline.screening.report.summary import About, as_text

_ABOUT = About(
    as_of="2026-06-30",
    program="rls-cds 0.1.0",
    lines=100,
    bad_lines=2,
    nobodys=1,
    merged=1,
    types={"Patient": 5},
    not_exported=("allergies",),
    cut=("labs",),
    export_had_errors=True,
    changes=("ferritin.low=50",),
)


def finding(patient: str, *cards: str, **more: Any) -> bytes:
    """Return a finding in scope; a card is `CODE indicator`."""
    named = [dict(zip(("code", "indicator"), card.split(), strict=True)) for card in cards]
    told = {"patient": patient, "cards": named, "unknown": [], "rls": "yes", "measures": {}, "quality": {}, **more}
    return written(told)


def findings() -> Iterable[bytes]:
    yield out_of_scope("a1")
    yield out_of_scope("a2", is_deleted=True)
    yield finding(
        "b1",
        "IRONLOW warning",
        "B12LOW info",
        measures={"iron-stores-assessed": True, "low-ferritin-without-iron": True, "iron-without-need": None},
        quality={"units": {"ferritin": 2}, "drugs": 1, "drug_names": 1, "codes": {"conditions <b>": 3}},
        loses=[{"code": "IRONLOW", "indicator": "warning"}],
    )
    yield finding("b2", "VITDTOX critical", measures={"iron-stores-assessed": False}, gains=[])
    yield finding("b3", unknown=["b12", "iron_status"], missing=["labs"], rls="suspected")
    yield written({"patient": "c1", "cards": [], "unknown": [], "scope": "deceased"})


def content(tmp_path: Path) -> dict[str, Any]:
    return write_outputs(findings(), tmp_path / "out.ndjson", _ABOUT, national_rules())


def test_who_is_counted(tmp_path: Path) -> None:
    told = content(tmp_path)
    assert (told["patients"], told["rls_patients"]) == (5, 3)
    assert told["out_of_scope"] == {"deceased": 1, "deleted": 1, "no RLS": 1}
    assert told["rls"] == {"suspected": 1, "yes": 2}
    assert told["not_answered"] == {"labs": 1}
    assert told["rls_patients_by_highest_card"] == {"critical": 1, "warning": 1, "info": 0, "none": 1}
    assert told["rls_patients_by_number_of_cards"] == {"0": 1, "1": 1, "2": 1}
    assert told["decisions_not_answered"] == {"b12": 1, "iron_status": 1}


def test_rates_are_of_patients_and_of_patients_with_rls(tmp_path: Path) -> None:
    card = next(each for each in content(tmp_path)["cards"] if each["code"] == "IRONLOW")
    assert (card["patients"], card["per_1000_patients"], card["per_1000_rls_patients"]) == (1, "200.0", "333.3")
    assert card["title"] == "Low ferritin for RLS"


def test_the_burden_says_what_it_assumes(tmp_path: Path) -> None:
    burden = content(tmp_path)["burden"]
    assert burden["cards_a_clinician_day"] == "12.0"  # 3 cards of 5 patients, 20 charts
    assert burden["charts_a_day"] == 20
    assert "opened equally often" in burden["assumes"]


def test_who_cannot_be_told_is_in_no_share(tmp_path: Path) -> None:
    told = {each["id"]: each for each in content(tmp_path)["measures"]}
    assessed = told["iron-stores-assessed"]
    assert (assessed["numerator"], assessed["denominator"], assessed["percent"]) == (1, 2, "50.0")
    need = told["iron-without-need"]
    assert (need["numerator"], need["denominator"], need["cannot_be_told"], need["percent"]) == (0, 0, 1, None)
    assert "75 ng/mL" in told["low-ferritin-without-iron"]["population"]


def test_what_if_counts_who_gains_and_loses(tmp_path: Path) -> None:
    what_if = content(tmp_path)["what_if"]
    assert (what_if["patients_who_gain"], what_if["patients_who_lose"]) == (0, 1)
    assert [each["code"] for each in what_if["loses"]] == ["IRONLOW"]


def test_nobody_at_all_divides_by_nothing(tmp_path: Path) -> None:
    told = write_outputs([], None, _ABOUT, national_rules())
    assert told["patients"] == 0
    assert told["burden"]["cards_a_clinician_day"] is None
    assert as_text(told).startswith("0 patients")
    assert report_page(told)


def test_the_text_names_holes_cards_and_quality(tmp_path: Path) -> None:
    text = as_text(content(tmp_path))
    for words in (
        "Not in the export, so not known: allergies",
        "Incomplete in the export: labs",
        "No answer for want of: labs 1",
        "IRONLOW",
        "With ferritin.low=50: 0 patients gain a card, 1 lose one",
        "Drugs that cannot be told: 1",
    ):
        assert words in text


class Page(HTMLParser):
    """Collects tags, and what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [str(value) for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def test_the_page_stands_alone_and_names_no_patient(tmp_path: Path) -> None:
    text = report_page(content(tmp_path))
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.loaded == []
    assert "script" not in page.tags and "svg" in page.tags
    assert "url(" not in text and "@import" not in text
    assert "conditions &lt;b&gt;" in text
    assert not re.search(r"\b[abc]\d\b", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))


def test_a_folder_gets_everything_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "result"
    write_outputs(findings(), out, _ABOUT, national_rules())
    names = {"findings.ndjson", "findings.csv", "work-list.csv", "work-list.ndjson", "measures.json", "report.html",
             "summary.json"}  # fmt: skip
    assert {path.name for path in out.iterdir()} == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert json.loads((out / "summary.json").read_text())["patients"] == 5


def test_the_measures_are_valid_fhir(tmp_path: Path) -> None:
    write_outputs(findings(), tmp_path / "result", _ABOUT, national_rules())
    bundle = json.loads((tmp_path / "result" / "measures.json").read_text())
    Bundle.model_validate(bundle)
    reports = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "MeasureReport"]
    urls = {e["resource"]["url"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Measure"}
    assert {each["measure"] for each in reports} == urls
    counts = {p["code"]["coding"][0]["code"]: p["count"] for p in reports[0]["group"][0]["population"]}
    assert counts == {"initial-population": 2, "denominator": 2, "denominator-exclusion": 0, "numerator": 1}


def test_the_work_list_begins_with_the_most_urgent(tmp_path: Path) -> None:
    out = tmp_path / "result"
    write_outputs(findings(), out, _ABOUT, national_rules())
    rows = list(csv.DictReader(io.StringIO((out / "work-list.csv").read_text())))
    assert [(row["patient"], row["highest"], row["gaps"]) for row in rows] == [
        ("b2", "critical", "iron-stores-assessed"),
        ("b1", "warning", "low-ferritin-without-iron"),
    ]
    (listed,) = (json.loads(line) for line in (out / "work-list.ndjson").read_text().splitlines())
    List.model_validate(listed)
    assert [each["item"]["reference"] for each in listed["entry"]] == ["Patient/b2", "Patient/b1"]


def test_a_long_work_list_is_parted(tmp_path: Path) -> None:
    many = (finding(f"p{number:04}", "IRONLOW warning") for number in range(1001))
    write_outputs(many, tmp_path / "result", _ABOUT, national_rules())
    lists = (tmp_path / "result" / "work-list.ndjson").read_text().splitlines()
    assert [len(json.loads(line)["entry"]) for line in lists] == [1000, 1]


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    write_outputs(findings(), tmp_path / "f.csv", _ABOUT, national_rules())
    rows = list(csv.DictReader(io.StringIO((tmp_path / "f.csv").read_text())))
    assert [row["patient"] for row in rows] == ["a1", "a2", "b1", "b2", "b3", "c1"]
    assert rows[2]["cards"] == "IRONLOW B12LOW"
    assert rows[2]["loses"] == "IRONLOW:warning"
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [bulk] is not installed")
    write_outputs(findings(), tmp_path / "f.parquet", _ABOUT, national_rules())
    assert parquet.read_table(tmp_path / "f.parquet").to_pylist() == rows
    assert stat.S_IMODE((tmp_path / "f.parquet").stat().st_mode) == 0o600


def test_what_out_may_name(tmp_path: Path) -> None:
    assert form_of(None) == "nothing"
    assert form_of(tmp_path / "result") == form_of(tmp_path) == "folder"
    assert state_of(tmp_path / "result") == tmp_path / "result" / ".screening"
    assert state_of(tmp_path / "f.csv") == tmp_path / ".f.csv.screening"
    with pytest.raises(BadExport, match=r"ends in \.ndjson, \.csv, \.parquet"):
        form_of(tmp_path / "findings.txt")
