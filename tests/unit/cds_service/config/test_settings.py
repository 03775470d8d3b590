"""Sources of settings, their faults, and secrets that must never be shown."""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cards.reading import resource_types
from cds_service.config.checks import SHARED_ISSUERS, warnings
from cds_service.config.load import load_settings
from cds_service.config.profiles import builtin_profiles
from cds_service.config.reference import reference
from cds_service.config.settings import Settings
from cds_service.config.sources import BadSettings, SettingFault
from cds_service.config.table import CLIENT_SETTINGS, MORE_DRUGS, SECONDARY, SETTINGS
from cds_service.hooks.services import BY_ID
from tests.builders.tokens import jwk

EXAMPLE = Path(__file__).parents[4] / "deploy" / "rls-cds.example.toml"
KEY, OTHER_KEY = (b64encode(bytes(range(start, start + 32))).decode() for start in (1, 101))
KEYS = {"RLS_CDS_PSEUDONYM_KEY": KEY, "RLS_CDS_ENCRYPTION_KEY": OTHER_KEY}
CLIENT = """
public_base = "https://cds.example.org"
[clients.general]
issuer = "https://ehr.example.org"
jwks_url = "https://ehr.example.org/keys"
fhir_base = "https://ehr.example.org/fhir/"
"""


def load(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **more: object) -> Settings:
    file = tmp_path / "rls-cds.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ or {}, **more)


def faults(
    tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **more: object
) -> tuple[SettingFault, ...]:
    with pytest.raises(BadSettings) as caught:
        load(tmp_path, text, environ, **more)
    return caught.value.faults


def test_without_file_and_environment_the_defaults_are_safe() -> None:
    settings = load_settings(None, {})
    assert settings == Settings()
    assert settings.is_open
    assert (settings.host, settings.profile.profile, settings.max_cards) == ("127.0.0.1", "generic", 5)
    assert settings.mode("rls-order-select", settings.profile) == "off"
    assert settings.mode("no-such-service", settings.profile) == "off"


def test_the_demo_is_the_sandbox_with_order_select() -> None:
    settings = load_settings(None, {}, demo=True)
    assert (settings.profile.profile, settings.profile.missing_data) == ("sandbox", "card")
    assert settings.mode("rls-order-select", settings.profile) == "live"
    off = load_settings(None, {"RLS_CDS_SERVICES_RLS_ORDER_SELECT": "off"}, demo=True)
    assert off.mode("rls-order-select", off.profile) == "off"


def test_options_override_environment_file_and_default_in_this_order(tmp_path: Path) -> None:
    text, environ = "port = 1001", {"RLS_CDS_PORT": "1002"}
    assert load(tmp_path).port == 8080
    assert load(tmp_path, text).port == 1001
    assert load(tmp_path, text, environ).port == 1002
    assert load(tmp_path, text, environ, options={"port": 1003, "host": None}).port == 1003


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, None), ({"RLS_CDS_DATABASE_URL": ""}, ""), ({"RLS_CDS_DATABASE_URL": "sqlite:///x"}, "sqlite:///x")],
    ids=["unset: SQLite in the data folder", "empty: no store", "set"],
)
def test_an_unset_store_and_an_empty_one_differ(environ: dict[str, str], expected: str | None) -> None:
    assert load_settings(None, environ).database_url == expected


def test_an_empty_variable_counts_for_the_store_only() -> None:
    assert load_settings(None, {"RLS_CDS_PORT": "", "RLS_CDS_PSEUDONYM_KEY": ""}) == Settings()


def test_members_of_a_client_override_its_profile(tmp_path: Path) -> None:
    text = CLIENT + 'profile = "epic"\nactions = ["create"]\nmodes = { rls-order-sign = "shadow" }\n'
    [client] = load(tmp_path, text, KEYS).clients
    assert client.one_action_per_suggestion
    assert client.actions == {"create"}
    assert (client.fhir_base, client.jku) == ("https://ehr.example.org/fhir", ("https://ehr.example.org/keys",))
    assert client.modes == {"rls-order-sign": "shadow"}


def test_the_mode_of_a_client_overrides_that_of_the_service(tmp_path: Path) -> None:
    settings = load(tmp_path, CLIENT + 'modes = { rls-order-sign = "shadow" }', KEYS)
    [client] = settings.clients
    assert [settings.mode(service, client) for service in settings.services] == ["live", "shadow", "off"]


