"""The Cloud API as a `Channel`: glue between the pure readers and writers of this folder and the HTTP client."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from connectors import signatures
from connectors.channels.whatsapp.composing import CAPTION_LIMIT, KINDS, TEXT_LIMIT, compose
from connectors.channels.whatsapp.facts import facts_of_number
from connectors.channels.whatsapp.files import Files
from connectors.channels.whatsapp.people import addresses
from connectors.channels.whatsapp.reading import count_items, parse_body
from connectors.channels.whatsapp.template_content import in_catalogue
from connectors.channels.whatsapp.templates import Templates
from connectors.contracts import (
    Address,
    ChannelCapabilities,
    ConfigField,
    Health,
    InboundItem,
    Json,
    MediaLimit,
    OutboundMessage,
    Receipt,
)
from connectors.errors import OutcomeUnknown
from connectors.untrusted import as_list, as_object, as_text

HEALTH_FIELDS = (
    "verified_name,display_phone_number,quality_rating,throughput,status,code_verification_status,platform_type,is_on_biz_app,"
    "whatsapp_business_manager_messaging_limit,health_status"
)

MB, KB = 1024 * 1024, 1024
_DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "text/plain",
    }
)
# An animated sticker may have 500 KB, a still one 100 KB; which it is only its bytes tell.
MEDIA: dict[str, MediaLimit] = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 5 * MB, CAPTION_LIMIT),
    "audio": MediaLimit(frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * MB),
    "video": MediaLimit(frozenset({"video/mp4", "video/3gpp"}), 16 * MB, CAPTION_LIMIT),
    "document": MediaLimit(_DOCUMENTS, 100 * MB, CAPTION_LIMIT),
    "sticker": MediaLimit(frozenset({"image/webp"}), 500 * KB),
}

_ON = frozenset({"1", "on", "true", "yes"})


class WhatsAppCloud(Files, Templates):
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
        ConfigField("app_secret", "App secret", secret=True, signs=True, help="Checks webhooks. Two lines while it is being changed."),
        ConfigField(
            "verify_token", "Verify token", secret=True, help="A word of your choice; enter the same in the app's webhook settings."
        ),
        ConfigField("catalog_id", "Catalogue ID", required=False, help="Of the Commerce Manager; for templates that show a product."),
        ConfigField("app_id", "App ID", required=False, help="Keeps example files of templates. Empty: the app of the token."),
        ConfigField(
            "marketing_messages", "Marketing messages API", required=False, help="'on' sends marketing templates through it; else empty."
        ),
        ConfigField("base_url", "API address", required=False, default="https://graph.facebook.com"),
        ConfigField("api_version", "API version", required=False, default="v25.0"),
    )
    capabilities = ChannelCapabilities(
        idempotent_send=False,
        receipts=True,
        window=timedelta(hours=24),
        text_limit=TEXT_LIMIT,
        kinds=KINDS,
        media=MEDIA,
        per_second=80,
        pair=(6.0, 45),
        templates=True,
    )

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
        body = compose(message)
        if message.kind == "template":
            body["template"] = in_catalogue(body["template"], self._settings.get("catalog_id"))
        document = self._call_number("POST", self._road(message), json=body, acted=True)
        first = as_object(next(iter(as_list(document.get("messages"))), None))
        external_id = as_text(first.get("id"))
        if not external_id:
            raise OutcomeUnknown("WhatsApp accepted the message without giving its id")
        return Receipt(
            external_id, as_text(first.get("message_status")) == "held_for_quality_assessment", self._reached(document), document
        )

    def _road(self, message: OutboundMessage) -> str:
        """Marketing templates go by the marketing endpoint when the account is set up for it; it takes nothing else."""
        switched_on = self._settings.get("marketing_messages").strip().lower() in _ON
        return "marketing_messages" if switched_on and message.kind == "template" and message.category == "marketing" else "messages"

    def _reached(self, document: Json) -> tuple[Address, ...]:
        contact = as_object(next(iter(as_list(document.get("contacts"))), None))
        return addresses(self._settings.get("portfolio_id"), as_text(contact.get("wa_id")), as_text(contact.get("user_id")))

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        """Mark the message and everything before it as read; `typing` shows for 25 s or until we answer. Safe to repeat."""
        body: Json = {"messaging_product": "whatsapp", "status": "read", "message_id": external_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        self._call_number("POST", "messages", json=body, acted=False)

    # --- account ----------------------------------------------------------------------------------------------------

    def check(self) -> Health:
        """Ask the number about itself. `ok` is False when it answers but is not connected or may not send; a failed call raises.

        Facts: those of `facts.py`, what the platform said word for word, and `can_send` with `can_send_reason`.
        """
        began = time.monotonic()
        document = self._call_number("GET", params={"fields": HEALTH_FIELDS}, acted=False)
        elapsed = timedelta(seconds=time.monotonic() - began)
        status = as_text(document.get("status")) or "no status given"
        can_send, reason = _sending(as_object(document.get("health_status")))
        told = {name: _plain(value) for name, value in document.items() if name != "health_status"}
        facts = {**told, **facts_of_number(document), "can_send": can_send, "can_send_reason": reason}
        ok = as_text(document.get("status")) in {"", "CONNECTED"} and can_send != "BLOCKED"
        whose = " ".join(filter(None, [as_text(document.get("verified_name")), as_text(document.get("display_phone_number"))]))
        detail = "; ".join(filter(None, [f"{whose}: {status}", reason and f"sending {can_send}: {reason}"]))
        return Health(ok, elapsed, detail, facts)


def _sending(health: Json) -> tuple[str, str]:
    """AVAILABLE, LIMITED, BLOCKED or "", and why: the platform's sentences about every part that is not well."""
    reasons: list[str] = []
    for entity in map(as_object, as_list(health.get("entities"))):
        errors = [as_object(error) for error in as_list(entity.get("errors"))]
        reasons += [" ".join(filter(None, [as_text(each.get("error_code")), as_text(each.get("error_description"))])) for each in errors]
        reasons += [as_text(each) for each in as_list(entity.get("additional_info"))]
    return as_text(health.get("can_send_message")).upper(), "; ".join(dict.fromkeys(filter(None, reasons)))[:500]


def _plain(value: Any) -> str:
    return as_text(value) or as_text(as_object(value).get("level")) or json.dumps(value, ensure_ascii=False)
