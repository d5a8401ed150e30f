"""Whom a proxy speaks for: `X-Forwarded-For` and `X-Forwarded-Proto`, from trusted proxies only."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
GetResponse = Callable[[HttpRequest], HttpResponse]

MAX_ADDRESS_LENGTH = 64
"""More than an IPv6 address has with brackets, zone and port; nothing longer is remembered."""

# Some proxies add the port that their client spoke from.
WITH_PORT = re.compile(r"\[([^]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
IPV4_IN_IPV6 = IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2


class TrustedProxyMiddleware:
    """Puts the client in the place of the proxy that hands its request on.

    `REMOTE_ADDR` and `wsgi.url_scheme` become what a proxy of `TRUSTED_PROXIES` says of the
    connection that it was asked on; from anybody else the headers mean nothing.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._networks = [trusted_network(text) for text in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        proxy = parse_address(meta.get("REMOTE_ADDR", ""))
        if proxy is not None and self._is_trusted(proxy):
            hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
            meta["REMOTE_ADDR"] = str(self._client(proxy, reversed(hops)))
            # Two values are two proxies that disagree, or a client's own claim: not believed.
            scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").lower()
            if scheme in {"http", "https"}:
                meta["wsgi.url_scheme"] = scheme
        return self.get_response(request)

    def _client(self, proxy: Address, hops: Iterable[str]) -> Address:
        """Return the first address from the right that is no trusted proxy, or else the last one
        that a trusted proxy has vouched for."""
        client = proxy
        for hop in hops:
            address = parse_address(hop) if self._is_trusted(client) else None
            if address is None:
                break
            client = address
        return client

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def trusted_network(text: str) -> Network:
    """Return an address or a network in CIDR notation. Raises `ValueError` for anything else,
    and for every address that there is."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone, which only one machine knows")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(IPV4_IN_IPV6):
        network = IPv4Network((int(network.network_address) % 2**32, network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is everybody")
    return network


def parse_address(text: str) -> Address | None:
    """Return the address that a hop is written as, without port and zone; `None` if it is none.

    An IPv4 address in IPv6 form, as a socket for both has it, is the IPv4 address.
    """
    return _address_of(text) if len(text) <= MAX_ADDRESS_LENGTH else None


@lru_cache(1024)
def _address_of(text: str) -> Address | None:
    text = text.strip(" \t")
    if match := WITH_PORT.fullmatch(text):
        text = match[1] or match[2] or ""
    try:
        # A zone is any text, and says something only on the machine that wrote it.
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
