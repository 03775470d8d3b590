"""Which `fhirServer` is read: the client's own, or this machine in open mode (reliability SSRF-1 to SSRF-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.config.profiles import open_client
from cds_service.fhir.base import accepted_base
from tests.builders.hostile_addresses import HOSTILE
from tests.builders.tokens import CLIENT, OTHER

OPEN = open_client("generic")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_url_is_never_read(value: str) -> None:
    assert accepted_base(OPEN, value) is None
    assert accepted_base(CLIENT, value) is None
    assert accepted_base(OTHER, value) is None


@pytest.mark.parametrize("value", [None, 1, True, b"http://127.0.0.1", ["http://127.0.0.1"], {"a": 1}, 1.5])
def test_only_strings_are_read(value: object) -> None:
    assert accepted_base(OPEN, value) is None
    assert accepted_base(CLIENT, value) is None


def test_a_client_reads_its_own_server_with_or_without_one_slash() -> None:
    for asked in ("https://ehr.example.org/fhir", "https://ehr.example.org/fhir/"):
        assert accepted_base(CLIENT, asked) is CLIENT.fhir_base


def test_a_client_reads_no_other_clients_server_and_not_this_machine() -> None:
    other = replace(OTHER, fhir_base="https://other.example.org/fhir")
    assert accepted_base(other, CLIENT.fhir_base) is None
    assert accepted_base(CLIENT, other.fhir_base) is None
    assert accepted_base(CLIENT, "http://127.0.0.1:8080/fhir") is None
    assert accepted_base(OTHER, "") is None


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1",
        "http://127.0.0.1/",
        "https://127.0.0.1/fhir",
        "http://127.255.255.254:1/fhir",
        "http://127.0.0.1:65535/fhir/",
        "http://localhost:8080/fhir",
        "https://localhost/a/b-c/d.e/~f_g",
        "http://[::1]:8080/fhir",
        "http://[::1]",
    ],
)
def test_open_mode_reads_this_machine(value: str) -> None:
    assert accepted_base(OPEN, value) == value.removesuffix("/")


def test_a_url_of_2048_characters_is_read_and_a_longer_one_is_not() -> None:
    base = "http://127.0.0.1/"
    assert accepted_base(OPEN, base + "x" * (2048 - len(base))) is not None
    assert accepted_base(OPEN, base + "x" * (2049 - len(base))) is None


def test_the_table_is_long_enough() -> None:
    assert len(set(HOSTILE)) >= 40
