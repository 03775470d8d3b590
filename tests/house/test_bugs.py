"""A 500 in a test shows its traceback."""

from __future__ import annotations

import pytest

from tests.builders.service import VIEW, application, good, is_outcome


def test_the_traceback_of_a_500_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise LookupError("what went wrong")

    with application() as app:
        app.add_url_rule("/bug", view_func=fail)
        is_outcome(app.test_client().get("/bug"), 500)
        assert "LookupError: what went wrong" in capsys.readouterr().err
        assert app.test_client().post(VIEW, json=good()).status_code != 500
    assert capsys.readouterr().err == ""
