"""The one HTTP client of all adapters: bounded in time and size, and honest about what a failure proves.

Limits: 3 s to connect, 10 s for each read or write, 15 s overall, 10 MiB a reply, no redirects, no proxies from the
environment. Failures before a request left are `Unreachable`; failures after it left are `OutcomeUnknown`, because the
other side may have acted. Only calls marked idempotent are repeated here, twice at most and within seconds; the long
waits belong to the product. Bodies, headers and queries never reach a log.
"""

from __future__ import annotations

import io
import logging
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import stamina

from connectors import untrusted
from connectors.errors import Misconfigured, OutcomeUnknown, Unreachable

CONNECT = timedelta(seconds=3)
READ = timedelta(seconds=10)
OVERALL = timedelta(seconds=15)
MAX_REPLY = 10 * 1024 * 1024
MAX_RETRY_AFTER = timedelta(hours=1)
ATTEMPTS = 3
REPEATABLE_STATUS = frozenset({500, 502, 503, 504})
HIDDEN = b"[secret]"
LEAST_SECRET = 6  # a shorter credential is part of ordinary words

# More than the product calls one service with at a time: a caller must neither wait for a connection nor open one for each call.
CONNECTIONS = 50
# A kept connection that the server has just closed looks like a lost answer; ask for a new one before servers usually close (60 s).
KEEPALIVE_SECONDS = 20.0

# Both libraries log addresses at INFO and DEBUG, and addresses of media and of result pages carry tokens.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    elapsed: timedelta = timedelta(0)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The parsed body. Raises `OutcomeUnknown` when it is no JSON: nobody can tell what was done."""
        try:
            return untrusted.clean(untrusted.loads(self._shown))
        except untrusted.NotJson as error:
            raise OutcomeUnknown(f"The answer cannot be read: {error}", code=f"HTTP {self.status}") from None

    def json_or_none(self) -> Any:
        """The parsed body, or None when it is no JSON."""
        try:
            return untrusted.clean(untrusted.loads(self._shown))
        except untrusted.NotJson:
            return None

    @property
    def _shown(self) -> bytes:
        """The body without our credentials: some platforms repeat a refused token in the words of the refusal."""
        body = self.body
        for secret in self.secrets:
            body = body.replace(secret.encode("utf-8", "replace"), HIDDEN)
        return body

    def retry_after(self, now: datetime | None = None) -> timedelta | None:
        return retry_after(self.headers.get("retry-after", ""), now)


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificates, read once a process: reading them takes longer than most calls."""
    return httpx2.create_ssl_context(trust_env=False)


class _Repeatable(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


class HttpClient:
    """A pool of connections to one service; safe to use from several threads. `close` it when done."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        connect: timedelta = CONNECT,
        read: timedelta | None = None,
        secrets: Collection[str] = (),
        transport: Callable[..., httpx2.BaseTransport] = httpx2.HTTPTransport,
    ) -> None:
        """`secrets` are credentials that travel elsewhere than in Authorization; no answer is shown with one of them in it.

        `transport`: `connectors.guard.GuardedTransport` for an address that a person typed.
        """
        self._secrets = tuple(secrets)
        self.base_url = base_url.rstrip("/")
        if urlsplit(self.base_url).scheme not in {"http", "https"}:
            raise Misconfigured("Setting base_url must be an address that begins with https://")
        self._headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "scrm", **(headers or {})}
        wait = (read or READ).total_seconds()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(wait, connect=connect.total_seconds(), pool=connect.total_seconds()),
            transport=transport(
                limits=httpx2.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS
                ),
                trust_env=False,
                verify=_certificates(),
            ),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
        overall: timedelta = OVERALL,
        max_reply: int = MAX_REPLY,
        glance: bool = False,
    ) -> Reply:
        """Send one request; `target` is a path under the base address or a whole address.

        `glance`: the status says all; of a body that is too large, too slow or broken off, what came is kept.
        Returns any answer but a redirect, 4xx and 5xx included. Raises `Unreachable`, `OutcomeUnknown`, `Misconfigured`.
        """
        request = self._build(method, target, json=json, params=params, data=form, files=files, content=content, headers=headers)
        if not idempotent:
            return self._once(request, overall, max_reply, glance)
        try:
            for attempt in stamina.retry_context(
                on=(Unreachable, OutcomeUnknown, _Repeatable),
                attempts=ATTEMPTS,
                timeout=overall,
                wait_initial=0.1,
                wait_max=1.0,
                wait_jitter=0.2,
            ):
                with attempt:
                    reply = self._once(request, overall, max_reply, glance)
                    if reply.status in REPEATABLE_STATUS:
                        raise _Repeatable(reply)
        except _Repeatable as last:
            return last.reply
        return reply

    def _build(self, method: str, target: str, **parts: Any) -> httpx2.Request:
        address = target if "://" in target else self.base_url + target
        given = {name: value for name, value in parts.items() if value is not None}
        given["headers"] = {**self._headers, **(parts["headers"] or {})}
        try:
            return self._client.build_request(method, address, **given)
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise Misconfigured("The address or the token holds characters that no request can carry") from error

    def _once(self, request: httpx2.Request, overall: timedelta, max_reply: int, glance: bool) -> Reply:
        began = time.monotonic()
        try:
            response = self._client.send(request, stream=True)
            try:
                deadline = began + overall.total_seconds()
                body = _glance(response, deadline, max_reply) if glance else _read(response, deadline, max_reply)
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise _translated(error, request.url.host) from error
        if 300 < response.status_code < 400 and response.status_code != 304:
            raise Misconfigured(
                f"{request.url.host} redirects elsewhere; enter the final address as base_url", code=f"HTTP {response.status_code}"
            )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body, timedelta(seconds=time.monotonic() - began), self._secrets_of(request))

    def _secrets_of(self, request: httpx2.Request) -> tuple[str, ...]:
        given = {*self._secrets, request.headers.get("authorization", "").rpartition(" ")[2]}
        return tuple(sorted((secret for secret in given if len(secret) >= LEAST_SECRET), key=len, reverse=True))


