"""Webhook bodies as the platform writes and signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from scrm.sandbox.models import Number, Person


def contact(person: Person) -> dict[str, Any]:
    """People who show no phone number come without `wa_id`."""
    profile = {"name": person.name}
    if person.username:
        profile["username"] = person.username
    shown: dict[str, Any] = {"profile": profile}
    if person.phone:
        shown["wa_id"] = person.phone
    return shown | {"user_id": person.user_id}


def value(number: Number, **members: Any) -> dict[str, Any]:
    """The `value` of a `messages` change."""
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.phone_number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **members}


def envelope(number: Number, changes: Sequence[tuple[str, dict[str, Any]]], at: float | None = None) -> dict[str, Any]:
    """`at`: seconds since the epoch. Notices have no time of their own, so that of their entry tells two alike apart."""
    entry: dict[str, Any] = {"id": number.waba_id, "changes": [{"value": content, "field": field} for field, content in changes]}
    if at is not None:
        entry["time"] = int(at)
    return {"object": "whatsapp_business_account", "entry": [entry]}


def encode(body: dict[str, Any]) -> bytes:
    """Bytes as sent and signed: every character above U+007F as \\uXXXX, surrogate pairs for emoji."""
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def sign(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
