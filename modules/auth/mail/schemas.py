"""The token in a link."""

from typing import Annotated

from pydantic import Field

from shared.http import AnyText

LinkToken = Annotated[
    AnyText,
    Field(
        min_length=1,
        max_length=200,
        description="The text after `#token=` in the link.",
        examples=["3q2-7wAbCdEfGhIjKlMnOpQrStUvWxYz"],
    ),
]
