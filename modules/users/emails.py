"""E-mail addresses: a normalised form, and a key that decides whether two are the same."""

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
# Longer than an address: NFKC and casefolding may expand a letter, "ß" to "ss".
EMAIL_KEY_LENGTH = 510


def special_use(email: str) -> str | None:
    """The special-use domain of this address, such as `local` (RFC 6761); None if it is in none."""
    domain = f".{email.rpartition('@')[2].lower()}"
    return next((name for name in SPECIAL_USE_DOMAIN_NAMES if domain.endswith(f".{name}")), None)


def _normalized(value: str) -> str:
    value = value.strip()
    # UserService decides whether domains for private use are allowed, as each application configures it. The library
    # always refuses them, so it gets such a domain as a part of another one.
    stand_in = STAND_IN if special_use(value) else ""
    try:
        # No display names ("Foo <foo@example.com>"), no look-ups in the network.
        return validate_email(value + stand_in, check_deliverability=False).normalized.removesuffix(stand_in)
    except EmailNotValidError:
        raise PydanticCustomError("email_invalid", "This is not an e-mail address.") from None


def email_key(email: str) -> str:
    """The key of an account: `Ada@Example.com` and `ada@example.com` have the same.

    Takes any text, since a login may contain anything, and a search the beginning of an address.
    """
    with suppress(ValueError):
        email = _normalized(email)
    local_part, at, domain = email.rpartition("@") if "@" in email else (email, "", "")
    return unicodedata.normalize("NFKC", local_part).casefold() + at + _domain_key(domain)


def _domain_key(domain: str) -> str:
    # Lower case, since casefolding equates "ß" with "ss" and a final sigma with any other. In IDNA 2008 such domains
    # differ, and have different owners.
    # Letter by letter, since str.lower() writes a "Σ" at the end of a word as "ς". The domain of a complete address is
    # in this form already.
    return "".join(letter.lower() for letter in unicodedata.normalize("NFKC", domain))


Email = Annotated[
    SafeText,
    Field(max_length=MAXIMUM_LENGTH, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_normalized),
    fits_key(EMAIL_KEY_LENGTH, email_key),
]
"""An address in its written form: Unicode composed (NFC), domain in lower case, local part as its owner writes it."""
