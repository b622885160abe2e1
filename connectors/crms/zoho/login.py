"""Access tokens from the refresh token: one fetch at a time over all workers, and never ten in ten minutes.

When a token was issued can be told from its end, which all workers see: a token younger than `SPACING` is not replaced.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.crms.zoho.regions import accounts_url, data_centre
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, TryLater, Unreachable
from connectors.http import HttpClient, Reply
from connectors.tokens import MemoryTokens
from connectors.untrusted import Json, as_object, as_text

LIFETIME = timedelta(hours=1)
# A token is not used in its last minute: the call may take some seconds, and clocks differ.
MARGIN = timedelta(minutes=1)
# Nine tokens in ten minutes, whoever fetches them.
SPACING = timedelta(seconds=70)
BLOCKED = timedelta(minutes=10)
SERVER_PAUSE = timedelta(minutes=1)

_SECRETS_WRONG = frozenset({"invalid_client", "invalid_client_secret"})

# Where the product keeps no tokens, one process still shares one: {print of the credentials: keeper}.
_in_memory: dict[str, MemoryTokens] = {}
_lock = threading.Lock()
_MOST_KEPT = 100


class Login:
    """The account's access token."""

    def __init__(self, settings: Settings, http: HttpClient, keeper: TokenKeeper | None) -> None:
        self._settings, self._http = settings, http
        self._keeper = keeper if keeper is not None else _shared(settings)

    def token(self) -> AccessToken:
        """A token that is good for at least a minute, fetched when there is none."""
        kept = self._keeper.current()
        if kept is not None and kept.value and (kept.expires_at is None or kept.expires_at - MARGIN > datetime.now(UTC)):
            return kept
        return self.renewed(kept.value if kept else "")

    def renewed(self, stale: str) -> AccessToken:
        """Another token than `stale`. Raises `TryLater` when that one is too young to be replaced."""
        return self._keeper.renew(stale, self._fetch)

    def _fetch(self, kept: AccessToken | None) -> AccessToken:
        _wait_for_spacing(kept)
        form = {
            "grant_type": "refresh_token",
            "client_id": self._settings.need("client_id"),
            "client_secret": self._settings.need("client_secret"),
            "refresh_token": (kept.refresh_token if kept else "") or self._settings.need("refresh_token"),
        }
        try:
            # Not repeated by the client: a lost answer has used up one of the ten.
            reply = self._http.request("POST", f"{accounts_url(self._settings)}/oauth/v2/token", form=form)
        except OutcomeUnknown as error:
            raise Unreachable(error.title, code=error.code) from error  # no token, but nothing was written either
        document = as_object(reply.json_or_none())
        value = as_text(document.get("access_token"))
        if not reply.ok or not value:
            raise self._refusal(reply, document)
        return AccessToken(value, datetime.now(UTC) + _lifetime(document), as_text(document.get("refresh_token")), _named_host(document))

    def _refusal(self, reply: Reply, document: Json) -> ConnectorError:
        code = as_text(document.get("error")) or f"HTTP {reply.status}"
        detail = as_text(document.get("error_description"))
        words = f"{code} {detail}".lower()
        if reply.status == 429 or "access denied" in words or "too many" in words:
            return TryLater(
                "Zoho gives no new access token for now", after=BLOCKED, scope="connection", times=None, code=code, detail=detail
            )
        if code in _SECRETS_WRONG:
            return Misconfigured(
                f"Zoho's data centre {data_centre(self._settings)} does not know this client ID and secret; "
                "each data centre has its own clients",
                code=code,
                detail=detail,
            )
        if reply.status >= 500:
            return TryLater(
                "Zoho's log-in is failing", after=reply.retry_after() or SERVER_PAUSE, scope="connection", times=None, code=code
            )
        if not document:
            return Misconfigured("What answers at the accounts address is not Zoho's log-in; check the data centre", code=code)
        return NeedsLogin(
            f"Zoho does not accept the refresh token. It was withdrawn, or belongs to another data centre than "
            f"{data_centre(self._settings)}; make a new one and enter it on the connection's page",
            code=code,
            detail=detail,
        )


def _wait_for_spacing(kept: AccessToken | None) -> None:
    if kept is None or not kept.value or kept.expires_at is None:
        return
    age = datetime.now(UTC) - (kept.expires_at - LIFETIME)
    if timedelta(0) <= age < SPACING:
        raise TryLater("Zoho's access token was renewed a moment ago", after=SPACING - age, scope="connection", times=None)


def _lifetime(document: Json) -> timedelta:
    """As stated, never above the hour that `_wait_for_spacing` reckons with. Older answers state seconds in `expires_in_sec`."""
    text = as_text(document.get("expires_in_sec")) or as_text(document.get("expires_in"))
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 3600
    return min(timedelta(seconds=max(60, seconds)), LIFETIME)


def _named_host(document: Json) -> str:
    return as_text(document.get("api_domain"))[:200]


def _shared(settings: Settings) -> MemoryTokens:
    parts = [settings.get(name) for name in ("data_center", "accounts_url", "client_id", "client_secret", "refresh_token")]
    print_ = hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()
    with _lock:
        if len(_in_memory) > _MOST_KEPT:
            _in_memory.clear()
        return _in_memory.setdefault(print_, MemoryTokens())
