"""Settings and site files with any TOML value in any place: read, or refused in a sentence that names the place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.config.table import CLIENT_SETTINGS, SETTINGS, Setting
from cds_service.config.toml_text import NotToml, parse_toml
from cds_service.offline.check_config import Checked, check_configuration
from tests.unit.cds_service.knowledge.test_site_files import FACTOR, GOOD, SWITCH

TODAY = date(2026, 6, 15)
_CODES = Path(__file__).resolve().parents[2] / "deploy" / "site-codes.example.toml"
_HUGE = "0x" + "f" * 5_000
_DEEP = "[" * 5_000 + "]" * 5_000
TEXTS = (
    "", "x", "\\u202e", "%s{0}", "1", "true", "1e400", "x" * 5_000, "A" * 300, "http://[::1", "http://a:abc", "NaN",
    "https://a.example:99999/", "https://a.example:0/", "https://[zz]/", "postgresql://h:abc/d", "sqlite:///.", "/",
    ".", "postgresql://u:p@[::1/d", "postgresql://h:65536/d", "::1:99999", "[::1]:0", "10.0.0.0/33", "America", "../x",
    "\\u0000", "99999999999999999999", "-0", "9" * 400, "[" * 900 + "]" * 900,
    '{\\"a\\":' * 300 + "1" + "}" * 300,
)  # fmt: skip
VALUES = (
    *(f'"{text}"' for text in TEXTS), "0", "-1", "9223372036854775808", _HUGE, "9" * 5_000, "1e400", "-0.0", "nan",
    "inf", "true", "[]", '["x"]', "[1]", "[[]]", "{}", "{a = 1}", "{keys = {}}", f"{{patient-refuses = {_HUGE}}}",
    '{keys = [{kty = "RSA", kid = "a", n = "AQ", e = "AQAB"}]}', "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z",
    "2026-06-15T00:00:00", "0001-01-01T00:00:00+14:00", "10:00:00", "[" * 60 + "]" * 60, "[" * 900 + "]" * 900, _DEEP,
    "{b = " * 5_000 + "1" + "}" * 5_000,
)  # fmt: skip


def written(row: Setting, value: str, of_client: bool) -> str:
    """A settings file in which one setting has this value."""
    table, _, name = row.name.rpartition(".")
    if not of_client:
        return (f"[{table}]\n" if table else "") + f"{name} = {value}\n"
    members = {"issuer": '"https://ehr.example.org"', "jwks_url": '"https://ehr.example.org/keys"'}
    members |= {} if table else {name: value}
    lines = [f"{key} = {each}" for key, each in members.items()]
    inner = [f"[clients.a.{table}]", f"{name} = {value}"] if table else []
    return "\n".join(['public_base = "https://cds.example.org"', "[clients.a]", *lines, *inner])


def settings_files(values: tuple[str, ...]) -> Iterator[str]:
    yield from (written(row, value, False) for row in SETTINGS for value in values)
    yield from (written(row, value, True) for row in CLIENT_SETTINGS for value in values)
    yield from (f"{name} = {value}\n" for name in ("site", "clients", "services", "nothing") for value in values)


def site_files(values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(setting, text) of a site's file in which one value is replaced."""
    codes = "\n".join(line for line in _CODES.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    for setting, text in (("overrides", GOOD + SWITCH + FACTOR), ("local_codes", codes)):
        for place in re.finditer(r"(?<== ).+$|(?<=^\[)[a-z_]+", text, re.MULTILINE):
            yield from ((setting, text[: place.start()] + value + text[place.end() :]) for value in values)


def judge(folder: Path, text: str, environ: dict[str, str]) -> None:
    file = folder / "rls-cds.toml"
    file.write_text(text, encoding="utf-8")
    checked = check_configuration(file, environ, TODAY)
    assert isinstance(checked, Checked)
    assert all(0 < len(fault) < 20_000 for fault in checked.faults)


def test_no_value_of_a_setting_ends_the_check(tmp_path: Path) -> None:
    for text in settings_files((VALUES[3], VALUES[7], VALUES[8], _HUGE, "9" * 5_000, _DEEP)):
        judge(tmp_path, text, {})


@pytest.mark.full
def test_every_odd_value_of_every_setting(tmp_path: Path) -> None:
    for text in settings_files(VALUES):
        judge(tmp_path, text, {})


def test_no_value_of_a_variable_ends_the_check(tmp_path: Path) -> None:
    for row in SETTINGS:
        for text in (each for each in TEXTS if "\\u" not in each):
            judge(tmp_path, "", {row.variable(): text.replace('\\"', '"')})


def test_no_value_in_a_file_of_a_site_ends_the_check(tmp_path: Path) -> None:
    for setting, text in site_files((_HUGE, _DEEP, "0001-01-01", "2026-06-15T00:00:00", "nan", '"x"')):
        (tmp_path / "site.toml").write_text(text, encoding="utf-8")
        judge(tmp_path, f'[site]\n{setting} = "site.toml"\n', {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"a = {_DEEP}", "nested deeper than 32"),
        ("a = " + "[" * 40 + "]" * 40, "nested deeper than 32"),
        (f"a = {_HUGE}", "a whole number beyond 64 bits"),
        ("a = " + "9" * 5_000, "a whole number beyond 64 bits"),
        ("a = [{b = -9223372036854775809}]", "a whole number beyond 64 bits"),
        ("a = ", "Invalid value"),
    ],
)
def test_what_is_not_toml_is_said_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(NotToml, match=why):
        parse_toml(text)


def test_the_largest_whole_numbers_and_the_deepest_lists_are_read() -> None:
    assert parse_toml("a = 9223372036854775807\nb = -9223372036854775808")["b"] == -(2**63)
    assert parse_toml("a = " + "[" * 30 + "]" * 30)


@pytest.mark.parametrize("command", [("check-config",), ("serve", "--config"), ("db", "upgrade", "--config")])
@pytest.mark.parametrize(
    ("address", "step"),
    [
        ("postgresql://rls:tiger@db:abc/rls", "as a number from 1 to 65535"),
        ("postgresql://rls:tiger@db:0/rls", "as a number from 1 to 65535"),
        ("postgresql+psycopg://rls:tiger@db:65536/rls", "as a number from 1 to 65535"),
        ("postgres://rls:tiger@db:-1/rls", "as a number from 1 to 65535"),
        ("sqlite:///.", "names a folder"),
        ("sqlite:///", "cannot be kept in memory"),
    ],
)
def test_an_address_of_the_store_that_leads_nowhere_is_named(
    tmp_path: Path, command: tuple[str, ...], address: str, step: str
) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text(f'database_url = "{address}"\n', encoding="utf-8")
    given = CliRunner().invoke(main, [*command, str(file)])
    assert given.exit_code == 1 and isinstance(given.exception, SystemExit)
    assert "rls-cds.toml: database_url: found ***" in given.output and step in given.output
    assert "tiger" not in given.output
