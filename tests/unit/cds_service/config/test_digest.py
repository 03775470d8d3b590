"""The digest by which a log line names its settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.digest import digest, store_kind
from cds_service.config.settings import Settings
from tests.builders.tokens import CLIENT

SETTINGS = Settings(clients=(CLIENT,), public_base="https://cds.example.org")


def test_it_is_the_same_in_every_process() -> None:
    code = "from cds_service.config.digest import digest; from cds_service.config.settings import Settings"
    shown = {
        subprocess.run(
            [sys.executable, "-c", f"{code}; print(digest(Settings()))"],
            env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert shown == {digest(Settings())}
    assert re.fullmatch(r"[0-9a-f]{16}", digest(Settings()))


@pytest.mark.parametrize(
    "change",
    [{"port": 9000}, {"trusted_proxies": ("10.0.0.0/8",)}, {"clients": ()}, {"site": {"x": 1}},
     {"clients": (replace(CLIENT, actions=frozenset({"create"})),)}, {"clients": (replace(CLIENT, deadline_ms=900),)},
     {"pseudonym_key": b"x" * 32}, {"database_url": "sqlite:///x"}],
    ids=str,
)  # fmt: skip
def test_every_change_changes_it(change: dict[str, Any]) -> None:
    assert digest(replace(SETTINGS, **change)) != digest(SETTINGS)


def test_a_secret_counts_only_as_set_or_not() -> None:
    one, two = (
        replace(SETTINGS, database_url=f"postgresql://u:{word}@db/x", console_token=word, encryption_key=word.encode())
        for word in ("hunter2", "hunter3")
    )
    assert digest(one) == digest(two) != digest(SETTINGS)


def test_the_files_of_a_site_count_by_their_content(tmp_path: Path) -> None:
    file = tmp_path / "overrides.toml"
    file.write_text("a")
    settings = replace(SETTINGS, site={"overrides": str(file)})
    before = digest(settings)
    file.write_text("b")
    assert digest(settings) != before
    file.unlink()
    assert digest(settings) != before


@pytest.mark.parametrize(
    ("url", "kind"),
    [(None, "sqlite"), ("", "none"), ("sqlite:///x", "sqlite"), ("postgresql://u:p@db/x", "postgresql")],
)
def test_the_kind_of_the_store_is_told_without_its_address(url: str | None, kind: str) -> None:
    assert store_kind(Settings(database_url=url)) == kind
