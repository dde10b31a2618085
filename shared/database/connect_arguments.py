"""Translates the options of the database's address into arguments of its driver."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import URL

from shared.database.address_options import ASYNCPG, LIBPQ, SYSTEM, address_options, names_an_authority


def goes_through_pooler(url: URL) -> bool:
    """True if the address announces a pooler, which may give each transaction another connection of the database.

    `pgbouncer=true` says so; `statement_cache_size=0`, which asyncpg's documentation advises for it, means the same.
    """
    if url.get_backend_name() != "postgresql":
        return False
    options = address_options(url)
    return bool(options.get("pgbouncer")) or options.get("statement_cache_size") == 0


def connect_arguments(url: URL) -> dict[str, Any]:
    """The arguments of the driver's `connect`, besides user, password, host, port and database."""
    if url.get_backend_name() == "mysql":
        return _for_asyncmy(address_options(url))
    return _for_asyncpg(address_options(url), through_pooler=goes_through_pooler(url))


def _for_asyncpg(options: dict[str, Any], *, through_pooler: bool) -> dict[str, Any]:
    arguments = {name: options[name] for name in ASYNCPG if name in options}
    if "connect_timeout" in arguments:
        arguments["timeout"] = arguments.pop("connect_timeout")
    if through_pooler:
        # An unnamed statement is sent again with each execution, in the same message. A named one would stay on a
        # connection that the pooler gives to another client next.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        arguments["prepared_statement_name_func"] = str
    libpq = {name: options[name] for name in LIBPQ if name in options}
    # The driver has no channel binding. Checking the host's name prevents the same attack, a man in the middle.
    if options.get("channel_binding") == "require":
        libpq["sslmode"] = "verify-full"
        if not names_an_authority(libpq):
            libpq["sslrootcert"] = SYSTEM
    if libpq.get("sslrootcert") == SYSTEM:
        arguments |= _trusting_the_system(libpq)
    if libpq:
        arguments["dsn"] = f"postgresql://?{urlencode(libpq)}"
    return arguments


def _trusting_the_system(libpq: dict[str, str]) -> dict[str, Any]:
    """Asyncpg has no `sslrootcert=system`. As in libpq, it also checks the host's name."""
    tls = {name: libpq.pop(name) for name in list(libpq) if name.startswith("ssl")}
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    if "sslcert" in tls:
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), tls.get("sslpassword"))
    if "sslcrl" in tls:
        context.load_verify_locations(tls["sslcrl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    for bound in ("minimum", "maximum"):
        if (version := tls.get(f"ssl_{bound[:3]}_protocol_version")) is not None:
            setattr(context, f"{bound}_version", ssl.TLSVersion[version.replace(".", "_")])
    return {"ssl": context, "direct_tls": tls.get("sslnegotiation") == "direct"}


def _for_asyncmy(options: dict[str, Any]) -> dict[str, Any]:
    arguments = {name: value for name, value in options.items() if not name.startswith("ssl")}
    if (context := _mysql_context(options)) is not None:
        arguments["ssl"] = context
    return arguments


def _mysql_context(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    mode = _mysql_mode(options)
    if mode == "DISABLED":
        return None
    authority = options.get("ssl_ca")
    context = ssl.create_default_context(
        cafile=None if authority == SYSTEM else authority, capath=options.get("ssl_capath")
    )
    context.check_hostname = mode == "VERIFY_IDENTITY"
    context.verify_mode = ssl.CERT_NONE if mode == "REQUIRED" else ssl.CERT_REQUIRED
    if "ssl_cert" in options:
        context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"))
    if "ssl_cipher" in options:
        context.set_ciphers(options["ssl_cipher"])
    return context


def _mysql_mode(options: Mapping[str, Any]) -> str:
    """One mode for all ways to write it. In doubt the strict one: whoever names an authority wants verification."""
    if options.get("ssl_disabled") or options.get("ssl") is False or options.get("ssl_mode") == "DISABLED":
        return "DISABLED"
    has_authority = "ssl_ca" in options or "ssl_capath" in options
    if "ssl_mode" in options:
        return "VERIFY_CA" if has_authority and options["ssl_mode"] == "REQUIRED" else str(options["ssl_mode"])
    if options.get("ssl_verify_identity", has_authority or options.get("ssl_verify_cert", False)):
        return "VERIFY_IDENTITY"
    if options.get("ssl_verify_cert", has_authority):
        return "VERIFY_CA"
    return "REQUIRED" if any(name.startswith("ssl") for name in options) else "DISABLED"
