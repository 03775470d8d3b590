"""May this call read a FHIR server, which one, and with which token (reliability page 1.1 and 1.3).

The address in a request is a key to look up, never something to follow: with clients it must be, byte for byte, the one
the configuration has for the caller; in open mode it must be this machine. Everything else is as if it were absent.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from cds_service.clients.client import Client
from cds_service.clients.fhir_base import accepted_base
from cds_service.deadline import Deadline
from cds_service.fhir.crew import Crew
from cds_service.fhir.peers import Peers
from cds_service.fhir.reader import Reader
from cds_service.fhir.scopes import Scopes
from cds_service.fhir.server import FhirServer
from cds_service.fhir_version import version_of_request
from cds_service.hook_request import HookRequest

#: RFC 6750, section 2.1: anything else might carry a line break into a header (LOG-1).
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_LONGEST_TOKEN = 16 * 1024
#: In open mode every port of this machine may be asked for; only so many are remembered.
_MOST_SERVERS = 64


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for one call, or None where the call has none; not to be used at all where it is not `usable`."""

    value: str | None = field(default=None, repr=False)
    usable: bool = True


def token_of(request: HookRequest) -> Token:
    """The token of the request. A token that has run out, belongs to another patient or is no bearer token (DPoP, mac:
    sent alone it proves nothing and gives itself away) is not used, nor is the server asked without it; one that is no
    token is as if absent."""
    given = request.authorization
    if given is None or len(given.access_token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(given.access_token):
        return Token()
    if given.expires_in is not None and not given.expires_in > 0:
        return Token(usable=False)
    if not given.is_bearer:
        return Token(usable=False)
    if given.patient is not None and given.patient != request.patient_id:
        return Token(usable=False)
    return Token(given.access_token)


class FhirAccess:
    """All FHIR servers of the process: connections and breakers per client and base, one crew for all."""

    def __init__(self, reads_at_once: int, ca_file: str | None = None) -> None:
        self._crew = Crew(reads_at_once)
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._servers: OrderedDict[tuple[str, str], FhirServer] = OrderedDict()

    def reader_for(self, request: HookRequest, client: Client, deadline: Deadline) -> Reader | None:
        """Whoever reads for this call, or None where nothing may be read. No socket is opened here."""
        base, token = accepted_base(client, request.fhir_server), token_of(request)
        if base is None or not token.usable:
            return None
        version = version_of_request(request, client)
        scopes = Scopes.of(request.authorization.scope if request.authorization else None)
        return Reader(self._server(client, base), self._crew, token.value, deadline, version, scopes)

    def _server(self, client: Client, base: str) -> FhirServer:
        with self._lock:
            server = self._servers.pop((client.name, base), None)
            if server is None:
                peers = Peers(loopback_only=True) if client.is_open else Peers.of_client(client.allowed_networks)
                server = FhirServer(base, peers, self._ca_file)
            self._servers[client.name, base] = server
            dropped = self._servers.popitem(last=False)[1] if len(self._servers) > _MOST_SERVERS else None
        if dropped:
            dropped.close()
        return server

    def open_breakers(self) -> frozenset[str]:
        """Names of the clients of whom a FHIR server is left alone just now."""
        with self._lock:
            return frozenset(name for (name, _), server in self._servers.items() if server.breaker.is_open)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._crew.close()
        with self._lock:
            for server in self._servers.values():
                server.close()
            self._servers.clear()
