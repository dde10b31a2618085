from fastapi import APIRouter
from fastapi.responses import JSONResponse

from modules.auth.dependencies import Tokens
from shared.access import Public

# Mounted at the top: the path is a convention (RFC 8615).
root_router = APIRouter()


@root_router.get(
    "/.well-known/jwks.json",
    dependencies=[Public("public keys, for other services that verify access tokens")],
    include_in_schema=False,
)
async def get_signing_keys(tokens: Tokens) -> JSONResponse:
    """Answer without the envelope: programs read it, and RFC 7517 fixes its form.

    For the same reason it is not in the OpenAPI document, which promises the envelope.
    """
    return JSONResponse({"keys": tokens.public_keys()}, headers={"Cache-Control": "public, max-age=300"})