def test_a_member_of_a_client_comes_from_the_environment(tmp_path: Path) -> None:
    environ = {**KEYS, "RLS_CDS_CLIENTS_GENERAL_DEADLINE_MS": "600", "RLS_CDS_CLIENTS_GENERAL_TENANTS": "a, b"}
    [client] = load(tmp_path, CLIENT, environ).clients
    assert (client.deadline_ms, client.tenants) == (600, ("a", "b"))


def test_a_client_may_not_send_secondary_lists(tmp_path: Path) -> None:
    assert load(tmp_path, CLIENT, KEYS).clients[0].cannot_send == frozenset()
    assert load(tmp_path, CLIENT + "cannot_send = []", KEYS).clients[0].cannot_send == frozenset()
    [client] = load(tmp_path, CLIENT + 'cannot_send = ["allergies", "orders"]', KEYS).clients
    assert client.cannot_send == {"allergies", "orders"}
    [fault] = faults(tmp_path, CLIENT + 'cannot_send = ["allergies", "labs"]', KEYS)
    assert str(fault) == (
        "rls-cds.toml: clients.general.cannot_send: found ['allergies', 'labs']; allowed: none, or some of "
        "medications, allergies, procedures, orders, statements, dispenses, administrations; "
        "correct rls-cds.toml: clients.general.cannot_send"
    )
    [client] = load(tmp_path, CLIENT + 'cannot_send = ["statements"]', KEYS).clients
    assert client.cannot_send == {"statements"}
    needed = {"patient", "conditions", "labs"}
    assert {key for service in BY_ID.values() for key in service.keys} - needed == set(SECONDARY)
    assert set(MORE_DRUGS) == set(resource_types.MORE_DRUGS)


def test_tables_and_booleans_are_read_from_the_environment(tmp_path: Path) -> None:
    environ = {
        **KEYS,
        "RLS_CDS_SUPPRESSION_BY_REASON": '{"patient-refuses": 10}',
        "RLS_CDS_CLIENTS_GENERAL_ALLOW_HTTP": "TRUE",
        "RLS_CDS_CLIENTS_GENERAL_FHIR_BASE": "http://10.1.2.3/fhir",
    }
    settings = load(tmp_path, CLIENT, environ)
    assert settings.suppression_by_reason == {"patient-refuses": 10}
    assert settings.clients[0].fhir_base == "http://10.1.2.3/fhir"


@pytest.mark.parametrize("name", ["open", "St-Mary", "1st", "a_b"])
def test_a_client_name_is_a_lower_case_word(tmp_path: Path, name: str) -> None:
    text = CLIENT.replace("clients.general", f"clients.{name}")
    assert f"rls-cds.toml: clients.{name}" in [fault.place for fault in faults(tmp_path, text, KEYS)]


def test_an_empty_key_set_is_a_fault(tmp_path: Path) -> None:
    text = CLIENT.replace('jwks_url = "https://ehr.example.org/keys"', "jwks_inline = { keys = [] }")
    [fault] = faults(tmp_path, text, KEYS)
    assert (fault.place, fault.value) == ("clients.general.jwks_inline", "no key")


def test_inline_keys_replace_the_key_set_address_of_the_profile(tmp_path: Path) -> None:
    text = """
        public_base = "https://cds.example.org"
        [clients.general]
        profile = "sandbox"
        issuer = "https://ehr.example.org"
        jwks_inline = { keys = [{ kty = "EC", crv = "P-384", kid = "1",
            x = "E6VBl1uTdPd9NDuFhr80ZyHz3C3n6uwCXfyn3fUPdUhS2mJsVKmpGR5RKsFLN77f", y = "AAAA" }] }
    """
    [fault] = faults(tmp_path, text.replace("\n            x", " x"), KEYS)
    assert fault.place == "clients.general.jwks_inline"
    assert fault.value == "key 1: its numbers are missing or do not make a key"


