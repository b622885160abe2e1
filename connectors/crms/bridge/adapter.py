"""A webhook as a `Crm` that takes writes and tells nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from connectors import guard, signatures
from connectors.accounts import Settings
from connectors.contracts import (
    Account,
    Capabilities,
    Change,
    ConfigField,
    FieldInfo,
    Health,
    Hint,
    Json,
    ObjectType,
    Outcome,
    OutcomeStatus,
    Page,
    Write,
)
from connectors.errors import BadSignature, ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater
from connectors.http import Reply
from connectors.standard_webhooks import Poster, check_header, key_of
from connectors.untrusted import clean, fingerprint

BATCH = 20
PATIENCE = timedelta(minutes=1)

_ASKED = ("sku", "product", "price_band", "intent", "summary")
# What a receiver gets when nobody chose otherwise; the names are ours, because a webhook has no fields of its own.
FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "contact": (
        "Contacts",
        (
            "first_name",
            "last_name",
            "full_name",
            "phone",
            "email",
            "company",
            "country",
            "language",
            "priority",
            "tags",
            "last_message_at",
            "opted_out",
        ),
    ),
    "communication": ("Communications", ("body", "body_html", "first_message_at", "last_message_at", "messages", "channel", "date")),
    "deal": ("Deals", ("name", "amount", "currency", "stage", "opened_at", "closed_at", "number", "status", *_ASKED)),
    "case": ("Cases", ("name", "status", "priority", "channel", "opened_at", "closed_at", "number", *_ASKED)),
    "order": ("Orders", ("number", "status", "total", "currency", "placed_at", "sku", "lines", "carrier", "tracking_number")),
    "product": ("Products", ("sku", "name", "aliases", "active", "price.HKD", "price.TWD", "price.JPY", "price.SGD")),
}


class Bridge:
    """One receiver. Safe to use from several threads."""

    slug = "bridge"
    label = "Webhook (Zapier, Make, Pabbly)"
    fields: Sequence[ConfigField] = (
        ConfigField("url", "Webhook address", help="The address that Zapier, Make, Pabbly or your own server shows for the webhook."),
        ConfigField(
            "signing_secret",
            "Signing secret",
            secret=True,
            required=False,
            help="whsec_ and base64, as Standard Webhooks 1.0 wants it. Two lines while it is being changed.",
        ),
        ConfigField("header_name", "Name of the secret's header", required=False, default="X-Webhook-Token"),
        ConfigField(
            "header_secret",
            "Secret in the header",
            secret=True,
            required=False,
            help="For receivers that check no signature, such as Pabbly and Make.",
        ),
    )
    capabilities = Capabilities(resolution=timedelta(milliseconds=1), conditional=False, batch=BATCH)

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)

    def check(self) -> Health:
        """Open a connection and send nothing: looks come every minute, and each post would start a scenario over there."""
        began = time.monotonic()
        target = guard.check(self._settings.need("url"))
        guard.knock(target)
        return Health(True, timedelta(seconds=time.monotonic() - began), f"{target.host} answers")

    def describe(self) -> list[ObjectType]:
        return [ObjectType(kind, label, _described(names)) for kind, (label, names) in FIELDS.items()]

    def prepare(self) -> None:
        """Look at the settings; there is nothing to create."""
        guard.check(self._settings.need("url"))
        for secret in self._secrets:
            key_of(secret)
        if self._settings.get("header_secret"):
            check_header(self._settings.need("header_name"), self._settings.get("header_secret"))

    def changes(self, kind: str, cursor: Json, limit: int = 0) -> Page:
        """Nothing: a webhook tells nothing back."""
        return Page((), {}, False)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        return Page((), {}, False)

    def read(self, kind: str, ids: Sequence[str]) -> list[Change]:
        return []

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """One post for each write. The message id hangs on the content, so a receiver knows a repeated write by it."""
        return [self._write(write) for write in writes]

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        raise BadSignature("This connection takes no calls; partners call /api/v1/ with a token")

    def close(self) -> None:
        if "_poster" in self.__dict__:
            self._poster.close()

    # --- one write ----------------------------------------------------------------------------------------------------

    def _write(self, write: Write) -> Outcome:
        if write.kind not in FIELDS:
            raise Misconfigured(f"A webhook carries no {write.kind!r}; there are {', '.join(FIELDS)}")
        record = write.id or write.key
        data = {
            "kind": write.kind,
            "key": write.key,
            "fields": clean(dict(write.fields)),
            "links": [{"kind": link.kind, "key": link.id} for link in write.links],
        }
        message_id = "msg_" + fingerprint(data)[:40]
        status: OutcomeStatus = "updated" if write.id else "created"
        try:
            self._send(f"{write.kind}.{status}", message_id, data, datetime.now(UTC))
        except Rejected as error:
            return Outcome(write.key, "rejected", write.id, reason=str(error))
        return Outcome(write.key, status, record)

    def _send(self, event: str, message_id: str, data: Json, now: datetime) -> None:
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = json.dumps({"type": event, "timestamp": stamp, "data": data}, ensure_ascii=False, default=_text).encode()
        reply = self._poster.post(body, message_id, now)
        if not reply.ok:
            raise refusal(reply)

    @cached_property
    def _poster(self) -> Poster:
        url = self._settings.need("url")
        guard.check(url)
        secret = self._settings.get("header_secret")
        header = (self._settings.need("header_name"), secret) if secret else None
        if header:
            check_header(*header)
        return Poster(url, secrets=self._secrets, header=header)

    @property
    def _secrets(self) -> list[str]:
        return signatures.split_secrets(self._settings.get("signing_secret"))


def _described(names: Sequence[str]) -> tuple[FieldInfo, ...]:
    return (FieldInfo("key", "Our key", "string", unique=True), *(FieldInfo(name, name, "string") for name in names))


def _text(value: Any) -> str:
    """Values that JSON does not know, as their text."""
    return str(value)


def refusal(reply: Reply) -> ConnectorError:
    """Our error for a receiver's answer that is not 2xx. Its words are not repeated: anybody may have written them."""
    code = f"HTTP {reply.status}"
    if reply.status == 410:
        return Misconfigured("The receiver deleted this webhook; enter a new address on the connection's page", code=code)
    if reply.status in {401, 403}:
        return NeedsLogin("The receiver does not accept the secret; enter it on the connection's page", code=code)
    if reply.status == 404:
        return Misconfigured("There is nothing at the webhook's address; copy it again from the receiver", code=code)
    if reply.status == 429 or (reply.status == 503 and reply.retry_after() is not None):
        return TryLater("The receiver asks to slow down", after=reply.retry_after() or PATIENCE, scope="connection", times=None, code=code)
    if reply.status >= 500:
        return OutcomeUnknown("The receiver failed while answering", code=code)
    return Rejected("The receiver refused the message", code=code)
