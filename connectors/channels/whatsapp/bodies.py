"""What a message says: one reader for each message type, giving kind, readable text, content and media.

A reader takes the message object and is never sure of anything in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.contracts import MediaRef
from connectors.untrusted import Json, NotJson, as_list, as_object, as_text, clean, loads


@dataclass(frozen=True, slots=True)
class Body:
    """The readable part of a message; the names are those of `InboundMessage`."""

    kind: str
    text: str = ""
    content: Json = field(default_factory=dict)
    media: tuple[MediaRef, ...] = ()


def read_body(message: Json) -> Body:
    """The body of a message. A type that is missing or unknown is found by its key, or kept as `unsupported`."""
    stated = as_text(message.get("type"))
    if stated in _READERS:
        return _READERS[stated](message, stated)
    shape = next((key for key in _READERS if key in message and key != "unsupported"), "") if not stated else ""
    return _READERS[shape](message, shape) if shape else _unsupported(message, stated)


def _text(message: Json, kind: str) -> Body:
    given = message.get("text")
    return Body(kind, as_text(as_object(given).get("body")) or as_text(given))


def _media(message: Json, kind: str) -> Body:
    given = as_object(message.get(kind))
    size = given.get("file_size")
    ref = MediaRef(
        external_id=as_text(given.get("id")),
        kind=kind,
        mime_type=as_text(given.get("mime_type")),
        sha256=as_text(given.get("sha256")),
        filename=as_text(given.get("filename")),
        url=as_text(given.get("url")),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
    )
    content = {key: item for key, item in given.items() if key not in {"id", "mime_type", "sha256", "url", "file_size"}}
    return Body(kind, as_text(given.get("caption")) or ref.filename, content, (ref,) if ref.external_id or ref.url else ())


def _voice(message: Json, _: str) -> Body:
    """A voice message as older interfaces name it."""
    return _media({"audio": {**as_object(message.get("voice")), "voice": True}}, "audio")


def _location(message: Json, kind: str) -> Body:
    given = as_object(message.get(kind))
    words = [as_text(given.get("name")), as_text(given.get("address"))]
    place = ", ".join(word for word in words if word)
    return Body(kind, place or ", ".join(filter(None, [as_text(given.get("latitude")), as_text(given.get("longitude"))])), given)


def _contacts(message: Json, kind: str) -> Body:
    cards = as_list(message.get(kind))
    lines = [_card_line(as_object(card)) for card in cards]
    return Body(kind, "\n".join(line for line in lines if line), {"contacts": cards})


def _card_line(card: Json) -> str:
    name = as_text(as_object(card.get("name")).get("formatted_name"))
    phones = [as_text(as_object(phone).get("phone")) or as_text(as_object(phone).get("wa_id")) for phone in as_list(card.get("phones"))]
    return " ".join(part for part in [name, ", ".join(filter(None, phones))] if part)


def _button(message: Json, kind: str) -> Body:
    given = as_object(message.get(kind))
    return Body(kind, as_text(given.get("text")) or as_text(given.get("payload")), given)


def _interactive(message: Json, kind: str) -> Body:
    """Replies to buttons and lists, filled flows, call permissions: {"type", ...the reply's own fields}."""
    given = as_object(message.get(kind))
    stated = as_text(given.get("type")) or next((key for key in given if key.endswith("_reply")), "")
    reply = as_object(given.get(stated))
    content = {**reply, "type": stated}
    if stated == "nfm_reply":
        content["response"] = _flow_answer(reply.get("response_json"))
    return Body(
        kind, as_text(reply.get("title")) or as_text(reply.get("body")) or as_text(reply.get("response")), content if reply else {**given}
    )


def _flow_answer(response: Any) -> Json | None:
    """A flow's answer is JSON inside a string; it may be absent, broken, or not an object."""
    if isinstance(response, dict):
        return response
    try:
        parsed = clean(loads(as_text(response).encode()))
    except NotJson:
        return None
    return parsed if isinstance(parsed, dict) else None


def _order(message: Json, kind: str) -> Body:
    given = as_object(message.get(kind))
    lines = [
        f"{as_text(item.get('quantity'))} x {as_text(item.get('product_retailer_id'))}"
        for item in map(as_object, as_list(given.get("product_items")))
    ]
    return Body(kind, as_text(given.get("text")) or "\n".join(lines), given)


def _reaction(message: Json, kind: str) -> Body:
    """{"message_id", "emoji", "removed"}; a missing or empty emoji withdraws the reaction."""
    given = as_object(message.get(kind))
    emoji = as_text(given.get("emoji"))
    return Body(kind, emoji, {**given, "message_id": as_text(given.get("message_id")), "emoji": emoji, "removed": not emoji})


def _edit(message: Json, kind: str) -> Body:
    """{"original_id", "kind", "content"} with the text and media of the new version."""
    given = as_object(message.get(kind))
    inner = as_object(given.get("message"))
    body = read_body(inner) if as_text(inner.get("type")) != "edit" else Body("unsupported")
    return Body(
        kind, body.text, {"original_id": as_text(given.get("original_message_id")), "kind": body.kind, "content": body.content}, body.media
    )


def _revoke(message: Json, kind: str) -> Body:
    given = as_object(message.get(kind))
    return Body(kind, "", {"original_id": as_text(given.get("original_message_id"))})


def _system(message: Json, kind: str) -> Body:
    """Filled up by the reader of messages, which knows the portfolio: {"type", "old": [...], "new": [...]}."""
    given = as_object(message.get(kind))
    return Body(kind, as_text(given.get("body")), given)


def _unsupported(message: Json, kind: str) -> Body:
    """Something of a type that the platform, or this connector, does not know: kept whole in `content`, with the words that it carries."""
    inner = as_object(message.get("unsupported"))
    platform_type = as_text(inner.get("type")) or ("" if kind == "unsupported" else kind)
    known = {"from", "from_user_id", "from_parent_user_id", "to", "id", "timestamp", "type", "context", "referral", "errors", "group_id"}
    rest = {key: item for key, item in message.items() if key not in known}
    return Body("unsupported", as_text(as_object(message.get("text")).get("body")), {**rest, "platform_type": platform_type})


_READERS: dict[str, Callable[[Json, str], Body]] = {
    "text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "voice": _voice,
    "document": _media,
    "sticker": _media,
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "reaction": _reaction,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
    "unsupported": _unsupported,
}