FAULTY = [
    ("a word for a number", 'port = "many"', "rls-cds.toml: port"),
    ("port -1", "port = -1", "rls-cds.toml: port"),
    ("port 65536", "port = 65536", "rls-cds.toml: port"),
    ("true is no number", "workers = true", "rls-cds.toml: workers"),
    ("a fraction", "max_cards = 2.5", "rls-cds.toml: max_cards"),
    ("51 cards", "max_cards = 51", "rls-cds.toml: max_cards"),
    ("a negative number of cards", "max_cards = -1", "rls-cds.toml: max_cards"),
    ("a body of 32 MiB and a byte", "max_body = 33554433", "rls-cds.toml: max_body"),
    ("an unknown zone", 'time_zone = "Mars/Olympus"', "rls-cds.toml: time_zone"),
    ("a zone outside the list", 'time_zone = "../../etc/passwd"', "rls-cds.toml: time_zone"),
    ("a mode that is none", '[services]\nrls-order-sign = "on"', "rls-cds.toml: services.rls-order-sign"),
    ("a base with a query", 'public_base = "https://a.example/?x"', "rls-cds.toml: public_base"),
    ("a base with a user", 'public_base = "https://u:p@a.example"', "rls-cds.toml: public_base"),
    ("a base without scheme", 'public_base = "a.example"', "rls-cds.toml: public_base"),
    ("a console host with a port", 'console_hosts = ["console.example.org:8081"]', "rls-cds.toml: console_hosts"),
    ("a console host that is a URL", 'console_hosts = ["https://x.example"]', "rls-cds.toml: console_hosts"),
    ("a bind without port", 'metrics_bind = "127.0.0.1"', "rls-cds.toml: metrics_bind"),
    ("a missing file", '[site]\noverrides = "nowhere.toml"', "rls-cds.toml: site.overrides"),
    ("a site that is no table", "site = 3", "rls-cds.toml: site"),
    ("services that are no table", "services = 3", "rls-cds.toml: services"),
    ("a base with a port of nonsense", 'public_base = "https://a.example:99999999"', "rls-cds.toml: public_base"),
    ("a base by ftp", 'public_base = "ftp://a.example"', "rls-cds.toml: public_base"),
    ("a host with a slash", 'host = "127.0.0.1/x"', "rls-cds.toml: host"),
    ("a proxy that is a number", "trusted_proxies = 10", "rls-cds.toml: trusted_proxies"),
    ("proxies that are numbers", "trusted_proxies = [10]", "rls-cds.toml: trusted_proxies"),
    ("silence that is no table", 'suppression_by_reason = "{"', "rls-cds.toml: suppression_by_reason"),
    ("silence that is a list", "suppression_by_reason = []", "rls-cds.toml: suppression_by_reason"),
    ("a key that is a number", "pseudonym_key = 5", "rls-cds.toml: pseudonym_key"),
    ("a key that is no base64", f'pseudonym_key = "{"é" * 44}"', "rls-cds.toml: pseudonym_key"),
    ("an unknown store", 'database_url = "mysql://x"', "rls-cds.toml: database_url"),
    ("a short key", f'pseudonym_key = "{KEY[:40]}"', "rls-cds.toml: pseudonym_key"),
    ("a key of one letter", f'pseudonym_key = "{"A" * 44}"', "rls-cds.toml: pseudonym_key"),
    ("one key of two", f'pseudonym_key = "{KEY}"', "pseudonym_key, encryption_key"),
    ("silence of 11 years", "suppression_days = 4000", "rls-cds.toml: suppression_days"),
    ("silence in words", 'suppression_by_reason = { other = "long" }', "suppression_by_reason.other"),
    ("a slip of the pen", "max_crads = 3", "rls-cds.toml: max_crads"),
    ("a service that is none", '[services]\nrls-order = "off"', "rls-cds.toml: services.rls-order"),
    ("no way to turn authentication off", 'auth = "none"', "rls-cds.toml: auth"),
    ("clients that are none", "clients = 3", "rls-cds.toml: clients"),
    ("open mode for the network", 'host = "0.0.0.0"', "host"),
    ("open mode for every IPv6 address", 'host = "::"', "host"),
    ("open mode for a name", 'host = "cds.example.org"', "host"),
    ("open metrics for the network", 'metrics_bind = "0.0.0.0:9464"', "metrics_bind"),
    ("an open console for the network", 'console_bind = "10.0.0.1:8081"', "console_bind"),
    ("metrics on the port of the service", 'metrics_bind = "127.0.0.1:8080"', "metrics_bind, port"),
    ("the same on another address", 'port = 9000\nmetrics_bind = "[::1]:9000"', "metrics_bind, port"),
    ("the console on the port of the service", 'console_bind = "127.0.0.1:8080"', "console_bind, port"),
    (
        "metrics and console on one port",
        'metrics_bind = "127.0.0.1:9464"\nconsole_bind = "127.0.0.1:9464"',
        "console_bind, metrics_bind",
    ),
]


@pytest.mark.control("JWT-12", "V13.2.3")
@pytest.mark.parametrize(("text", "place"), [row[1:] for row in FAULTY], ids=[row[0] for row in FAULTY])
def test_a_fault_is_named_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    [fault] = faults(tmp_path, text)
    assert fault.place == place
    assert fault.allowed
    assert fault.next_step


ORACLE = """
public_base = "https://cds.example.org"
[clients.general]
"""


