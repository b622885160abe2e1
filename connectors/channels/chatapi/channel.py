"""A gateway of the ChatAPI dialect as a `Channel`."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlsplit

from connectors import signatures
from connectors.accounts import Settings
from connectors.channels.chatapi.composing import KINDS, MAX_UPLOAD, MEDIA, TEXT_LIMIT, compose
from connectors.channels.chatapi.errors import error_of, refusal
from connectors.channels.chatapi.people import chat_of_message
from connectors.channels.chatapi.reading import count_items, parse_body
from connectors.contracts import (
    Account,
    ChannelCapabilities,
    ConfigField,
    Health,
    InboundItem,
    Json,
    Media,
    MediaRef,
    OutboundMessage,
    Receipt,
)
from connectors.errors import Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected
from connectors.http import HttpClient, Reply
from connectors.untrusted import as_text

MAX_FILE = 64 * 1024 * 1024
FILE_TIME = timedelta(seconds=120)
TYPING_SECONDS = 10

# What the account says of itself while a person must scan the code, and while it only needs time.
_LOGGED_OUT = frozenset({"got qr code", "qr", "notauthorized", "disconnected", "logout"})
_STARTS, _WAITS = "The instance is starting", "The instance is waiting"
_STARTING = {"loading": "The instance is loading", "init": _STARTS, "initialize": _STARTS, "standby": _WAITS, "retrying": _WAITS}


class ChatApi:
    """One instance of a gateway. Safe to use from several threads; holds connections, no state."""

    slug = "chatapi"
    label = "WhatsApp (ChatAPI gateway)"
    fields: Sequence[ConfigField] = (
        ConfigField("base_url", "Instance address", help="With the instance's number: https://api.example.com/instance12345"),
        ConfigField("token", "Token", secret=True, help="Of the instance, from the gateway's console."),
        ConfigField("token_header", "Token header", required=False, help="Empty: the token goes into the address as ?token="),
        ConfigField(
            "webhook_secret",
            "Webhook secret",
            secret=True,
            signs=True,
            help="A long word of your choice. Enter it at the gateway as header X-Webhook-Token, or as ?token= behind the webhook address.",
        ),
        ConfigField("media_hosts", "Hosts of files", required=False, help="Where the gateway keeps received files, separated by commas."),
    )
    capabilities = ChannelCapabilities(
        idempotent_send=False,
        receipts=True,
        window=None,
        text_limit=TEXT_LIMIT,
        kinds=KINDS,
        media=MEDIA,
        per_second=1,
        templates=False,
        read_marks=True,
    )

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)

    # --- in ---------------------------------------------------------------------------------------------------------

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """True when the caller knows one of the webhook secrets. The body itself is not signed."""
        return signatures.verify_shared(headers, signatures.split_secrets(self._settings.get("webhook_secret")))

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """None: the dialect has no subscription check."""
        return None

    def count(self, body: bytes) -> int:
        """How many items the body holds, at least 1. Never raises."""
        return count_items(body)

    def parse(self, body: bytes) -> list[InboundItem]:
        """Every item of the body, none left out. Never raises: what cannot be read comes back as `Unreadable`."""
        return parse_body(body)

    # --- out --------------------------------------------------------------------------------------------------------

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message over. `OutcomeUnknown` after a time-out, and after an answer that says neither yes nor no."""
        method, body = compose(message)
        document = self._call("POST", method, body, acted=True)
        queued = as_text(document.get("queueNumber"))
        external_id = as_text(document.get("id")) or (f"queue:{queued}:{message.client_ref}"[:200] if queued else "")
        if document.get("sent") is not True and not (document.get("sent") is None and as_text(document.get("id"))):
            raise OutcomeUnknown("The gateway's answer does not say whether the message was sent")
        if not external_id:
            raise OutcomeUnknown("The gateway sent the message without giving its id")
        return Receipt(external_id, raw=document)

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        """Mark the message's whole chat as read; `typing` shows for ten seconds. Safe to repeat."""
        chat = chat_of_message(external_id)
        self._call("POST", "readChat", {"chatId": chat}, acted=False)
        if typing:
            self._call("POST", "typing", {"chatId": chat, "on": True, "duration": TYPING_SECONDS}, acted=False)

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        """The file as a data URI, which travels with the message itself: the gateway keeps no files for us."""
        if not 0 < len(content) <= MAX_UPLOAD:
            raise Rejected(
                f"The file is empty or larger than {MAX_UPLOAD // 1024 // 1024} MB, the most that the gateway takes", remedy="fix_media"
            )
        kind = mime_type.partition(";")[0].strip().lower() or "application/octet-stream"
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    def download(self, ref: MediaRef) -> Media:
        """Fetch a received file from its link, without the token unless the host is the gateway's own. `Gone` when it is not there."""
        url = ref.url or ref.external_id
        own = self._may_fetch(url)
        credentials = self._credentials if own else {}
        reply = self._http.request("GET", url, headers=credentials, idempotent=True, overall=FILE_TIME, max_reply=MAX_FILE)
        if reply.status in {404, 410} or (reply.status == 403 and not own):  # stores answer 403 to a link that has expired
            raise Gone("The gateway no longer holds this file", code=f"HTTP {reply.status}")
        if not reply.ok:
            raise error_of(reply, acted=False)
        mime_type = reply.headers.get("content-type", "") or ref.mime_type
        return Media(reply.body, mime_type, hashlib.sha256(reply.body).hexdigest())

    def _may_fetch(self, url: str) -> bool:
        """True for the gateway's own host. Raises `Gone` without a link, `Misconfigured` for a host that nobody allowed."""
        if not url.startswith(("http://", "https://")):
            raise Gone("The message gives no link to its file")
        try:
            target, base = urlsplit(url), urlsplit(self._settings.need("base_url"))
            own = (target.scheme, target.hostname, target.port) == (base.scheme, base.hostname, base.port)
        except ValueError:
            raise Gone("The link to the file cannot be read") from None
        host = (target.hostname or "").lower()
        allowed = [part.strip().lower().lstrip(".") for part in self._settings.get("media_hosts").replace("\n", ",").split(",")]
        if own:
            return True
        if target.scheme != "https" or not any(host == known or host.endswith("." + known) for known in allowed if known):
            raise Misconfigured(f"The file lies on {host[:100]}; add this host to media_hosts if it is the gateway's")
        return False

    # --- account ----------------------------------------------------------------------------------------------------

    def templates(self) -> list[Json]:
        """None: a phone has no templates."""
        return []

    def check(self) -> Health:
        """Ask the instance about itself. `NeedsLogin` when a person must scan the QR code; `ok` is False while it starts."""
        began = time.monotonic()
        try:
            document = self._call("GET", "status", None, acted=False)
        except Rejected as error:
            if error.code not in {"404", "HTTP 404"}:
                raise
            raise Misconfigured("Setting base_url leads to no instance", code=error.code, detail=error.detail) from error
        status = as_text(document.get("accountStatus")).strip().lower()
        if status in _LOGGED_OUT:
            raise NeedsLogin("The phone is not logged in at the gateway: scan its QR code", code="", detail=status)
        words = "The instance is logged in" if status == "authenticated" else _STARTING.get(status) or f"The instance says {status!r}"
        return Health(status == "authenticated", timedelta(seconds=time.monotonic() - began), words, {"status": status})

    def close(self) -> None:
        """Give the connections back."""
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> HttpClient:
        return HttpClient(self._settings.need("base_url"), secrets=[self._settings.need("token")])

    @property
    def _credentials(self) -> dict[str, str]:
        """The token as a header, where the gateway takes it there."""
        name, token = self._settings.get("token_header").lower(), self._settings.need("token")
        if not name:
            return {}
        return {name: f"Bearer {token}" if name == "authorization" else token}

    def _call(self, http_method: str, method: str, body: Json | None, *, acted: bool) -> Json:
        params = {} if self._settings.get("token_header") else {"token": self._settings.need("token")}
        reply = self._http.request(
            http_method, f"/{method}", json=body, params=params or None, headers=self._credentials, idempotent=not acted
        )
        return _document(reply, acted=acted)


def _document(reply: Reply, *, acted: bool) -> Json:
    """The answer, when it is a yes: this dialect says no with HTTP 200, too."""
    if not reply.ok or refusal(reply.json_or_none()):
        raise error_of(reply, acted=acted)
    document = reply.json()
    if not isinstance(document, dict):
        raise OutcomeUnknown("The gateway's answer is not an object", code=f"HTTP {reply.status}")
    return document
