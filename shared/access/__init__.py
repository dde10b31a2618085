"""Who may call a route: markers, the caller, and the decision that default deny takes."""

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
