"""The database's address: read, completed with the driver, and shown without its secrets."""

import re
from urllib.parse import quote_plus

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.database.address_options import address_options
from shared.project import ROOT

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy"}
ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}

# libpq's form, of which SQLAlchemy reads only one host.
SEVERAL_HOSTS = re.compile(r"(?P<start>[\w+]+://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]+,[^/?#@]+)(?P<rest>.*)")

HIDDEN = "***"


def database_url(address: str) -> URL:
    """The address with the async driver chosen: `postgresql://...`, `mysql://...`, `sqlite:///./app.db`.

    A relative SQLite path counts from the project's root, so that the application and `alembic` mean the same file
    from whichever folder they are started.

    Raises:
        ValueError: The address cannot be read, or names a database that is not supported, or what stands behind its ?
            cannot be used. The text does not contain the address, which may hold a password.
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
    """The address for a message. What stands behind the `?` is hidden, too: drivers take a password there."""
    hidden = url.set(query=dict.fromkeys(url.query, HIDDEN)).render_as_string(hide_password=True)
    return hidden.replace(quote_plus(HIDDEN), HIDDEN)
