"""Known code systems by their FHIR names, with the other spellings that data sources use."""

from __future__ import annotations

import re
from functools import lru_cache

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_10_AM = "http://hl7.org/fhir/sid/icd-10-am"
ICD_10_GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
ICD_11 = "http://id.who.int/icd/release/11/mms"
ICPC_2 = "http://hl7.org/fhir/sid/icpc-2"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes"
UNII = "http://fdasis.nlm.nih.gov"
NDC = "http://hl7.org/fhir/sid/ndc"
UCUM = "http://unitsofmeasure.org"

#: Systems whose codes are written with and without the dot (clinical rationale 4: `G2581` is `G25.81`).
ICD_SYSTEMS = frozenset({ICD_10_CM, ICD_9_CM, ICD_10, ICD_10_AM, ICD_10_GM})

#: Other names: object identifiers, former addresses and plain names, all in lower case without scheme and slash.
#: The Brazilian, Dutch and epSOS lists are WHO's ICD-10 (BRCID10, icd-10-nl) and ICPC-2 (BRCIAP2) at local addresses,
#: and so are the Norwegian, Finnish, Danish (SKS), Swedish, Czech and Russian ones.
_SPELLINGS = {
    LOINC: ("loinc.org", "loinc", "ln", "2.16.840.1.113883.6.1"),
    SNOMED: ("snomed.info/sct", "snomed", "snomed-ct", "snomedct", "sct", "2.16.840.1.113883.6.96"),
    ICD_10_CM: (
        "2.16.840.1.113883.6.90",
        "mimic.mit.edu/fhir/mimic/codesystem/mimic-diagnosis-icd10",
    ),
    ICD_9_CM: (
        "2.16.840.1.113883.6.103",
        "2.16.840.1.113883.6.2",
        "hl7.org/fhir/sid/icd-9-cm/diagnosis",
        "mimic.mit.edu/fhir/mimic/codesystem/mimic-diagnosis-icd9",
    ),
    ICD_10: (
        "2.16.840.1.113883.6.3",
        "1.3.6.1.4.1.12559.11.10.1.3.1.44.2",
        "id.who.int/icd/release/10",
        "saude.gov.br/fhir/r4/codesystem/brcid10",
        "2.16.840.1.113883.6.3.2",
        "2.16.578.1.12.4.1.1.7110",
        "1.2.246.537.6.1",
        "1.2.246.537.6.1.1999",
        "1.2.208.176.2.4",
        "1.2.208.176.2.4.12",
        "1.2.752.116.1.1.1",
        "1.2.752.116.1.1.1.1.1",
        "1.2.752.116.1.1.1.1.3",
        "1.2.752.116.1.1.1.1.8",
        "1.2.203.24341.11.2.1",
        "1.2.643.5.1.13.13.11.1005",
    ),
    ICD_10_AM: ("2.16.840.1.113883.6.135",),
    ICD_10_GM: ("1.2.276.0.76.5.409",),
    ICD_11: ("id.who.int/icd/release/11/mms", "id.who.int/icd11/mms", "2.16.840.1.113883.6.347"),
    ICPC_2: (
        "2.16.840.1.113883.6.139",
        "2.16.840.1.113883.6.140",
        "2.16.840.1.113883.2.4.4.31.1",
        "2.16.578.1.12.4.1.1.7170",
        "1.2.246.537.6.31",
        "1.2.246.537.6.31.2007",
        "1.2.208.176.2.31",
        "saude.gov.br/fhir/r4/codesystem/brciap2",
    ),
    RXNORM: ("nlm.nih.gov/research/umls/rxnorm", "rxnorm", "2.16.840.1.113883.6.88"),
    ATC: (
        "whocc.no/atc",
        "whocc.no/atc_ddd_index",
        "atcddd.fhi.no/atc",
        "atcddd.fhi.no/atc_ddd_index",
        "who.int/classifications/atc",
        "1.2.246.537.6.32",
        "1.2.246.537.6.32.2007",
        "2.16.578.1.12.4.1.1.7180",
        "1.2.752.129.2.2.3.1.1",
        "atc",
        "2.16.840.1.113883.6.73",
        "fhir.de/codesystem/bfarm/atc",
        "fhir.de/codesystem/dimdi/atc",
    ),
    CPT: ("ama-assn.org/go/cpt", "cpt", "cpt-4", "cpt4", "2.16.840.1.113883.6.12"),
    HCPCS: (
        "terminology.hl7.org/codesystem/hcpcs-all-codes",
        "cms.gov/medicare/coding/hcpcsreleasecodesets",
        "hcpcs",
        "2.16.840.1.113883.6.285",
    ),
    UNII: ("fdasis.nlm.nih.gov", "fda.gov/unii", "unii", "2.16.840.1.113883.4.9"),
    NDC: ("hl7.org/fhir/sid/ndc", "ndc", "2.16.840.1.113883.6.69"),
    UCUM: ("unitsofmeasure.org", "ucum", "2.16.840.1.113883.6.8"),
}
_BY_SPELLING = {spelling: system for system, spellings in _SPELLINGS.items() for spelling in spellings}

