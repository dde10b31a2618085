"""What the README shows can be pasted."""

import os
import re
import subprocess

import httpx2 as httpx
import pytest

from tests.conftest import sign_up
from tests.project import ROOT, Project, serve

READMES = ["README.md", "README.zh-CN.md"]


def blocks(readme: str, language: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("readme", READMES)
def test_the_first_conversation_can_be_pasted(sqlite_project: Project, readme: str) -> None:
    sqlite_project.alembic("upgrade", "heads")
    (conversation,) = blocks(readme, "bash")
    with serve(sqlite_project) as server:
        result = subprocess.run(
            ["bash", "-euo", "pipefail"],
            input=conversation.replace("http://127.0.0.1:8000", server.address),
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    codes = re.findall(r'"code":"(\w+)"', result.stdout)
    assert codes == ["ok", "ok", "ok", "ok", "not_authenticated"], result.stdout


async def test_the_module_in_five_minutes_can_be_pasted(sqlite_project: Project) -> None:
    folder = sqlite_project.path / "modules" / "notes"
    folder.mkdir()
    files = blocks("README.md", "python")
    assert files == blocks("README.zh-CN.md", "python")
    for name, text in zip(("module.py", "models.py", "router.py"), files, strict=True):
        (folder / name).write_text(text, encoding="utf-8")

    sqlite_project.alembic("upgrade", "heads")
    sqlite_project.alembic("revision", "--autogenerate", "-m", "create notes table")
    sqlite_project.alembic("upgrade", "heads")
    assert "No problems found" in sqlite_project.run("manage", "check").stdout

    with serve(sqlite_project) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            user = await sign_up(client)
            assert (await client.get("/api/notes")).status_code == 401
            assert (await client.post("/api/notes", headers=user.headers, json={"text": "one"})).status_code == 201
            listed = await client.get("/api/notes", headers=user.headers)
            assert [note["text"] for note in listed.json()["data"]["items"]] == ["one"]
