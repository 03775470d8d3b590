"""Configuration of one EHR client: its authentication, its FHIR server, and what its cards support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["live", "shadow", "off"]


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, or any caller in open mode (then `issuer` is empty).

    `jku`: the values that a token's `jku` header may have, if it has one (by default `jwks_url`).
    `audiences`: further public bases that its tokens may name; the called path is always appended.
    `tenants`: accepted values of the `tenant` claim; empty accepts any token.
    `fhir_base` has no trailing slash. `allowed_networks`: loopback networks it may be in, as CIDR.
    `fhir_version`: `auto` detects it from the shape of the records.
    `order_codes`: `site` where a test can be ordered only by a code of `site_orderables`.
    `cannot_send`: prefetch keys of lists that it can never send, which cards then do not mention.
    `site_orderables`: test names of cards/presenting/orderables.toml mapped to the site's coding (system, code and
    optionally display). `local_codes`: path of the client's own code map. `modes` overrides `Settings.services`.
    `shared_users`: values of `userId` that stand for several people; no card is silenced for them alone.
    """

    name: str
    profile: str = "generic"
    issuer: str = ""
    jwks_url: str | None = None
    jwks_inline: Mapping[str, object] | None = field(default=None, repr=False)
    jku: tuple[str, ...] = ()
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
    cannot_send: frozenset[str] = frozenset()
    selection_behavior: Literal["at-most-one", "any"] = "any"
    one_action_per_suggestion: bool = False
    actions: frozenset[str] = frozenset({"create", "delete", "update"})
    drug_orders: bool = False
    order_codes: Literal["any", "site"] = "any"
    site_orderables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    local_codes: str | None = None
    shared_users: tuple[str, ...] = ()
    modes: Mapping[str, Mode] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Return whether this stands for any caller in open mode, where nobody is authenticated."""
        return not self.issuer
