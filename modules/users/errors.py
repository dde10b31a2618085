from shared.errors import AppError


class UserNotFound(AppError):
    status, code, message = 404, "user_not_found", "There is no such user."


class EmailTaken(AppError):
    status, code, message = 409, "email_taken", "This e-mail address belongs to an account already."
