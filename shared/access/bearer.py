"""The caller, by the bearer token that a request carries."""

from starlette.types import Scope

from shared.access.markers import AuthenticatedOr
from shared.access.table import RouteMatch
from shared.application import part_of
from shared.container import Runtime
from shared.context import Principal
from shared.errors import NotAuthenticated


async def find_caller(scope: Scope, match: RouteMatch) -> Principal | None:
    """Who is calling the route; None if it is public, or takes another proof and there is no good token.

    Raises:
        NotAuthenticated: There is no good token, and the route, or what is no route, wants one.
    """
    if match.entry is not None and match.entry.is_public:
        return None
    try:
        return await _authenticate(scope)
    except NotAuthenticated:
        if match.entry is None or match.allowed or not isinstance(match.entry.marker, AuthenticatedOr):
            raise
        return None


async def _authenticate(scope: Scope) -> Principal:
    # Raw, as ASGI has them in lower case: every request comes by here.
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        raise NotAuthenticated
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(token_was_sent=True)
    principal = await part_of(scope["app"], Runtime).authenticator.authenticate(token.strip())
    if principal is None:
        raise NotAuthenticated(token_was_sent=True)
    return principal
