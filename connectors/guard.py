"""Which addresses may be called when a person typed them: the public internet, and what the operator of this machine allowed.

A name is resolved once, every address it has is looked at, and the connection goes to the very address that was looked at: a name that
answers differently the second time gains nothing. Allowed by default: https on port 443 and http on port 80, to public addresses.
The operator's list (`allow`, from the environment, never from a form) opens networks such as 10.1.0.0/16 to any port; the sandbox and the
tests open loopback. Python's own `is_global` lets translated, relayed and vendors' addresses through, so the list stands here.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from connectors.errors import Misconfigured, Unreachable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"https": 443, "http": 80}
RESOLVE_WITHIN = timedelta(seconds=3)
LOOPBACK = ("127.0.0.0/8", "::1/128")

# IPv4: this host, private, shared, loopback, link-local (clouds keep their metadata there), special, tests, relays, multicast, reserved;
# 168.63.129.16 is Azure's own.
_CLOSED_4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# IPv6: only what is handed out on the internet (2000::/3), without relays (Teredo, 6to4), documentation and special blocks.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = tuple(ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

_HOST = re.compile(r"[a-z0-9_.-]{1,253}|\[?[0-9a-f:.]{2,45}\]?", re.IGNORECASE)

_allowed: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the name that it is for, and the addresses that were looked at, in the order of the resolver."""

    host: str
    port: int
    addresses: tuple[str, ...]


def allow(networks: Iterable[str]) -> None:
    """Open networks (10.1.0.0/16 or 10.1.2.3) to every port, in place of those opened before. ValueError for other forms."""
    global _allowed
    _allowed = tuple(ipaddress.ip_network(each.strip(), strict=False) for each in networks if each.strip())


def allowed() -> tuple[str, ...]:
    return tuple(str(each) for each in _allowed)


def is_open(address: str) -> bool:
    """May this address be called? False for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_allowed(found) or _is_public(found)


def check_form(address: str) -> httpx2.URL:
    """The address, when its form is fit to be called. Raises `Misconfigured` with what is wrong; asks no resolver."""
    try:
        url = httpx2.URL(address.strip())
        host = url.raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, TypeError):
        raise Misconfigured("This is not an address; it begins with https:// and has no spaces") from None
    if url.scheme not in PORTS or not _HOST.fullmatch(host):
        raise Misconfigured("The address must begin with https:// and name a host")
    if url.userinfo:
        raise Misconfigured("The address must not hold a user name or a password")
    if url.fragment:
        raise Misconfigured("The address must not hold a part behind #")
    return url


def look_up(url: httpx2.URL) -> Target:
    """Resolve once and look at every address. Raises `Misconfigured` for a forbidden one, `Unreachable` for an unknown name."""
    host = url.raw_host.decode("ascii").strip("[]")
    port = url.port or PORTS.get(url.scheme, 0)
    addresses = _resolved(host, port)
    own = all(_is_allowed(ipaddress.ip_address(each)) for each in addresses)
    if own:
        return Target(host, port, addresses)
    if not all(map(is_open, addresses)):
        raise Misconfigured(
            f"{host} is an address inside a network; only public addresses are called. "
            "Whoever runs this server can open a network with OUTBOUND_ALLOW"
        )
    if port != PORTS.get(url.scheme):
        raise Misconfigured(f"Port {port} is not called; use https:// without a port, or have the network opened with OUTBOUND_ALLOW")
    return Target(host, port, addresses)


def check(address: str, *, secure: bool = True) -> Target:
    """A typed address, looked at in full. `secure`: to public addresses only https."""
    url = check_form(address)
    target = look_up(url)
    if secure and url.scheme == "http" and not all(_is_allowed(ipaddress.ip_address(each)) for each in target.addresses):
        raise Misconfigured("The address must begin with https://: what is sent holds data of people")
    return target


def knock(target: Target) -> None:
    """Open a connection and close it. Raises `Unreachable` when nobody takes it."""
    for address in target.addresses[:2]:
        try:
            socket.create_connection((address, target.port), timeout=RESOLVE_WITHIN.total_seconds()).close()
        except OSError:
            continue
        return
    raise Unreachable(f"No connection to {target.host}: refused or not answered")


def _is_allowed(address: IpAddress) -> bool:
    return any(address.version == network.version and address in network for network in _allowed)


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


def _resolved(host: str, port: int) -> tuple[str, ...]:
    """All addresses of a name, within `RESOLVE_WITHIN`: the system's resolver knows no limit of its own."""
    found: list[tuple[str, ...] | None] = [None]

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found[0] = tuple(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))
        except (OSError, UnicodeError, ValueError):
            found[0] = ()

    asking = threading.Thread(target=ask, daemon=True, name="resolver")
    asking.start()
    asking.join(RESOLVE_WITHIN.total_seconds())
    if not found[0]:
        words = "is not known" if found[0] is not None else "was not resolved in time"
        raise Unreachable(f"The name {host} {words}", code="DNS")
    return found[0]


class GuardedTransport(httpx2.BaseTransport):
    """Sends each request to the address that was looked at; name, certificate and Host stay those of the address as typed.

    One pool for each name: connections to an address that two names share are not shared, because the certificate was checked for one.
    """

    def __init__(self, **options: object) -> None:
        self._options = options
        self._pools: dict[str, httpx2.HTTPTransport] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        target = look_up(check_form(str(request.url)))
        last: httpx2.ConnectError | httpx2.ConnectTimeout | None = None
        for address in target.addresses[:2]:
            try:
                return self._pool(target.host).handle_request(_pinned(request, target.host, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                last = error
        raise last or httpx2.ConnectError("no address")

    def close(self) -> None:
        for pool in list(self._pools.values()):
            pool.close()

    def _pool(self, host: str) -> httpx2.HTTPTransport:
        with self._lock:
            if host not in self._pools:
                self._pools[host] = httpx2.HTTPTransport(**self._options)  # type: ignore[arg-type]
            return self._pools[host]


def _pinned(request: httpx2.Request, host: str, address: str) -> httpx2.Request:
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers.raw,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
