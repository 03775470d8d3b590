"""The export as files: to read, to load and to install."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from cards.presenting.export.files import PACKAGE, collection, package, transaction
from cds_service.knowledge.load import national_rules
from tests.builders.knowledge import RELEASE, exported, exported_package, exported_text, exported_transaction

BASE = "https://rls-cds.example.org"
#: The members that name another artifact by its canonical address.
CANONICAL = {"definitionCanonical", "valueCanonical", "resource", "library", "valueSet", "baseDefinition"}


def members() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(exported_package()), mode="r:gz") as tar:
        return {each.name: tar.extractfile(each).read() for each in tar.getmembers()}  # type: ignore[union-attr]


def links(value: Any) -> Iterator[str]:
    """Yield every canonical address that a resource names."""
    if isinstance(value, list):
        for each in value:
            yield from links(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            for each in inner if isinstance(inner, list) else [inner]:
                if key in CANONICAL and isinstance(each, str):
                    yield each
            yield from links(inner)


def full_url(resource: dict[str, Any]) -> str:
    """An address that reads as a FHIR server's ends with type and id, as FHIR demands of it."""
    return f"{BASE}/{resource['resourceType']}/{resource['id']}"


def test_the_bundle_to_read_holds_all_of_them_one_a_line() -> None:
    told = json.loads(exported_text())
    assert (told["resourceType"], told["id"], told["type"]) == ("Bundle", "rls-cds-rules", "collection")
    assert [entry["fullUrl"] for entry in told["entry"]] == [full_url(each) for each in exported()]
    assert [entry["resource"]["id"] for entry in told["entry"]] == [each["id"] for each in exported()]
    assert len(exported_text().splitlines()) == len(told["entry"]) + 2


def test_the_bundle_to_load_puts_each_under_its_id() -> None:
    told = json.loads(exported_transaction())
    assert (told["type"], "id" in told) == ("transaction", False)
    for entry in told["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
        assert entry["fullUrl"] == full_url(resource)
    assert [entry["resource"] for entry in told["entry"]] == [
        e["resource"] for e in json.loads(exported_text())["entry"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("text", [exported_text, exported_transaction], ids=["collection", "transaction"])
def test_the_model_takes_the_bundle(text: Any) -> None:
    assert len(Bundle.model_validate_json(text()).entry) == len(exported())


def test_the_package_can_be_installed() -> None:
    held = members()
    manifest = json.loads(held["package/package.json"])
    assert (manifest["name"], manifest["version"]) == (PACKAGE, RELEASE)
    assert re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+", manifest["name"])
    assert manifest["fhirVersions"] == ["4.0.1"] and manifest["dependencies"] == {"hl7.fhir.r4.core": "4.0.1"}
    assert manifest["canonical"] == BASE
    assert {"description", "author", "license", "title", "type"} <= set(manifest)
    assert next(iter(held)) == "package/package.json"
    assert all(name.startswith("package/") and name.count("/") == 1 for name in held)


def test_the_index_of_the_package_names_every_resource_and_nothing_else() -> None:
    held = members()
    index = json.loads(held["package/.index.json"])
    assert index["index-version"] == 2
    named = {f"package/{each['filename']}": each for each in index["files"]}
    assert set(named) == set(held) - {"package/package.json", "package/.index.json"}
    for name, told in named.items():
        resource = json.loads(held[name])
        assert {key: told[key] for key in ("resourceType", "id", "url", "version")} == {
            key: resource[key] for key in ("resourceType", "id", "url", "version")
        }
    definition = next(each for each in named.values() if each["resourceType"] == "StructureDefinition")
    assert (definition["kind"], definition["type"]) == ("complex-type", "Extension")


def test_the_package_holds_what_the_bundle_holds() -> None:
    held = members()
    told = {
        f"{each['resourceType']}-{each['id']}": each
        for each in (e["resource"] for e in json.loads(exported_text())["entry"])
    }
    assert {name: json.loads(held[f"package/{name}.json"]) for name in told} == told


def test_every_canonical_address_has_a_version_and_is_answered_inside_the_package() -> None:
    resources = [
        json.loads(each) for name, each in members().items() if "/." not in name and "package.json" not in name
    ]
    known = {f"{each['url']}|{each['version']}" for each in resources}
    named = {link for each in resources for link in links(each)}
    ours = {link for link in named if link.startswith(BASE)}
    assert len(ours) > 150 and ours <= known
    assert named - ours == {"#with-descendants", "http://hl7.org/fhir/StructureDefinition/Extension"}


@pytest.mark.parametrize("make", [collection, transaction, package], ids=["collection", "transaction", "package"])
def test_the_same_rules_give_the_same_bytes(make: Any) -> None:
    first = {collection: exported_text, transaction: exported_transaction, package: exported_package}[make]()
    assert make(national_rules(), RELEASE) == first


def test_the_archive_holds_no_time_and_no_user() -> None:
    packed = exported_package()
    assert packed[4:8] == bytes(4)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        assert {(each.mtime, each.uid, each.gid, each.uname) for each in tar.getmembers()} == {(0, 0, 0, "")}


@pytest.mark.slow
def test_an_export_takes_little_processor_time() -> None:
    """It takes about a second, start of the program included; the bound is ten times that, for a busy machine."""
    before = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "rules", "--format", "fhir-package"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10


def test_a_limit_keeps_its_digits() -> None:
    rules = national_rules()
    low = replace(rules.thresholds["ferritin.low"], value=Decimal("75.25"))
    text = collection(replace(rules, thresholds={**rules.thresholds, "ferritin.low": low}), RELEASE)
    assert '"valueQuantity": {"value": 75.25, "unit": "ng/mL"}' in text
    assert '"valueQuantity": {"value": 75, "unit": "ng/mL"}' in exported_text()
    for limit in rules.thresholds.values():
        assert Decimal(repr(float(limit.value))) == limit.value
