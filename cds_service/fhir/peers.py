"""Which addresses a connection may end at, asked after it was made and before a byte is sent (SSRF-5).

Blocking private networks would be wrong: many hospitals' FHIR servers live on 10/8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

#: Where cloud providers hand out credentials to the machine itself.
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "192.0.0.192", "100.100.100.200", "fd00:ec2::254")))
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Peers:
    """`loopback_only` is open mode; else everything but this machine, which `networks` may name, and addresses that are
    nobody's FHIR server, which no network allows."""

    loopback_only: bool = False
    networks: tuple[str, ...] = ()

    @classmethod
    def of_client(cls, networks: Iterable[object]) -> Peers:
        return cls(networks=tuple(str(network) for network in networks))

    def allow(self, peer: str) -> bool:
        """Whether a connection to this numeric address may be used."""
        try:
            address = _meant(ip_address(peer.partition("%")[0]))
        except ValueError:
            return False
        if self.loopback_only:
            return address.is_loopback
        if _is_nobodys(address):
            return False
        return not address.is_loopback or any(address in ip_network(network) for network in self.networks)


def is_nobodys(host: str) -> bool:
    """Whether a host, as an address of the settings names it, is a number at which nobody has a FHIR server."""
    try:
        return _is_nobodys(_meant(ip_address(host)))
    except ValueError:
        return False


def _is_nobodys(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
