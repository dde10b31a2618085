"""The proof of the main promise: a team drops a folder in, and changes nothing else."""

import shutil

import httpx2 as httpx

from tests.conftest import log_in, sign_up
from tests.factories import RegisterRequestFactory
from tests.project import Project, serve


async def test_a_folder_is_enough_and_leaves_no_trace_when_it_goes(project: Project) -> None:
    project.alembic("upgrade", "heads")
    admin = RegisterRequestFactory.build()
    project.run("manage", "auth", "create-admin", "--email", admin.email, stdin=admin.password)

    folder = project.add_module("notes")
    project.alembic("revision", "--autogenerate", "-m", "create notes table")
    project.alembic("upgrade", "heads")

    (revision,) = (folder / "migrations").glob("*_create_notes_table.py")
    assert 'branch_labels = ("notes",)' in revision.read_text(encoding="utf-8")
    assert "No problems found: system, users, auth, notes" in project.run("manage", "check").stdout
    assert "No new upgrade operations" in project.alembic("check").stdout
    changed = project.changed_files()
    assert changed
    assert all(file.startswith("modules/notes/") for file in changed)

    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            await _use_the_new_module(client, admin.email, admin.password)

    # As docs/adding-a-module.md has it: first the tables, then the folder.
    project.alembic("downgrade", "notes@base")
    shutil.rmtree(folder)

    assert project.changed_files() == []
    project.alembic("upgrade", "heads")
    assert "No new upgrade operations" in project.alembic("check").stdout
    assert "notes" not in project.alembic("heads").stdout
    with serve(project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            user = await sign_up(client)
            assert (await client.get("/api/ready")).json()["data"]["status"] == "ready"
            assert (await client.get("/api/users/me", headers=user.headers)).status_code == 200
            gone = await client.post("/api/notes", headers=user.headers, json={"text": "too late"})
            assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


async def _use_the_new_module(client: httpx.AsyncClient, admin_email: str, admin_password: str) -> None:
    user, stranger = await sign_up(client), await sign_up(client)
    admin_tokens = await log_in(client, admin_email, admin_password)
    admin = {"Authorization": f"Bearer {admin_tokens['access_token']}"}

    assert (await client.post("/api/notes", json={"text": "nobody"})).status_code == 401
    written = await client.post("/api/notes", headers=user.headers, json={"text": "Buy milk"})
    assert (written.status_code, written.json()["code"]) == (201, "ok")
    note = written.json()["data"]
    assert (note["user_id"], note["text"]) == (user.id, "Buy milk")

    own = await client.get(f"/api/notes/{note['id']}", headers=user.headers)
    foreign = await client.get(f"/api/notes/{note['id']}", headers=stranger.headers)
    assert own.json()["data"] == note
    assert (foreign.status_code, foreign.json()["code"]) == (404, "note_not_found")

    everyone = f"/api/notes/of/{user.id}"
    assert (await client.get(everyone, headers=user.headers)).json()["code"] == "permission_denied"
    assert (await client.get(everyone, headers=admin)).json()["data"] == [note]

    document = (await client.get("/openapi.json")).json()
    assert document["paths"]["/api/notes"]["post"]["operationId"] == "write_note"
    assert "notes" in [tag["name"] for tag in document["tags"]]
    assert (await client.get("/api/ready")).json()["data"]["checks"]["migrations"]["notes"] == "applied"
