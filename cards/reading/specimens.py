"""Whether a specimen is blood, serum or plasma: what every limit was written for (clinical page 0.3, rule 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cards.code_systems import SNOMED, system_of
from cards.reading.shapes import Json, codings, first, objects, reference_id, reference_of, text, text_of

#: SNOMED CT specimens (from memory, unverified): urine, cerebrospinal fluid, saliva, stool, tissue, bone marrow, hair.
_OTHER_SNOMED = frozenset(
    {"122575003", "258450006", "119342007", "119339001", "119376003", "119359002", "119326000"},
)
#: The same in the letters of HL7 table 0487, with sputum, sweat, semen, amniotic, pleural and peritoneal fluid.
_OTHER_LETTERS = frozenset(
    {"UR", "CSF", "SAL", "STL", "SPT", "TISS", "BON", "HAR", "SWT", "SMN", "AMN", "PLR", "PRT"},
)
_OTHER_WORDS = re.compile(
    r"\b(urine|urin|urina|cerebrospinal|csf|liquor|saliva|speichel|stool|stuhl|fa?eces|sputum|tissue|biopsy"
    r"|marrow|hair|sweat|semen|amniotic|pleural|peritoneal|ascites|ascitic|synovial|dialysate|effluent|swab|milk|fluid"
    r"|gastric|bile|vitreous)\b",
    re.IGNORECASE,
)


def is_not_blood(resource: Mapping[str, Json], specimens: Mapping[str, Mapping[str, Json]]) -> bool:
    """The specimen is named and recognised as something other than blood, serum or plasma.

    `specimens` are the Specimen resources at hand, by id. A specimen that nobody describes contradicts nothing: the
    code of the test says what it was made from.
    """
    return any(_is_other(each) for each in _descriptions(resource, specimens))


def _descriptions(resource: Mapping[str, Json], specimens: Mapping[str, Mapping[str, Json]]) -> tuple[Json, ...]:
    """Everything that may say what the specimen is: the reference's display, its resource's type."""
    named = first(resource.get("specimen"))
    if not named:
        return ()
    wanted = reference_id(named)
    if reference_of(named).startswith("#"):
        held = next((each for each in objects(resource.get("contained")) if text(each.get("id")) == wanted), {})
    else:
        held = specimens.get(wanted, {})
    return text(named.get("display")), held.get("type")


def _is_other(description: Json) -> bool:
    for system, code in codings(description):
        if code in _OTHER_SNOMED if system_of(system) == SNOMED else code.upper() in _OTHER_LETTERS:
            return True
    return bool(_OTHER_WORDS.search(text_of(description)[:200]))
