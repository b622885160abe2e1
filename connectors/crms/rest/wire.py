"""Calls to a REST server: addresses built from the set-up, log-in, errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

import stamina

from connectors.accounts import Settings
from connectors.contracts import TokenKeeper
from connectors.crms.rest.access import Access
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.guard import GuardedTransport, check_form
from connectors.http import ATTEMPTS, OVERALL, HttpClient, Reply
from connectors.untrusted import as_object, as_text

T = TypeVar("T")

PATIENCE = timedelta(minutes=1)
# Where servers put the words of a refusal; the first that holds a text is shown.
_WORDS = ("detail", "message", "error_description", "error", "title", "errors")


class Wire:
    def __init__(self, settings: Settings, keeper: TokenKeeper) -> None:
        self._base = settings.need("base_url").rstrip("/")
        check_form(self._base)
        self._access = Access(settings, keeper)
        hidden = [settings.get(name) for name in ("token", "password", "oauth_secret")]
        self._http = HttpClient(self._base, secrets=[each for each in hidden if each], transport=GuardedTransport)

    def close(self) -> None:
        self._http.close()

    def address(self, path: str, params: Mapping[str, str] | None = None, record_id: str = "") -> str:
        """The whole address; parameters are added to those of the path."""
        filled = path.replace("{id}", quote(record_id, safe=""))
        extra = urlencode(params or {})
        return self._base + filled + (("&" if "?" in filled else "?") + extra if extra else "")

    def following(self, current: str, link: str) -> str:
        """The next page's address as the server wrote it; only on the same server, for our credentials go with it."""
        target = urljoin(current, link)
        here, there = urlsplit(self._base), urlsplit(target)
        if (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower()):
            return target
        if here.hostname == there.hostname and here.scheme == "https":  # behind a proxy servers often write http://
            return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()
        raise Misconfigured("The address of the next page leads to another server; choose another style of paging")

    def send(self, method: str, address: str, body: Any = None, *, idempotent: bool = True) -> Reply:
        """The answer of any status but 401, 403, 408, 429 and 5xx, which raise. An ended OAuth token is renewed once."""
        headers, token = self._access.headers()
        reply = self._http.request(method, address, json=body, headers=headers, idempotent=idempotent)
        if reply.status == 401 and token:
            headers, _ = self._access.headers(stale=token)
            reply = self._http.request(method, address, json=body, headers=headers, idempotent=idempotent)
        if reply.status in {401, 403, 408, 423, 425, 429} or reply.status >= 500:
            raise refusal(reply)
        return reply

    def fetch(self, address: str) -> tuple[Any, Reply]:
        """A parsed answer of a GET; everything but 2xx raises."""
        reply = self.send("GET", address)
        if not reply.ok:
            raise refusal(reply)
        return (None if reply.status == 204 or not reply.body else reply.json()), reply


def until_readable(read: Callable[[], T]) -> T:
    """What a reading returns. A good answer that cannot be read is asked for again: whoever reads many, one after the other and from the
    beginning each time, would never come to the end at a server that spoils a few of them.
    """
    for attempt in stamina.retry_context(
        on=_is_spoilt, attempts=ATTEMPTS, timeout=OVERALL, wait_initial=0.1, wait_max=1.0, wait_jitter=0.2
    ):
        with attempt:
            found = read()
    return found


def _is_spoilt(error: Exception) -> bool:
    """What broke on its way is asked for again by the client already."""
    return isinstance(error, OutcomeUnknown) and error.code.startswith("HTTP 2")


def refusal(reply: Reply) -> ConnectorError:
    """Our error for an answer that is not 2xx."""
    code, detail = f"HTTP {reply.status}", words_of(reply)
    if reply.status == 401:
        return NeedsLogin("The server does not accept the credentials; enter them on the connection's page", code=code, detail=detail)
    if reply.status == 403:
        return Misconfigured("The server forbids this to the account; give it the right over there", code=code, detail=detail)
    if reply.status in {404, 410}:
        return Gone("The server has no such record or path", code=code, detail=detail)
    after = reply.retry_after()
    if reply.status in {408, 423, 425, 429} or (reply.status == 503 and after is not None):
        return TryLater("The server asks for patience", after=after or PATIENCE, scope="connection", times=None, code=code, detail=detail)
    if reply.status >= 500:
        return OutcomeUnknown("The server failed while answering", code=code, detail=detail)
    return Rejected("The server refused the request", code=code, detail=detail)


def words_of(reply: Reply) -> str:
    """The server's reason in one line, as far as there is one: its words for each field, or the message."""
    document = reply.json_or_none()
    if isinstance(document, list):
        return "; ".join(filter(None, map(_line, document)))[:500]
    found = as_object(document)
    for name in _WORDS:
        if name in found and (line := _line(found[name])):
            return line[:500]
    return "; ".join(f"{name}: {line}" for name, value in found.items() if (line := _line(value)))[:500]


def _line(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_line, value[:10])))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {line}" for name, part in list(value.items())[:10] if (line := _line(part)))
    return as_text(value)
