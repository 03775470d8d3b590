"""Every setting there is, once: this table drives parsing, environment variables, faults, help and reference pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cds_service.settings_secrets import read_database, read_key
from cds_service.settings_values import (
    Limits,
    Reader,
    read_base,
    read_bases,
    read_bind,
    read_choice,
    read_choices,
    read_file,
    read_folder,
    read_host,
    read_key_address,
    read_list,
    read_networks,
    read_origins,
    read_table,
    read_whole,
    read_words,
    read_yes_no,
    read_zone,
)

PREFIX = "RLS_CDS_"
SERVICES = ("rls-patient-view", "rls-order-sign", "rls-order-select")
MODES = ("live", "shadow", "off")
ALGORITHMS = ("ES384", "RS384", "ES256", "ES512", "RS256", "RS512", "PS256", "PS384", "PS512", "EdDSA")
PROFILES = ("sandbox", "epic", "oracle-health", "generic")
#: Largest wait that a call may cost its caller (product page 6), in milliseconds.
DEADLINE = (200, 5000)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table. `default` is the value the service uses; `ready` settings come from the client's profile.

    The value of a `secret` setting is never shown, and `<its environment variable>_FILE` may name a file that holds it.
    """

    name: str
    read: Reader
    meaning: str
    default: object = None
    limits: Limits = field(default_factory=Limits)
    secret: bool = False
    ready: bool = False

    def variable(self, client: str = "") -> str:
        """The environment variable that overrides it, for a member of a client that client's own."""
        place = f"clients.{client}.{self.name}" if client else self.name
        return PREFIX + re.sub(r"[^A-Z0-9]", "_", place.upper())


def _range(low: int, high: int) -> Limits:
    return Limits(low=low, high=high)


def _mode_of(service: str, default: str) -> Setting:
    meaning = f"{service}: live, shadow (evaluate and record, show nothing) or off"
    return Setting(f"services.{service}", read_choice, meaning, default, Limits(choices=MODES))


SETTINGS: tuple[Setting, ...] = (
    Setting("public_base", read_base, "address under which clients reach the service; tokens must name it"),
    Setting("host", read_host, "address to listen on", "127.0.0.1"),
    Setting("port", read_whole, "port to listen on; 0: any free one", 8080, _range(0, 65535)),
    Setting("workers", read_whole, "worker processes", 2, _range(1, 64)),
    Setting("time_zone", read_zone, "zone of the dates on cards", "UTC"),
    Setting("max_body", read_whole, "largest request body in bytes", 10_485_760, _range(65_536, 33_554_432)),
    Setting("max_inflight", read_whole, "calls answered at once in one worker; more get 503", 16, _range(1, 512)),
    Setting("max_cards", read_whole, "most cards in one answer; 0: no limit", 5, _range(0, 50)),
    Setting(
        "failures_per_minute", read_whole, "failed sign-ins per address; further ones get 429", 60, _range(1, 10_000)
    ),
    Setting("trusted_proxies", read_networks, "proxies whose X-Forwarded-For is believed", ()),
    Setting("metrics_bind", read_bind, "where /metrics listens, on a port of its own; none: it is off"),
    Setting("console_bind", read_bind, "where /console listens under serve, on a port of its own; none: it is off"),
    Setting("ca_file", read_file, "certificate authorities to trust for outbound calls, PEM"),
    Setting("database_url", read_database, "the store; unset: SQLite in data_folder, empty: none", secret=True),
    Setting("data_folder", read_folder, "folder of the SQLite store; unset: the platform's data folder"),
    Setting("pseudonym_key", read_key, "secret that turns identifiers into pseudonyms", secret=True),
    Setting("encryption_key", read_key, "secret that encrypts stored comments", secret=True),
    Setting("suppression_days", read_whole, "days that an overridden card stays silent", 90, _range(0, 3650)),
    Setting("suppression_by_reason", read_table, "override reason code to days, where it differs", {}),
    _mode_of("rls-patient-view", "live"),
    _mode_of("rls-order-sign", "live"),
    _mode_of("rls-order-select", "off"),
    Setting("site.overrides", read_file, "the site's thresholds and switches, with reasons"),
    Setting("site.local_codes", read_file, "the site's own codes for tests, drugs and diagnoses"),
)

CLIENT_SETTINGS: tuple[Setting, ...] = (
    Setting("profile", read_choice, "the ready profile it begins with", "generic", Limits(choices=PROFILES)),
    Setting("issuer", read_words, "the iss claim of its tokens", ready=True),
    Setting("jwks_url", read_key_address, "where its public keys are", ready=True),
    Setting("jwks_inline", read_table, "its public keys themselves, in place of jwks_url"),
    Setting("jku", read_key_address, "the jku header its tokens may carry; unset: jwks_url", ready=True),
    Setting("algorithms", read_choices, "signatures accepted", ("ES384", "RS384"), Limits(choices=ALGORITHMS)),
    Setting("audiences", read_bases, "other public bases its tokens may name; the path is appended", ()),
    Setting("tenants", read_list, "tenant claims accepted; empty: any", ()),
    Setting("token_max_age", read_whole, "longest life of a token in seconds", 900, _range(60, 3600)),
    Setting("token_leeway", read_whole, "clock difference allowed in seconds", 30, _range(0, 60)),
    Setting("fhir_base", read_base, "its FHIR server; no other is ever read"),
    Setting(
        "fhir_version",
        read_choice,
        "version of its FHIR server; auto: told by the shape of what it sends",
        "auto",
        Limits(choices=("auto", "R4", "R4B", "R5", "STU3", "DSTU2")),
    ),
    Setting("allow_http", read_yes_no, "allow http for jwks_url and fhir_base (development only)", False),
    Setting("allowed_networks", read_networks, "private networks its FHIR server may lie in", ()),
    Setting("allowed_origins", read_origins, "browser origins that may call", (), ready=True),
    Setting("deadline_ms", read_whole, "time for a whole call in milliseconds", 1000, _range(*DEADLINE)),
    Setting("calls_per_minute", read_whole, "calls per minute and worker before 429", 1200, _range(1, 1_000_000)),
    Setting(
        "missing_data",
        read_choice,
        "answer where needed data is missing: status 412, or a card",
        "412",
        Limits(choices=("412", "card")),
        ready=True,
    ),
    Setting(
        "selection_behavior",
        read_choice,
        "how its cards let suggestions be chosen",
        "any",
        Limits(choices=("at-most-one", "any")),
        ready=True,
    ),
    Setting("one_action_per_suggestion", read_yes_no, "a suggestion may hold one action only", False, ready=True),
    Setting(
        "actions",
        read_choices,
        "suggested actions it can carry out",
        ("create", "delete", "update"),
        Limits(choices=("create", "delete", "update")),
        ready=True,
    ),
    Setting("order_systems", read_list, "code systems of its orders, best first", ("http://loinc.org",), ready=True),
    Setting("drug_orders", read_yes_no, "suggest drug orders and changes of drug drafts", False),
    Setting("site_orderables", read_table, "test name to the site's coding (system, code, display)", {}),
    Setting("local_codes", read_file, "its own code map, beside the site's"),
    *(
        Setting(f"modes.{service}", read_choice, f"{service} for this client", None, Limits(choices=MODES))
        for service in SERVICES
    ),
)
