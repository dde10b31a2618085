"""Access control: markers that say who may call a route, the caller, and default deny."""

from shared.access.authenticator import Authenticator, ConfirmingAuthenticator
from shared.access.markers import Authenticated, AuthenticatedOr, Caller, CallerIfAny, Public, Requires
from shared.context import Principal

__all__ = [
    "Authenticated",
    "AuthenticatedOr",
    "Authenticator",
    "Caller",
    "CallerIfAny",
    "ConfirmingAuthenticator",
    "Principal",
    "Public",
    "Requires",
]
