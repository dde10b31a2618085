"""The garbage collector is off while something large is built, and afterwards as it was."""

import gc
from collections.abc import Iterator

import pytest

from shared.assembly.garbage_collection import collection_paused


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_it_is_off_meanwhile_and_on_again_after_a_failure_too() -> None:
    @collection_paused()
    def build() -> None:
        assert not gc.isenabled()
        raise ValueError("built badly")

    with pytest.raises(ValueError, match="built badly"):
        build()
    assert gc.isenabled()


def test_one_pause_within_another_does_not_end_it() -> None:
    with collection_paused():
        with collection_paused():
            pass
        assert not gc.isenabled()

    assert gc.isenabled()
