"""Storing and checking passwords.

A stored hash reads `bcrypt-hs384$<key version>$<bcrypt hash>`. Bcrypt hashes base64(HMAC-SHA-384(key, password)), 64
characters: all characters of a long password count, and a list of plain hashes that leaked elsewhere does not help. A
bare bcrypt hash (`$2b$...`, an import) is accepted too, and replaced at the next login.
"""

import asyncio
import base64
import hmac
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
import structlog

from shared.errors import Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

SCHEME = "bcrypt-hs384"
KEY_VERSION = "0"
# It need not be secret: it only makes these hashes this application's own. A change would void all stored passwords.
PREHASH_KEYS = {KEY_VERSION: b"modular-monolith/password"}
BCRYPT_LIMIT_BYTES = 72
LOW_PRIORITY = 10


class PasswordHasher:
    """Hashes in a small thread pool of its own, at low priority, so that a flood of logins slows no other request."""

    def __init__(self, cost: int, queue: int) -> None:
        self._cost = cost
        threads = _cores()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hashing", initializer=_lower_priority)
        self._free = threads + queue

    def require_room(self) -> None:
        """Raises Unavailable if the queue is full, to refuse before any other work. Reserves nothing."""
        if self._free <= 0:
            raise Unavailable

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many hashes are waiting already."""
        return await self._run(lambda: self._hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Check a password. Takes as long without a stored hash, so that the answer's time reveals nothing."""
        return await self._run(lambda: self._verify(password, stored))

    def needs_rehash(self, stored: str) -> bool:
        return not stored.startswith(f"{SCHEME}${KEY_VERSION}$2b${self._cost:02d}$")

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        self.require_room()
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._free += 1

    def _hash(self, password: str) -> str:
        hashed = bcrypt.hashpw(_prehash(password, KEY_VERSION), bcrypt.gensalt(self._cost)).decode()
        return f"{SCHEME}${KEY_VERSION}{hashed}"

    def _verify(self, password: str, stored: str | None) -> bool:
        try:
            matches = None if stored is None else _matches(password, stored)
        except ValueError:
            log.error("password_hash_malformed")  # noqa: TRY400 - a traceback would show nothing more
            matches = None
        if stored is None or matches is None:
            self._hash(password)
            return False
        if not matches:
            # A hash of a lower cost was faster to check. Spend the missing time: 2^10 = 2^8 + 2^8 + 2^9.
            for cost in range(_cost_of(stored), self._cost):
                bcrypt.hashpw(b"", bcrypt.gensalt(cost))
        return matches


def _matches(password: str, stored: str) -> bool:
    """Raises ValueError if `stored` is not a hash."""
    scheme, _, rest = stored.partition("$")
    version, _, _ = rest.partition("$")
    if scheme == SCHEME and version in PREHASH_KEYS:
        return bcrypt.checkpw(_prehash(password, version), rest.removeprefix(version).encode())
    plain = _normalized(password)
    matches = bcrypt.checkpw(plain[:BCRYPT_LIMIT_BYTES], stored.encode())
    return matches and len(plain) <= BCRYPT_LIMIT_BYTES


def _cost_of(stored: str) -> int:
    return int(stored.rsplit("$", 2)[1])


def _prehash(password: str, version: str) -> bytes:
    return base64.b64encode(hmac.digest(PREHASH_KEYS[version], _normalized(password), "sha384"))


def _normalized(password: str) -> bytes:
    # One form for "é" typed as one character or as two; blanks and case stay as they are.
    return unicodedata.normalize("NFC", password).encode()


def _cores() -> int:
    # The cores that this process may use: a container or `taskset` may allow it fewer than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _lower_priority() -> None:
    if hasattr(os, "setpriority"):
        # On Linux this is the thread's own priority, although POSIX says the process's.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
