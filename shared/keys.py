"""Keys derived from the one secret, a different one for each purpose."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


def derive_key(secret: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """HKDF-SHA256 (RFC 5869): 32 bytes that reveal neither the secret nor another purpose's key."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose.encode()).derive(secret)


class KeyRing:
    """The ring of `JWT_SECRET_KEY`: sign with the first key, accept all, so that keys can be changed without logout."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = tuple(secret.encode() for secret in secrets)

    def keys(self, purpose: str) -> dict[str, bytes]:
        """Every key for this purpose by its id (8 hex digits), the signing one first."""
        keys = [derive_key(secret, purpose) for secret in self._secrets]
        return {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}

    def sign(self, purpose: str, message: bytes, salt: bytes | None = None) -> bytes:
        """HMAC-SHA256 of the message, 32 bytes."""
        return self._mac(self._secrets[0], purpose, message, salt)

    def verify(self, purpose: str, message: bytes, signature: bytes, salt: bytes | None = None) -> bool:
        """True if any key of the ring made this signature; compared in constant time."""
        return any(
            hmac.compare_digest(self._mac(secret, purpose, message, salt), signature) for secret in self._secrets
        )

    @staticmethod
    def _mac(secret: bytes, purpose: str, message: bytes, salt: bytes | None) -> bytes:
        return hmac.digest(derive_key(secret, purpose, salt), message, "sha256")
