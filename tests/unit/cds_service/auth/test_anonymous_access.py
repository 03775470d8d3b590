"""Open mode: every caller is accepted, except with a token that claims a weak algorithm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cds_service.auth.authentication import AnonymousAccess, AuthenticationFailed, TokenAuthenticator, authenticator
from cds_service.config.load import load_settings
from cds_service.config.profiles import open_client
from cds_service.config.settings import Settings
from tests.builders.tokens import CLIENT, FixedKeys, Guard, b64, by_hand, by_pyjwt, claims, header

PROFILE = open_client("sandbox")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Basic dTpw",
        "Bearer opaque",
        "Bearer a.b.c",
        "Bearer e30.e30.e30",
        "Bearer W10.e30.",
        "Bearer bnVsbA.e30.",
        "Bearer " + "A" * 100_000,
        f"Bearer {by_pyjwt(header(), claims())}",
        f"Bearer {by_pyjwt(header(), claims(exp=0), 'attacker')}",
        f"Bearer {by_hand(header(alg='ES256K'), claims())}",
        f"Bearer {b64(b'{' * 3000)}.e30.x",
        f"Bearer {b64(b'[' * 5000)}.e30.x",
        f"Bearer {b64({'alg': 5})}.e30.x",
        f"Bearer {b64({'alg': None})}.e30.x",
    ],
)
def test_every_caller_gets_the_profile(authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert AnonymousAccess(PROFILE).authenticate(headers, "/cds-services") is PROFILE


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256", "HS1", "none "]
)
@pytest.mark.parametrize("form", ["Bearer {}.e30.", "bearer {}.e30.AAAA", "Bearer {}"])
def test_no_signature_and_shared_secrets_are_refused(algorithm: str, form: str) -> None:
    authorization = form.format(b64(header(alg=algorithm)))
    with pytest.raises(AuthenticationFailed, match=r"^not authenticated$"):
        AnonymousAccess(PROFILE).authenticate({"Authorization": authorization}, "/cds-services")


def test_a_weak_algorithm_cannot_hide_behind_a_strong_one() -> None:
    head = b64(b'{"alg":"none","alg":"ES384"}')
    with pytest.raises(AuthenticationFailed):
        AnonymousAccess(PROFILE).authenticate({"Authorization": f"Bearer {head}.e30."}, "/")


def test_access_is_anonymous_only_without_configured_clients() -> None:
    def now() -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    assert isinstance(authenticator(load_settings(None, {}), Guard(), FixedKeys(), now), AnonymousAccess)
    closed = replace(Settings(), clients=(CLIENT,), public_base="https://cds.example.org")
    assert isinstance(authenticator(closed, Guard(), FixedKeys(), now), TokenAuthenticator)
    with pytest.raises(ValueError, match="public_base"):
        authenticator(replace(closed, public_base=None), Guard(), FixedKeys(), now)
