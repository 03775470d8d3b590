"""One EHR client: how it proves who it is, where its FHIR server is, and what its cards can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["live", "shadow", "off"]


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, or (with an empty `issuer`) whoever calls in open mode.

    `jku`: what a token's `jku` header must equal where it has one (the key set's address by default).
    `audiences`: further public bases that this client's tokens may name; the path called is always appended.
    `tenants`: the only values of the `tenant` claim accepted; empty accepts any and none.
    `fhir_base` has no trailing slash. `allowed_networks`: private networks in which it may lie, as CIDR.
    `fhir_version`: auto tells it by the shape of the records.
    `site_orderables`: test name of cards/orderables.toml to the site's coding (system, code, perhaps display).
    `local_codes`: file with the site's own code map, or None. `modes` overrides `Settings.services`.
    """

    name: str
    profile: str = "generic"
    issuer: str = ""
    jwks_url: str | None = None
    jwks_inline: Mapping[str, object] | None = field(default=None, repr=False)
    jku: str | None = None
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    audiences: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    token_max_age: int = 900
    token_leeway: int = 30
    fhir_base: str | None = None
    fhir_version: str = "auto"
    allow_http: bool = False
    allowed_networks: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    deadline_ms: int = 1000
    calls_per_minute: int = 1200
    missing_data: Literal["412", "card"] = "412"
    selection_behavior: Literal["at-most-one", "any"] = "any"
    one_action_per_suggestion: bool = False
    actions: frozenset[str] = frozenset({"create", "delete", "update"})
    order_systems: tuple[str, ...] = ("http://loinc.org",)
    drug_orders: bool = False
    site_orderables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    local_codes: str | None = None
    modes: Mapping[str, Mode] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """No client is configured: nobody proves who they are."""
        return not self.issuer
