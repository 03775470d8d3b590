"""What an integrator copies: addresses, prefetch templates and a settings table for each kind of client."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode, urlsplit

from cards.rules import Rules
from cds_service.clients.profiles import ready_profiles
from cds_service.console.charts import Samples
from cds_service.console.material import body_of, from_bundle
from cds_service.services import BY_ID, Service, template

CLIENTS = ("sandbox", "epic", "oracle-health", "generic")


@dataclass(frozen=True, slots=True)
class Guide:
    """One kind of client. `ask` is what its people must tell; `settings` the table to write for it."""

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
    """The page. `base` is where the services are; `templates` holds each prefetch key's template and the hooks that
    name it; `hosts` are those that cards may link to."""

    base: str
    guide: Guide
    services: tuple[Service, ...]
    templates: Mapping[str, tuple[str, tuple[str, ...]]]
    hosts: tuple[str, ...]
    example: str
    checks_fhir: bool


def connect(
    client: str, base: str, services: Iterable[Service], samples: Samples, rules: Rules, *, demo: bool, silent_days: int
) -> Connect:
    """`silent_days`: how long a dismissal without a reason silences a card. `KeyError` for a client not of CLIENTS."""
    listed = tuple(services)
    keys = dict.fromkeys(key for service in listed for key in service.keys)
    return Connect(
        base=base,
        guide=_guide(client, base, samples, demo, silent_days),
        services=listed,
        templates={key: (template(key), tuple(each.hook for each in listed if key in each.keys)) for key in keys},
        hosts=_hosts(base, rules),
        example=json.dumps(_example(samples), indent=2),
        checks_fhir=demo,
    )


def _hosts(base: str, rules: Rules) -> tuple[str, ...]:
    """Where cards link to: the sources that they cite, and the service itself, whose page the source of each names."""
    texts = (text for decision in rules.decisions.values() for text in decision.cards.values())
    cited = {rules.citations[name].url for text in texts for name in text.citations}
    found = {urlsplit(address).hostname for address in (base, *cited)}
    return tuple(sorted(host for host in found if host))


@cache
def _guides() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("cds_service.console") / "guides.toml").read_text(encoding="utf-8"))


def client_titles() -> dict[str, str]:
    """What each kind of client is called."""
    return {client: _guides()[client]["title"] for client in CLIENTS}


def _guide(client: str, base: str, samples: Samples, demo: bool, silent_days: int) -> Guide:
    words = _guides()[client]
    return Guide(
        id=client,
        title=words["title"],
        about=words["about"],
        steps=tuple(words["steps"]),
        notes=tuple(note.format(silent_days=silent_days) for note in words["notes"]),
        ask=tuple(words["ask"]),
        settings=_settings(client, base, demo),
        open_with=_sandbox_address(base, samples) if client == "sandbox" and demo else "",
    )


#: The FHIR server that the public sandbox begins with, in its R4 form.
_SANDBOX_FHIR = "https://launch.smarthealthit.org/v/r4/fhir"


def _settings(client: str, base: str, demo: bool) -> str:
    """The table of the settings file; what the profile knows is left out of it.

    The sandbox is no clinic: it is to show cards, so everything is live there; in a clinic all begins in shadow.
    """
    ready = ready_profiles()[client]
    here = base if client == "sandbox" else "https://cds.example.org"
    public = base if base.startswith("https:") else here
    lines = [
        "# RLS_CDS_PSEUDONYM_KEY and RLS_CDS_ENCRYPTION_KEY: each from  openssl rand -base64 32",
        f'public_base = "{public}"',
        "",
        f"[clients.{client}]",
        f'profile = "{client}"',
    ]
    if "issuer" not in ready:
        lines += ['issuer = "https://ehr.example.org/issuer"', 'jwks_url = "https://ehr.example.org/keys"']
    if client == "oracle-health":
        lines.append('tenants = ["tenant-of-the-hospital"]')
    if client != "sandbox":
        lines += ['fhir_base = "https://ehr.example.org/fhir/R4"', "", f"[clients.{client}.modes]"]
        return "\n".join([*lines, 'rls-patient-view = "shadow"', 'rls-order-sign = "shadow"'])
    lines += _demo_fhir(base) if demo else [f'fhir_base = "{_SANDBOX_FHIR}"']
    return "\n".join([*lines, "", "[clients.sandbox.modes]", *(f'{service} = "live"' for service in BY_ID)])


def _demo_fhir(base: str) -> list[str]:
    """The demo's FHIR server, which only this machine reaches."""
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
    """A hook request about a synthetic patient, everything prefetched."""
    material = from_bundle(samples.patients[samples.first].bundle)
    return body_of(material, BY_ID["rls-patient-view"], (), "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e12")
