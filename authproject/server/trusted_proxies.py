"""Reads `X-Forwarded-For` and `X-Forwarded-Proto`, from trusted proxies only."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
GetResponse = Callable[[HttpRequest], HttpResponse]

MAX_ADDRESS_LENGTH = 64
"""More than an IPv6 address with brackets, zone and port. Longer values are not cached."""

# Some proxies add the port of their client.
WITH_PORT_RE = re.compile(r"\[([^]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
IPV4_IN_IPV6 = IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2


class TrustedProxyMiddleware:
    """Replaces the address and the scheme of a trusted proxy by those of its client.

    It changes `REMOTE_ADDR` and `wsgi.url_scheme`. From an address that is not in
    `TRUSTED_PROXIES`, the headers are ignored.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._networks = [parse_trusted_network(text) for text in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        proxy = parse_address(meta.get("REMOTE_ADDR", ""))
        if proxy is not None and self._is_trusted(proxy):
            hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
            meta["REMOTE_ADDR"] = str(self._find_client(proxy, reversed(hops)))
            # A list of two values is ignored: proxies disagree, or a client sent one of them.
            scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").lower()
            if scheme in {"http", "https"}:
                meta["wsgi.url_scheme"] = scheme
        return self.get_response(request)

    def _find_client(self, proxy: Address, hops: Iterable[str]) -> Address:
        """Return the first address from the right that is not a trusted proxy.

        An invalid address ends the search; the one before it is returned.
        """
        client = proxy
        for hop in hops:
            address = parse_address(hop) if self._is_trusted(client) else None
            if address is None:
                break
            client = address
        return client

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def parse_trusted_network(text: str) -> Network:
    """Parse an address, or a network in CIDR notation.

    Raises `ValueError` for anything else, and for a network of all addresses.
    """
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which only one machine knows")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(IPV4_IN_IPV6):
        network = IPv4Network((int(network.network_address) % 2**32, network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is every address")
    return network


def parse_address(text: str) -> Address | None:
    """Parse an address without its port and zone; return `None` if it is invalid.

    An IPv4 address in IPv6 form becomes the IPv4 address. Sockets for both families use this form.
    """
    return _parse_address(text) if len(text) <= MAX_ADDRESS_LENGTH else None


@lru_cache(1024)
def _parse_address(text: str) -> Address | None:
    text = text.strip(" \t")
    if match := WITH_PORT_RE.fullmatch(text):
        text = match[1] or match[2] or ""
    try:
        # A zone may be any text, and has a meaning only on the machine that wrote it.
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
