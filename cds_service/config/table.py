"""The table of all settings, from which parsing, environment variables, faults, help and reference follow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cds_service.config.secrets import read_database_url, read_key, read_token
from cds_service.config.values import (
    Constraints,
    Reader,
    read_base_url,
    read_base_urls,
    read_bind,
    read_bool,
    read_choice,
    read_choices,
    read_file,
    read_folder,
    read_host,
    read_hosts,
    read_integer,
    read_key_set_url,
    read_key_set_urls,
    read_list,
    read_networks,
    read_origins,
    read_subset,
    read_table,
    read_text,
    read_time_zone,
)

PREFIX = "RLS_CDS_"
SERVICES = ("rls-patient-view", "rls-order-sign", "rls-order-select")
MODES = ("live", "shadow", "off")
ALGORITHMS = ("ES384", "RS384", "ES256", "ES512", "RS256", "RS512", "PS256", "PS384", "PS512", "EdDSA")
#: The prefetch keys without which a call is still answered (contract section 3).
SECONDARY = ("medications", "allergies", "procedures", "orders")
#: Those that no template asks for, and that are read beside `medications`.
MORE_DRUGS = ("statements", "dispenses", "administrations")
PROFILES = ("sandbox", "epic", "oracle-health", "generic")
#: Shortest and longest deadline of a call in milliseconds (contract section 6).
DEADLINE = (200, 5000)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. If `by_profile` is true, its value comes from the client's profile unless it is set.

    The value of a `secret` setting is never shown, and `<its environment variable>_FILE` may name a file with it.
    """

    name: str
    read: Reader
    meaning: str
    default: object = None
    constraints: Constraints = field(default_factory=Constraints)
    secret: bool = False
    by_profile: bool = False

    def variable(self, client: str = "") -> str:
        """Return the environment variable that overrides the setting, for a client's member that of the client."""
        place = f"clients.{client}.{self.name}" if client else self.name
        return PREFIX + re.sub(r"[^A-Z0-9]", "_", place.upper())


def _range(low: int, high: int) -> Constraints:
    return Constraints(low=low, high=high)


def _mode_of(service: str, default: str) -> Setting:
    meaning = f"{service}: live, shadow (evaluate and record, show nothing) or off"
    return Setting(f"services.{service}", read_choice, meaning, default, Constraints(choices=MODES))


def _kept(name: str, what: str, days: int, allowed: Constraints) -> Setting:
    return Setting(f"retention.{name}", read_integer, f"days for which the store keeps {what}", days, allowed)


SETTINGS: tuple[Setting, ...] = (
    Setting("public_base", read_base_url, "address under which clients reach the service; tokens must name it"),
    Setting("host", read_host, "address to listen on", "127.0.0.1"),
    Setting("port", read_integer, "port to listen on; 0: any free one", 8080, _range(0, 65535)),
    Setting("workers", read_integer, "worker processes", 2, _range(1, 64)),
    Setting("time_zone", read_time_zone, "zone of the dates on cards", "UTC"),
    Setting("max_body", read_integer, "largest request body in bytes", 10_485_760, _range(65_536, 33_554_432)),
    Setting("max_inflight", read_integer, "calls answered at once in one worker; more get 503", 16, _range(1, 512)),
    Setting("max_cards", read_integer, "most cards in one answer; 0: no limit", 5, _range(0, 50)),
    Setting(
        "failures_per_minute", read_integer, "failed sign-ins per address; further ones get 429", 60, _range(1, 10_000)
    ),
    Setting("trusted_proxies", read_networks, "proxies whose X-Forwarded-For is believed", ()),
    Setting("metrics_bind", read_bind, "where /metrics listens, on a port of its own; none: it is off"),
    Setting("console_bind", read_bind, "where /console listens under serve, on a port of its own; none: it is off"),
    Setting(
        "console_hosts",
        read_hosts,
        "host names under which the console is opened, beside those of this machine and of console_bind",
        (),
    ),
    Setting("console_token", read_token, "secret that opens the console, as the password of any user", secret=True),
    Setting("ca_file", read_file, "certificate authorities to trust for outbound calls, PEM"),
    Setting("database_url", read_database_url, "the store; unset: SQLite in data_folder, empty: none", secret=True),
    Setting("data_folder", read_folder, "folder of the SQLite store; unset: the platform's data folder"),
    Setting("pseudonym_key", read_key, "secret that turns identifiers into pseudonyms", secret=True),
    Setting("encryption_key", read_key, "secret that encrypts stored comments", secret=True),
    Setting("suppression_days", read_integer, "days that an overridden card stays silent", 90, _range(0, 3650)),
    Setting(
        "holdout_percent",
        read_integer,
        "percent of patients from whom most cards of patient-view are held back, to learn whether they help; needs the "
        "consent of whoever governs research and quality at the site",
        0,
        _range(0, 50),
    ),
    Setting(
        "repeat_days",
        read_table,
        "days for which a card (`IRON-LOW` or `IRONLOW`) stays away, unchanged, from a user who saw it and did not "
        "answer; 0: shown every time",
        {},
    ),
    Setting("suppression_by_reason", read_table, "override reason code to days, where it differs", {}),
    _kept("cards", "cards that were given", 2192, _range(365, 36_500)),
    _kept("feedback", "feedback", 2192, _range(365, 36_500)),
    _kept("unmatched_feedback", "feedback on cards that the client was not given", 90, _range(1, 3650)),
    _kept("evidence", "counts of what charts held", 400, _range(60, 3650)),
    _kept("audit", "the audit trail", 2192, _range(365, 36_500)),
    _mode_of("rls-patient-view", "live"),
    _mode_of("rls-order-sign", "live"),
    _mode_of("rls-order-select", "off"),
    Setting("site.overrides", read_file, "the site's thresholds and switches, with reasons"),
    Setting("site.local_codes", read_file, "the site's own codes for tests, drugs and diagnoses"),
    Setting("site.expansions", read_file, "codes below our SNOMED roots, by `rls-cds valuesets expand`"),
)

