"""The database's address: read, completed with the driver, and shown without its secrets."""

import re
from urllib.parse import quote_plus

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.database.address_options import address_options
from shared.project import ROOT

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy"}
ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}

# libpq's form with several hosts, of which SQLAlchemy reads only one.
SEVERAL_HOSTS = re.compile(r"(?P<start>[\w+]+://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]+,[^/?#@]+)(?P<rest>.*)")

HIDDEN = "***"


def database_url(address: str) -> URL:
    """The address with the async driver chosen: `postgresql://...`, `mysql://...`, `sqlite:///./app.db`.

    A relative SQLite path counts from the project's root, so that the application and `alembic` use the same file in
    every working directory.

    Raises:
        ValueError: The address is malformed, its database is not supported, or its options are wrong. The text does not
            contain the address, which may hold a password.
    """
    if several := SEVERAL_HOSTS.fullmatch(address):
        more = "&" if "?" in several["rest"] else "?"
        address = f"{several['start']}{several['rest']}{more}host={quote_plus(several['hosts'])}"
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ValueError("cannot be read as a database address, such as postgresql://user:password@host/name") from None
    backend = url.get_backend_name()
    backend = ALIASES.get(backend, backend)
    if backend not in DRIVERS:
        raise ValueError(f"names the database {backend!r}; supported are {', '.join(DRIVERS)}")
    url = url.set(drivername=DRIVERS[backend])
    address_options(url)
    if backend == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(ROOT / url.database))
    return url


def printable(url: URL) -> str:
    """The address for a message. The options' values are hidden, too: drivers take a password there."""
    hidden = url.set(query=dict.fromkeys(url.query, HIDDEN)).render_as_string(hide_password=True)
    return hidden.replace(quote_plus(HIDDEN), HIDDEN)
