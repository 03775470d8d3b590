"""Check the format of a code in its code system, and its check digit if the system has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cards.knowledge.code_systems import (
    ATC,
    CPT,
    HCPCS,
    ICD_9_CM,
    ICD_10,
    ICD_10_AM,
    ICD_10_CM,
    ICD_10_GM,
    ICD_11,
    ICPC_2,
    LOINC,
    RXNORM,
    SNOMED,
    UNII,
)

#: Verhoeff's multiplication table of the dihedral group of order ten, and his permutation table.
_TIMES = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def code_fault(system: str, code: str) -> str:
    """Return the fault of a code, or an empty text; a code system without a format here is a fault."""
    shape, described = _SHAPES.get(system, ("", ""))
    if not shape:
        return "a code system that no rule here knows; allowed: those of cards/knowledge/code_systems.py"
    if not re.fullmatch(shape, code):
        return f"no code of its system; allowed: {described}"
    check = _CHECKS.get(system)
    return "" if check is None or check(code) else "its check digit is wrong; a digit was lost or changed"


def _is_loinc(code: str) -> bool:
    """Check the digit modulo 10, with every second digit from the right doubled."""
    digits, _, check = code.partition("-")
    doubled = (int(digit) * (2 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(digits)))
    return (sum(number // 10 + number % 10 for number in doubled) + int(check)) % 10 == 0


def _is_snomed(code: str) -> bool:
    """Check the digit by Verhoeff's algorithm."""
    rest = 0
    for index, digit in enumerate(reversed(code)):
        rest = int(_TIMES[rest][int(_PERMUTED[index % 8][int(digit)])])
    return rest == 0


_WHO_ICD = (r"[A-Z][0-9]{2}(\.?[0-9]{1,3})?", "letter, two digits, and up to three digits after a point")
_SHAPES: Mapping[str, tuple[str, str]] = {
    LOINC: (r"[0-9]{1,7}-[0-9]", "digits, a hyphen and a check digit"),
    SNOMED: (r"[1-9][0-9]{5,17}", "6 to 18 digits"),
    ICD_10_CM: (
        r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?",
        "three signs, and up to four more after a point, in capitals",
    ),
    ICD_10: _WHO_ICD,
    ICD_10_AM: _WHO_ICD,
    ICD_10_GM: _WHO_ICD,
    ICD_9_CM: (r"(V[0-9]{2}|E[0-9]{3}|[0-9]{3})(\.?[0-9]{1,2})?", "three digits, and one or two after a point"),
    ICD_11: (r"[0-9A-Z]{4}(\.[0-9A-Z]{1,3})?", "four capitals or digits"),
    ICPC_2: (r"[A-Z][0-9]{2}", "a letter and two digits"),
    RXNORM: (r"[1-9][0-9]{0,7}", "up to eight digits"),
    ATC: (r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", "one to seven signs, such as B03AA07"),
    CPT: (r"[0-9]{5}", "five digits"),
    HCPCS: (r"[A-Z][0-9]{4}", "a letter and four digits"),
    UNII: (r"[0-9A-Z]{10}", "ten capitals or digits"),
}
_CHECKS: Mapping[str, Callable[[str], bool]] = {LOINC: _is_loinc, SNOMED: _is_snomed}