#: The last part of an address of a diagnosis classification, in lower case without hyphens and other marks. It is
#: written in many manners and under many hosts, and means the same everywhere; of ICPC, the first edition has the same
#: N04 as the second (data amendments 2).
_BY_LAST_PART = {
    **dict.fromkeys(("icd9cm",), ICD_9_CM),
    "icd11": ICD_11,
    **dict.fromkeys(("icpc2", "icpc2e", "icpc1", "icpc1nl", "icpc"), ICPC_2),
}
#: ICD-10 in the last part of an address, in any manner (`icd-10-cm`, `icd10CM`, `terminologie-cim-10`), by its national
#: names, with the edition and a year behind it (`icd-10-bmsgpk-2025`). Procedures, groups, sides
#: and maps are another system.
_ICD_10_NAME = re.compile(
    r"(?!.*(?:proc|pcs|map|ops|oper|surg|achi|drg|hcc|seitenlokalisation|[^a-z0-9]to[^a-z0-9]))(?:.*[^a-z0-9])?(?:icd|cie|cid|cim|mkn|rhk)[^a-z0-9]*10"
    r"(?:[^a-z0-9]*(?P<edition>who|bmsgpk|dut|(?!p[crx]|to)[a-z]{2}))?(?:[^a-z0-9]*20\d\d)?"
)
#: The Spanish and Belgian editions are translations of ICD-10-CM, those not named here of WHO's ICD-10.
_ICD_10_EDITIONS = {
    **dict.fromkeys(("cm", "mc", "es", "be"), ICD_10_CM),
    "am": ICD_10_AM,
    **dict.fromkeys(("gm", "de"), ICD_10_GM),
}
_CANONICAL = {system: system for system in _SPELLINGS}
_LONGEST_NAME = 200

_MARKS = re.compile(r"[^a-z0-9]")
_SCHEME = re.compile(r"^(?:https?://|urn:oid:|oid:)?(?:www\.)?")
_EDITION = re.compile(r"(?:\||/version/|\?|#).*$")
#: `http://snomed.info/sct/731000124108/version/20240901` and WHO's dated addresses name an edition of the same system.
_SNOMED_EDITION = re.compile(r"^snomed\.info/sct/\d+$")
_ICD_11_EDITION = re.compile(r"^id\.who\.int/icd/release/11/\d{4}-\d{2}/mms$")


def system_of(uri: object) -> str | None:
    """Return the FHIR name of a code system by its address, object identifier or common name, or None if unknown."""
    return (_CANONICAL.get(uri) or _fold(uri[:_LONGEST_NAME])) if isinstance(uri, str) else None


def spellings_of(system: str) -> tuple[str, ...]:
    """Return the other names of a system in lower case, without scheme; each of its spellings holds one."""
    return _SPELLINGS[system]


@lru_cache(maxsize=512)
def _fold(uri: str) -> str | None:
    plain = _EDITION.sub("", "".join(uri.split()).lower())
    plain = _SCHEME.sub("", plain).rstrip("/")
    if _SNOMED_EDITION.match(plain):
        return SNOMED
    if _ICD_11_EDITION.match(plain):
        return ICD_11
    return _BY_SPELLING.get(plain) or _by_last_part(plain.rpartition("/")[2])


def _by_last_part(last: str) -> str | None:
    if found := _ICD_10_NAME.fullmatch(last):
        return _ICD_10_EDITIONS.get(found["edition"], ICD_10)
    return _BY_LAST_PART.get(_MARKS.sub("", last))


#: A code of ICD-10-GM with the letter of its certainty behind it, as billing lists write it: `E83.1G`, `E83.1 G`. Such
#: a letter right behind the point (`D75.A`), or A and Z behind three signs without one, may be ICD-10-CM's own.
_WITH_CERTAINTY = re.compile(
    r"([A-Z]\d\d(?:(?:\.\d{1,2}|\d{0,2}|\.-)[+*!#]?[\s-]+|(?:\.\d{1,2}|\d{1,2}|\.-)[+*!#]?|[+*!#]?(?=[GV])))([GVZA])[+*!#]?",
    re.IGNORECASE,
)
#: A diagnosis of the Danish SKS has a D before the code of WHO's ICD-10 and what it subdivides behind it (`DE831A` is
#: E83.1), and Nordic editions subdivide by a fifth letter. No edition has two letters before its numbers.
_NORDIC = re.compile(r"D([A-Z]\d{2,3})[0-9A-Z]*|([A-Z]\d{3})[A-W]")
_ICD_9_SHAPE = re.compile(r"(?:\d{3}|V\d{2}|E\d{3})\d{0,2}")
_ICD_10_SHAPE = re.compile(r"[A-Z]\d[0-9A-Z]{1,5}")


def split_certainty(system: str, code: str) -> tuple[str, str]:
    """Return a code and the letter of its certainty, which only ICD-10-GM has; the letter is empty where none is."""
    found = _WITH_CERTAINTY.fullmatch(code.strip()) if system == ICD_10_GM else None
    return (found[1].rstrip(), found[2].upper()) if found else (code, "")


def has_icd_shape(system: str, code: str) -> bool:
    """Return whether a code is written as codes of this edition of ICD are; what is not tells nothing."""
    shape = _ICD_9_SHAPE if system == ICD_9_CM else _ICD_10_SHAPE
    return system in ICD_SYSTEMS and bool(shape.fullmatch(plain_code(system, code)))


def plain_code(system: str, code: str) -> str:
    """Return a code as it is compared: ICD without dot and marks (`G25.81` is `G2581`), ICD-11 by stem."""
    if system in ICD_SYSTEMS:
        code, _ = split_certainty(system, code)
        plain = "".join(filter(str.isalnum, code)).upper()
        nordic = _NORDIC.fullmatch(plain) if system == ICD_10 else None
        return (nordic[1] or nordic[2]) if nordic else plain
    if system == ICD_11:
        return re.split(r"[&/]", code.strip().upper())[0]
    return code.strip() if system == UCUM else code.strip().upper()
