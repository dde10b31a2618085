"""What stands behind the ? of the database's address reaches the driver, or is refused by name before it is used."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from shared.database.address_options import KNOWN
from shared.database.addresses import database_url, printable
from shared.database.connect_arguments import connect_arguments, goes_through_pooler
from tests.project import Project
from tests.servers import LOOPBACK, Authority

CANARY = "CANARY-52c1"
EXAMPLES = {"postgresql": "postgresql://u:p@h/n", "mysql": "mysql://u:p@h/n", "sqlite": "sqlite:///./app.db"}


def arguments(address: str) -> dict[str, Any]:
    return connect_arguments(database_url(address))


def refusal(address: str) -> str:
    with pytest.raises(ValueError, match="the option") as caught:
        database_url(address)
    assert CANARY not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own is found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("sslmode=require", {"dsn": "postgresql://?sslmode=require"}),
        ("ssl=require", {"dsn": "postgresql://?sslmode=require"}),
        ("application_name=my%20app", {"dsn": "postgresql://?application_name=my+app"}),
        ("options=-c%20a%3Db%20-c%20c%3Dd", {"dsn": "postgresql://?options=-c+a%3Db+-c+c%3Dd"}),
        ("host=/cloudsql/a:b:c", {"dsn": "postgresql://?host=%2Fcloudsql%2Fa%3Ab%3Ac"}),
        ("connect_timeout=10&client_encoding=utf8&gssencmode=disable", {"timeout": 10}),
        ("statement_cache_size=7&prepared_statement_cache_size=9&command_timeout=2.5", {
            "statement_cache_size": 7, "prepared_statement_cache_size": 9, "command_timeout": 2.5,
        }),
        ("channel_binding=prefer&pgbouncer=false", {}),
    ],
)  # fmt: skip
def test_what_postgresql_providers_hand_out_reaches_the_driver(options: str, expected: dict[str, Any]) -> None:
    assert arguments(f"{EXAMPLES['postgresql']}?{options}") == expected


@pytest.mark.parametrize("options", ["pgbouncer=true", "statement_cache_size=0", "pgbouncer=1&statement_cache_size=5"])
def test_through_a_pooler_no_statement_is_kept_or_named(options: str) -> None:
    given = arguments(f"{EXAMPLES['postgresql']}?{options}")

    assert goes_through_pooler(database_url(f"{EXAMPLES['postgresql']}?{options}"))
    assert (given["statement_cache_size"], given["prepared_statement_cache_size"]) == (0, 0)
    assert not given["prepared_statement_name_func"]()


def test_several_hosts_are_handed_to_the_driver_together() -> None:
    url = database_url("postgresql://u:p%2C@h1:1,h2:2/n?target_session_attrs=read-write")

    assert (url.password, url.host, url.database) == ("p,", None, "n")
    assert connect_arguments(url) == {"dsn": "postgresql://?host=h1%3A1%2Ch2%3A2&target_session_attrs=read-write"}


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("options", ["sslrootcert=system", "sslmode=require&channel_binding=require"])
def test_what_asyncpg_has_not_is_done_with_the_authorities_of_the_system(options: str) -> None:
    context = arguments(f"{EXAMPLES['postgresql']}?{options}")["ssl"]

    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_an_authority_of_ones_own_does_for_channel_binding(authority: Authority) -> None:
    given = arguments(f"postgresql://h/n?channel_binding=require&sslrootcert={authority.file}")

    assert "sslmode=verify-full" in given["dsn"]
    assert "ssl" not in given


@pytest.mark.parametrize(
    ("options", "checks"),
    [
        ("ssl=true", (ssl.CERT_NONE, False)),
        ("ssl-mode=REQUIRED", (ssl.CERT_NONE, False)),
        ("sslMode=verify-identity", (ssl.CERT_REQUIRED, True)),
        ("ssl_verify_cert=true", (ssl.CERT_REQUIRED, True)),
        ("ssl_verify_cert=true&ssl_verify_identity=false", (ssl.CERT_REQUIRED, False)),
        ("ssl_ca=CA", (ssl.CERT_REQUIRED, True)),
        ("ssl-ca=CA&ssl_check_hostname=false", (ssl.CERT_REQUIRED, False)),
        ("ssl_ca=CA&ssl_mode=REQUIRED", (ssl.CERT_REQUIRED, False)),
        ("ssl_ca=CA&ssl_disabled=true", None),
        ("ssl=false", None),
        ("charset=utf8mb4", None),
    ],
)
def test_the_ways_to_ask_mariadb_for_tls(
    options: str, checks: tuple[ssl.VerifyMode, bool] | None, authority: Authority
) -> None:
    context = arguments(f"mysql://h/n?{options.replace('CA', str(authority.file))}").get("ssl")

    assert (context and (context.verify_mode, context.check_hostname)) == checks


def test_a_clients_certificate_is_loaded(authority: Authority) -> None:
    cert, key = authority.issue("root", LOOPBACK)

    assert arguments(f"mysql://h/n?ssl_cert={cert}&ssl_key={key}")["ssl"]
    assert "sslcert=" in arguments(f"postgresql://h/n?sslmode=require&sslcert={cert}&sslkey={key}")["dsn"]


@pytest.mark.parametrize("backend", KNOWN)
def test_what_is_unknown_is_refused_by_name(backend: str) -> None:
    said = refusal(f"{EXAMPLES[backend]}?flavour={CANARY}&colour={CANARY}")

    assert "the options flavour, colour cannot be used" in said
    assert all(name in said for name in KNOWN[backend])


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (f"sslmode={CANARY}", "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"),
        (f"sslrootcert=/{CANARY}.pem", "sslrootcert names a file that does not exist or cannot be read"),
        (f"statement_cache_size={CANARY}", "statement_cache_size must be a whole number"),
        ("connect_timeout=0", "connect_timeout must be a number of seconds above 0"),
        (f"pgbouncer={CANARY}", "pgbouncer must be true or false"),
        ("sslmode=verify-full", "sslmode=verify-full needs sslrootcert"),
        ("sslmode=disable&sslmode=require", "sslmode is there twice"),
        ("ssl=disable&sslmode=require", "sslmode is there twice"),
        ("client_encoding=latin1", "client_encoding must be one of"),
        ("sslmode=verify-full&sslrootcert=README.md", "sslrootcert names a file that holds no certificate"),
        ("sslcert=README.md&sslkey=README.md", "sslcert and sslkey do not name a certificate and its key"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(options: str, reason: str) -> None:
    assert f"the option {reason}" in refusal(f"{EXAMPLES['postgresql']}?{options}").replace("options", "option")


@pytest.mark.parametrize("options", ["charset=latin1", "ssl_mode=PREFERRED", "ssl_ca=/no/such.pem", "read_timeout=x"])
def test_so_it_is_for_mariadb(options: str) -> None:
    assert f"the option {options.partition('=')[0]} " in refusal(f"{EXAMPLES['mysql']}?{options}")


def test_the_service_and_alembic_say_it_with_the_other_faults(sqlite_project: Project) -> None:
    wrong = f"postgresql://u:{CANARY}@h/n?sslmod={CANARY}&sslrootcert=/no/{CANARY}"
    project = Project(sqlite_project.path, wrong, variables={"JWT_SECRET_KEY": "short", "MIGRATION_LOCK_TIMEOUT": "0"})

    for command in (("python", "bootstrap.py"), ("alembic", "current")):
        result = project.run(*command, check=False)
        said = result.stdout + result.stderr
        assert result.returncode
        assert "Traceback" not in said
        assert "DATABASE_URL: the option sslrootcert names" in said
        assert "the option sslmod cannot be used" in said
        assert "MIGRATION_LOCK_TIMEOUT" in said
        assert ("JWT_SECRET_KEY" in said) == (command[0] == "python")
        assert CANARY not in said


def test_a_message_hides_what_stands_behind_the_question_mark() -> None:
    assert printable(database_url(f"postgresql://u:{CANARY}@h/n?sslpassword={CANARY}")).count(CANARY) == 0
