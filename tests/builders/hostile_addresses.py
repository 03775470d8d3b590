"""URLs and ids that must never lead the service elsewhere."""

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
    """Yield `count` URLs of two hosts joined by something that parsers read differently; the seed repeats them."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        first, second = chance.choice(_HOSTS), chance.choice(_HOSTS)
        tail = chance.choice(("", "/", "/fhir", "/fhir/", ":8080/fhir", "/fhir?x", "/%2e%2e"))
        yield f"{chance.choice(_SCHEMES)}{first}{chance.choice(_JOINTS)}{second}{tail}"


#: Text that is no FHIR id, or leads elsewhere if it is pasted into a URL.
HOSTILE_IDS = [
    ".", "..", "...", "../..", "../../admin", "..\\..", "Patient/../..", "x/..", "x/../../y", "./x", "x/.", "/",
    "//", "//evil.com", "/etc", "///evil.com/fhir", "\\\\evil.com", "@evil.com", "x@evil.com", ":80", ":@evil.com",
    "x:y@evil.com", "#", "x#y", "#@evil.com", "?", "x?y", "?_count=1", "x?patient=p2", "&patient=p2",
    "p1&patient=p2", "p1,p2", "p1|p2", "p1;p2", "$everything", "p1/$everything", "p1/_history/1", "_search", "p1*",
    "{{context.patientId}}", "${jndi:ldap://evil.com/x}", "%", "%2", "%2f", "%2F..", "%2e", "%2e%2e", "%2e%2e%2f",
    "..%2f..", "..%252f..", "%252e%252e", "%5c", "%23", "%3f", "%40evil.com", "%00", "x%00", "%0d%0aHost:evil.com",
    "x\r\nHost: evil.com", "x\r\n\r\nGET / HTTP/1.1\r\nHost: evil.com", "x HTTP/1.1\r\nX-Evil: 1", "x\nX-Evil: 1",
    "x\rX-Evil: 1", "\r\n", "p1\n", "\x00", "x\x00", "\t", " ", " x", "x ", "x y", "\x7f", "\x85", "\u2028",
    "\u202e", "\ufeffx", "x\u200b", "ä", "ｘ", "１", "①", "٣", "x．．", "．．/．．", "\u2215", "\u2044evil.com",
    "x\u3002evil.com", "\U0001f600", "é", "e\u0301", "\u212a", "x" * 65, "x" * 10_000, "../" * 3_000,
    "http://evil.com/x", "https://evil.com/Patient/x", "HTTP://EVIL.COM", "http:evil.com", "urn:uuid:x",
    "urn:oid:1.2", "javascript:1", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x",
    "http://169.254.169.254/latest/meta-data", "data:,x", "Patient/", "Patient/Patient/x", "Patient//x",
    "Medication/", "Medication/x/y", "Group/1", "#contained", "", "null", "-", "-.-", "x" * 64, "1", "A.b-C", "..x",
    "x..",
]  # fmt: skip

_ID_STARTS = (
    "", "p1", "x", "..", ".", "/", "//", "Patient/", "Medication/", "http://", "\\", "%2e%2e", "１", "A-1.", "\r\n",
    "?", "#",
)  # fmt: skip
_ID_JOINTS = (
    "/", "//", "/../", "..", "\\", "@", ":", "?", "#", "&", "=", ",", "|", ";", "$", " ", "\t", "\r\n", "\n", "\x00",
    "+", "*", "%2f", "%2F", "%5c", "%23", "%3F", "%40", "%0d%0a", "%00", "%252f", "%25", "\u2028", "\u3002", "／",
    "＠", "．", ".", "-", "",
)  # fmt: skip
_ID_ENDS = (
    "evil.com", "admin", "p2", "patient=p2", "..", "_history/1", "$everything", "Host: evil.com",
    "HTTP/1.1\r\nX-Evil: 1", "x" * 60, "1", "", "169.254.169.254/", "é", "%2e%2e/",
)  # fmt: skip


def made_up_ids(seed: int, count: int) -> Iterator[str]:
    """Yield `count` ids made of characters with a meaning in a URL; a few are valid. The seed repeats them."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        middle = (chance.choice(_ID_JOINTS) + chance.choice(_ID_ENDS) for _ in range(chance.randrange(1, 3)))
        yield chance.choice(_ID_STARTS) + "".join(middle)
