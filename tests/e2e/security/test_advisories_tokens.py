"""Published weaknesses of JWT libraries and their users, tried over HTTP.

Each test is named by an advisory, and sends its attack. More forged tokens are in
tests/accounts/tokens/test_service_forged.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.domain.administration import AccountAdministration
from accounts.domain.users import EmailAddress
from accounts.services import get_services
from accounts.signals import emit
from authproject.environment.reader import ConfigurationError, read_environment
from tests.support.api import EMAIL, Api
from tests.support.http import decode_claims, decode_header, forge, get_error, sign

INVALID = (401, "token_invalid")
EVIL_KEY = "evil-key-that-is-long-enough-1234567890"
JWK = '{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4","e":"AQAB"}'
PUBLIC_KEYS = {
    "PEM": "-----BEGIN PUBLIC KEY-----MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL",
    "PKCS #1": "-----BEGIN RSA PUBLIC KEY-----MIIBCgKCAQEAyXqhL2Yw0Lh9mm",
    "certificate": "-----BEGIN CERTIFICATE-----MIIDdzCCAl+gAwIBAgIEAgAAuTANB",
    "SSH": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPublicKeyOfSomebody",
    "SSH ECDSA": "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAA",
    "JWK": JWK,
    "JWKS": f'{{"keys":[{JWK}]}}',
    "BOM": f"\ufeff{JWK}",
    "indented PEM": "  -----BEGIN PUBLIC KEY-----MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL",
}


@pytest.fixture(params=["access", "refresh"])
def token(api: Api, request: pytest.FixtureRequest) -> Iterator[str]:
    """A good token of each type; the fixture asserts that the attacks changed nothing."""
    pair = api.register_and_log_in()
    yield pair[f"{request.param}_token"]
    assert use(api, pair["access_token"]).status_code == 200
    assert use(api, pair["refresh_token"]).status_code == 200


def use(api: Api, token: str) -> Any:
    """Send a token to the endpoint of its type. Broken claims count as those of an access token."""
    try:
        is_refresh = decode_claims(token).get("type") == "refresh"
    except Exception:  # noqa: BLE001  # PyJWT raises what it likes here
        is_refresh = False
    return api.refresh(token) if is_refresh else api.profile(token)


def assert_invalid(api: Api, *tokens: str) -> None:
    """Send the tokens to both endpoints."""
    for token in tokens:
        assert get_error(api.profile(token)) == INVALID, token[:200]
        assert get_error(api.refresh(token)) == INVALID, token[:200]


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None])
def test_cve_2022_23540_algorithm_none(api: Api, token: str, name: Any) -> None:
    """A library accepted a token that says that it is not signed.

    https://nvd.nist.gov/vuln/detail/CVE-2022-23540, and CVE-2026-28802 (Authlib)
    """
    unsigned = forge(token, {"alg": name}).rpartition(".")[0]
    assert_invalid(api, forge(token, {"alg": name}), f"{unsigned}.", f"{unsigned}.e30")


@pytest.mark.parametrize("key", PUBLIC_KEYS.values(), ids=list(PUBLIC_KEYS))
def test_cve_2022_29217_public_key_as_hmac_secret(api: Api, token: str, key: str) -> None:
    """A token was verified by HMAC with a public key, which everybody has.

    https://nvd.nist.gov/vuln/detail/CVE-2022-29217, and CVE-2015-9235, CVE-2017-11424,
    CVE-2024-33663 (python-jose), CVE-2024-37568 (Authlib)
    """
    header = decode_header(token)
    for algorithm in ("HS256", "RS256", "ES256", "EdDSA"):
        assert_invalid(api, sign({**header, "alg": algorithm}, decode_claims(token), key=key))


@pytest.mark.parametrize("key", PUBLIC_KEYS.values(), ids=list(PUBLIC_KEYS))
def test_cve_2026_48526_public_key_is_no_secret(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public key that was configured as the secret let everybody sign: no service starts.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-xgmm-8j9v-c9wx, and the advisories of
    PyJWT 2.14.0 on JWKS, arrays and a byte order mark; CVE-2026-34950 (fast-jwt) for white space
    """
    monkeypatch.setenv("JWT_SECRET_KEY", key)
    with pytest.raises(ConfigurationError, match="JWT_SECRET_KEY") as error:
        read_environment()
    assert key[:30] not in str(error.value)


