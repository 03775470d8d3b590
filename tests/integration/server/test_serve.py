"""`serve` with every option of a site: it starts, and the console has the site's rules and address."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import combinations
from pathlib import Path

import pytest

from cds_service.app import create_app
from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.server.gunicorn import with_console, with_metrics, with_own_address
from cds_service.store import NullStore
from tests.unit.cds_service.console.test_bind import asked

_DEPLOY = Path(__file__).parents[3] / "deploy"
_OVERRIDES, _CODES = _DEPLOY / "site-overrides.example.toml", _DEPLOY / "site-codes.example.toml"
_LINES = {
    "console": 'console_bind = "127.0.0.1:9465"',
    "metrics": 'metrics_bind = "127.0.0.1:9464"',
    "overrides": f'site.overrides = "{_OVERRIDES}"',
    "codes": f'site.local_codes = "{_CODES}"',
    "base": 'public_base = "http://127.0.0.1:8080"',
    "client": f"""
[clients.hospital]
profile = "sandbox"
fhir_base = "https://ehr.example.org/fhir"
local_codes = "{_CODES}"
""",
}
#: The required members of a client.
_WITH_CLIENT = {
    "RLS_CDS_PUBLIC_BASE": "http://127.0.0.1:8080",
    "RLS_CDS_PSEUDONYM_KEY": b64encode(bytes(range(32))).decode(),
    "RLS_CDS_ENCRYPTION_KEY": b64encode(bytes(range(1, 33))).decode(),
}


def lines(*names: str) -> str:
    return "\n".join(_LINES[name] for name in names)


@pytest.mark.parametrize("pair", list(combinations(_LINES, 2)), ids=" and ".join)
def test_every_pair_of_options_works_together(pair: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text(lines(*pair), encoding="utf-8")
    environ = _WITH_CLIENT | {"RLS_CDS_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}"}
    if "client" not in pair:
        environ = {"RLS_CDS_DATABASE_URL": ""}
    settings = with_own_address(load_settings(file, environ))
    app = create_app(settings, authenticate=lambda header, path: settings.profile)
    served = with_console(with_metrics(app, settings), app, settings)
    assert asked(served, 8080, "/cds-services") == "200 OK"
    if settings.console_bind:
        assert asked(served, 9465, "/console/rules/iron_status") == "200 OK"


def test_site_overrides_are_not_applied_twice() -> None:
    settings = Settings(database_url="", site={"overrides": str(_OVERRIDES)})
    rules = create_app(settings).extensions["rls_cds"].rules
    page = console_app(settings, NullStore(), site_rules=rules).test_client().get("/console/rules/iron_status").text
    row = page.split('id="limit-ferritin.low"')[1].split("</tr>")[0]
    assert "<strong>50 ng/mL</strong>" in row and "replaces 75 ng/mL" in row


def free_ports(count: int) -> list[int]:
    """Return different free ports by holding all of them at once."""
    with ExitStack() as held:
        taken = [held.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in taken]


@contextmanager
def serving(folder: Path, port: int, console: int, metrics: int) -> Iterator[subprocess.Popen[str]]:
    file = folder / "rls-cds.toml"
    additions = lines("overrides", "codes")
    file.write_text(
        f'port = {port}\nconsole_bind = "127.0.0.1:{console}"\nmetrics_bind = "127.0.0.1:{metrics}"\n{additions}\n',
        encoding="utf-8",
    )
    environ = {**os.environ, "RLS_CDS_DATA_FOLDER": str(folder / "data"), "TMPDIR": str(folder)}
    command = [str(Path(sys.executable).with_name("rls-cds")), "serve", "--workers", "1", "--config", str(file)]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, env=environ, stderr=output, stdout=output, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def page_of(port: int, path: str) -> str:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def first_page(process: subprocess.Popen[str], port: int, path: str, output: Path) -> str:
    """Return the page once the server answers; fails with its output if it exits or takes too long."""
    text, end = "", time.monotonic() + 30
    while not text:
        assert process.poll() is None and time.monotonic() < end, output.read_text()
        try:
            text = page_of(port, path)
        except OSError:
            time.sleep(0.1)
    return text


def test_serve_starts_with_all_options_and_connect_names_the_service(tmp_path: Path) -> None:
    port, console, metrics = free_ports(3)
    with serving(tmp_path, port, console, metrics) as process:
        text = first_page(process, console, "/console/connect", tmp_path / "output")
        assert f'data-base="http://127.0.0.1:{port}"' in text and f":{console}" not in text
        assert "an address of this machine" in text
        assert "<strong>50 ng/mL</strong>" in page_of(console, "/console/rules/iron_status")
        tried = page_of(console, "/console")
        assert f"http://127.0.0.1:{port}/cds-services/rls-patient-view/source-attributes" in tried


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        (Settings(), "http://127.0.0.1:8080"),
        (Settings(host="::1", port=9000), "http://[::1]:9000"),
        (Settings(port=0), None),
        (Settings(public_base="https://cds.example.org"), "https://cds.example.org"),
    ],
)
def test_connect_uses_the_listening_address_in_open_mode(settings: Settings, base: str | None) -> None:
    assert with_own_address(settings).public_base == base


def test_a_console_that_does_not_know_where_the_service_is_says_so() -> None:
    settings = Settings(database_url="", port=0)
    text = console_app(settings, NullStore()).test_client().get("/console/connect").text
    assert "set <code>public_base</code>" in re.sub(r"\s+", " ", text)
    named = replace(settings, public_base="https://cds.example.org")
    assert "public_base</code>" not in console_app(named, NullStore()).test_client().get("/console/connect").text
