"""Checks across settings: combinations that are unsafe or incomplete. Faults are collected, not raised."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from cards.presenting.orders import orderables
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.config.sources import Sources, shorten
from cds_service.config.values import is_loopback
from cds_service.web.address_policy import is_disallowed_host

#: The private half of this key is in a public repository, so it proves nothing (sandbox 4.4).
_PUBLIC_KEY_ID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
#: One issuer signs for all customers of this EHR; without `tenants` any of them could call as another (protocol J-14).
_SHARED_ISSUER_PROFILE = "oracle-health"
SHARED_ISSUERS = frozenset({"https://cds-hooks.cerner.com"})
_SANDBOX_ISSUER = "https://sandbox.cds-hooks.org"


def check(settings: Settings, sources: Sources, *, for_server: bool = True) -> None:
    """Add a fault to `sources` for every combination that must not run.

    `for_server`: also check what only a running service needs.
    """
    if for_server:
        _check_serving(settings, sources)
    _check_issuers(settings.clients, sources)
    _check_days(settings.suppression_by_reason, sources)
    _check_repeat_days(settings.repeat_days, sources)
    for client in settings.clients:
        _check_identity(client, settings, sources)
        _check_addresses(client, sources)
        _check_orderables(client, sources)


def warnings(settings: Settings) -> tuple[str, ...]:
    """Return a warning for each setting that is allowed but should be known at start-up."""
    from cds_service.config.key_set import REPLACE_WEAK_KEY, read_key_set
    from cds_service.config.store_warnings import store_warnings

    found = [
        f"client {client.name}: http is allowed; use it for development only"
        for client in settings.clients
        if client.allow_http
    ]
    if settings.is_open:
        found.append("open mode: no client is configured, nobody is authenticated, only this machine may call")
    elif settings.database_url == "":
        found.append("no store: a token can be used once in each worker, and nothing is recorded")
    found += [
        f"client {client.name}: it can order tests only by codes of the site, and none is mapped, so cards offer no "
        "orders for tests; name them in site_orderables"
        for client in settings.clients
        if client.order_codes == "site" and not client.site_orderables and "create" in client.actions
    ]
    if settings.clients and not settings.trusted_proxies and not _is_on_this_machine(settings.public_base):
        found.append(
            "no trusted_proxies: behind a proxy every caller has the proxy's address, and failed sign-ins of all are "
            "counted together; name the network of the proxy that ends TLS"
        )
    found += [
        f"client {client.name}: its RSA key {key.kid!r} has {key.rsa_bits} bits; {REPLACE_WEAK_KEY}"
        for client in settings.clients
        if client.jwks_inline is not None
        for key in read_key_set(client.jwks_inline).weak
    ]
    return (*found, *store_warnings(settings))


def _is_on_this_machine(address: str | None) -> bool:
    return is_loopback(urlsplit(address or "").hostname or "")


def _check_serving(settings: Settings, sources: Sources) -> None:
    """Check the addresses, the public base and the secrets of the store."""
    if settings.is_open:
        _check_open(settings, sources)
    else:
        _check_public_base(settings, sources)
    _check_ports(settings, sources)
    _check_console(settings, sources)
    _check_secrets(settings, sources)


def _check_open(settings: Settings, sources: Sources) -> None:
    """Require loopback addresses without clients, since nobody is authenticated then (contract section 6)."""
    binds = {"host": settings.host, "metrics_bind": settings.metrics_bind, "console_bind": settings.console_bind}
    for name, bind in binds.items():
        host = bind if bind is None or name == "host" else bind.rpartition(":")[0]
        if host is not None and not is_loopback(host):
            sources.add_fault(
                name,
                f"{bind}, with no client configured",
                "a loopback address (127.0.0.1, ::1, localhost) as long as nobody has to prove who they are",
                f"configure a client ([clients.<name>] in the settings file), or set {name} to a loopback address",
            )


def _check_ports(settings: Settings, sources: Sources) -> None:
    """Require different ports, since requests are routed by port alone, even if the addresses differ."""
    taken = {settings.port: "port"}
    for name, bind in (("metrics_bind", settings.metrics_bind), ("console_bind", settings.console_bind)):
        if bind is None:
            continue
        port = int(bind.rpartition(":")[2])
        if port in taken:
            allowed = "a different port for each, whatever the addresses"
            sources.add_fault(
                f"{name}, {taken[port]}", f"port {port} for both", allowed, f"give {name} a port of its own"
            )
        taken.setdefault(port, name)


def _check_console(settings: Settings, sources: Sources) -> None:
    """Require a token where others than this machine can reach the console, and the names that they reach it by."""
    if settings.console_bind is None:
        return
    host = settings.console_bind.rpartition(":")[0]
    is_local = is_loopback(host) and all(map(is_loopback, settings.console_hosts))
    is_refused = settings.is_open and not is_loopback(host)  # by `_check_open`
    already_faulty = any("console_token" in fault.place.lower() for fault in sources.faults)
    if not is_local and not is_refused and settings.console_token is None and not already_faulty:
        found = f"nothing, with the console on {settings.console_bind}"
        if is_loopback(host):
            found += f" under the name {next(name for name in settings.console_hosts if not is_loopback(name))}"
        sources.add_fault(
            "console_token",
            found,
            "a token where the console is reached by others than this machine",
            "make one with: openssl rand -base64 32, or bind it to a loopback address",
        )
    if _is_any_address(host) and not settings.console_hosts and not is_refused:
        sources.add_fault(
            "console_hosts",
            f"nothing, with the console on {settings.console_bind}",
            "the names under which browsers open it: any other host is refused",
            'name them: console_hosts = ["cds-console.example.org"]',
        )


def _check_public_base(settings: Settings, sources: Sources) -> None:
    base = settings.public_base
    if base is None:
        sources.add_fault(
            "public_base", "nothing", "the address that clients call", "set public_base: tokens must name it"
        )
    elif not base.startswith("https://") and not _is_on_this_machine(base):
        sources.add_fault("public_base", base, "https, or http on this machine", "use the https address of the proxy")


def _check_issuers(clients: tuple[Client, ...], sources: Sources) -> None:
    """Require different tenants of clients that share an issuer."""
    for index, client in enumerate(clients):
        for other in clients[:index]:
            if client.issuer != other.issuer or not client.issuer:
                continue
            if not client.tenants or not other.tenants or set(client.tenants) & set(other.tenants):
                sources.add_fault(
                    f"clients.{client.name}.issuer",
                    f"the issuer of {other.name} too",
                    "an issuer of its own, or tenants that no other client has",
                    "list different tenants for both",
                )


def _check_identity(client: Client, settings: Settings, sources: Sources) -> None:
    place = f"clients.{client.name}"
    if not client.issuer:
        sources.add_fault(f"{place}.issuer", "nothing", "the iss claim of its tokens", "ask the EHR's administrator")
    if (client.jwks_url is None) == (client.jwks_inline is None):
        found = "neither" if client.jwks_url is None else "both"
        sources.add_fault(
            f"{place}.jwks_url, jwks_inline", found, "one of them", "set one: there is no client without keys"
        )
    elif client.jwks_inline is not None:
        _check_inline(client, sources)
    if (client.profile == _SHARED_ISSUER_PROFILE or client.issuer in SHARED_ISSUERS) and not client.tenants:
        allowed = "the tenant claims of this customer: all customers of this EHR share its issuer and its keys"
        sources.add_fault(f"{place}.tenants", "nothing", allowed, 'ask the customer for its tenant: tenants = ["..."]')
    if _is_public_sandbox(client) and not _is_on_this_machine(settings.public_base):
        allowed = "keys whose private half is secret, unless public_base is on this machine"
        sources.add_fault(
            place, "the key of the public sandbox", allowed, "use open mode on this machine, or other keys"
        )


def _check_inline(client: Client, sources: Sources) -> None:
    from cds_service.config.key_set import read_key_set

    keys = read_key_set(client.jwks_inline)
    place = f"clients.{client.name}.jwks_inline"
    for reason in keys.unusable:
        sources.add_fault(
            place, reason, "RSA keys of 2048 bits or more, EC keys, Ed25519, each with a kid", "replace it"
        )
    if not keys.by_kid and not keys.unusable:
        sources.add_fault(
            place, "no key", 'a key set: {keys = [{kty = "EC", kid = ...}]}', "write the public keys there"
        )


def _is_public_sandbox(client: Client) -> bool:
    return client.issuer == _SANDBOX_ISSUER or _PUBLIC_KEY_ID in repr(client.jwks_inline)


def _check_addresses(client: Client, sources: Sources) -> None:
    for name, address in (("jwks_url", client.jwks_url), ("fhir_base", client.fhir_base)):
        if address and address.startswith("http://") and not client.allow_http:
            step = "use https, or allow_http = true while developing"
            sources.add_fault(f"clients.{client.name}.{name}", address, "https", step)
        if address and is_disallowed_host(urlsplit(address).hostname or ""):
            allowed = "no link-local, multicast or cloud metadata address, whatever allowed_networks says"
            sources.add_fault(f"clients.{client.name}.{name}", address, allowed, "name the server of the EHR")


def _check_secrets(settings: Settings, sources: Sources) -> None:
    given = [settings.pseudonym_key is not None, settings.encryption_key is not None]
    asked_for = settings.clients and settings.database_url != ""
    already_faulty = any("_key" in fault.place.lower() for fault in sources.faults)
    if already_faulty or all(given) or not (any(given) or asked_for):
        return
    keys = ("pseudonym_key", "encryption_key")
    there = [name for name, is_given in zip(keys, given, strict=True) if is_given]
    found = f"{there[0]} alone" if there else "neither of them"
    allowed = "both, the same for all workers and replicas" + ("" if settings.clients else ", or neither in open mode")
    step = (
        "for a store that is there name the keys it was made with, as the service has them "
        "(RLS_CDS_PSEUDONYM_KEY_FILE and RLS_CDS_ENCRYPTION_KEY_FILE name files); for a new one make each with: "
        "openssl rand -base64 32"
    )
    sources.add_fault("pseudonym_key, encryption_key", found, allowed, step)


def _check_days(by_reason: Mapping[str, object], sources: Sources) -> None:
    for reason, days in by_reason.items():
        if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 3650:
            place = f"suppression_by_reason.{reason}"
            sources.add_fault(place, shorten(days), "a whole number of days from 0 to 3650", f"correct {place}")


def _check_repeat_days(by_card: Mapping[str, object], sources: Sources) -> None:
    for card, days in by_card.items():
        if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 365:
            place = f"repeat_days.{card}"
            sources.add_fault(place, shorten(days), "a whole number of days from 0 to 365", f"correct {place}")


def _check_orderables(client: Client, sources: Sources) -> None:
    if not client.site_orderables:
        return
    for test, coding in client.site_orderables.items():
        place = f"clients.{client.name}.site_orderables.{test}"
        if test not in orderables():
            sources.add_fault(place, "an unknown test", ", ".join(orderables()), f"rename or remove {place}")
        elif not _is_coding(coding):
            sources.add_fault(
                place, shorten(coding), '{system = "...", code = "...", display = "..."}', f"correct {place}"
            )


def _is_coding(coding: object) -> bool:
    """Return whether the value is a table of texts with system, code and optionally display, and nothing else."""
    if not isinstance(coding, Mapping) or not {"system", "code"} <= set(coding) <= {"system", "code", "display"}:
        return False
    return all(isinstance(text, str) and text.isprintable() and 0 < len(text) <= 200 for text in coding.values())


def _is_any_address(host: str) -> bool:
    """Return whether a bind address stands for every address of the machine."""
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:  # a name
        return False
