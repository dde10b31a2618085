from fastapi import APIRouter

from modules.auth.addresses.schemas import EmailChange, EmailVerify
from modules.auth.dependencies import Emails
from modules.auth.errors import InvalidToken, WrongPassword
from modules.users import EmailTaken
from shared.access import Authenticated, Caller, Public
from shared.errors import TooManyRequests
from shared.http import ApiResponse, failures, success

TOKEN_IS_THE_CREDENTIAL = Public("the token from the mail is the credential")

router = APIRouter(prefix="/email")


@router.post(
    "/verify/request",
    summary="Ask for the link that confirms your address",
    status_code=202,
    dependencies=[Authenticated()],
    responses=failures(TooManyRequests),
)
async def request_email_verification(caller: Caller, emails: Emails) -> ApiResponse[None]:
    """Mails you the link once more, unless your address is verified."""
    await emails.request_verification(caller.user_id)
    return success(None)


@router.post(
    "/verify",
    summary="Confirm your address",
    dependencies=[Authenticated()],
    responses=failures(InvalidToken),
)
async def verify_email(data: EmailVerify, caller: Caller, emails: Emails) -> ApiResponse[None]:
    """Confirms your own address, with the token from the mail; a link to another account's address is not valid."""
    await emails.verify(caller, data.token)
    return success(None)


@router.post(
    "/disown",
    summary="Say that this was not you",
    dependencies=[TOKEN_IS_THE_CREDENTIAL],
    responses=failures(InvalidToken, TooManyRequests),
)
async def disown_email(data: EmailVerify, emails: Emails) -> ApiResponse[None]:
    """Undoes what somebody else did with your address, with the token from the mail.

    An account whose address is not confirmed loses its password and its sessions; "forgot password" gives it to you. A
    change to your address is cancelled.
    """
    await emails.disown(data.token)
    return success(None)


@router.post(
    "/change",
    summary="Ask for another address",
    status_code=202,
    dependencies=[Authenticated()],
    responses=failures(WrongPassword, TooManyRequests),
)
async def request_email_change(data: EmailChange, caller: Caller, emails: Emails) -> ApiResponse[None]:
    """Mails a link to the new address; your address changes when it is confirmed."""
    await emails.request_change(caller, data.new_email, data.current_password)
    return success(None)


@router.post(
    "/change/confirm",
    summary="Confirm the change of your address",
    dependencies=[Authenticated()],
    responses=failures(InvalidToken, EmailTaken),
)
async def confirm_email_change(data: EmailVerify, caller: Caller, emails: Emails) -> ApiResponse[None]:
    """Gives you the new address, with the token from the mail to it; the old address gets a notice."""
    await emails.confirm_change(caller, data.token)
    return success(None)
