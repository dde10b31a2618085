"""Identifies a client: by a normalised address for the log, sessions and the audit trail, and by a key for limits."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from shared.context import UNKNOWN_CLIENT, current_request

Address = IPv4Address | IPv6Address

# RFC 6052: IPv4 addresses as written by an IPv6 network that translates them.
TRANSLATED = IPv6Network("64:ff9b::/96")
LONGEST_ADDRESS = 100  # with brackets, zone and port; anything longer is not an address, and is not cached
CACHE_SIZE = 1024
MAPPED_BITS = 96  # RFC 4291 2.5.5.2: ::ffff:0:0/96


def client_key() -> str:
    """The key by which limits count a client.

    An IPv4 address, or the network of an IPv6 address: a customer has at least a /64, and so 2^64 addresses to try
    from. All clients whose address cannot be read share one key.
    """
    return current_request.get().client_key


@lru_cache(CACHE_SIZE)
def read_client(host: str, ipv6_prefix: int) -> tuple[str | None, str]:
    """The client's normalised address, None if it cannot be read, and its key for limits.

    Cached, because a connection sends many requests, and reading an address takes longer than most layers.
    """
    address = _parse(host)
    return None if address is None else str(address), _key_of(address, ipv6_prefix)


def _parse(host: str) -> Address | None:
    """Read the address that a server or a proxy reports, perhaps with a port, brackets or a zone."""
    text = host.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(address.packed[-4:])
    # Without its zone, which only means something on the machine that wrote it.
    return address.ipv4_mapped or IPv6Address(address.packed)


def _key_of(address: Address | None, ipv6_prefix: int) -> str:
    if address is None:
        return UNKNOWN_CLIENT
    if isinstance(address, IPv4Address):
        return str(address)
    # 6to4: the owner of one IPv4 address has 65,536 networks of 64 bits.
    return str(address.sixtofour or ip_network((address, ipv6_prefix), strict=False))


def with_mapped(networks: tuple[str, ...]) -> list[str]:
    """These networks, and each IPv4 network also as a server that listens on IPv6 sees it: ::ffff:10.0.0.0/104."""
    ipv4 = [network for network in map(ip_network, networks) if network.version == 4]  # noqa: PLR2004 - of IP
    return [*networks, *(f"::ffff:{one.network_address}/{MAPPED_BITS + one.prefixlen}" for one in ipv4)]
