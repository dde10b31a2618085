"""docs/http-api.md as it should be now: with the failure codes of the code, and the answers of the service."""

from fastapi import FastAPI

from modules.auth.container import Container as AuthContainer
from modules.auth.schemas import RegisterRequest
from shared.container import Runtime
from tests.conftest import client_of, log_in
from tests.docs.exchanges import Replay
from tests.docs.failure_codes import errors_of_ours, with_failure_codes
from tests.project import ROOT

PAGE = ROOT / "docs" / "http-api.md"
TO_MAKE_IT_TRUE = "uv run python -m tests.docs"

ADMINISTRATOR = RegisterRequest(email="grace@example.com", password="eleven quiet lighthouses hum")


async def page_as_it_should_be(app: FastAPI) -> str:
    """Of a fresh application; only this page's users may be in its database."""
    runtime: Runtime = app.state.runtime
    await runtime.of(AuthContainer).registration_service().create_admin(ADMINISTRATOR)
    async with client_of(app) as client:
        tokens = await log_in(client, ADMINISTRATOR.email, ADMINISTRATOR.password)
        replay = Replay(client, {"ADMIN": tokens["access_token"]})
        return await replay.page(with_failure_codes(PAGE.read_text(encoding="utf-8"), errors_of_ours()))
