"""The address of the caller, behind proxies that are trusted to name it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

#: An address with the port that some proxies write behind it: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?", re.ASCII)


class TrustedProxies:
    """The proxies whose X-Forwarded-For is believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(network) for network in networks)

    def caller(self, peer: str, forwarded_for: str | None) -> str:
        """Return the caller's address: the last one in X-Forwarded-For that is not a trusted proxy, or the peer.

        The header is used only if the peer is a trusted proxy; an entry that is not an IP address ends the search. An
        IPv4 address that a socket of IPv6 shows as `::ffff:192.0.2.1` is `192.0.2.1`.
        """
        caller = _address(peer)
        if caller is None:
            return peer
        for entry in reversed((forwarded_for or "").split(",")):
            if not self._are(caller):
                break
            before = _address(entry.strip())
            if before is None:
                break
            caller = before
        return str(caller)

    def _are(self, address: Address) -> bool:
        return any(address in network for network in self._networks if address.version == network.version)


def _address(text: str) -> Address | None:
    """Return the address of a text, or None for anything else."""
    found = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
