"""One DATABASE_URL, whatever is in the password or the path, for `alembic` and for the application."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from bootstrap import create_app
from shared.container import Runtime
from shared.testing.databases import available, execute, server_address
from tests.conftest import client_of, module_settings, settings_for, sign_up
from tests.migrations.commands import Checkout

PASSWORD = "p%40 %@/:?#ü密"


@pytest.fixture
def address(backend: str, empty_database: str) -> Iterator[str]:
    """An empty database, for a user of its own with a difficult password; on SQLite under a difficult path."""
    url, name = make_url(empty_database), f"test_{uuid4().hex[:16]}"
    if backend == "sqlite":
        file = Path(str(url.database)).parent / "a blank and 100%40" / "test%.db"
        file.parent.mkdir()
        yield f"sqlite:///{str(file).replace('%', '%25')}"
        assert file.exists()
        return
    create, drop = {
        "postgresql": (
            [f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'", f"ALTER DATABASE {url.database} OWNER TO {name}"],
            [f"REASSIGN OWNED BY {name} TO CURRENT_USER", f"DROP ROLE {name}"],
        ),
        "mysql": (
            [f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON {url.database}.* TO {name}"],
            [f"DROP USER {name}"],
        ),
    }[backend]
    execute(empty_database, *create)
    try:
        yield f"{url.drivername}://{name}:{quote(PASSWORD, safe='')}@{url.host}:{url.port}/{url.database}"
    finally:
        execute(empty_database, *drop)


async def test_special_characters_work_for_alembic_and_the_application(checkout: Checkout, address: str) -> None:
    checkout.database = address
    checkout.alembic("upgrade", "heads")
    checkout.alembic("check")

    app = create_app(settings_for(address), module_settings=module_settings())
    runtime: Runtime = app.state.runtime
    async with client_of(app) as client:
        account = await sign_up(client)
        me = await client.get("/api/users/me", headers=account.headers)
    await runtime.close()

    assert me.status_code == 200
    assert runtime.shared.database().url.password in {None, PASSWORD}
    assert "users_6813f2da" in checkout.alembic("downgrade", "users@base").stdout


@pytest.mark.parametrize(
    "wrong", ["postgresql://ada:open-sesame@127.0.0.1:1/app", "mysql://ada:open-sesame@127.0.0.1:1/app"]
)
def test_a_database_that_does_not_answer_is_told_without_the_password(checkout: Checkout, wrong: str) -> None:
    checkout.database = wrong

    refusal = checkout.refusal("upgrade", "heads")
    assert "ada:***@127.0.0.1:1/app" in refusal
    assert "open-sesame" not in refusal


@pytest.mark.parametrize("backend", sorted(set(available()) - {"sqlite"}), scope="session")
def test_a_database_that_does_not_exist_is_told_without_the_password(checkout: Checkout, backend: str) -> None:
    address = server_address(backend).set(username="nobody_here", password="open-sesame", database="nowhere")
    checkout.database = address.render_as_string(hide_password=False)

    refusal = checkout.refusal("upgrade", "heads")
    assert "nobody_here:***@" in refusal
    assert "open-sesame" not in refusal


def test_an_address_that_cannot_be_read_is_told_without_the_password(checkout: Checkout) -> None:
    checkout.database = "oracle://ada:open-sesame@127.0.0.1/app"

    refusal = checkout.refusal("current")
    assert "DATABASE_URL" in refusal
    assert "open-sesame" not in refusal
