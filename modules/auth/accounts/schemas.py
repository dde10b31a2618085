"""The body of a registration."""

from typing import Annotated

from pydantic import Field

from modules.auth.passwords.schemas import NewPassword
from modules.users import Email, Nickname
from shared.http import RequestBody
from shared.locales import Locale


class RegisterRequest(RequestBody):
    """A new account."""

    email: Annotated[Email, Field(description="The address to log in with; a link is mailed to it.")]
    password: NewPassword
    nickname: Annotated[Nickname | None, Field(description="How you want to be called.")] = None
    locale: Annotated[
        Locale | None, Field(description="The language of mails to you; by default that of Accept-Language.")
    ] = None
