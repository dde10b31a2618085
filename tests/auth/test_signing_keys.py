"""AUTH_TOKEN_ALGORITHM=EdDSA: other services verify access tokens with keys that this one publishes."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from shared.testing.applications import SECRET
from shared.testing.envelope import assert_failure, data_of
from tests.auth.test_access_tokens import HOUR, MINUTE, Mint, assert_refused, encoded, key_of, me, signed_with_hmac
from tests.auth.test_key_ring import NEW
from tests.conftest import Account, MakeApp, client_of, log_in, sign_up

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

ADDRESS = "/.well-known/jwks.json"
ED25519 = {"token_algorithm": "EdDSA"}


class Ed25519Mint(Mint):
    algorithm = "EdDSA"

    def key_of(self, app: FastAPI) -> tuple[str, Any]:
        key_id, seed = key_of(app, "access-ed25519")
        return key_id, Ed25519PrivateKey.from_private_bytes(seed)


@pytest.fixture
async def app(make_app: MakeApp) -> FastAPI:
    return make_app(auth=ED25519)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def key_set(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(ADDRESS)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def read_elsewhere(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """As another service does that knows nothing of this one but its public keys."""
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, ["EdDSA"], issuer="modular-monolith", audience="modular-monolith-api")


def ids(keys: dict[str, Any]) -> list[str]:
    return [key["kid"] for key in keys["keys"]]


async def test_another_service_verifies_with_the_published_keys(client: httpx.AsyncClient, user: Account) -> None:
    token, keys = user.tokens["access_token"], await key_set(client)

    assert read_elsewhere(token, keys)["sub"] == user.id
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": ids(keys)[0]}
    assert data_of(await me(client, token))["id"] == user.id

    claims, _, _ = token.rpartition(".")
    _, _, signature = (await log_in(client, user.email, user.password))["access_token"].rpartition(".")
    with pytest.raises(jwt.InvalidSignatureError):
        read_elsewhere(f"{claims}.{signature}", keys)


async def test_the_published_keys_are_public_and_may_be_kept_for_a_while(client: httpx.AsyncClient) -> None:
    answer = await client.get(ADDRESS)

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    constant = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    assert key == constant | {"kid": key["kid"], "x": key["x"]}
    assert len(base64.urlsafe_b64decode(key["x"] + "=")) == 32


async def test_keys_that_are_secret_are_not_published(make_app: MakeApp) -> None:
    async with client_of(make_app()) as client:
        assert await key_set(client) == {"keys": []}


async def test_item_31_a_new_key_pair_in_front_of_the_old_one_logs_nobody_out(make_app: MakeApp, user: Account) -> None:
    old = user.tokens["access_token"]
    async with client_of(make_app(auth=ED25519, jwt_secret_key=f"{NEW},{SECRET}")) as client:
        keys = await key_set(client)
        new = (await log_in(client, user.email, user.password))["access_token"]
        assert data_of(await me(client, old))["id"] == data_of(await me(client, new))["id"] == user.id

    assert ids(keys) == [jwt.get_unverified_header(token)["kid"] for token in (new, old)]
    assert read_elsewhere(old, keys)["sub"] == read_elsewhere(new, keys)["sub"] == user.id

    async with client_of(make_app(auth=ED25519, jwt_secret_key=NEW)) as client:
        assert ids(await key_set(client)) == ids(keys)[:1]
        assert data_of(await me(client, new))["id"] == user.id
        assert_failure(await me(client, old), 401, "not_authenticated")


async def test_a_key_can_be_published_before_it_signs(make_app: MakeApp, user: Account) -> None:
    async with client_of(make_app(auth=ED25519, jwt_secret_key=f"{SECRET},{NEW}")) as client:
        published = await key_set(client)
        tokens = await log_in(client, user.email, user.password)
        assert jwt.get_unverified_header(tokens["access_token"])["kid"] == ids(published)[0]

    async with client_of(make_app(auth=ED25519, jwt_secret_key=f"{NEW},{SECRET}")) as client:
        new = (await log_in(client, user.email, user.password))["access_token"]
    assert read_elsewhere(new, published)["sub"] == user.id


async def test_item_25_a_token_of_the_other_algorithm_is_refused(
    make_app: MakeApp, client: httpx.AsyncClient, user: Account
) -> None:
    async with client_of(make_app()) as other:
        theirs = await log_in(other, user.email, user.password)
        assert data_of(await me(other, theirs["access_token"]))["id"] == user.id
        assert_failure(await me(other, user.tokens["access_token"]), 401, "not_authenticated")
        assert_failure(await me(client, theirs["access_token"]), 401, "not_authenticated")

        # The session is the same under both: only the signature is not.
        renewed = data_of(await other.post("/api/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]}))
        assert data_of(await me(other, renewed["access_token"]))["id"] == user.id


def as_secrets(public: dict[str, Any], key: Ed25519PrivateKey) -> Iterator[tuple[str, bytes]]:
    """The public key in every form that somebody might take for an HMAC secret."""
    public_key = key.public_key()
    yield "raw", public_key.public_bytes_raw()
    yield "PEM", public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "DER", public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "OpenSSH", public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "JWK", json.dumps(public).encode()
    yield "x", public["x"].encode()
    yield "nothing", b""


async def test_item_25_the_algorithm_cannot_be_confused(app: FastAPI, client: httpx.AsyncClient, user: Account) -> None:
    mint, foreign = Ed25519Mint(app, user), Ed25519PrivateKey.generate()
    (public,) = (await key_set(client))["keys"]
    secret_id, secret = key_of(app)
    assert data_of(await me(client, mint.token()))["id"] == user.id

    def forgeries() -> Iterator[tuple[str, str]]:
        for form, text in as_secrets(public, mint.key):
            yield f"the public key as a secret: {form}", signed_with_hmac(mint, text)
            yield f"the same, called EdDSA: {form}", signed_with_hmac(mint, text, alg="EdDSA")
        yield "the secret of HS256", signed_with_hmac(mint, secret)
        yield "the secret of HS256 and its id", signed_with_hmac(mint, secret, kid=secret_id)
        yield "the private key as a secret", signed_with_hmac(mint, mint.key.private_bytes_raw())
        yield "the secret of HS256 as a private key", mint.token(key=Ed25519PrivateKey.from_private_bytes(secret))
        for name in ("none", "NONE", "", None, 1, ["EdDSA"], "Ed25519", "Ed448", "RS256", "ES256", "eddsa"):
            yield f"alg {name!r}", mint.raw({"alg": name, "typ": "at+jwt", "kid": mint.key_id})
        yield "another key", mint.token(key=foreign)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(foreign.public_key().public_bytes_raw())}
        yield "another key that comes along", mint.token(key=foreign, jwk=jwk)
        yield "another key at an address", mint.token(key=foreign, jku="http://127.0.0.1:1/jwks.json", x5u="http://x")
        yield "a critical extension", mint.token(crit=["exp"], exp=1)
        yield "an empty signature", mint.raw({"alg": "EdDSA", "typ": "at+jwt", "kid": mint.key_id})
        yield "a signature of zeros", mint.raw({"alg": "EdDSA", "typ": "at+jwt", "kid": mint.key_id}, bytes(64))

    await assert_refused(client, forgeries())


async def test_item_25_with_secret_keys_no_signature_of_a_key_pair_counts(make_app: MakeApp) -> None:
    app = make_app()
    async with client_of(app) as client:
        user = await sign_up(client)
        pair, secret = Ed25519Mint(app, user), Mint(app, user)

        def forgeries() -> Iterator[tuple[str, str]]:
            yield "the key pair", pair.token()
            yield "the key pair under the secret's id", pair.token(kid=secret.key_id)
            yield (
                "the secret as a private key",
                secret.token(algorithm="EdDSA", key=Ed25519PrivateKey.from_private_bytes(secret.key)),
            )
            yield "the seed as a secret", signed_with_hmac(secret, pair.key.private_bytes_raw())
            yield "the public key as a secret", signed_with_hmac(secret, pair.key.public_key().public_bytes_raw())

        await assert_refused(client, forgeries())


async def test_item_26_the_key_id_only_chooses_among_our_own_key_pairs(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint = Ed25519Mint(app, user)

    def forgeries() -> Iterator[tuple[str, str]]:
        for key_id in ("", "00000000", "../../dev/null", "' OR 1=1 --", mint.key_id.upper() + " ", "x" * 10_000):
            yield f"kid {key_id[:20]!r}", mint.token(kid=key_id)
        yield "the id of another purpose's key", mint.token(kid=key_of(app, "refresh")[0])
        values: list[object] = [None, 1, ["x"], {}]
        for value in values:
            yield f"kid {value!r}", mint.raw({"alg": "EdDSA", "typ": "at+jwt", "kid": value})
        for type_ in ("JWT", "AT+JWT", ""):
            yield f"typ {type_!r}", mint.token(typ=type_)

    await assert_refused(client, forgeries())


async def test_item_27_every_claim_is_required_and_checked_with_key_pairs(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint, now = Ed25519Mint(app, user), int(datetime.now(UTC).timestamp())
    wrong: list[dict[str, Any]] = [
        {"iss": "another-service"},
        {"aud": "another-api"},
        {"aud": ["modular-monolith-api"]},
        {"exp": now - MINUTE},
        {"exp": "soon"},
        {"iat": now + HOUR},
        {"sub": "nobody"},
        {"sid": None},
        {"jti": 1},
    ]

    await assert_refused(client, ((f"no {claim}", mint.token(without=claim)) for claim in mint.claims))
    await assert_refused(client, ((str(claims), mint.token(claims)) for claims in wrong))
