"""TLS to a database, with an authority that the test made: who is trusted, and under which name."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from anyio import to_thread
from sqlalchemy import text
from sqlalchemy.pool import NullPool

from bootstrap import create_app
from migrations.commands import upgrade
from shared.assembly.migration_state import StartupError
from shared.database.addresses import database_url
from shared.database.engines import create_engine
from tests.conftest import client_of, module_settings, settings_for, sign_up
from tests.project import free_port
from tests.servers import Authority, Running, mariadb, open_folder, postgres

pytestmark = pytest.mark.servers

IS_ENCRYPTED = {
    "postgresql": "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
}

# With AUTHORITY trusted, the name checked, and not.
CHECKED = {"postgresql": {"sslmode": "verify-full", "sslrootcert": "AUTHORITY"}, "mysql": {"ssl_ca": "AUTHORITY"}}
NAME_UNCHECKED = {
    "postgresql": {"sslmode": "verify-ca", "sslrootcert": "AUTHORITY"},
    "mysql": {"ssl_ca": "AUTHORITY", "ssl_mode": "VERIFY_CA"},
}
ENCRYPTED = {"postgresql": {"sslmode": "require"}, "mysql": {"ssl-mode": "REQUIRED"}}
OF_THE_SYSTEM = {
    "postgresql": {"sslmode": "require", "channel_binding": "require"},
    "mysql": {"ssl_mode": "VERIFY_IDENTITY"},
}
PLAIN = {"postgresql": {"sslmode": "disable"}, "mysql": {"ssl_disabled": "true"}}


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Running, Authority, Authority]]:
    """A server, the authority that vouches for it, and one that does not."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        ours, another = Authority(folder / "ours"), Authority(folder / "another")
        start = {"postgresql": postgres, "mysql": mariadb}[request.param]
        yield stack.enter_context(start(folder, ours)), ours, another


def options(of: dict[str, dict[str, str]], server: Running, authority: Authority) -> dict[str, str]:
    wanted = of[server.url.get_backend_name()]
    return {name: value.replace("AUTHORITY", str(authority.file)) for name, value in wanted.items()}


async def cipher(address: str) -> str:
    engine = create_engine(database_url(address), poolclass=NullPool)
    async with engine.connect() as connection:
        return str(await connection.scalar(text(IS_ENCRYPTED[engine.url.get_backend_name()])))


async def test_an_authority_of_ones_own_is_trusted_by_name(server: tuple[Running, Authority, Authority]) -> None:
    running, ours, _ = server

    assert "TLS" in await cipher(running.address(**options(CHECKED, running, ours)))
    assert "TLS" in await cipher(running.address(**options(ENCRYPTED, running, ours)))
    assert "TLS" in await cipher(running.address("localhost", **options(NAME_UNCHECKED, running, ours)))


@pytest.mark.parametrize(
    ("wanted", "host", "reason"),
    [
        (CHECKED, "localhost", "Hostname mismatch"),
        (NAME_UNCHECKED, "localhost", ""),
        (OF_THE_SYSTEM, "127.0.0.1", "certificate verify failed"),
    ],
    ids=["another name", "another authority", "an authority that only we know"],
)
async def test_a_server_that_cannot_prove_who_it_is_is_refused(
    server: tuple[Running, Authority, Authority], wanted: dict[str, dict[str, str]], host: str, reason: str
) -> None:
    running, ours, another = server
    authority = ours if wanted is CHECKED else another

    with pytest.raises(Exception, match=reason or "certificate verify failed"):
        await cipher(running.address(host, **options(wanted, running, authority)))


def test_alembic_says_what_is_wrong(server: tuple[Running, Authority, Authority]) -> None:
    running, _, another = server

    for wanted in (CHECKED, PLAIN):
        address = database_url(running.address(**options(wanted, running, another)))
        with pytest.raises(StartupError, match=r"cannot be used: [\s\S]*Check DATABASE_URL"):
            upgrade(address)


async def test_the_service_works_over_tls(server: tuple[Running, Authority, Authority]) -> None:
    running, ours, _ = server
    address = running.address(**options(CHECKED, running, ours))
    await to_thread.run_sync(upgrade, database_url(address))
    app = create_app(settings_for(address), module_settings=module_settings())
    async with client_of(app) as client:
        account = await sign_up(client)
        answer = await client.get("/api/users/me", headers=account.headers)
    await app.state.runtime.close()

    assert answer.status_code == 200


async def test_of_several_hosts_the_one_that_is_there_answers(server: tuple[Running, Authority, Authority]) -> None:
    running, ours, _ = server
    if running.url.get_backend_name() == "mysql":
        pytest.skip("MariaDB's addresses name one host")
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{running.url.port}"
    address = f"postgresql://owner@{hosts}/postgres?sslmode=verify-full&sslrootcert={ours.file}&application_name=a%20b"

    assert "TLS" in await cipher(f"{address}&target_session_attrs=primary&options=-c%20statement_timeout%3D9s")
