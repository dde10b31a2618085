"""Watching the work that goes into passwords."""

from typing import Any

import bcrypt
import pytest


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cost of each bcrypt hash that is computed from now on; they are computed all the same."""
    costs: list[int] = []

    def watch(name: str) -> None:
        compute = getattr(bcrypt, name)

        def count(password: bytes, salt: bytes) -> Any:
            computed = compute(password, salt)  # raises for what is no hash, and then none was computed
            costs.append(int(salt.split(b"$")[2]))
            return computed

        monkeypatch.setattr(bcrypt, name, count)

    watch("hashpw")
    watch("checkpw")
    return costs
