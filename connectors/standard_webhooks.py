"""Outgoing webhooks as Standard Webhooks 1.0 (https://www.standardwebhooks.com): how they are signed, checked and sent.

`webhook-id` names the message and stays the same when it is sent again, `webhook-timestamp` is in seconds, `webhook-signature` holds
one `v1,<base64>` for each secret in force, so that a secret is changed without a gap. A secret is `whsec_` and the base64 of 24 to 64
bytes; receivers accept five minutes of difference and remember the id.
Sent within 15 s in all; no redirect is followed; only addresses that `connectors.guard` lets through.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets as random_bytes
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connectors.errors import BadSignature, Misconfigured
from connectors.guard import GuardedTransport
from connectors.http import OVERALL, HttpClient, Reply

PREFIX = "whsec_"
BYTES = 32
TOLERANCE = timedelta(minutes=5)
# A receiver's answer is only looked at; nobody may fill the memory with it.
MAX_ANSWER = 64 * 1024
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_OWN = frozenset({"host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent"})


def new_secret() -> str:
    return PREFIX + base64.b64encode(random_bytes.token_bytes(BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret. Raises `Misconfigured` when it is none."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured("The signing secret must be whsec_ followed by base64") from None
    if not 24 <= len(key) <= 64:
        raise Misconfigured("The signing secret must hold 24 to 64 bytes")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature. `timestamp` in seconds since 1970."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def headers(secrets: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers, signed with every secret in force. `at` is aware."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(each, message_id, timestamp, body) for each in secrets),
    }


def verify(secrets: Iterable[str], given: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check headers with lower-case names. Raises `BadSignature`, and for our own wrong secret `Misconfigured`."""
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch("[0-9]{1,12}", stamp, re.ASCII):
        raise BadSignature("The headers webhook-id and webhook-timestamp are missing or malformed")
    if abs(now.astimezone(UTC) - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise BadSignature("The message is older than five minutes, or comes from the future")
    shown = [each.encode("utf-8", "replace") for each in given.get("webhook-signature", "").split(" ")]
    right = [sign(each, message_id, int(stamp), body).encode() for each in secrets]
    if not sum(hmac.compare_digest(one, other) for one in shown for other in right):
        raise BadSignature("None of the signatures is right")


def check_header(name: str, value: str) -> None:
    """A header that a receiver wants beside the signature. Raises `Misconfigured` for one that no request can carry."""
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN or name.lower().startswith("webhook-"):
        raise Misconfigured(f"{name[:60]!r} cannot be the name of the secret's header; use for example X-Webhook-Token")
    if not value.isascii() or not value.isprintable() or not value.strip():
        raise Misconfigured("The header's secret must be ASCII without line breaks")


class Poster:
    """Posts JSON to one address, anew connected each time. Safe to use from several threads."""

    def __init__(self, url: str, *, secrets: Sequence[str] = (), header: tuple[str, str] | None = None) -> None:
        """`secrets` sign; `header` is a name and a value for receivers that check no signature."""
        self.url, self._secrets = url, [each for each in secrets if each.strip()]
        self._header = dict([header]) if header else {}
        hidden = [*self._secrets, *self._header.values()]
        self._http = HttpClient(
            url, {"accept": "*/*", "accept-encoding": "identity"}, read=OVERALL, secrets=hidden, transport=GuardedTransport
        )

    def post(self, body: bytes, message_id: str, at: datetime) -> Reply:
        """The answer of any status, of its body the beginning. Raises as `HttpClient.request` does; a redirect is `Misconfigured`."""
        signed = headers(self._secrets, message_id, at, body) if self._secrets else {"webhook-id": message_id}
        sent = {"content-type": "application/json", **self._header, **signed}
        return self._http.request("POST", self.url, content=body, headers=sent, max_reply=MAX_ANSWER, glance=True)

    def close(self) -> None:
        self._http.close()
