from shared.errors import AppError


class UserNotFound(AppError):
    status, code, message = 404, "user_not_found", "There is no such user."


class EmailTaken(AppError):
    status, code, message = 409, "email_taken", "This e-mail address belongs to an account already."


class LastAdmin(AppError):
    """Raised by whoever listens to `UserDeactivated` and `UserDeleted` and knows what the user is needed for."""

    status, code, message = 409, "last_admin", "This is the last active administrator; make another one first."
