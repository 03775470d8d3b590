"""A call reads its chart and decides once, and passes the result on as a value."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import cards.review
from tests.builders.service import SIGN, VIEW, application, good, is_response

_SERVICE = Path(__file__).resolve().parents[4] / "cds_service"


@pytest.mark.parametrize(("hook", "path"), [("patient-view", VIEW), ("order-sign", SIGN)])
def test_a_call_reads_and_decides_once(hook: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    for name in ("read_chart", "decide"):
        real = getattr(cards.review, name)

        def counted(*given: object, name: str = name, real: object = real, **named: object) -> object:
            calls[name] += 1
            return real(*given, **named)  # type: ignore[operator]

        monkeypatch.setattr(cards.review, name, counted)
    with application() as app:
        is_response(app.test_client().post(path, json=good(hook)))
    assert calls == {"read_chart": 1, "decide": 1}


def test_only_the_review_puts_reading_deciding_and_presenting_together() -> None:
    users = {
        file.relative_to(_SERVICE).as_posix()
        for file in _SERVICE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & {"decide", "to_be_shown"}
    }
    assert users == set()


def test_nothing_but_the_request_id_hangs_on_the_request_context() -> None:
    names = {
        node.attr
        for file in _SERVICE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "g"
    }
    assert names <= {"request_id", "get"}


def test_an_order_without_a_draft_to_judge_is_not_reviewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cards.review, "read_chart")
    with application() as app:
        http: FlaskClient = app.test_client()
        body = good("order-sign", drafts=["lisinopril-10-once-daily"])
        assert is_response(http.post(SIGN, json=body)) == {"cards": []}
