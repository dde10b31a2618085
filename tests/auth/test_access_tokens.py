import base64
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI

from shared.container import Runtime
from shared.testing.envelope import assert_failure, data_of
from tests.conftest import Account, MakeApp, MovableClock, client_of, log_in, sign_up

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

MINUTE, HOUR = 60, 3600


def key_of(app: FastAPI, purpose: str = "access") -> tuple[str, bytes]:
    """The id and the key that the application uses for a purpose, signing access tokens with HS256 for example."""
    runtime: Runtime = app.state.runtime
    return next(iter(runtime.shared.keys().keys(purpose).items()))


class Mint:
    """Makes tokens with the application's own key, genuine but for what a test changes."""

    algorithm = "HS256"

    def __init__(self, app: FastAPI, user: Account) -> None:
        self.key_id, self.key = self.key_of(app)
        self.claims = jwt.decode(user.tokens["access_token"], options={"verify_signature": False})

    def key_of(self, app: FastAPI) -> tuple[str, Any]:
        return key_of(app)

    def token(
        self,
        claims: dict[str, Any] | None = None,
        *,
        without: str = "",
        algorithm: str = "",
        key: Any = None,
        **header: Any,
    ) -> str:
        content = {name: value for name, value in (self.claims | (claims or {})).items() if name != without}
        headers = {"typ": "at+jwt", "kid": self.key_id} | header
        # The layer below jwt.encode, which refuses to make what these tests need.
        return jwt.PyJWS().encode(json.dumps(content).encode(), key or self.key, algorithm or self.algorithm, headers)

    def raw(self, header: dict[str, Any], signature: bytes = b"") -> str:
        """A token with whatever header, signed with whatever."""
        parts = (json.dumps(header).encode(), json.dumps(self.claims).encode(), signature)
        return ".".join(encoded(part) for part in parts)


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def signed_with_hmac(mint: Mint, secret: bytes, **header: Any) -> str:
    """PyJWT refuses to make some headers, and public keys as HMAC secrets; whoever attacks does not."""
    start, _, _ = mint.raw({"alg": "HS256", "typ": "at+jwt", "kid": mint.key_id} | header).rpartition(".")
    return f"{start}.{encoded(hmac.digest(secret, start.encode(), 'sha256'))}"


async def me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})


