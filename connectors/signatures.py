"""Signatures of webhooks: made over the raw bytes, compared in constant time, several secrets accepted while one rotates.

Every check answers False to a missing, malformed or non-ASCII header and to an empty secret; none raises.
Platforms that sign nothing repeat a secret that we gave them: `X-Webhook-Token: <secret>`, `Authorization: Bearer <secret>`, or
`?token=<secret>` in the address, which the webhook view hands on as X-Webhook-Token.
Meta: `X-Hub-Signature-256: sha256=<hex>`. LINE: `x-line-signature: <base64>`. HubSpot v3: base64 over method, public URL,
body and a timestamp in ms that must lie within five minutes of now, on both sides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from connectors.timestamps import milliseconds

HUBSPOT_TOLERANCE = timedelta(minutes=5)

# HubSpot signs the address with these escapes decoded (its guide on validating requests).
_HUBSPOT_DECODED = {
    "3A": ":",
    "2F": "/",
    "3F": "?",
    "40": "@",
    "21": "!",
    "24": "$",
    "27": "'",
    "28": "(",
    "29": ")",
    "2A": "*",
    "2C": ",",
    "3B": ";",
}
_HUBSPOT_ESCAPE = re.compile("%(" + "|".join(_HUBSPOT_DECODED) + ")", re.IGNORECASE)


def split_secrets(text: str) -> list[str]:
    """The secrets of a setting that may hold several, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def sign_hex(body: bytes, secret: str, prefix: str = "sha256=") -> str:
    return prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sign_base64(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def sign_hubspot_v3(body: bytes, *, method: str, url: str, timestamp: str, secret: str) -> str:
    return sign_base64(method.upper().encode() + url.encode("utf-8", "replace") + body + timestamp.encode("utf-8", "replace"), secret)


def verify_hex(body: bytes, header: str | None, secrets: Iterable[str], prefix: str = "sha256=") -> bool:
    """Meta's form. The hex digits must be lower case, as the platform sends them."""
    return _matches(header, [sign_hex(body, secret, prefix) for secret in secrets if secret])


def verify_base64(body: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """LINE's form."""
    return _matches(header, [sign_base64(body, secret) for secret in secrets if secret])


def verify_shared(headers: Mapping[str, str], secrets: Iterable[str]) -> bool:
    """A secret in X-Webhook-Token, or in Authorization behind Bearer. It proves who calls, not that the body is as it was sent."""
    kept = [secret for secret in secrets if secret]
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    given = [headers.get("x-webhook-token"), bearer if scheme.lower() == "bearer" else None]
    return bool(sum(_matches(each, kept) for each in given if each))


def verify_hubspot_v3(
    body: bytes, header: str | None, secrets: Iterable[str], *, method: str, url: str, timestamp: str | None, now: datetime
) -> bool:
    """HubSpot's third form. `url` is the public address that HubSpot called, query included."""
    if not timestamp or not re.fullmatch("[0-9]{1,16}", timestamp, re.ASCII):
        return False
    if abs(milliseconds(now) - int(timestamp)) > HUBSPOT_TOLERANCE // timedelta(milliseconds=1):
        return False
    addresses = {url, _HUBSPOT_ESCAPE.sub(lambda found: _HUBSPOT_DECODED[found[1].upper()], url)}
    secrets = [secret for secret in secrets if secret]
    return _matches(
        header,
        [sign_hubspot_v3(body, method=method, url=each, timestamp=timestamp, secret=secret) for secret in secrets for each in addresses],
    )


def _matches(header: str | None, expected: list[str]) -> bool:
    """Compares with every expected value, so that the time taken does not tell which secret came near."""
    given = (header or "").strip().encode("utf-8", "replace")
    return bool(sum(hmac.compare_digest(given, each.encode()) for each in expected))
