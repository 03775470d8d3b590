"""The edition of ICD-10 that a code belongs to: a code that exists in one edition only tells it, whatever its address.

Records name editions carelessly: E83.110 under WHO's address can only be the haemochromatosis of ICD-10-CM, while
G25.81 under that of ICD-10-GM stays what it is there. The codes stand in `cards/knowledge/icd_editions.toml`
(data amendments 2).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from cards.knowledge.code_systems import ICD_10, ICD_10_AM, ICD_10_CM, ICD_10_GM, plain_code

_EDITIONS = frozenset({ICD_10, ICD_10_CM, ICD_10_AM, ICD_10_GM})
_NATIONAL = frozenset({ICD_10_AM, ICD_10_GM})
#: Signs of a code of the longest edition but ICD-10-CM; without the point.
_LONGEST_OF_OTHERS = 5


@lru_cache(maxsize=4096)
def edition_of(system: str, code: str) -> str:
    """Return the system that a code belongs to, by its FHIR name: `system` itself where the code decides nothing."""
    if system not in _EDITIONS:
        return system
    plain = plain_code(system, code)
    if _is_cm_by_its_form(plain):
        return ICD_10_CM
    if system in _NATIONAL:
        return ICD_10_CM if _is_listed("cm_under_national", plain) else system
    if _is_listed("gm", plain):
        return ICD_10_GM
    if system == ICD_10_CM:
        return ICD_10 if _is_listed("who", plain) else system
    has_fifth_sign = len(plain) == _LONGEST_OF_OTHERS and not _is_listed("no_five_signs_but", plain)
    return ICD_10_CM if has_fifth_sign or _is_listed("cm", plain) else system


def _is_cm_by_its_form(plain: str) -> bool:
    """Return whether only ICD-10-CM has codes so written: with a letter after the first sign, or so long."""
    return bool(plain[:1].isalpha()) and (not plain[1:].isdigit() or len(plain) > _LONGEST_OF_OTHERS) and len(plain) > 2


def _is_listed(kind: str, plain: str) -> bool:
    listed = one_edition_codes()[kind]
    return any(plain[:length] in listed for length in range(1, len(plain) + 1))


@cache
def one_edition_codes() -> Mapping[str, frozenset[str]]:
    """Return the codes that exist in one edition only, by the table that names them."""
    text = (files("cards") / "knowledge" / "icd_editions.toml").read_text(encoding="utf-8")
    return {kind: frozenset(codes) for kind, codes in tomllib.loads(text).items()}
