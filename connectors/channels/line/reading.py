"""From a webhook body to our types: every event comes out, nothing raises, a bad event does not harm its neighbours.

Keys begin with the event's type and its `webhookEventId`, which stays the same when LINE delivers an event again; what follows tells
apart events that share an id only because a test wrote them so. An event without an id is known by its content.

The key of a group is never an address: a group's messages belong to the people who wrote them and carry `content["group_id"]`.
A group's reply token is left out, because an answer with it would be read by the whole group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from connectors.channels.line.bodies import Body, read_body, read_postback, snake
from connectors.contracts import UNKNOWN_TIME, Address, InboundItem, InboundMessage, Notice, Unreadable
from connectors.timestamps import moment, moment_or_unknown
from connectors.untrusted import Json, NotJson, as_list, as_object, as_text, clean, fingerprint, loads

MAX_KEY = 200
MAX_KIND = 40

_ENVELOPE = frozenset({"type", "mode", "timestamp", "source", "webhookEventId", "deliveryContext", "replyToken"})


class _Unclear(Exception):
    """The event lacks what it cannot be kept without; the message is the reason shown to people."""


@dataclass(frozen=True, slots=True)
class Part:
    """One event, or the reason why there is none to read. `bot` is the account that the body is for."""

    kind: Literal["event", "empty", "unreadable"]
    item: Any
    bot: str = ""
    reason: str = ""


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
    if not isinstance(payload, dict):
        yield Part("unreadable", payload, reason="the body is JSON, but not an object")
        return
    bot, events = as_text(payload.get("destination")), payload.get("events")
    if events is None or (isinstance(events, list) and not events):
        known = not set(payload) - {"destination", "events"}
        yield Part("empty" if known else "unreadable", payload, bot, "the body has no 'events'")
    elif not isinstance(events, list | dict):
        yield Part("unreadable", payload, bot, "'events' is not a list")
    else:
        for event in as_list(events) or [events]:
            yield Part("event", event, bot)


def _read(part: Part) -> InboundItem:
    item, bot = clean(part.item), as_text(clean(part.bot))
    try:
        if part.kind == "empty":
            return Notice(f"empty:{fingerprint(item)}", bot, "empty", None, item)
        if part.kind == "unreadable":
            raise _Unclear(part.reason)
        if not isinstance(item, dict):
            raise _Unclear("an element of 'events' is not an object")
        return _READERS.get(as_text(item.get("type")), _notice)(item, bot)
    except _Unclear as reason:
        return _unreadable(item, bot, str(reason))
    except Exception as error:  # whatever a stranger thought of: the event is parked, its neighbours go on
        return _unreadable(item, bot, f"the event has an unexpected form ({type(error).__name__})")


def _unreadable(item: Any, bot: str, reason: str) -> Unreadable:
    return Unreadable(f"unreadable:{fingerprint([bot, reason, item])}", bot, reason, item)


def _key(event: Json) -> str:
    """The same for an event and its redelivery. Parts that LINE may choose anew each time (tokens, keywords) do not count."""
    kind, event_id = as_text(event.get("type")), as_text(event.get("webhookEventId"))
    message = as_object(event.get("message"))
    about: Any = {name: value for name, value in event.items() if name not in _ENVELOPE}
    if message:
        about = [message.get("type"), message.get("id"), "" if event_id else message.get("text")]
    digest = fingerprint([event.get("source"), event.get("timestamp"), about])
    key = f"{snake(kind)}:{event_id}:{digest[:16]}" if event_id else f"{snake(kind)}:sha256:{digest}"
    return key if 0 < len(key) <= MAX_KEY else f"event:sha256:{hashlib.sha256(key.encode()).hexdigest()}"


# --- what people do -------------------------------------------------------------------------------------------------


def _message(event: Json, bot: str) -> InboundMessage:
    message = _part(event, "message")
    external_id = as_text(message.get("id"))
    if not external_id:
        raise _Unclear("the message has no id")
    return _built(event, bot, read_body(message), external_id=external_id, reply_to=as_text(message.get("quotedMessageId")))


def _edited(event: Json, bot: str) -> InboundMessage:
    """{"original_id", "kind", "content"} with the text of the new version."""
    message = _part(event, "message")
    original = as_text(message.get("id"))
    if not original:
        raise _Unclear("the edited message has no id")
    body = read_body(message)
    return _built(event, bot, Body("edit", body.text, {"original_id": original, "kind": body.kind, "content": body.content}, body.media))


def _unsent(event: Json, bot: str) -> InboundMessage:
    """{"original_id"}: the person took the message back, and it must no longer be shown."""
    original = as_text(_part(event, "unsend").get("messageId"))
    if not original:
        raise _Unclear("the event names no message that was taken back")
    return _built(event, bot, Body("revoke", "", {"original_id": original}))


def _postback(event: Json, bot: str) -> InboundItem:
    postback = _part(event, "postback")
    if as_object(postback.get("params")).get("newRichMenuAliasId"):
        return _notice(event, bot, "rich_menu_switch")  # turning a page of the menu asks for nothing
    return _built(event, bot, read_postback(postback))


def _built(event: Json, bot: str, body: Body, *, external_id: str = "", reply_to: str = "") -> InboundMessage:
    sender = _person(event)
    if not sender:
        raise _Unclear("the message names nobody as its sender; in groups LINE names only people who agreed to it")
    sent_at = moment_or_unknown(event.get("timestamp"))
    return InboundMessage(
        key=_key(event),
        account_id=bot,
        external_id=external_id,
        sender=sender,
        kind=body.kind,
        sent_at=sent_at,
        text=body.text,
        content={**body.content, **_circumstances(event, suspect=sent_at == UNKNOWN_TIME)},
        media=body.media,
        reply_to=reply_to,
        raw=event,
    )


def _circumstances(event: Json, *, suspect: bool) -> Json:
    message, standby = as_object(event.get("message")), as_text(event.get("mode")) == "standby"
    group = _group(event)
    found: Json = {
        "group_id": group,
        "quote_token": as_text(message.get("quoteToken")),
        "mark_as_read_token": as_text(message.get("markAsReadToken")),
        "reply_token": "" if group or standby else as_text(event.get("replyToken")),
        "standby": standby,
        "clock_suspect": suspect,
    }
    return {name: value for name, value in found.items() if value}


def _part(event: Json, name: str) -> Json:
    if not isinstance(event.get(name), dict):
        raise _Unclear(f"the event has no {name!r} object")
    return as_object(event[name])


def _person(event: Json) -> tuple[Address, ...]:
    user_id = as_text(as_object(event.get("source")).get("userId")).strip()
    return (Address("line_user", user_id),) if user_id else ()


def _group(event: Json) -> str:
    source = as_object(event.get("source"))
    return as_text(source.get("groupId")) or as_text(source.get("roomId"))


# --- what else LINE tells -------------------------------------------------------------------------------------------


def _notice(event: Json, bot: str, kind: str = "") -> Notice:
    """The whole event, under its type in snake case; types that nobody knew are kept the same way."""
    data = {key: value for key, value in event.items() if key != "replyToken"}
    group = _group(event)
    if group:
        data["group_id"] = group
    label = kind or snake(as_text(event.get("type")))[:MAX_KIND] or "unknown"
    return Notice(_key(event), bot, label, moment(event.get("timestamp")), data, _person(event))


_READERS: dict[str, Callable[[Json, str], InboundItem]] = {
    "message": _message,
    "messageEdited": _edited,
    "unsend": _unsent,
    "postback": _postback,
}