@pytest.mark.row("J-14")
@pytest.mark.parametrize(
    "members",
    [
        'profile = "oracle-health"',
        'profile = "oracle-health"\ntenants = []',
        'profile = "oracle-health"\nissuer = "https://cds-hooks.test.example.org"',
        'issuer = "https://cds-hooks.cerner.com"',
    ],
)
def test_an_issuer_of_many_customers_needs_tenants(tmp_path: Path, members: str) -> None:
    [fault] = faults(tmp_path, ORACLE + members + '\njwks_url = "https://ehr.example.org/keys"', KEYS)
    assert fault.place == "clients.general.tenants"
    assert fault.next_step == 'ask the customer for its tenant: tenants = ["..."]'


@pytest.mark.row("J-14")
def test_an_issuer_of_many_customers_with_tenants_is_fine(tmp_path: Path) -> None:
    members = 'profile = "oracle-health"\ntenants = ["t-north"]\njwks_url = "https://ehr.example.org/keys"'
    [client] = load(tmp_path, ORACLE + members, KEYS).clients
    assert client.issuer in SHARED_ISSUERS and client.issuer == builtin_profiles()["oracle-health"]["issuer"]


@pytest.mark.control("SSRF-5")
@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "100.100.100.200",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "168.63.129.16",
        "[64:ff9b:1::1]",
        "[::10.0.0.1]",
        "[2001::1]",
    ],
)
@pytest.mark.parametrize("name", ["fhir_base", "jwks_url"])
def test_special_addresses_are_refused_whatever_networks_are_allowed(tmp_path: Path, name: str, address: str) -> None:
    text = "\n".join(line for line in CLIENT.splitlines() if not line.startswith(f"{name} "))
    text += f'\n{name} = "https://{address}/fhir"\nallowed_networks = ["0.0.0.0/0", "::/0"]'
    assert [fault.place for fault in faults(tmp_path, text, KEYS)] == [f"clients.general.{name}"]


@pytest.mark.parametrize("name", ["jwks_url", "jku"])
@pytest.mark.parametrize("query", ["site=a", "p=B2C_1_sign&v=2.0", "tenant=a%20b"])
def test_the_address_of_a_key_set_may_have_a_query(tmp_path: Path, name: str, query: str) -> None:
    text = "\n".join(line for line in CLIENT.splitlines() if not line.startswith(f"{name} "))
    [client] = load(tmp_path, f'{text}\n{name} = "https://ehr.example.org/keys?{query}"', KEYS).clients
    address = f"https://ehr.example.org/keys?{query}"
    assert getattr(client, name) == (address if name == "jwks_url" else (address,))


@pytest.mark.parametrize(
    "written",
    [
        '["https://a.example.org/keys", "https://b.example.org/keys?site=a"]',
        '"https://a.example.org/keys, https://b.example.org/keys?site=a"',
    ],
)
def test_tokens_may_name_one_of_several_addresses_of_keys(tmp_path: Path, written: str) -> None:
    [client] = load(tmp_path, f"{CLIENT}\njku = {written}", KEYS).clients
    assert client.jku == ("https://a.example.org/keys", "https://b.example.org/keys?site=a")


def test_oracle_health_leaves_the_key_set_to_the_customer(tmp_path: Path) -> None:
    """The address that the vendor publishes lists addresses, and is no key set."""
    [fault] = faults(tmp_path, ORACLE + 'profile = "oracle-health"\ntenants = ["t-north"]', KEYS)
    assert (fault.place, fault.value) == ("clients.general.jwks_url, jwks_inline", "neither")


@pytest.mark.parametrize(
    "address", ["/keys?", "/keys?a b", "/keys?a#b", "/keys?a=b?c", "/keys?a@b", "/k%65ys?a", "/k?\u00e9"]
)
def test_a_query_with_other_characters_is_refused(tmp_path: Path, address: str) -> None:
    text = "\n".join(line for line in CLIENT.splitlines() if not line.startswith("jwks_url "))
    found = faults(tmp_path, f'{text}\njwks_url = "https://ehr.example.org{address}"', KEYS)
    assert "rls-cds.toml: clients.general.jwks_url" in [fault.place for fault in found]


