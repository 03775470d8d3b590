"""Decide which FHIR server a call may read, and with which token (reliability SSRF-1 to SSRF-5).

The URL in a request is looked up, never followed: it must equal the one configured for the caller byte for byte, or in
open mode be on this machine. Any other URL is treated as absent.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from cards.reading import Site
from cds_service.config.client import Client
from cds_service.fhir.base import accepted_base
from cds_service.fhir.connection import FhirServer
from cds_service.fhir.narrow_questions import narrow_questions
from cds_service.fhir.parallel import ReadPool
from cds_service.fhir.reader import Reader
from cds_service.fhir.scopes import Scopes
from cds_service.hooks.fhir_version import version_of_request
from cds_service.hooks.request import HookRequest
from cds_service.web.address_policy import AddressPolicy
from cds_service.web.deadline import Deadline

#: The characters of an access token (RFC 6749, appendix A.12), more than a bearer token may have: servers issue such
#: tokens too. Anything else might carry a line break into a header (reliability LOG-1).
_TOKEN = re.compile(r"[\x20-\x7e]{1,16384}")
_AROUND = " \t\r\n"
#: Why the server that a request names is not read, for the metric, and in words for the log: no address and nothing of
#: a token.
FOREIGN_SERVER = "foreign-server"
REFUSED_SERVERS = {
    FOREIGN_SERVER: "fhirServer is not that of the client",
    "token-malformed": "the FHIR token is not one that can be sent",
    "token-expired": "the FHIR token has expired",
    "token-not-bearer": "the FHIR token is no bearer token",
    "token-other-patient": "the FHIR token is for another patient",
}
#: In open mode a call may name any port of this machine; only so many servers are remembered.
_MOST_SERVERS = 64


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The bearer token of one call, if it has one; the server must not be read at all if it is not `usable`."""

    value: str | None = field(default=None, repr=False)
    fault: str = field(default="", repr=False)

    @property
    def usable(self) -> bool:
        """Return whether the server may be read with this token, or without one where the call has none."""
        return not self.fault


def access_token_of(request: HookRequest) -> AccessToken:
    """Return the access token of a request, or one with a fault of `REFUSED_SERVERS`.

    A token is sent as it came, without blanks and line ends around it. One that has expired, belongs to another
    patient, is not a bearer token or is no token at all is not usable, and nothing is read without it either: a server
    may show strangers empty lists. (A DPoP or MAC token sent without its proof would only be disclosed.)
    """
    given = request.authorization
    if given is None:
        return AccessToken()
    token = given.access_token.strip(_AROUND)
    if not _TOKEN.fullmatch(token):
        return AccessToken(fault="token-malformed")
    if given.expires_in is not None and not given.expires_in > 0:
        return AccessToken(fault="token-expired")
    if not given.is_bearer:
        return AccessToken(fault="token-not-bearer")
    if given.patient is not None and given.patient != request.patient_id:
        return AccessToken(fault="token-other-patient")
    return AccessToken(token)


class FhirAccess:
    """All FHIR servers of the process: connections and circuit breakers per client and base, and one read pool."""

    def __init__(self, reads_at_once: int, ca_file: str | None = None, sites: Mapping[str, Site] | None = None) -> None:
        """`sites` holds the local codes by client name; without an entry no narrow questions are asked for a client."""
        self._questions = {name: narrow_questions(site) for name, site in (sites or {}).items()}
        self._pool = ReadPool(reads_at_once)
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._servers: OrderedDict[tuple[str, str], FhirServer] = OrderedDict()

    def reader_for(self, request: HookRequest, client: Client, deadline: Deadline) -> Reader | None:
        """Return the reader for this call, or None if nothing may be read; no socket is opened yet."""
        base, token = accepted_base(client, request.fhir_server), access_token_of(request)
        if base is None or not token.usable:
            return None
        version = version_of_request(request, client)
        scopes = Scopes.of(request.authorization.scope if request.authorization else None)
        asked = self._questions.get(client.name, {})
        return Reader(self._server(client, base), self._pool, token.value, deadline, version, scopes, asked)

    def _server(self, client: Client, base: str) -> FhirServer:
        with self._lock:
            server = self._servers.pop((client.name, base), None)
            if server is None:
                policy = (
                    AddressPolicy(loopback_only=True)
                    if client.is_open
                    else AddressPolicy.for_client(client.allowed_networks)
                )
                server = FhirServer(base, policy, self._ca_file)
            self._servers[client.name, base] = server
            dropped = self._servers.popitem(last=False)[1] if len(self._servers) > _MOST_SERVERS else None
        if dropped:
            dropped.close()
        return server

    def open_breakers(self) -> frozenset[str]:
        """Return the names of the clients with an open circuit breaker."""
        with self._lock:
            return frozenset(name for (name, _), server in self._servers.items() if server.breaker.is_open)

    def close(self) -> None:
        """Close all threads and connections."""
        self._pool.close()
        with self._lock:
            for server in self._servers.values():
                server.close()
            self._servers.clear()
