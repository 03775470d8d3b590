"""Decide which FHIR base URL may be read for a call (reliability SSRF-1 to SSRF-3).

URL parsers disagree on hostile input, so a URL from a request is never parsed and followed: for a configured client it
is compared byte for byte, and in open mode it must be one of the few spellings of this machine.
"""

from __future__ import annotations

import re

from cds_service.config.client import Client

_LONGEST = 2048
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_THIS_MACHINE = re.compile(
    r"https?://"
    rf"(?:127(?:\.{_OCTET}){{3}}|\[::1\]|localhost)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*",
    re.ASCII,
)


def accepted_base(client: Client, fhir_server: object) -> str | None:
    """Return the base URL to read from, without a trailing slash, or None if nothing may be read.

    For a configured client that is its `fhir_base`, if the request names exactly that (a trailing slash apart); in
    open mode any loopback URL with http or https.
    """
    if not isinstance(fhir_server, str) or len(fhir_server) > _LONGEST:
        return None
    asked = fhir_server.removesuffix("/")
    if not client.is_open:
        return client.fhir_base if asked == client.fhir_base else None
    found = _THIS_MACHINE.fullmatch(asked)
    return asked if found and int(found["port"] or 80) < 65536 else None