MEMBERS = [
    ("no issuer", 'issuer = ""', "rls-cds.toml: clients.general.issuer"),
    ("no keys", 'jwks_url = ""', "rls-cds.toml: clients.general.jwks_url"),
    ("keys by http", 'jwks_url = "http://ehr.example.org/keys"', "clients.general.jwks_url"),
    ("FHIR by http", 'fhir_base = "http://ehr.example.org/fhir"', "clients.general.fhir_base"),
    ("HS256", 'algorithms = ["HS256"]', "rls-cds.toml: clients.general.algorithms"),
    ("none", 'algorithms = ["none"]', "rls-cds.toml: clients.general.algorithms"),
    ("no algorithm", "algorithms = []", "rls-cds.toml: clients.general.algorithms"),
    ("ES384 and HS384", 'algorithms = ["ES384", "HS384"]', "rls-cds.toml: clients.general.algorithms"),
    ("deadline 199", "deadline_ms = 199", "rls-cds.toml: clients.general.deadline_ms"),
    ("deadline 5001", "deadline_ms = 5001", "rls-cds.toml: clients.general.deadline_ms"),
    ("tokens of 3601 s", "token_max_age = 3601", "rls-cds.toml: clients.general.token_max_age"),
    ("leeway 61 s", "token_leeway = 61", "rls-cds.toml: clients.general.token_leeway"),
    ("any origin", 'allowed_origins = ["*"]', "rls-cds.toml: clients.general.allowed_origins"),
    ("null origin", 'allowed_origins = ["null"]', "rls-cds.toml: clients.general.allowed_origins"),
    ("origin with path", 'allowed_origins = ["https://a.example/"]', "rls-cds.toml: clients.general.allowed_origins"),
    ("no network", 'allowed_networks = ["10.0.0.1/8"]', "rls-cds.toml: clients.general.allowed_networks"),
    ("unknown profile", 'profile = "acme"', "rls-cds.toml: clients.general.profile"),
    ("unknown policy", 'missing_data = "500"', "rls-cds.toml: clients.general.missing_data"),
    ("unknown action", 'actions = ["erase"]', "rls-cds.toml: clients.general.actions"),
    ("perhaps", 'allow_http = "perhaps"', "rls-cds.toml: clients.general.allow_http"),
    ("a tenant with a line break", 'tenants = ["a\\n"]', "rls-cds.toml: clients.general.tenants"),
    ("keys twice", "jwks_inline = { keys = [] }", "clients.general.jwks_url, jwks_inline"),
    ("orderables that are texts", 'site_orderables = { ferritin = "LAB" }', "clients.general.site_orderables.ferritin"),
    ("unknown test", "site_orderables = { rhubarb = {} }", "clients.general.site_orderables.rhubarb"),
    ("no coding", 'site_orderables = { ferritin = { code = "1" } }', "clients.general.site_orderables.ferritin"),
    ("authentication off", "authenticate = false", "rls-cds.toml: clients.general.authenticate"),
]


@pytest.mark.control("SSRF-2")
@pytest.mark.parametrize(("member", "place"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS])
def test_a_fault_of_a_client_is_named_by_its_place(tmp_path: Path, member: str, place: str) -> None:
    name = member.partition(" ")[0]
    text = "\n".join(line for line in CLIENT.splitlines() if not line.startswith(f"{name} "))
    assert place in [fault.place for fault in faults(tmp_path, f"{text}\n{member}", KEYS)]


@pytest.mark.parametrize("deadline", [200, 5000])
def test_the_shortest_and_longest_deadline_are_allowed(tmp_path: Path, deadline: int) -> None:
    [client] = load(tmp_path, CLIENT + f"deadline_ms = {deadline}", KEYS).clients
    assert client.deadline_ms == deadline


def test_with_clients_public_base_and_keys_are_needed_and_any_bind_is_allowed(tmp_path: Path) -> None:
    text = 'host = "0.0.0.0"' + CLIENT
    assert load(tmp_path, text, KEYS).host == "0.0.0.0"
    without = text.replace('public_base = "https://cds.example.org"', "")
    assert {fault.place for fault in faults(tmp_path, without)} == {"public_base", "pseudonym_key, encryption_key"}
    assert load(tmp_path, text, {"RLS_CDS_DATABASE_URL": ""}).pseudonym_key is None
    [fault] = faults(tmp_path, text.replace("https://cds", "http://cds"), KEYS)
    assert fault.place == "public_base"


@pytest.mark.parametrize("there", ["pseudonym_key", "encryption_key"])
def test_a_key_without_the_other_is_named(tmp_path: Path, there: str) -> None:
    (fault,) = faults(tmp_path, f'{there} = "{KEY}"')
    assert (fault.value, fault.allowed) == (
        f"{there} alone",
        "both, the same for all workers and replicas, or neither in open mode",
    )


