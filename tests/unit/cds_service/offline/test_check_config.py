"""What `check-config` tells of a configuration that is fine."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cds_service.offline.check_config import check_configuration, summary


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("https://apps.example.org", []),
        ("https://apps.example.org/", []),
        ("https://apps.example.org/rls", ["every address answers below /rls and at the root alike"]),
        ("https://apps.example.org/a/rls/", ["every address answers below /a/rls and at the root alike"]),
    ],
)
def test_a_path_in_the_public_base_is_told(tmp_path: Path, base: str, told: list[str]) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text(f'public_base = "{base}"\n', encoding="utf-8")
    checked = check_configuration(file, {}, date(2026, 6, 30))
    lines = [line for line in summary(checked) if "public_base" in line]
    assert checked.faults == ()
    assert [line.removeprefix("public_base has a path: ").rstrip(".") for line in lines] == told