async def assert_refused(client: httpx.AsyncClient, tokens: Iterator[tuple[str, str]]) -> None:
    """Check that each token, given with what is wrong with it, is refused."""
    count = 0
    for fault, token in tokens:
        answer = await me(client, token)
        assert answer.status_code == 401, f"{fault}: {answer.text}"
        assert_failure(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', fault
        count += 1
    assert count


async def test_item_32_a_token_holds_ids_and_times_and_nothing_else(app: FastAPI, user: Account) -> None:
    token = user.tokens["access_token"]
    key_id, key = key_of(app)
    claims = jwt.decode(token, key, ["HS256"], audience="modular-monolith-api")

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt", "kid": key_id}
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert (claims["iss"], claims["aud"]) == ("modular-monolith", "modular-monolith-api")
    assert (claims["sub"], claims["sid"]) == (user.id, user.tokens["session_id"])


async def test_item_33_a_token_lives_for_fifteen_minutes(user: Account) -> None:
    claims = jwt.decode(user.tokens["access_token"], options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == user.tokens["expires_in"] == 15 * MINUTE


async def test_no_two_tokens_have_the_same_id(client: httpx.AsyncClient, user: Account) -> None:
    another = await log_in(client, user.email, user.password)

    ids = {
        jwt.decode(one["access_token"], options={"verify_signature": False})["jti"] for one in (another, user.tokens)
    }
    assert len(ids) == 2


async def test_the_mint_of_these_tests_makes_tokens_that_are_accepted(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint = Mint(app, user)

    assert data_of(await me(client, mint.token()))["id"] == user.id
    assert data_of(await me(client, signed_with_hmac(mint, mint.key)))["id"] == user.id
    now = int(datetime.now(UTC).timestamp())
    within_leeway = mint.token({"iat": now + 5, "exp": now + MINUTE})
    assert data_of(await me(client, within_leeway))["id"] == user.id


async def test_item_27_every_claim_is_required(app: FastAPI, client: httpx.AsyncClient, user: Account) -> None:
    mint = Mint(app, user)

    await assert_refused(client, ((f"no {claim}", mint.token(without=claim)) for claim in mint.claims))


async def test_item_27_a_forged_claim_is_refused(
    app: FastAPI, client: httpx.AsyncClient, user: Account, admin: Account
) -> None:
    now, mint = int(datetime.now(UTC).timestamp()), Mint(app, user)
    forged: dict[str, list[Any]] = {
        "iss": ["another-service", "", None, 1, ["modular-monolith"]],
        "aud": ["another-api", "", None, ["modular-monolith-api"], ["modular-monolith-api", "another-api"]],
        "sub": [admin.id, "nobody", "", None, 1, "0" * 32],
        "sid": [admin.tokens["session_id"], "none", "", None, 1, ["x"], {"a": 1}],
        "exp": [now - MINUTE, 0, -1, "soon", None, 1e400, True, str(now + MINUTE)],
        "iat": [now + HOUR, "today", None, -1e400, False, [now]],
        "jti": [1, None],
    }
    await assert_refused(
        client,
        ((f"{name} {value!r}", mint.token({name: value})) for name, values in forged.items() for value in values),
    )


async def test_item_25_another_signature_is_refused(app: FastAPI, client: httpx.AsyncClient, user: Account) -> None:
    mint = Mint(app, user)
    genuine = user.tokens["access_token"]
    start, _, signature = genuine.rpartition(".")
    header, _, rest = genuine.partition(".")
    claims = encoded(json.dumps(mint.claims | {"exp": 2**40}).encode())

    def forgeries() -> Iterator[tuple[str, str]]:
        for name in ("none", "None", "NONE", "nOnE", "", None, 1, ["HS256"], "RS256", "ES256", "EdDSA"):
            yield f"alg {name!r}, no signature", mint.raw({"alg": name, "typ": "at+jwt", "kid": mint.key_id})
            yield f"alg {name!r}", signed_with_hmac(mint, mint.key, alg=name)
        yield "HS512", mint.token(algorithm="HS512", key=mint.key * 2)
        yield "HS384", mint.token(algorithm="HS384", key=mint.key * 2)
        yield "another key", mint.token(key=b"k" * 32)
        yield "RS256", mint.token(algorithm="RS256", key=rsa.generate_private_key(65537, 2048))
        yield "ES256", mint.token(algorithm="ES256", key=ec.generate_private_key(ec.SECP256R1()))
        yield "no signature", f"{start}."
        yield "a signature with its ends exchanged", f"{start}.{signature[::-1]}"
        yield "other claims under the same signature", f"{header}.{claims}.{signature}"
        yield "two parts", start
        yield "four parts", f"{genuine}.x"
        yield "a tail", f"{header}.{rest}x"

    await assert_refused(client, forgeries())


async def test_item_26_the_key_id_only_chooses_among_our_own_keys(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint = Mint(app, user)

    def forgeries() -> Iterator[tuple[str, str]]:
        for key_id in ("", "00000000", "../../x' OR 1", "../../etc/passwd", "' OR 1=1 --", "x" * 10_000):
            yield f"kid {key_id[:20]!r}", mint.token(kid=key_id)
        values: list[object] = [None, 1, ["x"], {}]
        for value in values:
            yield f"kid {value!r}", signed_with_hmac(mint, mint.key, kid=value)
        yield "no header", mint.raw({})

    await assert_refused(client, forgeries())


async def test_item_26_what_else_a_header_brings_along_is_not_used(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint, key = Mint(app, user), b"k" * 32
    jwk = {"kty": "oct", "alg": "HS256", "kid": "theirs", "k": encoded(key)}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"

        def forgeries() -> Iterator[tuple[str, str]]:
            for kid in (mint.key_id, "theirs"):
                yield "a key", mint.token(key=key, jwk=jwk, kid=kid)
                yield "a certificate", mint.token(key=key, x5c=[base64.b64encode(key).decode()], kid=kid)
                yield "the address of keys", mint.token(key=key, jku=address, kid=kid)
                yield "the address of certificates", mint.token(key=key, x5u=address, kid=kid)
            yield "an unknown extension", mint.token(crit=["canary"], canary=1)
            yield "a claim as an extension", mint.token(crit=["exp"], exp=1)
            yield "a payload somewhere else", mint.token(crit=["b64"], b64=False)

        await assert_refused(client, forgeries())

        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_item_28_a_token_says_that_it_is_for_access(
    app: FastAPI, client: httpx.AsyncClient, user: Account
) -> None:
    mint = Mint(app, user)

    def forgeries() -> Iterator[tuple[str, str]]:
        types: list[object] = ["JWT", "AT+JWT", "rt+jwt", "", None, ["at+jwt"]]
        for type_ in types:
            yield f"typ {type_!r}", signed_with_hmac(mint, mint.key, typ=type_)
        yield "no typ", mint.token(typ="")
        yield "the key of another purpose", mint.token(key=key_of(app, "refresh")[1])

    await assert_refused(client, forgeries())


async def test_item_27_a_token_of_another_issuer_or_for_another_service_is_refused(
    make_app: MakeApp, user: Account
) -> None:
    for setting in ("token_issuer", "token_audience"):
        async with client_of(make_app(auth={setting: "another"})) as client:
            assert_failure(await me(client, user.tokens["access_token"]), 401, "not_authenticated")
            assert data_of(await me(client, (await log_in(client, user.email, user.password))["access_token"]))


async def test_item_33_the_lifetime_is_a_setting(make_app: MakeApp, user: Account) -> None:
    async with client_of(make_app(auth={"access_token_ttl": 60})) as client:
        tokens = await log_in(client, user.email, user.password)

    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == MINUTE


async def test_item_27_a_token_is_good_until_it_expires_and_a_moment_longer(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    user = await sign_up(client)

    clock.advance(minutes=15, seconds=5)
    assert data_of(await me(client, user.tokens["access_token"]))["id"] == user.id

    clock.advance(seconds=6)
    assert_failure(await me(client, user.tokens["access_token"]), 401, "not_authenticated")


async def test_item_34_a_token_of_the_future_is_refused_when_the_clock_was_set_back(
    client: httpx.AsyncClient, clock: MovableClock
) -> None:
    clock.advance(hours=1)
    user = await sign_up(client)
    assert data_of(await me(client, user.tokens["access_token"]))["id"] == user.id

    clock.advance(seconds=-5)
    assert data_of(await me(client, user.tokens["access_token"]))["id"] == user.id

    clock.advance(minutes=-1)
    assert_failure(await me(client, user.tokens["access_token"]), 401, "not_authenticated")
