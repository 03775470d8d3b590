"""What each built-in profile says about its cards."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cds_service.config.profiles import builtin_profiles, open_client
from cds_service.config.table import CLIENT_SETTINGS, PROFILES

#: profile: missing data, selection, one action, actions
EXPECTED: Mapping[str, tuple[str, str, bool, set[str]]] = {
    "generic": ("412", "any", False, {"create", "delete", "update"}),
    "sandbox": ("card", "any", True, {"create", "delete", "update"}),
    "epic": ("412", "any", True, {"create", "delete"}),
    "oracle-health": ("412", "at-most-one", True, {"create"}),
}


def test_there_is_a_profile_for_each_name() -> None:
    assert sorted(builtin_profiles()) == sorted(PROFILES) == sorted(EXPECTED)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile(name: str) -> None:
    client = open_client(name)
    assert EXPECTED[name] == (
        client.missing_data,
        client.selection_behavior,
        client.one_action_per_suggestion,
        client.actions,
    )
    assert client.order_codes == ("site" if name == "epic" else "any")
    assert client.is_open
    assert (client.jwks_url, client.fhir_base) == (None, None)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sets_only_members_that_the_table_leaves_to_it(name: str) -> None:
    assert set(builtin_profiles()[name]) <= {row.name for row in CLIENT_SETTINGS if row.by_profile}
