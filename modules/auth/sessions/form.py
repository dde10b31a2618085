from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from modules.auth.dependencies import Login
from modules.auth.sessions.schemas import LoginRequest
from shared.access import Public
from shared.errors import BadRequest, UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10

# Only in development, for Authorize in /docs.
development_router = APIRouter()


async def _form(request: Request) -> LoginRequest:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType("Send the body as {form}.", params={"form": FORM})
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=MOST_FIELDS, strict_parsing=True)
        return LoginRequest.model_validate(
            {"email": fields["username"][-1], "password": fields["password"][-1]}, strict=True
        )
    except (KeyError, ValidationError, ValueError):
        raise BadRequest("Send username and password as a form.") from None


@development_router.post(
    "/token",
    dependencies=[Public("the password is the credential; for Authorize in /docs, and not there in production")],
    include_in_schema=False,
)
async def log_in_by_form(data: Annotated[LoginRequest, Depends(_form)], login: Login) -> JSONResponse:
    """Answer without the envelope: RFC 6749 5.1 fixes the form. Everything else is like any login, including limits."""
    pair = await login.login(data)
    told = ("access_token", "token_type", "expires_in", "refresh_token")
    return JSONResponse({name: getattr(pair, name) for name in told})