CLIENT_SETTINGS: tuple[Setting, ...] = (
    Setting("profile", read_choice, "the ready profile it begins with", "generic", Constraints(choices=PROFILES)),
    Setting("issuer", read_text, "the iss claim of its tokens", by_profile=True),
    Setting("jwks_url", read_key_set_url, "where its public keys are", by_profile=True),
    Setting("jwks_inline", read_table, "its public keys themselves, in place of jwks_url"),
    Setting("jku", read_key_set_urls, "the jku headers its tokens may carry; unset: jwks_url", (), by_profile=True),
    Setting("algorithms", read_choices, "signatures accepted", ("ES384", "RS384"), Constraints(choices=ALGORITHMS)),
    Setting("audiences", read_base_urls, "other public bases its tokens may name; the path is appended", ()),
    Setting("tenants", read_list, "tenant claims accepted; empty: any", ()),
    Setting("token_max_age", read_integer, "longest life of a token in seconds", 900, _range(60, 3600)),
    Setting("token_leeway", read_integer, "clock difference allowed in seconds", 30, _range(0, 60)),
    Setting("fhir_base", read_base_url, "its FHIR server; no other is ever read"),
    Setting(
        "fhir_version",
        read_choice,
        "version of its FHIR server; auto: told by the shape of what it sends",
        "auto",
        Constraints(choices=("auto", "R4", "R4B", "R5", "STU3", "DSTU2")),
    ),
    Setting("allow_http", read_bool, "allow http for jwks_url and fhir_base (development only)", False),
    Setting(
        "allowed_networks", read_networks, "loopback networks its FHIR server may lie in; private ones are allowed", ()
    ),
    Setting("allowed_origins", read_origins, "browser origins that may call", (), by_profile=True),
    Setting("deadline_ms", read_integer, "time for a whole call in milliseconds", 1000, _range(*DEADLINE)),
    Setting("calls_per_minute", read_integer, "calls per minute and worker before 429", 1200, _range(1, 1_000_000)),
    Setting(
        "missing_data",
        read_choice,
        "answer where needed data is missing: status 412, or a card",
        "412",
        Constraints(choices=("412", "card")),
        by_profile=True,
    ),
    Setting(
        "cannot_send",
        read_subset,
        "lists it can never send: what rests on them stays unknown, and no card says so again; further lists of drugs "
        "(statements, dispenses, administrations) are then not read either",
        (),
        Constraints(choices=(*SECONDARY, *MORE_DRUGS)),
    ),
    Setting(
        "selection_behavior",
        read_choice,
        "how its cards let suggestions be chosen",
        "any",
        Constraints(choices=("at-most-one", "any")),
        by_profile=True,
    ),
    Setting("one_action_per_suggestion", read_bool, "a suggestion may hold one action only", False, by_profile=True),
    Setting(
        "actions",
        read_choices,
        "suggested actions it can carry out",
        ("create", "delete", "update"),
        Constraints(choices=("create", "delete", "update")),
        by_profile=True,
    ),
    Setting("drug_orders", read_bool, "suggest drug orders and changes of drug drafts", False),
    Setting(
        "order_codes",
        read_choice,
        "codes by which it can order tests: any, or only those of site_orderables",
        "any",
        Constraints(choices=("any", "site")),
        by_profile=True,
    ),
    Setting("site_orderables", read_table, "test name to the site's coding (system, code, display)", {}),
    Setting("local_codes", read_file, "its own code map, beside the site's"),
    Setting(
        "shared_users",
        read_list,
        "values of userId that several people share: what one of them saw or dismissed silences nothing for the others",
        (),
    ),
    *(
        Setting(f"modes.{service}", read_choice, f"{service} for this client", None, Constraints(choices=MODES))
        for service in SERVICES
    ),
)
