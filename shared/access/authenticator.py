"""The interface of the module that authenticates callers."""

from typing import Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncSession

from shared.context import Principal


class Authenticator(Protocol):
    """Finds the caller by a bearer token. The auth module provides one, as `authenticator` in its container.

    Its class may list the failures that it sets as `Principal.denied`, `denials = (...)`: the OpenAPI document shows
    them at every route that requires a permission.
    """

    async def authenticate(self, token: str) -> Principal | None:
        """The caller to whom this bearer token belongs; None if the token is invalid, for any reason."""


@runtime_checkable
class ConfirmingAuthenticator(Authenticator, Protocol):
    """An authenticator that can check again in a transaction. With any other, the first decision stands."""

    async def confirm(self, principal: Principal, session: AsyncSession) -> Principal | None:
        """The same caller as the transaction of `session` sees it; None if the login is over."""


class DenyEveryone:
    """The default when no module provides an authenticator: only public routes answer."""

    async def authenticate(self, token: str) -> Principal | None:  # noqa: ARG002 - the protocol's signature
        return None
