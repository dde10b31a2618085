"""What the module that proves who is calling provides."""

from typing import Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncSession

from shared.context import Principal


class Authenticator(Protocol):
    """What the auth module provides, as `authenticator` in its container.

    Its class may name the failures that a `Principal.denied` of its making can be, `denials = (...)`: the OpenAPI
    document has them at every route that requires a permission.
    """

    async def authenticate(self, token: str) -> Principal | None:
        """The caller to whom this bearer token belongs; None if the token is no good, for whatever reason."""


@runtime_checkable
class ConfirmingAuthenticator(Authenticator, Protocol):
    """An authenticator that can look again. With any other, the first decision holds for the whole request."""

    async def confirm(self, principal: Principal, session: AsyncSession) -> Principal | None:
        """The same caller as the transaction of `session` sees it; None if the login is over."""


class DenyEveryone:
    """Stands in when no module provides an authenticator: nothing but public routes opens."""

    async def authenticate(self, token: str) -> Principal | None:  # noqa: ARG002 - the protocol's signature
        return None
