from shared.errors import AppError


class UserNotFound(AppError):
    status, code, message = 404, "user_not_found", "User not found."


class EmailTaken(AppError):
    status, code, message = 409, "email_taken", "This e-mail address belongs to an account already."


class UserOutOfReach(AppError):
    """Raised by a handler of `UserAboutToChange` that knows the permissions of the caller and of the user."""

    status, code, message = 403, "cannot_grant", "You can act only on users who may do no more than you."


class OwnEmail(AppError):
    """Raised by a handler of `UserEmailCorrected` that knows the caller."""

    status, code = 409, "own_email"
    message = "This is your own address: ask for its change with your password, and confirm the new one by mail."


class LastAdmin(AppError):
    """Raised by a handler of `UserDeactivated` and `UserDeleted` that knows the administrators."""

    status, code, message = 409, "last_admin", "This is the last administrator who can log in; make another one first."
