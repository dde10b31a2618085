"""Keys for one purpose each, derived the same way for ever."""

from itertools import combinations

from shared.keys import KeyRing, derive_key

OLD, NEW = "the-old-secret-of-these-tests-0001", "the-new-secret-of-these-tests-0002"


def test_keys_are_derived_as_in_rfc_5869() -> None:
    # Its test case 3. With another derivation every session and every cursor would be void.
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"

    assert derive_key(b"\x0b" * 22, "").hex() == expected


def test_what_is_signed_for_one_purpose_salt_or_message_holds_for_no_other() -> None:
    ring = KeyRing((OLD,))
    signature = ring.sign("access", b"message", b"salt")

    assert len(signature) == 32
    assert ring.verify("access", b"message", signature, b"salt")
    assert not ring.verify("refresh", b"message", signature, b"salt")
    assert not ring.verify("access", b"another", signature, b"salt")
    assert not ring.verify("access", b"message", signature, b"pepper")
    assert not ring.verify("access", b"message", signature)
    assert not ring.verify("access", b"message", signature[:-1], b"salt")
    assert not ring.verify("access", b"message", b"", b"salt")


def test_the_first_key_signs_and_every_key_is_known_by_its_id() -> None:
    old, both = KeyRing((OLD,)), KeyRing((NEW, OLD))

    assert both.sign("access", b"message") == KeyRing((NEW,)).sign("access", b"message")
    assert both.verify("access", b"message", old.sign("access", b"message"))
    assert list(both.keys("access").values()) == [derive_key(one.encode(), "access") for one in (NEW, OLD)]
    assert list(both.keys("access"))[1:] == list(old.keys("access"))
    assert all(len(key_id) == 8 for key_id in both.keys("access"))


def test_no_key_tells_the_secret_or_another_key() -> None:
    keys = [key for purpose in ("access", "refresh", "cursor") for key in KeyRing((NEW, OLD)).keys(purpose).values()]

    assert all(one != another for one, another in combinations(keys, 2))
    assert not {OLD.encode(), NEW.encode()} & set(keys)
