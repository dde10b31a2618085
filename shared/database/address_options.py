"""The options of a database address, those behind its ?.

The names are those of libpq and of MySQL's programs, which providers hand out.
"""

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from shared.project import ROOT

FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
SYSTEM = "system"


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    if value.lower() not in FLAGS:
        raise ValueError("must be true or false")
    return FLAGS[value.lower()]


def _count(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise ValueError("must be a whole number")
    return int(value)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise ValueError("must be a number of seconds above 0")
    return seconds


def _file(value: str) -> str:
    """A relative path counts from the project's root, like that of a SQLite file."""
    path = ROOT / value
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError("names a file that does not exist or cannot be read")
    return str(path)


def _folder(value: str) -> str:
    if not (ROOT / value).is_dir():
        raise ValueError("names a folder that does not exist")
    return str(ROOT / value)


def _authority(value: str) -> str:
    return value if value == SYSTEM else _file(value)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if (word := value.replace("-", "_").lower()) not in known:
            raise ValueError(f"must be one of {', '.join(words)}")
        return known[word]

    known = {word.replace("-", "_").lower(): word for word in words}
    return read


Reader = Callable[[str], Any]

# asyncpg reads these from an address in libpq's form.
LIBPQ: Mapping[str, Reader] = {
    "host": _text,
    "port": _text,
    "user": _text,
    "password": _text,
    "dbname": _text,
    "passfile": _text,
    "service": _text,
    "krbsrvname": _text,
    "gsslib": _one_of("gssapi", "sspi"),
    "target_session_attrs": _one_of("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    "application_name": _text,
    "options": _text,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": _authority,
    "sslcert": _file,
    "sslkey": _file,
    "sslpassword": _text,
    "sslcrl": _file,
    "sslnegotiation": _one_of("postgres", "direct"),
    "ssl_min_protocol_version": _one_of("TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": _one_of("TLSv1.2", "TLSv1.3"),
}
# asyncpg takes these as arguments.
ASYNCPG: Mapping[str, Reader] = {
    "connect_timeout": _seconds,
    "command_timeout": _seconds,
    "statement_cache_size": _count,
    "prepared_statement_cache_size": _count,
    "max_cached_statement_lifetime": _count,
    "max_cacheable_statement_size": _count,
}
# connect_arguments.py understands these.
OURS: Mapping[str, Reader] = {
    "pgbouncer": _flag,
    "channel_binding": _one_of("disable", "prefer", "require"),
    "client_encoding": _one_of("UTF8", "UTF-8", "auto"),
    "gssencmode": _one_of("disable", "prefer"),
}
POSTGRESQL = {**LIBPQ, **ASYNCPG, **OURS}
MYSQL: Mapping[str, Reader] = {
    "user": _text,
    "password": _text,
    "unix_socket": _text,
    "charset": _one_of("utf8mb4"),
    "connect_timeout": _count,
    "read_timeout": _count,
    "ssl": _flag,
    "ssl_disabled": _flag,
    # PREFERRED is missing: the driver cannot fall back, and a fallback to plain text protects nobody.
    "ssl_mode": _one_of("DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"),
    "ssl_ca": _authority,
    "ssl_capath": _folder,
    "ssl_cert": _file,
    "ssl_key": _file,
    "ssl_cipher": _text,
    "ssl_verify_cert": _flag,
    "ssl_verify_identity": _flag,
}
KNOWN: Mapping[str, Mapping[str, Reader]] = {"postgresql": POSTGRESQL, "mysql": MYSQL, "sqlite": {}}

SYNONYMS = {
    "postgresql": {"ssl": "sslmode", "timeout": "connect_timeout", "database": "dbname"},
    "mysql": {"sslmode": "ssl_mode", "ssl_check_hostname": "ssl_verify_identity"},
}


def address_options(url: URL) -> dict[str, Any]:
    """The options of an address by their usual names, each read.

    Raises:
        ValueError: Some are unknown or wrong. The text names all of them, and no value.
    """
    options: dict[str, Any] = {}
    if faults := list(_read(url, options)):
        raise ValueError("; ".join(faults))
    return options


def _read(url: URL, options: dict[str, Any]) -> Iterator[str]:
    backend = url.get_backend_name()
    known, synonyms = KNOWN[backend], SYNONYMS.get(backend, {})
    unknown = []
    for written, value in url.query.items():
        name = written.replace("-", "_").lower()
        name = synonyms.get(name, name)
        if name not in known:
            unknown.append(written)
        elif not isinstance(value, str) or name in options:
            yield f"the option {written} is there twice"
        else:
            try:
                options[name] = known[name](value)
            except ValueError as error:
                yield f"the option {written} {error}"
    if unknown:
        names = f"known are {', '.join(known)}" if known else f"an address of {backend} has none"
        yield f"the option{'s' * (len(unknown) > 1)} {', '.join(unknown)} cannot be used; {names}"
    yield from _without_an_authority(options) if backend == "postgresql" else ()
    yield from _unreadable(options)


def _without_an_authority(options: Mapping[str, Any]) -> Iterator[str]:
    """Asyncpg would report it only when it connects."""
    mode = options.get("sslmode", "")
    if mode.startswith("verify-") and not names_an_authority(options) and options.get("channel_binding") != "require":
        yield f"the option sslmode={mode} needs sslrootcert: the authority's file, or {SYSTEM} for those that all trust"


def names_an_authority(options: Mapping[str, Any]) -> bool:
    """True if asyncpg finds one; it looks where libpq does."""
    default = Path.home() / ".postgresql" / "root.crt"
    return "sslrootcert" in options or "PGSSLROOTCERT" in os.environ or default.exists()


def _unreadable(options: Mapping[str, Any]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in {"sslrootcert", "sslcrl", "ssl_ca"} & options.keys():
        if options[name] != SYSTEM and not _succeeds(context.load_verify_locations, options[name]):
            yield f"the option {name} names a file that holds no certificate"
    for cert, key in (("sslcert", "sslkey"), ("ssl_cert", "ssl_key")):
        # Without a password OpenSSL would ask for one on the terminal.
        password = options.get("sslpassword", "")
        if cert in options and not _succeeds(context.load_cert_chain, options[cert], options.get(key), password):
            yield f"the options {cert} and {key} do not name a certificate and its key"


def _succeeds(load: Callable[..., None], *files: str | None) -> bool:
    try:
        load(*files)
    except ssl.SSLError:
        return False
    return True
