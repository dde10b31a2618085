"""The README's first conversation, with a real server process."""

import httpx2 as httpx

from tests.conftest import sign_up
from tests.project import Project, serve


async def test_register_log_in_refresh_log_out(project: Project) -> None:
    project.alembic("upgrade", "heads")
    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            user = await sign_up(client)

            me = await client.get("/api/users/me", headers=user.headers)
            assert me.json()["data"]["email"] == user.email

            refreshed = await client.post("/api/auth/refresh", json={"refresh_token": user.tokens["refresh_token"]})
            user.tokens = refreshed.json()["data"]
            assert (await client.get("/api/users/me", headers=user.headers)).status_code == 200

            assert (await client.post("/api/auth/logout", headers=user.headers)).json()["code"] == "ok"
            after = await client.get("/api/users/me", headers=user.headers)
            assert (after.status_code, after.json()["code"]) == (401, "not_authenticated")
    assert "Application shutdown complete" in server.output[-2], "".join(server.output)
