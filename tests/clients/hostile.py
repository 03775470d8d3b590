"""Addresses that a request must not be able to send the service to."""

from __future__ import annotations

import random
from collections.abc import Iterator

HOSTILE = [
    "http://169.254.169.254/", "http://169.254.169.254/latest/meta-data", "http://192.0.0.192/", "http://100.100.100.200/",
    "http://metadata.google.internal/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/", "http://[::ffff:127.0.0.1]/", "http://[::]/", "http://0.0.0.0/", "http://0/", "http://10.0.0.1/",
    "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.0.0.01/",
    "http://127.0.0.256/", "http://127.0.0.1.evil.com/", "http://localhost.evil.com/", "http://localhost./",
    "http://127.0.0.1@evil.com/", "http://evil.com@127.0.0.1/", "http://u:p@localhost/fhir", "http://127.0.0.1\\@evil.com/",
    "http://evil.com\\@127.0.0.1/", "http://127.0.0.1%2eevil.com/", "http://127.0.0.1%00.evil.com/", "http://localhost%2f@evil.com",
    "http://127.0.0.1:80@evil.com/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:080/", "http://127.0.0.1:/",
    "http://127.0.0.1#@evil.com/", "http://127.0.0.1?@evil.com/", "http://127.0.0.1/fhir?x=1", "http://127.0.0.1/fhir#x",
    "http://127.0.0.1/../x", "http://127.0.0.1/fhir/..", "http://127.0.0.1/./x", "http://127.0.0.1//evil.com", "http:///127.0.0.1/",
    "http:127.0.0.1", "//127.0.0.1/", "127.0.0.1", "localhost", "", " ", "/", "file:///etc/passwd", "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_x", "javascript:alert(1)", "HTTP://127.0.0.1/", "http://LOCALHOST/", "http://lоcalhost/",
    "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://١٢٧.0.0.1/", "http://127.0.0.1\r\nHost: evil.com/", "http://127.0.0.1/\n",
    "\thttp://127.0.0.1/", " http://127.0.0.1/", "http://127.0.0.1/ ", "http://127.0.0.1/a b", "http://127.0.0.1\x00/",
    "http://127.0.0.1/\x7f", "http://127.0.0.1/\u202e", "http://[::1", "http://::1/", "http://[::1%25lo]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://localhost:8080:80/", "http://127.0.0.1;evil.com/", "http://127.0.0.1,evil.com/", "https://evil.com/fhir",
    "https://ehr.example.org.evil.com/fhir", "https://ehr.example.org@evil.com/fhir", "https://ehr.example.org\\@evil.com/fhir",
    "https://EHR.example.org/fhir", "https://ehr.example.org:443/fhir", "https://ehr.example.org/FHIR", "https://ehr.example.org/fhir//",
    "https://ehr.example.org/fhir/.", "https://ehr.example.org/fhir/../x", "https://ehr.example.org/%66hir", "https://ehr.example.org./fhir",
    "http://ehr.example.org/fhir", "https://ehr.example.org/fhir?x", "https://ehr.example.org/fhir#x", "https://ehr.example.org/fhi",
    "https://ehr.еxample.org/fhir", "https://ehr.example.org/fhir\r\n", "https://ehr.example.org%2eevil.com/fhir",
]  # fmt: skip

_SCHEMES = ("http://", "https://", "HTTP://", "ftp://", "//", "http:/", "gopher://", "")
_HOSTS = (
    "127.0.0.1",
    "localhost",
    "[::1]",
    "ehr.example.org",
    "169.254.169.254",
    "evil.com",
    "10.1.2.3",
    "0x7f.1",
    "127.1",
)
_JOINTS = (
    "@",
    "\\@",
    "%40",
    "%2e",
    ".",
    ":80@",
    "#@",
    "?@",
    "\r\n",
    "\x00",
    "\u3002",
    ";",
    ",",
    "%",
    " ",
    "\\",
    "//",
    "/../",
)


def made_up(seed: int, count: int) -> Iterator[str]:
    """`count` addresses, each of two hosts joined by something that parsers read differently; the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        first, second = chance.choice(_HOSTS), chance.choice(_HOSTS)
        tail = chance.choice(("", "/", "/fhir", "/fhir/", ":8080/fhir", "/fhir?x", "/%2e%2e"))
        yield f"{chance.choice(_SCHEMES)}{first}{chance.choice(_JOINTS)}{second}{tail}"