def test_each_key_of_a_client_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    keys = '{ keys = [{ kty = "RSA", kid = "1", n = "AQAB", e = "AQAB" }, { kty = "oct", kid = "2" }, { kty = "EC" }] }'
    found = faults(tmp_path, CLIENT.replace('jwks_url = "https://ehr.example.org/keys"', f"jwks_inline = {keys}"), KEYS)
    assert {fault.place for fault in found} == {"clients.general.jwks_inline"}
    assert [fault.value.partition(":")[0] for fault in found] == ["key 1", "key 2", "key 3"]


def test_each_client_that_shares_an_issuer_is_named(tmp_path: Path) -> None:
    base, _, client = CLIENT.partition("[clients.general]")
    three = base + "".join(f"[clients.{name}]{client}" for name in ("general", "second", "third"))
    shared = [(fault.place, fault.value) for fault in faults(tmp_path, three, KEYS)]
    assert shared == [
        ("clients.second.issuer", "the issuer of general too"),
        ("clients.third.issuer", "the issuer of general too"),
        ("clients.third.issuer", "the issuer of second too"),
    ]


def test_each_fault_of_an_address_is_named(tmp_path: Path) -> None:
    text = CLIENT.replace("https://ehr.example.org/keys", "http://169.254.169.254/keys")
    assert [fault.place for fault in faults(tmp_path, text, KEYS)] == ["clients.general.jwks_url"] * 2


def test_clients_may_share_an_issuer_with_different_tenants_only(tmp_path: Path) -> None:
    second = CLIENT.partition("\n[")[2].replace("clients.general]", "[clients.second]")
    both = CLIENT + 'tenants = ["a"]\n' + second
    assert "clients.second.issuer" in [fault.place for fault in faults(tmp_path, both, KEYS)]
    assert "clients.second.issuer" in [fault.place for fault in faults(tmp_path, both + 'tenants = ["b", "a"]', KEYS)]
    assert len(load(tmp_path, both + 'tenants = ["b"]', KEYS).clients) == 2


def test_the_key_of_the_public_sandbox_is_trusted_on_this_machine_only(tmp_path: Path) -> None:
    text = 'public_base = "{}"\n[clients.sandbox]\nprofile = "sandbox"\n'
    [fault] = faults(tmp_path, text.format("https://cds.example.org"), KEYS)
    assert (fault.place, fault.value) == ("clients.sandbox", "the key of the public sandbox")
    [client] = load(tmp_path, text.format("http://127.0.0.1:8080"), KEYS).clients
    assert client.issuer == "https://sandbox.cds-hooks.org"


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    text = CLIENT + 'algorithms = ["HS256"]\ndeadline_ms = 1\n[services]\nrls-order-sign = "on"\n'
    environ = {**KEYS, "RLS_CDS_PORT": "x", "RLS_CDS_MAX_BDOY": "1"}
    found = faults(tmp_path, text, environ)
    assert [fault.place for fault in found] == [
        "rls-cds.toml: clients.general.algorithms",
        "rls-cds.toml: clients.general.deadline_ms",
        "RLS_CDS_PORT",
        "rls-cds.toml: services.rls-order-sign",
        "RLS_CDS_MAX_BDOY",
    ]
    assert found[4].next_step == "did you mean RLS_CDS_MAX_BODY?"
    assert str(found[2]) == "RLS_CDS_PORT: found 'x'; allowed: a whole number from 0 to 65535; correct RLS_CDS_PORT"


def test_the_refusal_of_open_mode_says_what_to_change() -> None:
    with pytest.raises(BadSettings, match=r"configure a client .* or set host to a loopback address"):
        load_settings(None, {}, options={"host": "0.0.0.0"})
    for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost"):
        assert load_settings(None, {}, options={"host": host}).host == host


@pytest.mark.parametrize(
    "text", ["port = ", "\x00", "clients = [[", 'a = "\\x"'], ids=["no value", "NUL", "open brackets", "bad escape"]
)
def test_invalid_toml_is_a_single_fault(tmp_path: Path, text: str) -> None:
    [fault] = faults(tmp_path, text)
    assert fault.value.startswith("no TOML")


def test_a_missing_file_and_another_encoding_are_faults(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="name a file that is there"):
        load_settings(tmp_path / "none.toml", {})
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(BadSettings, match="save the file as UTF-8"):
        load_settings(tmp_path / "latin.toml", {})


@pytest.mark.control("V13.3.2")
def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pseudonym").write_text(KEY + "\n")
    environ = {
        "RLS_CDS_PSEUDONYM_KEY_FILE": str(tmp_path / "pseudonym"),
        "RLS_CDS_ENCRYPTION_KEY": bytes(range(40, 80)).hex(),
        "RLS_CDS_DATABASE_URL": "postgresql://rls:tiger@db/rls",
    }
    settings = load_settings(None, environ)
    assert settings.pseudonym_key == bytes(range(1, 33))
    assert settings.encryption_key == bytes(range(40, 80))
    for shown in (repr(settings), str(settings)):
        assert "tiger" not in shown
        assert repr(settings.pseudonym_key) not in shown
        assert "database_url=***" in shown


