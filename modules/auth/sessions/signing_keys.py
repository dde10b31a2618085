from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from modules.auth.container import Container
from modules.auth.sessions.tokens import AccessTokens
from shared.access import Public
from shared.container import container_of

# Mounted at the top: the path is a convention (RFC 8615).
root_router = APIRouter()


async def _access_tokens(request: Request) -> AccessTokens:
    return container_of(request, Container).access_tokens()


@root_router.get(
    "/.well-known/jwks.json",
    dependencies=[Public("public keys, for other services that verify access tokens")],
    include_in_schema=False,
)
async def get_signing_keys(tokens: Annotated[AccessTokens, Depends(_access_tokens)]) -> JSONResponse:
    """Answer without the envelope: programs read it, and RFC 7517 fixes its form.

    For the same reason it is not in the OpenAPI document, which promises the envelope.
    """
    return JSONResponse({"keys": tokens.public_keys()}, headers={"Cache-Control": "public, max-age=300"})
