"""Client authentication over HTTP: protocol J-xx. Every refusal is the same 401; a valid token works once."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cds_service.web.log import LOGGER, write_log_to
from tests.builders.service import good
from tests.builders.tokens import DROP, by_hand, by_joserfc, by_pyjwt, header, jwk, pem, private_key, with_secret
from tests.fakes.keys_server import keys_server, serve_keys
from tests.protocol.ehr import CLIENT, OTHER, PUBLIC, SECONDS, SIGN, VIEW, Ehr, hospital_settings, outcome, served

FEEDBACK = {
    "feedback": [
        {
            "card": "3d1f0a3c-4d5b-4a53-8f0e-8f4b5f0b7a11",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-06-30T09:30:15Z",
        }
    ]
}


def is_refused(ehr: Ehr, token: str | None, path: str = VIEW, **headers: str) -> bytes:
    answer = ehr.post(path, good(), token=token, **headers)
    outcome(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    return answer.content


@pytest.mark.row("J-01")
def test_a_call_without_a_token_is_refused(ehr: Ehr) -> None:
    for path in (VIEW, SIGN, f"{VIEW}/feedback"):
        is_refused(ehr, None, path)


@pytest.mark.row("J-05", "J-09")
@pytest.mark.parametrize("sign", [by_pyjwt, by_joserfc])
def test_es384_and_rs384_are_accepted(ehr: Ehr, sign) -> None:
    for member in (ehr, ehr.of(CLIENT, "rsa-1", "rsa", "RS384")):
        token = sign(member.head(), member.claims(VIEW), member.key)
        assert member.post(VIEW, good(), token=token).status_code == 200


@pytest.mark.row("J-02")
@pytest.mark.parametrize("member", ["alg", "kid", "typ"])
def test_header_members_are_required(ehr: Ehr, member: str) -> None:
    is_refused(ehr, by_hand(ehr.head(**{member: DROP}), ehr.claims(VIEW)))


@pytest.mark.row("J-03")
def test_an_unsigned_token_is_refused(ehr: Ehr) -> None:
    signed = ehr.token(VIEW)
    is_refused(ehr, by_hand(ehr.head(alg="none"), ehr.claims(VIEW)))
    is_refused(ehr, signed.rpartition(".")[0] + ".")


@pytest.mark.row("J-04")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_is_refused(ehr: Ehr, algorithm: str) -> None:
    is_refused(ehr, with_secret(algorithm, pem("p384").encode()))


@pytest.mark.row("J-05")
@pytest.mark.parametrize(
    ("algorithm", "kid", "key"), [("ES256", "kid/+=1", "p256"), ("RS256", "rsa-1", "rsa"), ("RS384", "kid/+=1", "rsa")]
)
def test_other_algorithms_and_other_kinds_of_key_are_refused(ehr: Ehr, algorithm: str, kid: str, key: str) -> None:
    is_refused(ehr, by_pyjwt(ehr.head(alg=algorithm, kid=kid), ehr.claims(VIEW), key))


@pytest.mark.row("J-06")
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
def test_claims_are_required(ehr: Ehr, claim: str) -> None:
    is_refused(ehr, ehr.token(VIEW, **{claim: DROP}))


@pytest.mark.parametrize("claim", ["jti", "sub", "iss", "aud", "tenant"])
def test_half_a_surrogate_pair_in_a_signed_claim_is_refused(ehr: Ehr, claim: str) -> None:
    is_refused(ehr, ehr.token(VIEW, **{claim: "\ud800"}))


@pytest.mark.row("J-07")
@pytest.mark.parametrize("audience", [PUBLIC + VIEW, [PUBLIC + VIEW], ["https://x.example", PUBLIC + VIEW]])
def test_the_audience_may_be_text_or_a_list(ehr: Ehr, audience: object) -> None:
    assert ehr.post(VIEW, good(), token=ehr.token(VIEW, aud=audience)).status_code == 200


@pytest.mark.row("J-07")
@pytest.mark.parametrize(
    "audience",
    [PUBLIC, f"{PUBLIC}/cds-services", PUBLIC + SIGN, (PUBLIC + VIEW).upper(), f"{PUBLIC}{VIEW}?a=1", VIEW, [], {}],
)
def test_another_audience_is_refused(ehr: Ehr, audience: object) -> None:
    is_refused(ehr, ehr.token(VIEW, aud=audience))


@pytest.mark.row("J-07")
def test_the_host_header_names_no_audience(ehr: Ehr) -> None:
    token = ehr.token(VIEW, aud=f"https://evil.example{VIEW}")
    is_refused(ehr, token, Host="evil.example", X_Forwarded_Host="evil.example")


@pytest.mark.row("J-07")
def test_the_address_as_called_may_be_the_audience(ehr: Ehr) -> None:
    """The public sandbox joins URLs with two slashes, and its token names the URL it calls."""
    path = "/cds-services//rls-patient-view"
    for audience in (path, VIEW):
        assert ehr.post(path, good(), token=ehr.token(audience)).status_code == 200, audience
    doubled = "/cds-services//rls-patient-view//feedback"
    assert ehr.post(doubled, FEEDBACK, token=ehr.token(doubled)).status_code == 200
    is_refused(ehr, ehr.token("/cds-services//rls-patient-view"))


@pytest.mark.row("J-07")
def test_a_slash_at_the_end_is_part_of_the_audience_only_where_it_was_called(ehr: Ehr) -> None:
    """No slash is folded in a token: a client that names one must call it."""
    slashed = f"{VIEW}/"
    for audience in (slashed, VIEW):
        assert ehr.post(slashed, good(), token=ehr.token(audience)).status_code == 200, audience
    is_refused(ehr, ehr.token(slashed))
    is_refused(ehr, ehr.token(f"{slashed}/"))


@pytest.mark.control("JWT-2")
@pytest.mark.row("J-08", "A-08")
def test_a_foreign_issuer_and_a_foreign_key_address_are_refused(ehr: Ehr) -> None:
    is_refused(ehr, ehr.token(VIEW, iss="https://evil.example"))
    with keys_server(serve_keys(jwk("p384", "kid/+=1"))) as evil:
        is_refused(ehr, by_pyjwt(ehr.head(jku=evil.url), ehr.claims(VIEW)))
        assert evil.asked == []


@pytest.mark.control("V9.1.1")
@pytest.mark.row("J-09")
@pytest.mark.parametrize("segment", [0, 1, 2])
def test_a_token_that_was_tampered_with_is_refused(ehr: Ehr, segment: int) -> None:
    parts = ehr.token(VIEW).split(".")
    middle = len(parts[segment]) // 2
    parts[segment] = (
        parts[segment][:middle] + ("A" if parts[segment][middle] != "A" else "B") + parts[segment][middle + 1 :]
    )
    is_refused(ehr, ".".join(parts))


@pytest.mark.row("J-09")
def test_one_clients_key_is_not_anothers(ehr: Ehr) -> None:
    is_refused(ehr, by_pyjwt(ehr.head(), ehr.claims(VIEW), "other-p384"))
    is_refused(ehr, by_pyjwt(ehr.head(kid="other-1"), ehr.claims(VIEW), "other-p384"))


@pytest.mark.row("J-10")
def test_without_jku_the_configured_keys_are_used(ehr: Ehr) -> None:
    token = by_pyjwt(ehr.head(jku=DROP), ehr.claims(VIEW))
    assert ehr.post(VIEW, good(), token=token).status_code == 200
    other = ehr.of(OTHER, "other-1", "other-p384")
    assert other.post(VIEW, good()).status_code == 200


@pytest.mark.control("JWT-5")
@pytest.mark.row("J-11")
@pytest.mark.parametrize(("late", "status"), [(-330, 401), (-329, 200)])
def test_an_expired_token_is_refused_but_for_the_leeway(ehr: Ehr, late: int, status: int) -> None:
    token = ehr.token(VIEW, iat=SECONDS + late, exp=SECONDS + late + 300)
    assert ehr.post(VIEW, good(), token=token).status_code == status


@pytest.mark.control("JWT-7")
@pytest.mark.row("J-12")
def test_a_token_works_once(ehr: Ehr) -> None:
    token = ehr.token(VIEW)
    assert ehr.post(VIEW, good(), token=token).status_code == 200
    is_refused(ehr, token)
    is_refused(ehr, token, f"{VIEW}/feedback")


@pytest.mark.control("JWT-7")
@pytest.mark.row("J-12")
def test_of_many_concurrent_uses_one_is_accepted(ehr: Ehr) -> None:
    token = ehr.token(VIEW)
    with ThreadPoolExecutor(8) as several:
        statuses = list(several.map(lambda _: ehr.post(VIEW, good(), token=token).status_code, range(24)))
    assert sorted(statuses) == [200] + [401] * 23


@pytest.mark.row("J-13")
@pytest.mark.parametrize(("claims", "status"), [
    ({"iat": SECONDS + 600, "exp": SECONDS + 900}, 401),
    ({"iat": SECONDS + 30, "exp": SECONDS + 300}, 200),
    ({"iat": SECONDS - 10_000, "exp": SECONDS + 300}, 401),
    ({"iat": SECONDS - 600, "exp": SECONDS + 300, "nbf": SECONDS - 900}, 200),  # fifteen minutes of life, as Epic's
])  # fmt: skip
def test_the_time_a_token_was_issued_is_checked(ehr: Ehr, claims: dict[str, object], status: int) -> None:
    assert ehr.post(VIEW, good(), token=ehr.token(VIEW, **claims)).status_code == status


@pytest.mark.row("J-14")
def test_a_tenant_is_checked_where_tenants_are_listed(tmp_path: Path) -> None:
    north = replace(CLIENT, tenants=("north",))
    with served(hospital_settings(tmp_path, clients=(north,))) as ehr:
        assert ehr.post(VIEW, good(), token=ehr.token(VIEW, tenant="north")).status_code == 200
        for tenant in ("south", DROP, 5, ["north"]):
            is_refused(ehr, ehr.token(VIEW, tenant=tenant))


@pytest.mark.row("J-15")
def test_further_claims_are_ignored(ehr: Ehr) -> None:
    token = ehr.token(VIEW, sub="app", nbf=SECONDS - 300, tenant="any", extension={"com.example": 1})
    assert ehr.post(VIEW, good(), token=token).status_code == 200


@pytest.mark.row("J-16", "J-19")
def test_a_new_key_is_fetched_once_and_bad_key_ids_hardly_ever(tmp_path: Path) -> None:
    with keys_server(serve_keys(jwk("p384", "first"))) as keys:
        client = replace(CLIENT, jwks_inline=None, jwks_url=keys.url, jku=(keys.url,), allow_http=True)
        with served(hospital_settings(tmp_path, clients=(client,), failures_per_minute=100_000)) as ehr:
            ehr = ehr.of(client, "first", "p384")
            assert ehr.post(VIEW, good()).status_code == 200
            before = len(keys.asked)
            for number in range(100):
                is_refused(ehr, by_pyjwt(ehr.head(kid=f"unknown-{number}"), ehr.claims(VIEW)))
            assert len(keys.asked) - before <= 1


@pytest.mark.control("JWT-11")
@pytest.mark.row("J-17")
def test_every_refusal_is_the_same_to_the_byte(ehr: Ehr) -> None:
    tokens = [
        None, "x", "a.b.c", "a" * 9000,
        ehr.token(VIEW, iss="https://evil.example"),
        ehr.token(VIEW, exp=SECONDS - 1000),
        ehr.token(SIGN),
        by_pyjwt(ehr.head(kid="nobody"), ehr.claims(VIEW)),
        by_pyjwt(ehr.head(), ehr.claims(VIEW), "other-p384"),
    ]  # fmt: skip
    assert len({is_refused(ehr, token) for token in tokens}) == 1


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    kept, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    stream = io.StringIO()
    write_log_to(stream, logging.DEBUG)
    yield stream
    LOGGER.handlers[:] = kept
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


@pytest.mark.control("LOG-2")
@pytest.mark.row("J-18", "A-03")
def test_no_token_is_logged_or_kept(tmp_path: Path, log: io.StringIO) -> None:
    secret = "canary-access-token-0123456789"
    with served(hospital_settings(tmp_path)) as ehr:
        token = ehr.token(VIEW)
        access = {"access_token": secret, "expires_in": 300}
        body = good() | {"fhirServer": CLIENT.fhir_base, "fhirAuthorization": access}
        assert ehr.post(VIEW, body, token=token).status_code == 200
        is_refused(ehr, token)
    kept = log.getvalue().encode() + b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"rls-patient-view" in kept
    for part in (secret.encode(), *(part.encode() for part in token.split("."))):
        assert part not in kept


@pytest.mark.row("J-17", "J-18")
def test_the_log_names_the_reason_of_a_refusal(tmp_path: Path, log: io.StringIO) -> None:
    """It tells the operator which check failed, and nothing of the token."""
    with served(hospital_settings(tmp_path)) as ehr:
        used = ehr.token(VIEW)
        assert ehr.post(VIEW, good(), token=used).status_code == 200
        named = {
            "aud": ehr.token(f"{VIEW}/"),
            "replayed": used,
            "expired": ehr.token(VIEW, exp=SECONDS - 31),
            "unknown-issuer": ehr.token(VIEW, iss="https://canary.example"),
            "no-token": None,
        }
        for token in named.values():
            is_refused(ehr, token)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    refused = [line["reason"] for line in lines if line.get("status") == 401]
    assert refused == [f"turned away: {why}" for why in named]
    assert not any(part in log.getvalue() for token in named.values() if token for part in token.split("."))
    assert "canary" not in log.getvalue()


@pytest.mark.row("B-12")
def test_either_address_is_the_audience_of_feedback(ehr: Ehr) -> None:
    path = f"{VIEW}/feedback"
    for audience in (PUBLIC + path, PUBLIC + VIEW):
        assert ehr.post(path, FEEDBACK, token=ehr.token(path, aud=audience)).status_code == 200
    for audience in (f"{PUBLIC}/cds-services", PUBLIC + SIGN):
        is_refused(ehr, ehr.token(path, aud=audience), path)


@pytest.mark.row("D-18", "K-02")
def test_discovery_needs_no_token(ehr: Ehr) -> None:
    for token in (None, "x", ehr.token(VIEW)):
        assert ehr.call("GET", "/cds-services", token=token).status_code == 200
    preflight = {"Origin": "https://ehr.example.org", "Access_Control_Request_Method": "POST"}
    assert ehr.call("OPTIONS", VIEW, token=None, **preflight).status_code == 204


@pytest.mark.control("V9.2.2")
def test_the_two_tokens_are_not_confused(ehr: Ehr) -> None:
    """A client's own token is no FHIR token, and the FHIR token in the body does not authenticate."""
    body = good() | {"fhirAuthorization": {"access_token": ehr.token(VIEW)}, "fhirServer": CLIENT.fhir_base}
    outcome(ehr.post(VIEW, body, token=None), 401)


def test_the_test_keys_are_the_registered_ones() -> None:
    """This guards the refusals above: their tokens are signed with the registered keys."""
    assert private_key("p384").curve.name == "secp384r1"
    assert header()["alg"] == "ES384"
