"""E-mail addresses: one way to write each, and one key that decides whether two are the same."""

import unicodedata
from contextlib import suppress
from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shared.http import SafeText
from shared.paging import fits_key

MAXIMUM_LENGTH = 254
STAND_IN = ".example"
# Of the key: NFKC and casefolding may write several letters for one, "ss" for "ß".
EMAIL_KEY_LENGTH = 510


def special_use(email: str) -> str | None:
    """The domain that is not for the internet and that this address is in, such as `local` (RFC 6761)."""
    domain = f".{email.rpartition('@')[2].lower()}"
    return next((name for name in SPECIAL_USE_DOMAIN_NAMES if domain.endswith(f".{name}")), None)


def _normalized(value: str) -> str:
    value = value.strip()
    # Whether domains for private use are allowed is up to each application: UserService looks at it. The library knows
    # one answer for all, so that it is shown such a domain as a part of another.
    stand_in = STAND_IN if special_use(value) else ""
    try:
        # No display names ("Foo <foo@example.com>"), no look-ups in the network.
        return validate_email(value + stand_in, check_deliverability=False).normalized.removesuffix(stand_in)
    except EmailNotValidError:
        raise PydanticCustomError("email_invalid", "This is not an e-mail address.") from None


def email_key(email: str) -> str:
    """What makes two addresses the same account: `Ada@Example.com` and `ada@example.com` are one.

    Takes anything, for at login anything may have been typed, and in a search the beginning of an address.
    """
    with suppress(ValueError):
        email = _normalized(email)
    local_part, at, domain = email.rpartition("@") if "@" in email else (email, "", "")
    return unicodedata.normalize("NFKC", local_part).casefold() + at + _domain_key(domain)


def _domain_key(domain: str) -> str:
    # Not casefolded: that makes "ß" and a final sigma the same as "ss" and any other sigma, and IDNA 2008 tells such
    # domains apart: they have different owners.
    # Letter by letter, for str.lower() writes a "Σ" at the end of a word as "ς". The domain of a complete address is in
    # this form already.
    return "".join(letter.lower() for letter in unicodedata.normalize("NFKC", domain))


Email = Annotated[
    SafeText,
    Field(max_length=MAXIMUM_LENGTH, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_normalized),
    fits_key(EMAIL_KEY_LENGTH, email_key),
]
"""An address in its written form: Unicode composed (NFC), domain in lower case, local part as its owner writes it."""
