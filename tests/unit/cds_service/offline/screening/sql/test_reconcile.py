"""Why the SQL and the screening say different things of a patient: every patient is either alike or explained."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.sql.queries import QUESTIONS, VALUES
from cds_service.offline.screening.sql.reconcile import BadRows, Reconciliation, Row, as_text, read_rows, reconcile

Json = dict[str, Any]

_FOUND: Json = {
    "patient": "p",
    "rls": "yes",
    "measures": {"iron-stores-assessed": True, "low-ferritin-without-iron": True},
    "basis": {
        "rls": {"by_code": 1, "by_other_code": 0, "by_words": 0, "not_counted": 0},
        "adult": True,
        "birth_is_whole": True,
        "ferritin": {
            "kind": "usable", "value": "40", "comparator": "", "taken": "2026-05-01", "how": "reported", "low": True,
        },
        "unusable": [],
        "iron": False,
        "iron_orders": 0,
        "dopaminergic": False,
        "taken_out": False,
        "parkinsonism": False,
    },
}  # fmt: skip
_ANSWERS: Json = dict(zip(QUESTIONS, (1, 1, 1, 1, 0, 0, 1, None), strict=True))
_VALUES = {"ferritin": "40", "ferritin_taken": "2026-05-01"}


def changed(value: Json, changes: Json) -> Json:
    """Return a copy with members replaced, by their path with points; `None` as the whole value takes one out."""
    found = copy.deepcopy(value)
    for path, new in changes.items():
        *above, name = path.split(".")
        place = found
        for each in above:
            place = place[each]
        place[name] = new
    return found


def compared(
    sql: Json | None, found: Json, values: dict[str, str] = _VALUES
) -> tuple[list[tuple[str, str]], Reconciliation]:
    """Return question and reason of every difference."""
    rows = {} if sql is None else {"p": Row(_ANSWERS | sql, values)}
    result = Reconciliation()
    differences = list(reconcile([json.dumps(found).encode()], rows, result))
    return [(each.question, each.why) for each in differences], result


def test_those_who_are_alike_are_counted() -> None:
    found, result = compared({}, _FOUND)
    assert not found and (result.agree, result.differ) == (1, 0)


_NONE: Json = {"assessed": 0, "low": None, "low_without_iron": None}
_UNTOLD, _MISSING = {"iron-stores-assessed": None}, {"iron-stores-assessed": False}
_HIGH: Json = {"low": 0, "low_without_iron": None}


@pytest.mark.parametrize(
    ("sql", "ours", "question", "why"),
    [
        ({"rls": 0}, {}, "rls", "a record that this one replaced"),
        ({"rls": 0}, {"basis.rls": {"by_code": 0, "by_words": 1}}, "rls", "told in words"),
        ({"rls": 0}, {"basis.rls": {"by_code": 0, "by_other_code": 1}}, "rls", "told by a code that the views"),
        ({}, {"rls": "suspected"}, "rls", "suspected only"),
        ({}, {"rls": None, "scope": "deceased"}, "rls", "out of scope: deceased"),
        ({}, {"rls": None, "scope": "no RLS", "basis.rls": {"not_counted": 1}}, "rls", "over, refuted or in error"),
        ({"adult": 0}, {"basis.birth_is_whole": False}, "adult", "a birth date without a day"),
        ({}, {"basis.adult": None}, "adult", "no birth date"),
        (_NONE, {"basis.ferritin.how": "converted"}, "assessed", "converted"),
        (_NONE, {"basis.ferritin.comparator": "<"}, "assessed", "above or below"),
        (_NONE, {}, "assessed", "in a form that the views do not have"),
        ({}, {"measures": _UNTOLD, "basis.unusable": ["no-unit"]}, "assessed", "compared: no-unit"),
        ({}, {"measures": _MISSING, "basis.ferritin.kind": "stale"}, "assessed", "outside the period"),
        (_HIGH, {"basis.ferritin.taken": "2026-06-01"}, "low", "another one"),
        (_HIGH, {"basis.ferritin.kind": "conflict"}, "low", "both sides of the limit"),
        (_HIGH, {}, "low", "rounded"),
        ({"on_iron": 1, "low_without_iron": 0}, {"basis.iron_orders": 1}, "on_iron", "no treatment"),
        ({"on_iron": 1, "low_without_iron": 0}, {}, "on_iron", "is over"),
        ({}, {"basis.iron": True, "measures.low-ferritin-without-iron": False}, "on_iron", "told by words"),
        ({}, {"basis.dopaminergic": True}, "on_dopaminergic", "told by words"),
        ({"on_dopaminergic": 1}, {}, "on_dopaminergic", "not taken"),
        ({"low_without_iron": None}, {"basis.taken_out": True}, "low_without_iron", "not counted by us: iron overload"),
    ],
)  # fmt: skip
def test_a_difference_is_explained(sql: Json, ours: Json, question: str, why: str) -> None:
    found, result = compared(sql, changed(_FOUND, ours))
    assert found[0][0] == question and why in found[0][1], found
    assert len(found) == 1 and not result.unexplained and result.differ == 1
    assert why in as_text(result)


def test_what_nothing_explains_is_said_to_be_so() -> None:
    found, result = compared({"adult": 0}, _FOUND)
    assert result.unexplained == 1 and "not explained" in found[0][1]


def test_a_patient_of_one_side_alone_is_named() -> None:
    result = Reconciliation()
    rows = {"q": Row(_ANSWERS, _VALUES), "r": Row(_ANSWERS | {"rls": 0}, _VALUES)}
    found = list(reconcile([json.dumps(_FOUND).encode()], rows, result))
    assert [(each.patient, each.question) for each in found] == [("p", "rls"), ("q", "rls")]
    assert "no Patient in the views" in found[0].why and "another record replaced" in found[1].why
    assert result.agree == 1


def test_rows_are_read_with_or_without_types_in_their_keys(tmp_path: Path) -> None:
    head = ",".join(("patient", *QUESTIONS, *VALUES))
    (tmp_path / "rows.csv").write_text(f"{head}\nPatient/p1,1,1,0,,0,NULL,,,,\np2,0,1,,,,,,,,\n")
    found = read_rows(tmp_path / "rows.csv")
    assert set(found) == {"p1", "p2"} and found["p1"].answers["assessed"] == 0
    assert found["p1"].answers["on_dopaminergic"] is None


@pytest.mark.parametrize(
    ("content", "told"),
    [("patient,rls\np,1\n", "missing columns: adult"), (None, "line 2: an answer is 1, 0 or empty")],
)
def test_another_table_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    head = ",".join(("patient", *QUESTIONS, *VALUES))
    (tmp_path / "rows.csv").write_text(content or f"{head}\np1,maybe{',' * 9}\n")
    with pytest.raises(BadRows, match=told):
        read_rows(tmp_path / "rows.csv")
