from fastapi import APIRouter

from modules.auth.dependencies import Passwords, Recovery
from modules.auth.errors import InvalidToken, WrongPassword
from modules.auth.passwords.schemas import PasswordChange, PasswordForgot, PasswordReset
from shared.access import Authenticated, Caller, Public
from shared.errors import TooManyRequests
from shared.http import ApiResponse, failures, success

router = APIRouter(prefix="/password")


@router.post(
    "/change",
    summary="Change your password",
    dependencies=[Authenticated()],
    responses=failures(WrongPassword, TooManyRequests),
)
async def change_password(data: PasswordChange, caller: Caller, passwords: Passwords) -> ApiResponse[None]:
    """Ends your other sessions."""
    await passwords.change(caller, data.current_password, data.new_password)
    return success(None)


@router.post(
    "/forgot",
    summary="Ask for a link to choose a new password",
    status_code=202,
    dependencies=[Public("who has forgotten the password cannot log in")],
    responses=failures(TooManyRequests),
)
async def request_password_reset(data: PasswordForgot, recovery: Recovery) -> ApiResponse[None]:
    """Mails a link, if the address has an account; the answer does not tell."""
    await recovery.forgot(data.email)
    return success(None, "If this address has an account, a mail is on its way.")


@router.post(
    "/reset",
    summary="Choose a new password with a link",
    dependencies=[Public("the token from the mail is the credential")],
    responses=failures(InvalidToken, TooManyRequests),
)
async def reset_password(data: PasswordReset, recovery: Recovery) -> ApiResponse[None]:
    """Also for the link of an invitation. Ends all your sessions."""
    await recovery.reset(data.token, data.new_password)
    return success(None)
