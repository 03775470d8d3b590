"""Times of a token, one second under, on and over each bound (JWT-5, J-11, J-13)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.clients.authentication import NotAuthenticated
from tests.clients.forging import CLIENT, DROP, SECONDS, SERVICE, bearer, by_pyjwt, claims, door, header

#: what, exp, iat and nbf relative to now, and the refusal if it is refused
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
]


def outcome(client: object, exp: int, iat: int, nbf: int | None, late: float = 0) -> str:
    body = claims(exp=SECONDS + exp, iat=SECONDS + iat, nbf=DROP if nbf is None else SECONDS + nbf)
    try:
        door(client, late=late).authenticate(bearer(by_pyjwt(header(), body)), SERVICE)
    except NotAuthenticated as fault:
        return fault.code
    return ""


@pytest.mark.parametrize(("exp", "iat", "nbf", "code"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_times(exp: int, iat: int, nbf: int | None, code: str) -> None:
    assert outcome(CLIENT, exp, iat, nbf) == code


@pytest.mark.parametrize(
    ("leeway", "exp", "iat", "code"),
    [(0, 1, 0, ""), (0, 0, -9, "expired"), (0, 9, 1, "iat"), (60, -59, -99, ""), (60, -60, -99, "expired")],
)
def test_the_leeway_is_the_clients(leeway: int, exp: int, iat: int, code: str) -> None:
    assert outcome(replace(CLIENT, token_leeway=leeway), exp, iat, None) == code


@pytest.mark.parametrize(("life", "code"), [(299, ""), (300, ""), (301, "too-old")])
def test_the_longest_life_is_the_clients(life: int, code: str) -> None:
    assert outcome(replace(CLIENT, token_max_age=300), life, 0, None) == code


@pytest.mark.parametrize(("late", "code"), [(0.999, ""), (1.0, "expired")])
def test_fractions_of_the_clock_count(late: float, code: str) -> None:
    assert outcome(CLIENT, -29, -300, None, late) == code
