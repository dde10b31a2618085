"""One address serves the application and Alembic: plain to write, with any password, and never shown."""

from pathlib import Path
from urllib.parse import quote

import pytest

from shared.database.addresses import database_url
from shared.project import ROOT

PASSWORD = "p%40 ss/w:rd@#?&ü"


@pytest.mark.parametrize(
    ("address", "driver"),
    [
        ("sqlite:///app.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///app.db", "sqlite+aiosqlite"),
        ("sqlite+pysqlite:///app.db", "sqlite+aiosqlite"),
        ("postgresql://u:p@h/n", "postgresql+asyncpg"),
        ("postgres://u:p@h/n", "postgresql+asyncpg"),
        ("postgresql+psycopg://u:p@h/n", "postgresql+asyncpg"),
        ("mysql://u:p@h/n", "mysql+asyncmy"),
        ("mariadb://u:p@h/n", "mysql+asyncmy"),
        ("mysql+pymysql://u:p@h/n", "mysql+asyncmy"),
    ],
)
def test_a_plain_address_gets_the_async_driver(address: str, driver: str) -> None:
    assert database_url(address).drivername == driver


@pytest.mark.parametrize("address", ["postgresql", "mysql"])
def test_every_part_of_the_address_survives(address: str) -> None:
    url = database_url(f"{address}://app:pw@db.example:6543/name?connect_timeout=7")

    assert (url.username, url.host, url.port, url.database) == ("app", "db.example", 6543, "name")
    assert dict(url.query) == {"connect_timeout": "7"}


@pytest.mark.parametrize(
    "written", ["sqlite:///app.db", "sqlite:///./app.db", "sqlite:///data/../app.db", "sqlite+aiosqlite:///app.db"]
)
def test_a_relative_path_counts_from_the_projects_root(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert Path(str(database_url(written).database)).resolve() == ROOT / "app.db"


def test_an_absolute_path_and_memory_stay_as_they_are(tmp_path: Path) -> None:
    assert database_url(f"sqlite:///{tmp_path}/a.db").database == f"{tmp_path}/a.db"
    assert database_url("sqlite:///:memory:").database == ":memory:"
    assert not database_url("sqlite://").database


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_a_difficult_password_survives(backend: str) -> None:
    url = database_url(f"{backend}://app:{quote(PASSWORD, safe='')}@db.example/name")

    assert url.password == PASSWORD
    assert url.host == "db.example"
    assert database_url(url.render_as_string(hide_password=False)).password == PASSWORD


@pytest.mark.parametrize(
    "address",
    [
        "oracle://app:CANARY@db/name",
        "mssql+pyodbc://app:CANARY@db/name",
        "nonsense://app:CANARY@db/name",
        "postgresql//app:CANARY@db/name",
        "postgresql://app:CANARY@db:port/name",
        "CANARY",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read as a database address|names the database") as caught:
        database_url(address)

    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
