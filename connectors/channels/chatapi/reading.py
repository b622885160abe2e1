"""From a webhook body to our types: {"instanceId", "messages": [...], "ack": [...], ...}. Nothing is left out, nothing raises.

Keys: `msg:<id>`, `revoke:<id>:<time>`, `status:<id>:<status>`, and for everything without an id of its own the SHA-256 of its content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from connectors.channels.chatapi.bodies import read_body
from connectors.channels.chatapi.people import addresses, is_group
from connectors.contracts import UNKNOWN_TIME, DeliveryStatus, InboundItem, InboundMessage, Notice, PlatformError, StatusUpdate, Unreadable
from connectors.timestamps import moment, moment_or_unknown
from connectors.untrusted import Json, NotJson, as_code, as_list, as_object, as_text, clean, fingerprint, loads

MAX_KEY = 200

# Newer gateways of the dialect give numbers, as the phone's own protocol does.
_STATUSES: dict[str, DeliveryStatus] = {
    "sent": "sent",
    "delivered": "delivered",
    "viewed": "read",
    "read": "read",
    "played": "read",
    "failed": "failed",
    "error": "failed",
    "-1": "failed",
    "1": "sent",
    "2": "delivered",
    "3": "read",
    "4": "read",
}
_LISTS: dict[str, Literal["message", "status"]] = {"messages": "message", "ack": "status"}


class _Unclear(Exception):
    """The item lacks what it cannot be kept without; the message is the reason shown to people."""


@dataclass(frozen=True, slots=True)
class Part:
    kind: Literal["message", "status", "notice", "unreadable"]
    item: Any
    instance: str = ""
    label: str = ""


def parse_body(body: bytes) -> list[InboundItem]:
    """Every item of a body, at least one. Never raises."""
    try:
        payload = loads(body)
    except NotJson as error:
        return [Unreadable(f"unreadable:{hashlib.sha256(body).hexdigest()}", "", str(error), clean(body[:2000].decode("utf-8", "replace")))]
    return [_read(part) for part in _walk(payload)]


def count_items(body: bytes) -> int:
    """How many items `parse_body` will give."""
    try:
        return sum(1 for _ in _walk(loads(body)))
    except NotJson:
        return 1


def _walk(payload: Any) -> Iterator[Part]:
    """`parse_body` and `count_items` share this, so they cannot disagree."""
    envelopes = payload if isinstance(payload, list) and payload else [payload]
    for envelope in envelopes:
        if isinstance(envelope, dict):
            yield from _envelope(envelope)
        else:
            yield Part("unreadable", envelope, label="the body is JSON, but not an object")


def _envelope(payload: Json) -> Iterator[Part]:
    found = False
    for part in _parts(payload, as_text(payload.get("instanceId"))):
        found = True
        yield part
    if not found:
        yield Part("notice", payload, as_text(payload.get("instanceId")), "empty")


def _parts(payload: Json, instance: str) -> Iterator[Part]:
    for name, kind in _LISTS.items():
        items = payload.get(name)
        if items is not None and not isinstance(items, list | dict):
            yield Part("unreadable", items, instance, f"'{name}' is not a list")
        for item in items if isinstance(items, list) else as_list(items):
            yield Part(kind, item, instance)
    rest = {name: item for name, item in payload.items() if name not in _LISTS and name != "instanceId"}
    for name, item in rest.items():
        if isinstance(item, list):
            yield from (Part("notice", each, instance, name) for each in item)
    plain = {name: item for name, item in rest.items() if not isinstance(item, list)}
    if plain:
        yield Part("notice", plain, instance, next(iter(plain)))


def _read(part: Part) -> InboundItem:
    item, instance = clean(part.item), clean(part.instance)
    try:
        if part.kind == "unreadable":
            raise _Unclear(part.label)
        if part.kind == "notice":
            return _notice(item, instance, clean(part.label), ())
        if not isinstance(item, dict):
            raise _Unclear(f"the {part.kind} is not an object")
        return _message(item, instance) if part.kind == "message" else _status(item, instance)
    except _Unclear as reason:
        return _unreadable(item, instance, str(reason))
    except Exception as error:  # whatever a stranger thought of: the item is parked, its neighbours go on
        return _unreadable(item, instance, f"the {part.kind} has an unexpected form ({type(error).__name__})")


def _unreadable(item: Any, instance: str, reason: str) -> Unreadable:
    return Unreadable(f"unreadable:{fingerprint([instance, reason, item])}", instance, reason, item)


def _bounded(key: str) -> str:
    return key if len(key) <= MAX_KEY else f"{key.split(':', 1)[0]}:sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _message(message: Json, instance: str) -> InboundItem:
    external_id, chat_id = as_text(message.get("id")), as_text(message.get("chatId"))
    if not external_id:
        raise _Unclear("the message has no id")
    ours = message.get("fromMe") in (True, 1, "1", "true")
    if ours and message.get("self") in (True, 1, "1"):
        return _own_send(message, external_id, instance)
    if ours and is_group(chat_id):  # our side spoke to a group, which is nobody's address
        return _notice(message, instance, "group_echo", ())
    author = as_text(message.get("author"))
    sender = addresses(chat_id if ours or not is_group(chat_id) else author, instance) or (() if ours else addresses(author, instance))
    if not sender:
        raise _Unclear("the message names nobody as its sender")
    body = read_body(message)
    sent_at = moment_or_unknown(message.get("time"))
    content = dict(body.content)
    if is_group(chat_id):
        content.update(group_id=chat_id, group_name=as_text(message.get("chatName")))
    if message.get("isForwarded") in (True, 1, "1"):
        content["forwarded"] = True
    if sent_at == UNKNOWN_TIME:
        content["clock_suspect"] = True
    key = f"revoke:{external_id}:{as_text(message.get('time'))}" if body.kind == "revoke" else f"msg:{external_id}"
    return InboundMessage(
        key=_bounded(key),
        account_id=instance,
        external_id=external_id,
        sender=sender,
        kind=body.kind,
        sent_at=sent_at,
        text=body.text,
        profile_name="" if ours else as_text(message.get("senderName")),
        content=content,
        media=body.media,
        reply_to=as_text(message.get("quotedMsgId")),
        echo=ours,
        raw=message,
    )


def _own_send(message: Json, external_id: str, instance: str) -> StatusUpdate:
    """What we sent through the gateway comes back as a message with `self`: it proves that it left, and is no second message."""
    return StatusUpdate(
        key=_bounded(f"status:{external_id}:sent"),
        account_id=instance,
        external_id=external_id,
        status="sent",
        occurred_at=moment_or_unknown(message.get("time")),
        recipient=addresses(as_text(message.get("chatId")), instance),
        raw=message,
    )


def _status(status: Json, instance: str) -> InboundItem:
    external_id, word = as_text(status.get("id")), as_text(status.get("status")).strip().lower()
    if not external_id:
        raise _Unclear("the status names no message")
    recipient = addresses(as_text(status.get("chatId")), instance)
    if word not in _STATUSES:
        return _notice(status, instance, "message_status", recipient)
    return StatusUpdate(
        key=_bounded(f"status:{external_id}:{_STATUSES[word]}"),
        account_id=instance,
        external_id=external_id,
        status=_STATUSES[word],
        occurred_at=moment_or_unknown(status.get("time")),
        recipient=recipient,
        errors=_errors(status) if _STATUSES[word] == "failed" else (),
        raw=status,
    )


def _errors(status: Json) -> tuple[PlatformError, ...]:
    given = as_object(status.get("error")) or status
    words = as_text(status.get("error")) or as_text(given.get("message")) or as_text(given.get("description"))
    code = as_code(given.get("code"))
    return (PlatformError(code, words),) if code or words else ()


def _notice(item: Any, instance: str, label: str, subject: Any) -> Notice:
    given = item if isinstance(item, dict) else {"value": item}
    key = f"notice:{label[:60]}:{fingerprint([instance, label, given])}"
    return Notice(_bounded(key), instance, label[:60] or "unknown", moment(given.get("time")), given, subject)
