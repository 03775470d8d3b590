"""Times of a token, one and half a second under, on and over each bound (reliability JWT-5, protocol J-11, J-13)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.auth.authentication import AuthenticationFailed
from tests.builders.tokens import CLIENT, DROP, SECONDS, SERVICE, bearer, by_pyjwt, claims, header, token_authenticator

#: The case; exp, iat and nbf relative to now; and the code of the refusal, if any.
TIMES = [
    ("ended 29 s ago", -29, -300, None, ""),
    ("ended 30 s ago", -30, -300, None, "expired"),
    ("ended 31 s ago", -31, -300, None, "expired"),
    ("made in 29 s", 300, 29, None, ""),
    ("made in 30 s", 300, 30, None, ""),
    ("made in 31 s", 300, 31, None, "iat"),
    ("lives 899 s", 899, 0, None, ""),
    ("lives 900 s", 900, 0, None, ""),
    ("lives 901 s", 901, 0, None, "too-old"),
    ("lives 900 s, made in 30 s", 930, 30, None, ""),
    ("lives 900 s, all but over", -29, -929, None, ""),
    ("made 929 s ago, lives 901 s", -28, -929, None, "too-old"),
    ("made 931 s ago", 0, -931, None, "too-old"),
    ("begins in 29 s", 300, 0, 29, ""),
    ("begins in 30 s", 300, 0, 30, ""),
    ("begins in 31 s", 300, 0, 31, "nbf"),
    ("began five minutes before it was made", 600, 0, -300, ""),
    ("ended 29.5 s ago", -29.5, -300, None, ""),
    ("ended 30.5 s ago", -30.5, -300, None, "expired"),
    ("made in 29.5 s", 300, 29.5, None, ""),
    ("made in 30.5 s", 300, 30.5, None, "iat"),
    ("lives 899.5 s", 899.5, 0, None, ""),
    ("lives 900.5 s", 900.5, 0, None, "too-old"),
    ("made 929.5 s ago, lives 900 s", -29.5, -929.5, None, ""),
    ("made 930.5 s ago", 0, -930.5, None, "too-old"),
    ("begins in 29.5 s", 300, 0, 29.5, ""),
    ("begins in 30.5 s", 300, 0, 30.5, "nbf"),
]


def outcome(client: object, exp: float, iat: float, nbf: float | None, late: float = 0) -> str:
    body = claims(exp=SECONDS + exp, iat=SECONDS + iat, nbf=DROP if nbf is None else SECONDS + nbf)
    try:
        token_authenticator(client, late=late).authenticate(bearer(by_pyjwt(header(), body)), SERVICE)
    except AuthenticationFailed as fault:
        return fault.code
    return ""


@pytest.mark.parametrize(("exp", "iat", "nbf", "code"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_each_bound_of_each_time(exp: float, iat: float, nbf: float | None, code: str) -> None:
    assert outcome(CLIENT, exp, iat, nbf) == code


@pytest.mark.parametrize(
    ("leeway", "exp", "iat", "code"),
    [(0, 1, 0, ""), (0, 0, -9, "expired"), (0, 9, 1, "iat"), (60, -59, -99, ""), (60, -60, -99, "expired")],
)
def test_the_leeway_is_the_clients(leeway: int, exp: int, iat: int, code: str) -> None:
    assert outcome(replace(CLIENT, token_leeway=leeway), exp, iat, None) == code


@pytest.mark.parametrize(("life", "code"), [(299, ""), (300, ""), (301, "too-old")])
def test_the_maximum_age_is_the_clients(life: int, code: str) -> None:
    assert outcome(replace(CLIENT, token_max_age=300), life, 0, None) == code


@pytest.mark.parametrize(("late", "code"), [(0.999, ""), (1.0, "expired")])
def test_fractions_of_the_clock_count(late: float, code: str) -> None:
    assert outcome(CLIENT, -29, -300, None, late) == code
