"""Finds the caller by the bearer token of the request."""

from starlette.types import Scope

from shared.access.markers import AuthenticatedOr
from shared.access.table import RouteMatch
from shared.application import part_of
from shared.container import Runtime
from shared.context import Principal
from shared.errors import NotAuthenticated


async def find_caller(scope: Scope, match: RouteMatch) -> Principal | None:
    """The caller; None if the route is public, or accepts another proof and there is no valid token.

    Raises:
        NotAuthenticated: There is no valid token, and the route requires one, or no route matches.
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
    # Raw headers, in lower case by ASGI's rule: this runs for every request.
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
