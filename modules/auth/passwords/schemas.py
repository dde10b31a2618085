"""The bodies for passwords, and the types of passwords for all others."""

from typing import Annotated

from pydantic import Field

from modules.auth.examples import EXAMPLE_PASSWORD
from modules.auth.mail.schemas import LinkToken
from modules.auth.passwords.policy import MAXIMUM_CHARACTERS
from modules.users import Email
from shared.http import AnyText, RequestBody, bounded_by_settings

# For authentication. The bound keeps absurd bodies away from the hash.
Password = Annotated[AnyText, Field(min_length=1, max_length=1024, examples=[EXAMPLE_PASSWORD])]
# For a new password. The policy itself is in policy.py; this is what the OpenAPI document can say of it.
NewPassword = Annotated[
    Password,
    Field(
        json_schema_extra={
            **bounded_by_settings(minLength="AUTH_PASSWORD_MIN_LENGTH"),
            "maxLength": MAXIMUM_CHARACTERS,
            "description": "Long rather than complicated: none of the common ones, no address, no name.",
        }
    ),
]


class PasswordChange(RequestBody):
    """The old password and the new one."""

    current_password: Annotated[Password, Field(description="Your current password.")]
    new_password: NewPassword


class PasswordForgot(RequestBody):
    """The account whose password is forgotten."""

    email: Annotated[Email, Field(description="The account's address; the link is mailed to it.")]


class PasswordReset(RequestBody):
    """The token of a link, and the new password."""

    token: LinkToken
    new_password: NewPassword