@pytest.mark.parametrize("secret", ["secret", "a" * 31, " " * 64])
def test_cve_2025_45768_weak_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT signed with secrets of any length: no service starts with a short one.

    https://nvd.nist.gov/vuln/detail/CVE-2025-45768
    """
    monkeypatch.setenv("JWT_SECRET_KEY", secret)
    with pytest.raises(ConfigurationError, match="JWT_SECRET_KEY"):
        read_environment()


def test_cve_2024_53861_part_of_a_claim(api: Api, token: str) -> None:
    """PyJWT compared the issuer by `in`: a part of it was enough.

    https://nvd.nist.gov/vuln/detail/CVE-2024-53861
    """
    claims, header = decode_claims(token), decode_header(token)
    for part in ("", "s", claims["type"][:4], "access refresh", ["access", "refresh"]):
        assert_invalid(api, forge(token, type=part))
    assert_invalid(api, *(forge(token, {"kid": header["kid"][:length]}) for length in (0, 1, 8)))
    assert get_error(use(api, forge(token, ver=claims["ver"][:-1]))) == (401, "token_revoked")


def test_cve_2026_32597_critical_extension(api: Api, token: str) -> None:
    """PyJWT ignored `crit`, whose extensions change what a token means.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-752w-5fwx-jx9f
    """
    for critical in (["cnf"], ["exp"], ["http://example.com/mfa"], []):
        assert_invalid(api, forge(token, {"crit": critical, "http://example.com/mfa": True}))


def test_cve_2026_48525_detached_payload(api: Api, token: str) -> None:
    """PyJWT decoded any payload of a detached token before it looked at the signature.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-w7vc-732c-9m39
    """
    header = {**decode_header(token), "b64": False}
    for critical in ({}, {"crit": ["b64"]}):
        whole = sign({**header, **critical}, b"x" * 8000, key=EVIL_KEY)
        head, _, signature = whole.split(".")
        assert_invalid(api, whole, f"{head}..{signature}")


def test_cve_2018_0114_key_in_the_header(api: Api, token: str) -> None:
    """A library verified a token with the key that the token brought along.

    https://nvd.nist.gov/vuln/detail/CVE-2018-0114, and CVE-2026-48522 for `file:` URLs
    """
    keys: list[dict[str, Any]] = [
        {"jwk": {"kty": "oct", "k": "ZXZpbC1rZXktdGhhdC1pcy1sb25nLWVub3VnaC0xMjM0NTY3ODkw"}},
        {"jku": "file:///etc/passwd"},
        {"jku": "http://127.0.0.1:1/keys.json", "kid": "unknown"},
        {"x5u": "https://evil.example/certificate.pem", "x5c": ["MIIB"]},
    ]
    for key in keys:
        header = {**decode_header(token), **key}
        assert_invalid(api, sign(header, decode_claims(token), key=EVIL_KEY))


def test_cve_2026_48524_unknown_key_id_fetches_nothing(
    api: Api, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyJWT fetched keys from the network for each unknown `kid`.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-fhv5-28vv-h8m8
    """
    opened: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *args: opened.append(args))
    for number in range(20):
        assert_invalid(api, forge(token, {"kid": f"key{number}", "jku": "http://127.0.0.1:1/"}))
    assert opened == []


@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "/dev/null", "file:///dev/null", "key\0", "$(id)", "|id"),
        *("' UNION SELECT 'evil' --", "x' OR '1'='1", "*", "{{7*7}}", "__class__"),
    ],
)
def test_kid_as_path_query_or_command(api: Api, token: str, kid: str) -> None:
    """Services used the key ID as a path, in a query or in a command.

    https://portswigger.net/web-security/jwt, "Injecting self-signed JWTs via the kid parameter"
    """
    header, claims = {**decode_header(token), "kid": kid}, decode_claims(token)
    assert_invalid(api, *(sign(header, claims, key=key) for key in ("", "\0", "evil", EVIL_KEY)))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64])
