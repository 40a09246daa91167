"""Calls to addresses that strangers chose: to the public internet alone, whatever the name resolves to.

The one way in which the coordinator calls a URL of a user. A name is resolved once and the connection goes to that very
address, so a name that answers differently a moment later (DNS rebinding) changes nothing. No redirects, no proxies,
a bound on time and on what is read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import httpx

TOTAL_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024
URL_CHARACTERS_MAX: Final = 1000
ADDRESSES_TRIED_MAX: Final = 3
HTTPS_PORT: Final = 443
USER_PORTS_FROM: Final = 1024  # Below it only 443: no mail server or the like is made to listen to us.

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

REFUSED_V4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Public by its number, but Azure answers its machines there.
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
"""Every range of the IANA IPv4 Special-Purpose Address Registry that is not globally reachable, and multicast."""
GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is given out as unicast. Outside lie mapped and translated IPv4 (also NAT64), local, multicast ranges."""
REFUSED_V6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
"""Inside it: protocol assignments with Teredo, documentation, 6to4: those that hide an IPv4 address are tunnels."""


class Problem(StrEnum):
    """Why a call was not made or not answered."""

    NO_URL = (
        "no_url"  # Write https://name/path, at most 1000 plain ASCII characters, without user or fragment.
    )
    NOT_HTTPS = "not_https"  # Offer the receiver over https.
    PORT_REFUSED = "port_refused"  # Use port 443, or one from 1024 on.
    NAME_UNKNOWN = "name_unknown"  # The name does not resolve; check it.
    ADDRESS_REFUSED = "address_refused"  # The name leads to an address outside the public internet.
    UNREACHABLE = "unreachable"  # Nothing answers there, or its certificate is not valid for the name.
    TIMED_OUT = "timed_out"  # Answer within 10 seconds; do the work afterwards.
    NOT_HTTP = "not_http"  # What answers there does not speak HTTP.


class NotSent(Exception):
    """The call has no answer. It may have arrived all the same where the problem is `timed_out` or `not_http`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart. `path` includes the query."""

    is_tls: bool
    host: str
    port: int
    path: str


class SafeHttp:
    """`to_loopback` allows this machine too, also without TLS: for development. `resolve` and `tls` are for tests."""

    def __init__(
        self,
        *,
        to_loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._to_loopback = to_loopback
        self._resolve = resolve or resolved
        self._tls = tls or ssl.create_default_context()

    async def check(self, url: str) -> None:
        """Whether `url` could be called now, without calling it. Raises `NotSent`."""
        try:
            async with asyncio.timeout(TOTAL_S):
                await self._addresses(target_of(url))
        except TimeoutError:
            raise NotSent(Problem.TIMED_OUT) from None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, whichever it is. Raises `NotSent`."""
        try:
            async with asyncio.timeout(TOTAL_S):
                target = target_of(url)
                return await self._post_to_first(target, await self._addresses(target), body, headers)
        except TimeoutError:
            raise NotSent(Problem.TIMED_OUT) from None

    async def _addresses(self, target: Target) -> Sequence[IpAddress]:
        """Where to connect. One address outside the public internet spoils all: an honest name has none."""
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(target.host, target.port)]
        except (OSError, ValueError):
            raise NotSent(Problem.NAME_UNKNOWN) from None
        if not found:
            raise NotSent(Problem.NAME_UNKNOWN)
        is_here = self._to_loopback and all(address.is_loopback for address in found)
        if not is_here:
            if not all(map(is_public, found)):
                raise NotSent(Problem.ADDRESS_REFUSED)
            if not target.is_tls:
                raise NotSent(Problem.NOT_HTTPS)
            if target.port != HTTPS_PORT and target.port < USER_PORTS_FROM:
                raise NotSent(Problem.PORT_REFUSED)
        return found[:ADDRESSES_TRIED_MAX]

    async def _post_to_first(
        self, target: Target, addresses: Sequence[IpAddress], body: bytes, headers: Mapping[str, str]
    ) -> int:
        for address in addresses:
            try:
                return await self._post_to(target, address, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except httpx.HTTPError:
                raise NotSent(Problem.NOT_HTTP) from None
        raise NotSent(Problem.UNREACHABLE)

    async def _post_to(
        self, target: Target, address: IpAddress, body: bytes, headers: Mapping[str, str]
    ) -> int:
        """A client of its own for each call: a kept connection would be shared by every name at one address."""
        literal = f"[{address}]" if address.version == 6 else str(address)
        scheme = "https" if target.is_tls else "http"
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=TOTAL_S) as client,
            client.stream(
                "POST",
                f"{scheme}://{literal}:{target.port}{target.path}",
                content=body,
                headers={"Accept-Encoding": "identity", **headers, "Host": host_header(target)},
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            read = 0
            async for part in answer.aiter_raw():
                read += len(part)
                if read >= ANSWER_BYTES_MAX:
                    break
            return answer.status_code


def target_of(url: str) -> Target:
    """Raises `NotSent`."""
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or set(url) & set(" \\"):
        raise NotSent(Problem.NO_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotSent(Problem.NO_URL) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "#" in url:
        raise NotSent(Problem.NO_URL)
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname.rstrip(".")
    return Target(is_tls=is_tls, host=host, port=port or (HTTPS_PORT if is_tls else 80), path=path)


def host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (HTTPS_PORT if target.is_tls else 80) else f"{host}:{target.port}"


def is_public(address: IpAddress) -> bool:
    """Whether the address is one of the public internet, and hides no other one."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    is_global = address in GLOBAL_V6 and address.scope_id is None
    return is_global and not any(address in network for network in REFUSED_V6)


async def resolved(host: str, port: int) -> Sequence[str]:
    """Every address of a name, or the one that it is. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]
