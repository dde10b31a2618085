"""The bodies for passwords, and the types of passwords for all others."""

from typing import Annotated

from pydantic import Field

from modules.auth.examples import EXAMPLE_PASSWORD
from modules.auth.mail.schemas import LinkToken
from modules.auth.passwords.policy import MAXIMUM_CHARACTERS
from modules.users import Email
from shared.http import AnyText, RequestBody, bounded_by_settings

# To prove who one is. This bound keeps absurd bodies away from the hash.
Password = Annotated[AnyText, Field(min_length=1, max_length=1024, examples=[EXAMPLE_PASSWORD])]
# To be chosen. The policy proper is in policy.py; what a document can say of it stands here.
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

    current_password: Annotated[Password, Field(description="The one you have.")]
    new_password: NewPassword


class PasswordForgot(RequestBody):
    """Whose password is to be chosen anew."""

    email: Annotated[Email, Field(description="Of the account; the link is mailed to it.")]


class PasswordReset(RequestBody):
    """A link, used to choose a password."""

    token: LinkToken
    new_password: NewPassword
