from shared.errors import AppError


class InvalidCredentials(AppError):
    """For an unknown address, a wrong password and a deactivated account alike."""

    status, code, message = 401, "invalid_credentials", "The e-mail address or the password is wrong."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class InvalidRefreshToken(AppError):
    status, code, message = 401, "invalid_refresh_token", "The refresh token is not valid; log in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class RegistrationClosed(AppError):
    status, code, message = 403, "registration_closed", "Registration is closed; ask an administrator for an account."


class WrongPassword(AppError):
    """A logged-in user gave a wrong password; not a 401, since the token is valid."""

    status, code, message = 403, "invalid_credentials", "The current password is wrong."


class PasswordChangeRequired(AppError):
    """Somebody else chose the password: the caller has no permissions until it is changed."""

    status, code, message = 403, "password_change_required", "Choose a password of your own first."


class InvalidToken(AppError):
    status, code, message = 400, "invalid_token", "The link is not valid any more; ask for another one."


class CannotPromote(AppError):
    """For an operator on the command line; the message says why, and what to do."""

    status, code, message = 409, "cannot_promote", "This account cannot be made an administrator."


class NotInvited(AppError):
    status, code = 409, "not_invited"
    message = "This user has chosen a password already; there is no invitation to send again."


class SessionNotFound(AppError):
    status, code, message = 404, "session_not_found", "Session not found."


class RoleNotFound(AppError):
    status, code, message = 404, "role_not_found", "Role not found."


class RoleTaken(AppError):
    status, code, message = 409, "role_taken", "There is a role of this name already."


class RoleBuiltin(AppError):
    status, code, message = 409, "role_builtin", "The built-in roles cannot be changed or deleted."


class CannotGrant(AppError):
    status, code, message = 403, "cannot_grant", "You can give and take only what you are allowed to do yourself."
