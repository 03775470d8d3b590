"""The page Connect: addresses, prefetch templates and a settings table for each kind of client."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode, urlsplit

from cards.knowledge.repetition import Repetition
from cards.knowledge.rules import Rules
from cards.wording.render import wording
from cds_service.config.client import Client
from cds_service.config.profiles import builtin_profiles
from cds_service.console.charts import Samples
from cds_service.console.uploads import build_request, from_bundle
from cds_service.hooks.services import BY_ID, Service, template

CLIENTS = ("sandbox", "epic", "oracle-health", "generic")


@dataclass(frozen=True, slots=True)
class Guide:
    """Instructions for one kind of client.

    `ask` lists what its administrators must provide; `settings` is the table for the settings file.
    """

    id: str
    title: str
    about: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    ask: tuple[str, ...]
    settings: str
    open_with: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """The content of the page.

    `base` is the address of the services. `templates` has the template of each prefetch key and the hooks that use it.
    `hosts` are those that cards may link to; `unsent` has the lists that each client can never send.
    """

    base: str
    guide: Guide
    services: tuple[Service, ...]
    templates: Mapping[str, tuple[str, tuple[str, ...]]]
    hosts: tuple[str, ...]
    unsent: Mapping[str, tuple[str, ...]]
    example: str
    checks_fhir: bool


def connect(
    client: str,
    base: str,
    services: Iterable[Service],
    samples: Samples,
    rules: Rules,
    *,
    demo: bool,
    repetition: Repetition,
    configured: Iterable[Client] = (),
) -> Connect:
    """Build the page for one kind of client.

    `repetition`: how long a dismissal silences a card. `configured`: the clients of the settings.
    Raises `KeyError` for a client that is not in CLIENTS.
    """
    listed = tuple(services)
    keys = dict.fromkeys(key for service in listed for key in service.keys)
    return Connect(
        base=base,
        guide=_guide(client, base, samples, demo, repetition),
        services=listed,
        templates={key: (template(key), tuple(each.hook for each in listed if key in each.keys)) for key in keys},
        hosts=_hosts(base, rules),
        unsent={each.name: _lists(each.cannot_send) for each in configured if each.cannot_send},
        example=json.dumps(_example(samples), indent=2),
        checks_fhir=demo,
    )


def _hosts(base: str, rules: Rules) -> tuple[str, ...]:
    """Return the hosts that cards link to: those of the cited sources, and the service with its source pages."""
    texts = (text for decision in rules.decisions.values() for text in decision.cards.values())
    cited = {rules.citations[name].url for text in texts for name in text.citations}
    found = {urlsplit(address).hostname for address in (base, *cited)}
    return tuple(sorted(host for host in found if host))


def _lists(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the names that cards use for the lists under these prefetch keys."""
    return tuple(sorted(wording()["not_checked"][key] for key in keys))


@cache
def _guides() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("cds_service.console") / "guides.toml").read_text(encoding="utf-8"))


def client_titles() -> dict[str, str]:
    """Return the title of each kind of client."""
    return {client: _guides()[client]["title"] for client in CLIENTS}


def _days(repetition: Repetition) -> dict[str, int]:
    """Return the days for which a dismissal without a reason silences a card, by indicator."""
    own = repetition.site_reasons.get("")
    return {name: days if own is None else own for name, days in repetition.dismissed.items()}


def _guide(client: str, base: str, samples: Samples, demo: bool, repetition: Repetition) -> Guide:
    guide = _guides()[client]
    return Guide(
        id=client,
        title=guide["title"],
        about=guide["about"],
        steps=tuple(guide["steps"]),
        notes=tuple(note.format(**_days(repetition)) for note in guide["notes"]),
        ask=tuple(guide["ask"]),
        settings=_settings(client, base, demo),
        open_with=_sandbox_address(base, samples) if client == "sandbox" and demo else "",
    )


#: The default FHIR server of the public sandbox, at its R4 address.
_SANDBOX_FHIR = "https://launch.smarthealthit.org/v/r4/fhir"


def _settings(client: str, base: str, demo: bool) -> str:
    """Write the table of the settings file, without members that the profile provides.

    Services of the sandbox are live, since it is there to show cards; those of a clinic start in shadow.
    """
    preset = builtin_profiles()[client]
    here = base if client == "sandbox" else "https://cds.example.org"
    public = base if base.startswith("https:") else here
    lines = [
        "# RLS_CDS_PSEUDONYM_KEY and RLS_CDS_ENCRYPTION_KEY: each from  openssl rand -base64 32",
        f'public_base = "{public}"',
        "",
        f"[clients.{client}]",
        f'profile = "{client}"',
    ]
    if "issuer" not in preset:
        lines.append('issuer = "https://ehr.example.org/issuer"')
    if "jwks_url" not in preset:
        lines.append('jwks_url = "https://ehr.example.org/keys"')
    if client == "oracle-health":
        lines.append('tenants = ["tenant-of-the-hospital"]')
    if client != "sandbox":
        lines += ['fhir_base = "https://ehr.example.org/fhir/R4"', "", f"[clients.{client}.modes]"]
        return "\n".join([*lines, 'rls-patient-view = "shadow"', 'rls-order-sign = "shadow"'])
    lines += _demo_fhir(base) if demo else [f'fhir_base = "{_SANDBOX_FHIR}"']
    return "\n".join([*lines, "", "[clients.sandbox.modes]", *(f'{service} = "live"' for service in BY_ID)])


def _demo_fhir(base: str) -> list[str]:
    """Return the settings of the demo's FHIR server, which is reachable from this machine only."""
    networks = '["127.0.0.0/8", "::1/128"]'
    return [f'fhir_base = "{base}/fhir"', "allow_http = true", f"allowed_networks = {networks}"]


def _sandbox_address(base: str, samples: Samples) -> str:
    patient = samples.patients[samples.first].patient_id
    query = {
        "fhirServiceUrl": f"{base}/fhir",
        "patientId": patient,
        "serviceDiscoveryURL": f"{base}/cds-services",
        "hook": "patient-view",
        "screen": "patient-view",
    }
    return f"https://sandbox.cds-hooks.org/?{urlencode(query, safe=':/')}"


def _example(samples: Samples) -> dict[str, Any]:
    """Build a fully prefetched hook request about a synthetic patient."""
    patient_data = from_bundle(samples.patients[samples.first].bundle)
    return build_request(patient_data, BY_ID["rls-patient-view"], (), "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e12")
