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
