"""From an `OutboundMessage` to a call of the gateway: (method, body), checked before anything leaves.

Content is that of the contract, and `contacts`: {"contacts": [{"name": {"formatted_name"}, "phones": [{"phone", "wa_id"?}]}]}.
A file is a link, or the data URI that `upload` made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.channels.chatapi.people import chat_id_of
from connectors.contracts import MediaLimit, OutboundMessage
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text, clean

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
MB = 1024 * 1024
MAX_UPLOAD = 16 * MB  # travels inside the call as base64, a third larger
MAX_CONTACTS = 20
DATA_URI = re.compile("data:([a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,90});base64,", re.IGNORECASE)

# What phones take as such; a document may be anything.
MEDIA: dict[str, MediaLimit] = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 5 * MB, CAPTION_LIMIT),
    "video": MediaLimit(frozenset({"video/mp4", "video/3gpp"}), MAX_UPLOAD, CAPTION_LIMIT),
    "audio": MediaLimit(frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), MAX_UPLOAD),
    "document": MediaLimit(
        frozenset(
            {
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                "application/zip",
                "text/plain",
                "text/csv",
            }
        ),
        MAX_UPLOAD,
        CAPTION_LIMIT,
    ),
}
_NAMES = {"image": "image.jpg", "video": "video.mp4", "audio": "audio.ogg", "document": "document.pdf"}


def compose(message: OutboundMessage) -> tuple[str, Json]:
    """The method to call and its body. Raises `Rejected`, naming what to change."""
    build = _BUILDERS.get(message.kind)
    if build is None:
        raise Rejected(f"The gateway cannot send a message of kind {message.kind!r}")
    method, parts = build(clean(message.content), message.kind)
    body: Json = {"chatId": chat_id_of(message.to), **parts}
    if message.reply_to:
        body["quotedMsgId"] = message.reply_to
    return method, body


def _within(value: Any, limit: int, what: str) -> str:
    text = as_text(value)
    if not text.strip():
        raise Rejected(f"{what} is empty")
    if len(text) > limit:
        raise Rejected(f"{what} has {len(text)} characters; the gateway takes {limit}. Shorten it")
    return text


def _text(content: Json, _: str) -> tuple[str, Json]:
    return "sendMessage", {"body": _within(content.get("body"), TEXT_LIMIT, "The text")}


def _file(content: Json, kind: str) -> tuple[str, Json]:
    given = as_text(content.get("id")) or as_text(content.get("link"))
    if not DATA_URI.match(given) and not re.match("https?://", given):
        raise Rejected(f"The {kind} needs a file of ours or a link that begins with https://", remedy="fix_media")
    if kind == "audio" and content.get("voice") is True:
        return "sendPTT", {"audio": given}
    parts: Json = {"body": given, "filename": _filename(content, kind, given)}
    if content.get("caption"):
        if kind == "audio":
            raise Rejected("No caption is shown under audio; send the words as a text of their own", remedy="fix_media")
        parts["caption"] = _within(content["caption"], CAPTION_LIMIT, "The caption")
    return "sendFile", parts


def _filename(content: Json, kind: str, given: str) -> str:
    """The name decides how the phone shows the file, so there must be one."""
    stated = as_text(content.get("filename"))
    last = "" if given.startswith("data:") else given.partition("?")[0].rpartition("/")[2]
    return (stated or (last if "." in last else "") or _NAMES[kind])[:240]


def _location(content: Json, _: str) -> tuple[str, Json]:
    words = [as_text(content.get("name")), as_text(content.get("address"))]
    place: Json = {"lat": _degrees(content, "latitude", 90), "lng": _degrees(content, "longitude", 180)}
    return "sendLocation", {**place, "address": ", ".join(filter(None, words))} if any(words) else place


def _degrees(content: Json, key: str, bound: float) -> str:
    try:
        value = float(as_text(content.get(key)))
    except ValueError:
        raise Rejected(f"The {key} is not a number") from None
    if not -bound <= value <= bound:
        raise Rejected(f"The {key} lies beyond {bound:g} degrees")
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _contacts(content: Json, _: str) -> tuple[str, Json]:
    """The gateway shares people by their number, so the name is the one that its phone knows."""
    phones = [as_object(phone) for card in as_list(content.get("contacts")) for phone in as_list(as_object(card).get("phones"))]
    numbers = ["".join(c for c in as_text(phone.get("wa_id")) or as_text(phone.get("phone")) if c in "0123456789") for phone in phones]
    known = list(dict.fromkeys(f"{number}@c.us" for number in numbers if number))
    if not 1 <= len(known) <= MAX_CONTACTS:
        raise Rejected(f"The gateway shares 1 to {MAX_CONTACTS} people with a phone number, not {len(known)}")
    return "sendContact", {"contactId": known}


_BUILDERS: dict[str, Callable[[Json, str], tuple[str, Json]]] = {
    "text": _text,
    **dict.fromkeys(MEDIA, _file),
    "location": _location,
    "contacts": _contacts,
}
KINDS = frozenset(_BUILDERS)
