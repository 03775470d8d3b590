"""Generated hook requests: valid ones with random changes, and FHIR that only looks like FHIR."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import draft_names, load_patient, load_patients
from tests.builders.service import OVERLOAD, SELECT, SIGN, TODAY, VIEW
from tests.builders.versions import VERSIONS, convert

PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}
PATIENTS = load_patients(TODAY)
IN_OVERLOAD, IRON = load_patient(OVERLOAD, TODAY), "ferrous-sulfate-325-once-daily"

#: FHIR terms beside random text, so that odd values reach the code that reads them.
_NAMES = """resourceType Bundle Patient Condition Observation MedicationRequest OperationOutcome entry resource coding
code system value valueQuantity unit status subject reference http://loinc.org 2276-4 final active 2026-06-01 9999-99-99
0001-01-01 ng/mL <5 #a 2026-06-01T10:00:00+14:00 urn:uuid:0 Patient/../x 1e400 NaN -0 𝔣"""
WORDS = st.sampled_from([*_NAMES.split(), "\x00", "\u202e", " "])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | WORDS
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)


@st.composite
def hook_calls(draw: st.DrawFn) -> tuple[str, Any]:
    """Draw (path, body) of a client in any FHIR version, with up to six random changes."""
    hook = draw(st.sampled_from(list(PATHS)))
    client = draw(st.sampled_from(list(CLIENTS)))
    count = 1 if client == "sandbox" else 4
    names = st.lists(st.sampled_from(draft_names()), max_size=count, unique=True)
    drafts = draw(names) if hook != "patient-view" else []
    how = draw(st.sampled_from(["full", "half", "cut", "none"]))
    patient = draw(st.sampled_from(PATIENTS))
    if drafts and draw(st.booleans()):  # orders that a card would have removed
        patient, drafts[0] = IN_OVERLOAD, IRON
    body = hook_request(client, hook, patient, today=TODAY, drafts=drafts, prefetch=how, fhir_server="")
    versions = ("R4",) if client == "sandbox" else VERSIONS  # what the sandbox sends is no version's
    body = convert(copy.deepcopy(body), draw(st.sampled_from(versions)))
    if hook != "patient-view" and draw(st.booleans()):
        _change_a_draft(draw, body)
    for _ in range(draw(st.integers(0, 6))):
        _change_somewhere(draw, body)
    return PATHS[hook], body


def _change_a_draft(draw: st.DrawFn, body: dict[str, Any]) -> None:
    """Replace a member of a draft, often its id, since drafts are a small part of a call and cards refer to them."""
    entries = body["context"]["draftOrders"].get("entry", [])
    if entries:
        resource = draw(st.sampled_from(entries))["resource"]
        resource[draw(st.sampled_from(["id", *resource]))] = draw(ANYTHING | WORDS)


def _change_somewhere(draw: st.DrawFn, body: dict[str, Any]) -> None:
    """Descend at random, and replace, remove, duplicate or add one value."""
    node: Any = body
    for _ in range(draw(st.integers(0, 12))):
        inner = [value for value in _values(node) if isinstance(value, dict | list) and value]
        if not inner:
            break
        node = draw(st.sampled_from(inner))
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key, what = draw(st.sampled_from(keys)), draw(st.sampled_from(["replace", "remove", "wrap", "add"]))
    if what == "replace":
        node[key] = draw(ANYTHING)
    elif what == "remove":
        del node[key]
    elif what == "wrap":
        node[key] = draw(st.sampled_from([[node[key]], {"resource": node[key]}, [node[key], node[key]]]))
    elif isinstance(node, dict):
        node[draw(WORDS)] = draw(ANYTHING)
    else:
        node.append(draw(ANYTHING))


def _values(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node
