"""The addresses that a connection may reach, checked once it is open and before a byte is sent (reliability SSRF-5).

Private networks are not blocked: many hospitals run their FHIR server in 10/8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

#: Services of cloud providers that answer every machine, and hand out its credentials or settings.
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "192.0.0.192", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"))
)
_NAT64 = IPv6Network("64:ff9b::/96")
#: Addresses that stand for an IPv4 address of which it cannot be told, or is no longer used: NAT64 of a network's own
#: (RFC 8215), IPv4-compatible (RFC 4291, section 2.5.5.1) but for ::1, and Teredo (RFC 4380).
_OPAQUE = tuple(map(IPv6Network, ("64:ff9b:1::/48", "::/96", "2001::/32")))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """The addresses allowed for one client.

    `loopback_only` is for open mode. Otherwise every address is allowed, private ones too, except this machine, unless
    `networks` names its loopback address, and except addresses at which no FHIR server can be, whatever `networks`
    says.
    """

    loopback_only: bool = False
    networks: tuple[str, ...] = ()

    @classmethod
    def for_client(cls, networks: Iterable[object]) -> AddressPolicy:
        """Return the policy of a configured client with these extra networks."""
        return cls(networks=tuple(str(network) for network in networks))

    def allow(self, numeric: str) -> bool:
        """Return whether a connection to this numeric address may be used."""
        try:
            address = _meant(ip_address(numeric.partition("%")[0]))
        except ValueError:
            return False
        if self.loopback_only:
            return address.is_loopback
        if _is_disallowed(address):
            return False
        return not address.is_loopback or any(address in ip_network(network) for network in self.networks)


def is_disallowed_host(host: str) -> bool:
    """Return whether a host of the settings is a numeric address at which no FHIR server can be."""
    try:
        return _is_disallowed(_meant(ip_address(host)))
    except ValueError:
        return False


def _is_disallowed(address: Address) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA:
        return True
    return not address.is_loopback and any(address in network for network in _OPAQUE)


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address wraps, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