def _read(response: httpx2.Response, deadline: float, max_reply: int) -> bytes:
    # Unlike a bytearray, this hands its content over without a second copy: files have up to 100 MB.
    body = io.BytesIO()
    declared = response.headers.get("content-length", "")
    too_large = declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > max_reply
    # As it arrives: pieces of a stated size are waited for, and a server that drips would never be asked for its time.
    for chunk in () if too_large else response.iter_bytes():
        body.write(chunk)
        if too_large := body.tell() > max_reply:
            break
        if time.monotonic() > deadline:
            raise OutcomeUnknown("The answer took too long to arrive in full", code=f"HTTP {response.status_code}")
    if too_large:
        raise OutcomeUnknown(f"The answer is larger than {max_reply // 1024 // 1024} MiB", code=f"HTTP {response.status_code}")
    return body.getvalue()


def _glance(response: httpx2.Response, deadline: float, most: int) -> bytes:
    """The beginning of the body; whatever goes wrong with the rest is no matter."""
    body = b""
    try:
        for chunk in response.iter_raw():
            body += chunk
            if len(body) >= most or time.monotonic() > deadline:
                break
    except httpx2.HTTPError:
        return body[:most]
    return body[:most]


def _translated(error: httpx2.HTTPError, host: str) -> Misconfigured | Unreachable | OutcomeUnknown:
    """Which of our errors a transport failure is. The library's own words may hold addresses, so they are not repeated."""
    name = type(error).__name__
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return Misconfigured("The address or the token holds characters that no request can carry", code=name)
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Unreachable(f"No connection to {host} within {CONNECT.seconds} s", code=name)
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return Unreachable(f"No connection to {host}: refused, unknown name, or no trusted certificate", code=name)
    if isinstance(error, httpx2.TimeoutException):
        return OutcomeUnknown(f"{host} did not answer in time", code=name)
    return OutcomeUnknown(f"The connection to {host} broke before the answer was complete", code=name)


def retry_after(header: str, now: datetime | None = None) -> timedelta | None:
    """The wait that a Retry-After header asks for, seconds or an HTTP date, within 0 and one hour; None when unreadable."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER) if len(text) <= 9 else MAX_RETRY_AFTER
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        wait = until - (now or datetime.now(UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(timedelta(0), min(wait, MAX_RETRY_AFTER))