@pytest.mark.parametrize("name", ["pseudonym_key", "database_url", "console_token"])
@pytest.mark.parametrize(
    ("make", "why"),
    [(lambda file: None, "No such file or directory"), (lambda file: file.mkdir(), "Is a directory"),
     (lambda file: file.write_bytes(b"\xff\xfe"), "no text in UTF-8")],
    ids=["missing", "a folder", "no text"],
)  # fmt: skip
def test_a_secret_file_that_cannot_be_read_is_called_that(
    tmp_path: Path, name: str, make: Callable[[Path], object], why: str
) -> None:
    make(tmp_path / "hunter")
    variable = f"RLS_CDS_{name.upper()}_FILE"
    with pytest.raises(BadSettings) as caught:
        load_settings(None, {variable: str(tmp_path / "hunter")})
    [fault] = caught.value.faults
    assert (fault.place, fault.value) == (variable, f"a file that cannot be read ({why})")
    assert "may read" in fault.allowed and variable in fault.next_step
    assert "hunter" not in str(fault)


OTHERS = 'console_bind = "10.0.0.1:8081"' + CLIENT


def test_a_console_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, OTHERS, KEYS)
    assert fault.place == "console_token" and "10.0.0.1:8081" in fault.value
    assert load(tmp_path, OTHERS, KEYS | {"RLS_CDS_CONSOLE_TOKEN": KEY}).console_token == KEY
    assert load(tmp_path, 'console_bind = "127.0.0.1:8081"' + CLIENT, KEYS).console_token is None


def test_a_console_on_this_machine_under_another_name_needs_a_token(tmp_path: Path) -> None:
    text = 'console_bind = "127.0.0.1:8081"\nconsole_hosts = ["localhost", "Console.example.org"]' + CLIENT
    [fault] = faults(tmp_path, text, KEYS)
    assert fault.place == "console_token" and fault.value.endswith("under the name console.example.org")
    assert load(tmp_path, text, KEYS | {"RLS_CDS_CONSOLE_TOKEN": KEY}).console_hosts == (
        "localhost",
        "console.example.org",
    )


@pytest.mark.parametrize("bind", ["0.0.0.0:8081", "[::]:8081"])
def test_a_console_on_every_address_needs_the_names_it_is_opened_by(tmp_path: Path, bind: str) -> None:
    text, token = f'console_bind = "{bind}"' + CLIENT, {"RLS_CDS_CONSOLE_TOKEN": KEY}
    assert [fault.place for fault in faults(tmp_path, text, KEYS | token)] == ["console_hosts"]
    assert {fault.place for fault in faults(tmp_path, text, KEYS)} == {"console_hosts", "console_token"}
    assert load(tmp_path, 'console_hosts = ["console.example.org"]\n' + text, KEYS | token).console_bind == bind


@pytest.mark.parametrize("token", ["short", "a" * 24, "with blanks " * 3, "é" * 30, "x1" * 12, "abcdefgh" * 26])
def test_a_weak_console_token_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    [fault] = faults(tmp_path, OTHERS, KEYS | {"RLS_CDS_CONSOLE_TOKEN": token})
    assert (fault.place, fault.value) == ("RLS_CDS_CONSOLE_TOKEN", "***")
    assert "openssl rand" in fault.next_step and token not in str(fault)


@pytest.mark.control("JWT-10")
def test_start_up_warns_of_short_rsa_keys(tmp_path: Path) -> None:
    keys = {"keys": [jwk("rsa", "short"), jwk("rsa-3072", "long"), jwk("p384", "ec")]}
    short = replace(load(tmp_path, CLIENT, KEYS).clients[0], jwks_url=None, jwks_inline=keys)
    settings = Settings(clients=(short,), public_base="https://cds.example.org", trusted_proxies=("10.0.0.0/8",))
    [warning] = warnings(settings)
    assert warning.startswith("client general: its RSA key 'short' has 2048 bits; ask the EHR for an RSA key of 3072")


def test_a_fault_of_a_secret_does_not_show_it(tmp_path: Path) -> None:
    environ = {
        "RLS_CDS_PSEUDONYM_KEY": "hunter2",
        "RLS_CDS_DATABASE_URL": "mysql://rls:hunter2@db",
        "RLS_CDS_ENCRYPTION_KEY_FILE": str(tmp_path / "hunter3"),
    }
    with pytest.raises(BadSettings) as caught:
        load_settings(None, environ)
    assert len(caught.value.faults) == 3
    assert "hunter" not in str(caught.value)


