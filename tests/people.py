"""The cast of the tests: a shop with numbers in Hong Kong, Taipei and Tokyo, its agents, and customers who write to it."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from connectors.contracts import Address
from scrm.connections.models import Connection
from scrm.contacts.models import Contact, Identity
from scrm.contacts.services import Sender, resolve_identity
from scrm.conversations.models import Conversation
from scrm.conversations.services import start_conversation
from scrm.staff.models import User

APP_SECRET = "5ca1ab1e" * 4
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)  # Wednesday noon in Hong Kong
_number = itertools.count(1)


def hong_kong(**fields: Any) -> Connection:
    """The Hong Kong number, made once a test."""
    row = Connection.objects.filter(slug=fields.get("slug", "hk")).first()
    return row or Connection.objects.create(**{**_channel("hk", "106540352242922", "HK", "Asia/Hong_Kong"), **fields})


def tokyo(**fields: Any) -> Connection:
    row = Connection.objects.filter(slug="jp").first()
    return row or Connection.objects.create(**{**_channel("jp", "106540352242933", "JP", "Asia/Tokyo"), **fields})


def _channel(slug: str, account_id: str, country: str, zone: str) -> dict[str, Any]:
    return {
        "slug": slug,
        "label": f"Harbour Beauty {country}",
        "kind": "channel",
        "adapter": "whatsapp_cloud",
        "account_id": account_id,
        "settings": {
            "base_url": "http://127.0.0.1:9",
            "api_version": "v25.0",
            "phone_number_id": account_id,
            "waba_id": "9" + account_id,
            "portfolio_id": "P1",
        },
        "secrets": {"access_token": "EAAtest", "app_secret": APP_SECRET, "verify_token": "open sesame"},
        "country": country,
        "time_zone": zone,
    }


def agent(username: str = "mei", **fields: Any) -> User:
    user = User.objects.filter(username=username).first()
    return user or User.objects.create_user(
        username, password="correct horse", is_staff=True, display_name=fields.pop("display_name", "陳美儀"), **fields
    )


def customer(name: str = "陳大文", phone: str = "85291234567") -> Identity:
    return resolve_identity(Sender((Address("whatsapp", phone),), name=name, country="HK"))


def conversation(identity: Identity | None = None, *, window_open: bool = True, at: datetime | None = None) -> Conversation:
    """A conversation with the Hong Kong number; its window is open unless told otherwise."""
    made = start_conversation(identity or customer(), hong_kong(), at=at)
    if window_open:
        now = at or timezone.now()
        Conversation.objects.filter(pk=made.pk).update(window_expires_at=now + timezone.timedelta(hours=24), last_inbound_at=now)
        made.refresh_from_db()
    return made


def someone() -> Contact:
    n = next(_number)
    return customer(name=f"林怡君 {n}", phone=f"8869{12000000 + n}").contact


def wamid(seed: object) -> str:
    return "wamid." + hashlib.sha256(str(seed).encode()).hexdigest()[:40].upper()


def text_message(text: str, *, phone: str = "85291234567", id: str = "", at: datetime | None = None, **more: Any) -> dict[str, Any]:
    stamp = at or timezone.now()
    return {
        "from": phone,
        "id": id or wamid(f"{phone}{text}{next(_number)}"),
        "timestamp": str(int(stamp.timestamp())),
        "type": "text",
        "text": {"body": text},
        **more,
    }


def status(external_id: str, state: str, *, at: datetime | None = None, ref: str = "", code: int = 0) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": external_id,
        "status": state,
        "timestamp": str(int((at or timezone.now()).timestamp())),
        "recipient_id": "85291234567",
    }
    if ref:
        said["biz_opaque_callback_data"] = ref
    if code:
        said["errors"] = [{"code": code, "title": "Message undeliverable"}]
    return said


def body(connection: Connection, *, messages: list[Any] | None = None, statuses: list[Any] | None = None, name: str = "陳大文") -> bytes:
    """A webhook body as the platform builds it, with everything above U+007F escaped."""
    senders = {message["from"] for message in messages or [] if isinstance(message, dict) and "from" in message}
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "85268102244", "phone_number_id": connection.account_id},
    }
    if messages is not None:
        value |= {"contacts": [{"profile": {"name": name}, "wa_id": sender} for sender in sorted(senders)], "messages": messages}
    if statuses is not None:
        value["statuses"] = statuses
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}]}
    ).encode()


def post(connection: Connection, raw: bytes, *, secret: str = APP_SECRET, client: Client | None = None) -> int:
    """Post a signed body to the connection's webhook; the HTTP status."""
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    answer = (client or Client()).post(
        f"/webhooks/whatsapp/{connection.slug}/", data=raw, content_type="application/json", headers={"X-Hub-Signature-256": signature}
    )
    return answer.status_code