def test_cve_2022_21449_signature_of_zeros(api: Api, token: str, size: int) -> None:
    """Java accepted an ECDSA signature of zeros for any content ("psychic signatures").

    https://nvd.nist.gov/vuln/detail/CVE-2022-21449, and CVE-2020-28042 for an empty signature
    """
    head, payload, _ = token.split(".")
    zeros = "A" * -(-size * 4 // 3)
    for algorithm in ("HS256", "ES256"):
        forged = forge(token, {"alg": algorithm}).split(".")[0]
        assert_invalid(api, f"{forged}.{payload}.{zeros}", f"{head}.{payload}.{zeros}")


def test_cve_2022_39227_json_serialization(api: Api, token: str) -> None:
    """A library verified one payload of a JSON token, and used another.

    https://nvd.nist.gov/vuln/detail/CVE-2022-39227
    """
    head, payload, signature = token.split(".")
    evil = forge(token, sub="admin@example.com").split(".")[1]
    assert_invalid(
        api,
        f'{{"  {head}.{evil}.":"","protected":"{head}","payload":"{payload}",'
        f'"signature":"{signature}"}}',
        f"{head}.{evil}.{signature}",
        f"{head}.{payload}.{signature}.{evil}.{signature}",
    )


def test_cve_2024_33664_compressed_token(api: Api, token: str) -> None:
    """A library unpacked an encrypted token of any size ("JWT bomb").

    https://nvd.nist.gov/vuln/detail/CVE-2024-33664
    """
    header = {"alg": "dir", "enc": "A256GCM", "zip": "DEF", "kid": decode_header(token)["kid"]}
    head = sign(header, b"").split(".")[0]
    assert_invalid(api, f"{head}..AAAA.{'A' * 8000}.AAAA", forge(token, {"zip": "DEF"})[:-1])


@pytest.mark.parametrize("nested", [b"[" * 12_000, b'{"a":' * 1500, b"[" * 900 + b"]" * 900])
def test_ghsa_8wjv_2p76_3863_deeply_nested_token(api: Api, token: str, nested: bytes) -> None:
    """PyJWT raised `RecursionError` for nested JSON, and so a 500.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-8wjv-2p76-3863, and PyJWT 2.15.0
    """
    header = decode_header(token)
    assert_invalid(api, sign(nested, b"{}"), sign(header, nested), sign(header, nested, key="x"))


def test_ghsa_hxm8_2xgr_2p9m_token_in_another_spelling(api: Api, token: str) -> None:
    """PyJWT ignored characters outside of Base64URL: a revoked token had other spellings.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-hxm8-2xgr-2p9m
    """
    head, payload, signature = token.split(".")
    for junk in ("!", " ", "\n", "%", "\u00e9"):
        assert_invalid(
            api, f"{head}.{payload}.{signature}{junk}x", f"{head}{junk}x.{payload}.{signature}"
        )


def test_ghsa_hxm8_2xgr_2p9m_revoked_token_has_no_other_spelling(api: Api) -> None:
    """The session is revoked, not the spelling of one of its tokens.

    https://github.com/jpadilla/pyjwt/security/advisories/GHSA-hxm8-2xgr-2p9m
    """
    pair = api.register_and_log_in()
    assert_invalid(api, f"{pair['access_token']}=", f"{pair['refresh_token']}=")
    api.logout(pair["refresh_token"])
    for token in pair["access_token"], pair["refresh_token"]:
        for spelling in (token, f"{token}=", f"{token}=="):
            assert use(api, spelling).status_code == 401


def test_cve_2024_22513_disabled_account(api: Api) -> None:
    """simplejwt made and accepted tokens of accounts that were disabled.

    https://nvd.nist.gov/vuln/detail/CVE-2024-22513
    """
    pair = api.register_and_log_in()
    accounts = get_services().accounts
    admin = AccountAdministration(store=accounts.store, hasher=accounts.hasher, emit=emit)
    admin.disable(EmailAddress(EMAIL))
    assert get_error(api.profile(pair["access_token"])) == (401, "token_revoked")
    assert get_error(api.refresh(pair["refresh_token"])) == (401, "token_revoked")
    assert get_error(api.login()) == (401, "invalid_credentials")


def test_ghsa_5vcc_token_of_a_deleted_account(api: Api) -> None:
    """The same for an account that is gone, and one that has its e-mail address anew.

    https://github.com/advisories/GHSA-5vcc-86wm-547q
    """
    pair = api.register_and_log_in()
    body = {"current_password": "correct horse battery"}
    assert api.post("auth/delete-account", body, token=pair["access_token"]).status_code == 204
    api.register()
    assert get_error(api.profile(pair["access_token"])) == (401, "token_revoked")
    assert get_error(api.refresh(pair["refresh_token"])) == (401, "token_revoked")