def test_variables_set_by_kubernetes_are_no_fault() -> None:
    environ = {
        "RLS_CDS_PORT": "tcp://10.0.0.1:8080",
        "RLS_CDS_SERVICE_HOST": "10.0.0.1",
        "RLS_CDS_SERVICE_PORT": "8080",
        "RLS_CDS_SERVICE_PORT_HTTP": "8080",
        "RLS_CDS_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "RLS_CDS_PORT_8080_TCP_ADDR": "10.0.0.1",
        "RLS_CDS_CONFIG": "rls-cds.toml",
    }
    assert load_settings(None, environ) == Settings()


def test_site_paths_are_relative_to_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "codes.toml").write_text("")
    settings = load(tmp_path, '[site]\nlocal_codes = "codes.toml"\nassay_factors = { ferritin = "1.1" }\n')
    assert settings.site == {"local_codes": str(tmp_path / "codes.toml"), "assay_factors": {"ferritin": "1.1"}}


def test_the_time_zone_is_parsed(tmp_path: Path) -> None:
    assert load(tmp_path, 'time_zone = "Australia/Eucla"').time_zone == ZoneInfo("Australia/Eucla")


def test_start_up_warns_about_unwise_settings(tmp_path: Path) -> None:
    assert [text.partition(":")[0] for text in warnings(Settings())] == ["open mode"]
    settings = load(tmp_path, 'database_url = ""\n' + CLIENT + "allow_http = true", {})
    expected = ["client general", "no store", "no trusted_proxies"]
    assert [text.partition(":")[0] for text in warnings(settings)] == expected
    assert [text.partition(":")[0] for text in warnings(load(tmp_path, CLIENT, KEYS))] == ["no trusted_proxies"]
    assert warnings(load(tmp_path, 'trusted_proxies = ["10.0.0.0/24"]\n' + CLIENT, KEYS)) == ()
    assert warnings(load(tmp_path, CLIENT.replace("https://cds.example.org", "http://127.0.0.1:8080"), KEYS)) == ()


def test_the_example_is_valid_and_names_every_setting() -> None:
    settings = load_settings(EXAMPLE, KEYS)
    assert [client.name for client in settings.clients] == ["general"]
    text = EXAMPLE.read_text(encoding="utf-8")
    for row in (*SETTINGS, *CLIENT_SETTINGS):
        assert re.search(rf"^#? ?{re.escape(row.name.rpartition('.')[2])} = ", text, re.MULTILINE), row.name


def test_every_commented_line_of_the_example_is_valid(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=[a-z_-]+ = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    given = ("_key =", "console_token", "ca_file", "data_folder", "overrides =", "local_codes =", "expansions =",
             "jwks_inline", "host = ")  # fmt: skip
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(given))
    tomllib.loads(kept)
    settings = load(tmp_path, kept, KEYS | {"RLS_CDS_CONSOLE_TOKEN": KEY})
    assert settings.clients[0].site_orderables["ferritin"]["code"] == "LAB68"
    assert settings.suppression_by_reason == {"patient-refuses": 180}


def test_the_reference_has_a_line_for_each_setting_with_its_variable() -> None:
    page = reference(SETTINGS)
    assert page.count("\n") == len(SETTINGS) + 2
    assert "| `services.rls-order-select` | `RLS_CDS_SERVICES_RLS_ORDER_SELECT` | live, shadow, off | off |" in page
    assert "`RLS_CDS_CLIENTS_NAME_DEADLINE_MS` | 200 to 5000 | 1000 |" in reference(CLIENT_SETTINGS, "name")


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ('public_base = "cds.example.org/"', "public_base"),
        ('issuer = ""', "clients.general.issuer"),
        ('profile = "Epic"', "clients.general.profile"),
        ('fhir_base = "ftp://ehr.example.org"', "clients.general.fhir_base"),
    ],
)
def test_a_setting_that_cannot_be_read_is_not_reported_as_missing_too(tmp_path: Path, changed: str, place: str) -> None:
    name = changed.split(" = ")[0]
    lines = [line for line in CLIENT.splitlines() if not line.startswith(name)]
    lines.insert(0 if name == "public_base" else len(lines), changed)
    assert [fault.place.rpartition(": ")[2] for fault in faults(tmp_path, "\n".join(lines), KEYS)] == [place]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeffport = 1001").port == 1001
