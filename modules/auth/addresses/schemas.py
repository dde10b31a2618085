"""The bodies for e-mail addresses."""

from typing import Annotated

from pydantic import Field

from modules.auth.mail.schemas import LinkToken
from modules.auth.passwords.schemas import Password
from modules.users import Email
from shared.http import RequestBody


class EmailVerify(RequestBody):
    """The token of a link that confirms an address."""

    token: LinkToken


class EmailChange(RequestBody):
    """A new address, and your password as a proof."""

    new_email: Annotated[Email, Field(description="The new address; the link to confirm it is mailed there.")]
    current_password: Annotated[Password, Field(description="Your current password.")]
