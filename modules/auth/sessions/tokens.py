"""The two tokens: a short-lived signed access token, and a refresh token that names a step of its session."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm
from jwt.types import Options
from uuid_utils.compat import uuid7

from modules.auth.settings import Settings
from shared.clock import Clock
from shared.keys import KeyRing

TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's name, no secret
CLAIMS = frozenset({"iss", "aud", "sub", "sid", "jti", "iat", "exp"})
OPTIONS: Options = {
    "require": sorted(CLAIMS),
    "enforce_minimum_key_length": True,
    "strict_aud": True,
    # PyJWT uses the system's clock; AccessTokens compares the times with its own.
    "verify_exp": False,
    "verify_iat": False,
}
LEEWAY = timedelta(seconds=10).total_seconds()
REMEMBERED = 1024
"""The number of tokens whose signature is not checked again; each takes about a kilobyte."""

# A purpose for each, so that an HMAC secret is never the seed of a key whose public half is published.
ACCESS = "access"
ACCESS_ED25519 = "access-ed25519"
REFRESH = "refresh"
REFRESH_VERSION = "rt1"
MAXIMUM_COUNTER_DIGITS = 9


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """`issued_at` and `expires_at` are in seconds since 1970."""

    user_id: UUID
    session_id: UUID
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    session_id: UUID
    counter: int
    signature: bytes


class AccessTokens:
    """Signed with the first key of the ring and accepted with any; they carry ids only, no personal data, no rights.

    With EdDSA the keys are Ed25519 keys made from the ring, and other services can verify, too. There is one algorithm
    at a time: tokens that were signed with the other one are refused.
    """

    def __init__(self, keys: KeyRing, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._algorithm = settings.token_algorithm
        self._clock = clock
        self._signing: Mapping[str, bytes | Ed25519PrivateKey]
        self._verifying: Mapping[str, bytes | Ed25519PublicKey]
        if self._algorithm == "EdDSA":
            seeds = keys.keys(ACCESS_ED25519)
            private = {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds.items()}
            self._signing = private
            self._verifying = {key_id: key.public_key() for key_id, key in private.items()}
        else:
            self._signing = self._verifying = keys.keys(ACCESS)
        # With HS256 a header names only the key, so each key has one text of it.
        self._headers = {
            self._signed({}, key_id, key).partition(".")[0]: key
            for key_id, key in self._verifying.items()
            if isinstance(key, bytes)
        }
        self._parties = settings.token_issuer, settings.token_audience
        # The claims of a token never change; its expiry and its session are checked every time. Refused tokens are not
        # cached, so that bad tokens cannot push good ones out.
        self._claims = lru_cache(REMEMBERED)(self._read)

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        now = int(self._clock().timestamp())
        key_id, key = next(iter(self._signing.items()))
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": str(uuid7()),
            "iat": now,
            "exp": now + self._settings.access_token_ttl,
        }
        return self._signed(claims, key_id, key)

    def verify(self, token: str) -> AccessClaims | None:
        """The claims of a valid token of this service; None for anything else."""
        try:
            claims = self._claims(token)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            return None
        now = self._clock().timestamp()
        return claims if claims.issued_at <= now + LEEWAY and now - LEEWAY < claims.expires_at else None

    def public_keys(self) -> list[dict[str, str]]:
        """The keys with which others verify, as JSON Web Keys (RFC 8037); none with HS256, whose keys are secrets."""
        return [
            OKPAlgorithm.to_jwk(key, as_dict=True) | {"kid": key_id, "use": "sig", "alg": self._algorithm}
            for key_id, key in self._verifying.items()
            if isinstance(key, Ed25519PublicKey)
        ]

    def _signed(self, claims: dict[str, Any], key_id: str, key: bytes | Ed25519PrivateKey) -> str:
        return jwt.encode(claims, key, self._algorithm, headers={"typ": TOKEN_TYPE, "kid": key_id})

    def _read(self, token: str) -> AccessClaims:
        """Raises one of several exceptions if this is not a token of ours."""
        claims = self._as_issued(token) or self._decoded(token)
        issued_at, expires_at = claims["iat"], claims["exp"]
        if not type(issued_at) is type(expires_at) is int:
            raise jwt.InvalidTokenError
        return AccessClaims(UUID(claims["sub"]), UUID(claims["sid"]), issued_at, expires_at)

    def _as_issued(self, token: str) -> dict[str, Any] | None:
        """The claims of a token in the form that `issue` writes; None leaves the token to PyJWT.

        It takes a seventh of the time: PyJWT reads the header and the key again for each token.
        """
        header, payload, signature = token.split(".")
        secret = self._headers.get(header)
        if secret is None:
            return None
        expected = base64.urlsafe_b64encode(hmac.digest(secret, f"{header}.{payload}".encode(), hashlib.sha256))
        if not hmac.compare_digest(expected.rstrip(b"="), signature.encode()):
            raise jwt.InvalidSignatureError
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
        if claims.keys() != CLAIMS or (claims["iss"], claims["aud"]) != self._parties or type(claims["jti"]) is not str:
            return None
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        # The key id only chooses among our own keys; keys in the header itself are ignored.
        key = self._verifying.get(str(header.get("kid")))
        if key is None or header.get("typ") != TOKEN_TYPE:
            raise jwt.InvalidTokenError
        return jwt.decode(
            token,
            key,
            algorithms=[self._algorithm],
            issuer=self._settings.token_issuer,
            audience=self._settings.token_audience,
            options=OPTIONS,
        )


@dataclass(slots=True, kw_only=True)
class RefreshTokens:
    """`rt1.<session>.<counter>.<mac>`, keyed by the server's secret and the session's salt.

    Neither a leaked database nor a leaked secret is enough to make one, and the same successor can be made again
    within the grace window.
    """

    keys: KeyRing

    def issue(self, session_id: UUID, counter: int, salt: bytes) -> str:
        content = _content(session_id, counter)
        mac = base64.urlsafe_b64encode(self.keys.sign(REFRESH, content.encode(), salt)).decode().rstrip("=")
        return f"{content}.{mac}"

    def parse(self, token: str) -> RefreshClaims | None:
        """Parse a token without verifying it; `is_genuine` does that, with the session's salt."""
        try:
            version, session_id, counter, mac = token.split(".")
            signature = base64.urlsafe_b64decode(mac + "=" * (-len(mac) % 4))
            claims = RefreshClaims(UUID(session_id), int(counter), signature)
        except (ValueError, binascii.Error):
            return None
        # Only one spelling of each: no other case, no "+1", no padding.
        is_canonical = (version, session_id, counter) == (REFRESH_VERSION, str(claims.session_id), str(claims.counter))
        return claims if is_canonical and claims.counter >= 0 and len(counter) <= MAXIMUM_COUNTER_DIGITS else None

    def is_genuine(self, claims: RefreshClaims, salt: bytes) -> bool:
        return self.keys.verify(REFRESH, _content(claims.session_id, claims.counter).encode(), claims.signature, salt)


def _content(session_id: UUID, counter: int) -> str:
    return f"{REFRESH_VERSION}.{session_id}.{counter}"
