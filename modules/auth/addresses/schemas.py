"""The bodies for e-mail addresses."""

from typing import Annotated

from pydantic import Field

from modules.auth.mail.schemas import LinkToken
from modules.auth.passwords.schemas import Password
from modules.users import Email
from shared.http import RequestBody


class EmailVerify(RequestBody):
    """A link, used to confirm an address."""

    token: LinkToken


class EmailChange(RequestBody):
    """Another address, and what proves that it is you who wants it."""

    new_email: Annotated[Email, Field(description="Where the link to confirm it is mailed.")]
    current_password: Annotated[Password, Field(description="The one you have.")]
