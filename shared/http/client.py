"""Who a client is: one address in one spelling for the log, sessions and the audit trail, and one key for limits."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from shared.context import UNKNOWN_CLIENT, current_request

Address = IPv4Address | IPv6Address

# RFC 6052: how an IPv6 network writes the IPv4 addresses that it translates.
TRANSLATED = IPv6Network("64:ff9b::/96")
LONGEST_ADDRESS = 100  # with brackets, zone and port; whatever is longer is none, and not worth remembering
REMEMBERED = 1024
MAPPED_BITS = 96  # RFC 4291 2.5.5.2: ::ffff:0:0/96


def client_key() -> str:
    """What every limit per client counts by.

    An IPv4 address, or the network that an IPv6 address belongs to: a customer has at least a /64, and so 2^64
    addresses to try from. Whoever has no address that can be read shares one count with all others of that kind.
    """
    return current_request.get().client_key


@lru_cache(REMEMBERED)
def read_client(host: str, ipv6_prefix: int) -> tuple[str | None, str]:
    """The client's address in its one spelling, None if it cannot be read, and what limits count it by.

    Remembered, because a connection sends many requests, and to read an address takes longer than most layers.
    """
    address = _parse(host)
    return None if address is None else str(address), _key_of(address, ipv6_prefix)


def _parse(host: str) -> Address | None:
    """Read what a server or a proxy says of a client: an address, perhaps with a port, brackets or a zone."""
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
    # Made anew without its zone, which only means something on the machine that named it.
    return address.ipv4_mapped or IPv6Address(address.packed)


def _key_of(address: Address | None, ipv6_prefix: int) -> str:
    if address is None:
        return UNKNOWN_CLIENT
    if isinstance(address, IPv4Address):
        return str(address)
    # 6to4: whoever has the IPv4 address has 65,536 networks of 64 bits.
    return str(address.sixtofour or ip_network((address, ipv6_prefix), strict=False))


def with_mapped(networks: tuple[str, ...]) -> list[str]:
    """These networks, and the IPv4 ones once more as a server that listens on IPv6 sees them: ::ffff:10.0.0.0/104."""
    ipv4 = [network for network in map(ip_network, networks) if network.version == 4]  # noqa: PLR2004 - of IP
    return [*networks, *(f"::ffff:{one.network_address}/{MAPPED_BITS + one.prefixlen}" for one in ipv4)]
