"""The Cloud API as a `Channel`: glue between the pure readers and writers of this folder and the HTTP client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors import signatures, untrusted
from connectors.accounts import Settings
from connectors.channels.whatsapp.composing import KINDS, TEXT_LIMIT, compose
from connectors.channels.whatsapp.errors import error_of
from connectors.channels.whatsapp.people import addresses
from connectors.channels.whatsapp.reading import count_items, parse_body
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
from connectors.errors import Gone, Misconfigured, OutcomeUnknown, Rejected, TryLater
from connectors.http import HttpClient, Reply
from connectors.untrusted import as_list, as_object, as_text

HEALTH_FIELDS = (
    "verified_name,display_phone_number,quality_rating,throughput,status,code_verification_status,platform_type,"
    "whatsapp_business_manager_messaging_limit"
)
TEMPLATE_FIELDS = "id,name,language,category,status,components,quality_score,parameter_format"
TEMPLATES_A_PAGE = "200"
MAX_PAGES = 100  # 6,000 templates are the most that an account can have

# Documents may have 100 MB; 15 s would not do for them.
MAX_FILE = 100 * 1024 * 1024
FILE_TIME = timedelta(seconds=120)

_UNKNOWN_NUMBER = "Setting phone_number_id names no number that the token may use"

# Where Meta keeps files; the token goes nowhere else.
_FILE_HOSTS = ("facebook.com", "fbcdn.net", "fbsbx.com")


class WhatsAppCloud:
    """One business phone number. Safe to use from several threads; holds connections, no state."""

    slug = "whatsapp_cloud"
    label = "WhatsApp (Cloud API)"
    fields: Sequence[ConfigField] = (
        ConfigField("phone_number_id", "Phone number ID", help="WhatsApp Manager, API setup; digits, not the phone number itself."),
        ConfigField("waba_id", "WhatsApp Business Account ID", help="Needed for templates."),
        ConfigField("portfolio_id", "Business portfolio ID", required=False, help="Bounds user ids of people who show no phone number."),
        ConfigField(
            "access_token", "Access token", secret=True, help="Of a system user, with whatsapp_business_messaging and _management."
        ),
        ConfigField("app_secret", "App secret", secret=True, help="Checks webhooks. Two lines while it is being changed."),
        ConfigField(
            "verify_token", "Verify token", secret=True, help="A word of your choice; enter the same in the app's webhook settings."
        ),
        ConfigField("base_url", "API address", required=False, default="https://graph.facebook.com"),
        ConfigField("api_version", "API version", required=False, default="v25.0"),
    )
    capabilities = ChannelCapabilities(idempotent_send=False, receipts=True, window=timedelta(hours=24), text_limit=TEXT_LIMIT, kinds=KINDS)

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)

    # --- in ---------------------------------------------------------------------------------------------------------

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """True when X-Hub-Signature-256 is the signature of the raw bytes by one of the app secrets."""
        return signatures.verify_hex(body, headers.get("x-hub-signature-256"), signatures.split_secrets(self._settings.get("app_secret")))

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The challenge, when mode and token are right. Meta's challenges are digits; anything else is not repeated to a browser."""
        token, challenge = self._settings.get("verify_token"), query.get("hub.challenge", "")
        given = query.get("hub.verify_token", "").encode("utf-8", "replace")
        if query.get("hub.mode") != "subscribe" or not token or not hmac.compare_digest(given, token.encode("utf-8", "replace")):
            return None
        return challenge if challenge.isascii() and challenge.isdigit() and len(challenge) <= 64 else None

    def count(self, body: bytes) -> int:
        """How many items the body holds, at least 1. Never raises."""
        return count_items(body)

    def parse(self, body: bytes) -> list[InboundItem]:
        """Every item of the body, none left out. Never raises: what cannot be read comes back as `Unreadable`."""
        return parse_body(body, self._settings.get("portfolio_id"))

    # --- out --------------------------------------------------------------------------------------------------------

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message over. `OutcomeUnknown` after a time-out or any 5xx: it may have been accepted."""
        document = self._post_message(compose(message), acted=True)
        first = as_object(next(iter(as_list(document.get("messages"))), None))
        external_id = as_text(first.get("id"))
        if not external_id:
            raise OutcomeUnknown("WhatsApp accepted the message without giving its id")
        return Receipt(
            external_id, as_text(first.get("message_status")) == "held_for_quality_assessment", self._reached(document), document
        )

    def _reached(self, document: Json) -> tuple[Any, ...]:
        contact = as_object(next(iter(as_list(document.get("contacts"))), None))
        return addresses(self._settings.get("portfolio_id"), as_text(contact.get("wa_id")), as_text(contact.get("user_id")))

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        """Mark the message and everything before it as read; `typing` shows for 25 s or until we answer. Safe to repeat."""
        body: Json = {"messaging_product": "whatsapp", "status": "read", "message_id": external_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        self._post_message(body, acted=False)

    def _post_message(self, body: Json, *, acted: bool) -> Json:
        path = f"{self._root}/{self._settings.need('phone_number_id')}/messages"
        reply = self._http.request("POST", path, json=body, headers=self._authority, idempotent=not acted)
        try:
            return self._document(reply, acted=acted)
        except Gone as error:
            raise Misconfigured(_UNKNOWN_NUMBER, code=error.code, detail=error.detail) from error

    # --- files ------------------------------------------------------------------------------------------------------

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        """Store a file for 30 days, return its id. A lost answer is `TryLater`: a second copy over there harms nobody."""
        path = f"{self._root}/{self._settings.need('phone_number_id')}/media"
        if len(content) > MAX_FILE:
            raise Rejected("The file is larger than 100 MB, the most that WhatsApp takes", remedy="fix_media")
        try:
            reply = self._http.request(
                "POST",
                path,
                form={"messaging_product": "whatsapp", "type": mime_type},
                files={"file": (filename or "file", content, mime_type)},
                headers=self._authority,
                overall=FILE_TIME,
            )
            file_id = as_text(self._document(reply, acted=False).get("id"))
        except OutcomeUnknown as error:
            raise TryLater(error.title, after=timedelta(seconds=30), times=3, code=error.code, detail=error.detail) from error
        if not file_id:
            raise TryLater("WhatsApp stored the file without giving its id", after=timedelta(seconds=30))
        return file_id

    def download(self, ref: MediaRef) -> Media:
        """Fetch a received file: ask for its address, which lives 5 minutes, then fetch it. `Gone` when it is not held any more."""
        found = self._file_address(ref)
        url = as_text(found.get("url"))
        reply = self._http.request("GET", url, headers=self._authority_for(url), idempotent=True, overall=FILE_TIME, max_reply=MAX_FILE)
        if reply.status in {404, 410}:
            raise Gone("WhatsApp no longer holds this file", code=f"HTTP {reply.status}")
        if not reply.ok:
            raise error_of(reply, acted=False)
        digest = hashlib.sha256(reply.body)
        if not all(_is_digest(stated, digest.digest()) for stated in (ref.sha256, as_text(found.get("sha256")))):
            raise TryLater("The file arrived damaged: its checksum differs from the one stated", after=timedelta(seconds=30), times=3)
        mime_type = reply.headers.get("content-type", "") or as_text(found.get("mime_type")) or ref.mime_type
        return Media(reply.body, mime_type, digest.hexdigest())

    def _file_address(self, ref: MediaRef) -> Json:
        if not ref.external_id:
            if not ref.url:
                raise Gone("The message names no file")
            return {"url": ref.url}
        path = f"{self._root}/{_segment(ref.external_id)}"
        params = {"phone_number_id": self._settings.need("phone_number_id")}
        reply = self._http.request("GET", path, params=params, headers=self._authority, idempotent=True)
        if reply.status == 404 or (reply.status == 400 and _code(reply) == 100):
            raise Gone("WhatsApp no longer holds this file", code=f"HTTP {reply.status}")
        document = self._document(reply, acted=False)
        if not as_text(document.get("url")):
            raise Gone("WhatsApp gave no address for this file")
        return document

    def _authority_for(self, url: str) -> dict[str, str]:
        """The token, for addresses that may see it. Raises `Misconfigured` for any other host."""
        try:
            target, base = urlsplit(url), urlsplit(self._settings.need("base_url"))
            own = (target.scheme, target.hostname, target.port) == (base.scheme, base.hostname, base.port)
        except ValueError:
            raise Misconfigured("WhatsApp gave an address for the file that cannot be read") from None
        host = (target.hostname or "").lower()
        metas = target.scheme == "https" and any(host == known or host.endswith("." + known) for known in _FILE_HOSTS)
        if not own and not metas:
            raise Misconfigured("WhatsApp gave an address for the file outside its own hosts; the token was not sent there")
        return self._authority

    # --- account ----------------------------------------------------------------------------------------------------

    def templates(self) -> list[Json]:
        """Every template: {name, language, category, status, components, external_id, quality, parameter_format}."""
        path = f"{self._root}/{self._settings.need('waba_id')}/message_templates"
        found: list[Json] = []
        cursors = {""}
        after = ""
        for _ in range(MAX_PAGES):
            params = {"fields": TEMPLATE_FIELDS, "limit": TEMPLATES_A_PAGE} | ({"after": after} if after else {})
            document = self._document(self._http.request("GET", path, params=params, headers=self._authority, idempotent=True), acted=False)
            found += [_template(each) for each in as_list(document.get("data")) if isinstance(each, dict)]
            after = _next_cursor(document)
            if after in cursors:
                break
            cursors.add(after)
        return found

    def check(self) -> Health:
        """Ask the number about itself. `ok` is False for a number that answers but is not connected; a failed call raises."""
        began = time.monotonic()
        path = f"{self._root}/{self._settings.need('phone_number_id')}"
        reply = self._http.request("GET", path, params={"fields": HEALTH_FIELDS}, headers=self._authority, idempotent=True)
        try:
            document = self._document(reply, acted=False)
        except Gone as error:
            raise Misconfigured(_UNKNOWN_NUMBER, code=error.code, detail=error.detail) from error
        facts = {key: _fact(value) for key, value in document.items()}
        connected = facts.get("status", "CONNECTED") == "CONNECTED"
        detail = (
            f"{facts.get('verified_name', '')} {facts.get('display_phone_number', '')}: {facts.get('status', 'no status given')}".strip()
        )
        return Health(connected, timedelta(seconds=time.monotonic() - began), detail, facts)

    def close(self) -> None:
        """Give the connections back."""
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> HttpClient:
        return HttpClient(self._settings.need("base_url"))

    @property
    def _root(self) -> str:
        return f"/{self._settings.need('api_version')}"

    @property
    def _authority(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._settings.need('access_token')}"}

    def _document(self, reply: Reply, *, acted: bool) -> Json:
        if not reply.ok:
            raise error_of(reply, acted=acted)
        document = reply.json()
        if not isinstance(document, dict):
            raise OutcomeUnknown("WhatsApp's answer is not an object", code=f"HTTP {reply.status}")
        return document


def _code(reply: Reply) -> int:
    return untrusted.as_code(as_object(as_object(reply.json_or_none()).get("error")).get("code"))


def _segment(name: str) -> str:
    """An id as one part of a path. Ids are digits; whatever else a webhook brought must not lead to another path."""
    if not name.isascii() or not name.replace("_", "").replace("-", "").isalnum():
        raise Gone("The message names a file that WhatsApp cannot hold")
    return name


def _template(given: Json) -> Json:
    return {
        "external_id": as_text(given.get("id")),
        "name": as_text(given.get("name")),
        "language": as_text(given.get("language")),
        "category": as_text(given.get("category")),
        "status": as_text(given.get("status")),
        "components": as_list(given.get("components")),
        "quality": as_text(as_object(given.get("quality_score")).get("score")),
        "parameter_format": as_text(given.get("parameter_format")),
    }


def _next_cursor(document: Json) -> str:
    """The cursor of the following page, or ''. The `next` address itself is not called: it holds the token and names any host."""
    paging = as_object(document.get("paging"))
    following = as_text(paging.get("next"))
    if not following:
        return ""
    try:
        stated = parse_qs(urlsplit(following).query).get("after", [""])[0]
    except ValueError:
        stated = ""
    return stated or as_text(as_object(paging.get("cursors")).get("after"))


def _fact(value: Any) -> str:
    return as_text(value) or (as_text(as_object(value).get("level")) or json.dumps(value, ensure_ascii=False))


def _is_digest(stated: str, digest: bytes) -> bool:
    """True when the stated checksum, hex or base64, is right, or is none (the documented samples hold placeholders)."""
    if stated.lower() == digest.hex():
        return True
    try:
        decoded = bytes.fromhex(stated) if len(stated) == 64 else base64.b64decode(stated, validate=True)
    except ValueError:
        return True
    return len(decoded) != len(digest) or decoded == digest
