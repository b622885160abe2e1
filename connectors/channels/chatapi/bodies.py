"""What a message of the dialect says: its type decides how `body` is to be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from connectors.contracts import MediaRef
from connectors.untrusted import Json, as_text

LONGEST_ID = 200
_PLACE = re.compile(r"\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)\s*[;,]\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)\s*")
_CARD_LINE = re.compile(r"^(?:item[0-9]+\.)?(FN|TEL|N|ORG)((?:;[^:\r\n]*)?):(.*)$", re.IGNORECASE | re.MULTILINE)
_WA_ID = re.compile(r"waid=([0-9]{4,20})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Body:
    """The readable part of a message; the names are those of `InboundMessage`."""

    kind: str
    text: str = ""
    content: Json = field(default_factory=dict)
    media: tuple[MediaRef, ...] = ()


def read_body(message: Json) -> Body:
    """The body of a message. A type that is not known is kept whole as `unsupported`."""
    stated = as_text(message.get("type"))
    return _READERS.get(stated, _unsupported)(message, stated)


def _text(message: Json, _: str) -> Body:
    return Body("text", as_text(message.get("body")))


def _media(message: Json, stated: str) -> Body:
    """`body` is a link; the caption stands apart, and the id of the message stands for a link that no column can hold."""
    kind = "audio" if stated in {"ptt", "voice"} else stated
    url, caption = as_text(message.get("body")).strip(), as_text(message.get("caption"))
    content: Json = {"voice": True} if kind == "audio" and stated != "audio" else {}
    if not re.match("https?://", url):
        return Body(kind, caption or url, {**content, "no_link": True})
    content["url"] = url
    filename = as_text(message.get("filename")) or _last_part(url)
    ref = MediaRef(
        external_id=url if len(url) <= LONGEST_ID else as_text(message.get("id")),
        kind=kind,
        mime_type=as_text(message.get("mimetype")) or as_text(message.get("mime_type")),
        filename=filename if kind == "document" else "",
        url=url,
    )
    return Body(kind, caption or ref.filename, content, (ref,))


def _last_part(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])[:240]
    except ValueError:
        return ""


def _location(message: Json, kind: str) -> Body:
    """`body` is `<latitude>;<longitude>`, sometimes with a name in the caption."""
    place, caption = _PLACE.fullmatch(as_text(message.get("body"))), as_text(message.get("caption"))
    if place is None:
        return Body(kind, caption or as_text(message.get("body")), {"platform_body": message.get("body")})
    content: Json = {"latitude": float(place[1]), "longitude": float(place[2])} | ({"name": caption} if caption else {})
    return Body(kind, caption or f"{place[1]}, {place[2]}", content)


def _contacts(message: Json, _: str) -> Body:
    """One vCard or several, as {"contacts": [{"name": {"formatted_name"}, "phones": [{"phone", "wa_id"?}], "vcard"}]}."""
    text = as_text(message.get("body"))
    cards = [_card(part) for part in re.split(r"(?i)(?=BEGIN:VCARD)", text) if part.strip()]
    lines = [f"{card['name']['formatted_name']} {', '.join(phone['phone'] for phone in card['phones'])}".strip() for card in cards]
    return Body("contacts", "\n".join(lines), {"contacts": cards})


def _card(text: str) -> Json:
    name, phones = "", []
    for label, parameters, value in _CARD_LINE.findall(text[:20_000]):
        if label.upper() == "FN" or (label.upper() == "N" and not name):
            name = value.replace(";", " ").strip()
        elif label.upper() == "TEL":
            number = _WA_ID.search(parameters)
            phones.append({"phone": value.strip()} | ({"wa_id": number[1]} if number else {}))
    return {"name": {"formatted_name": name}, "phones": phones, "vcard": text}


def _answer(message: Json, stated: str) -> Body:
    """A press of a button, or a choice of a list."""
    text = as_text(message.get("body"))
    content: Json = {"type": "list_reply" if stated == "list_response" else "button_reply", "title": text}
    for ours, theirs in (("id", "selectedRowId"), ("id", "selectedButtonId"), ("description", "description")):
        if message.get(theirs):
            content[ours] = as_text(message[theirs])
    return Body("interactive", text, content)


def _reaction(message: Json, kind: str) -> Body:
    emoji = as_text(message.get("body"))
    return Body(kind, emoji, {"message_id": as_text(message.get("quotedMsgId")), "emoji": emoji, "removed": not emoji})


def _revoke(message: Json, _: str) -> Body:
    return Body("revoke", "", {"original_id": as_text(message.get("quotedMsgId")) or as_text(message.get("id"))})


def _unsupported(message: Json, stated: str) -> Body:
    """Calls, polls, and whatever comes: kept whole, shown with its words as far as it has any."""
    known = {"id", "chatId", "author", "senderName", "fromMe", "self", "time", "type", "chatName", "messageNumber"}
    rest = {key: item for key, item in message.items() if key not in known}
    return Body("unsupported", as_text(message.get("caption")), {**rest, "platform_type": stated})


_READERS: dict[str, Callable[[Json, str], Body]] = {
    "chat": _text,
    "text": _text,
    **dict.fromkeys(("image", "video", "audio", "ptt", "voice", "document", "sticker"), _media),
    "location": _location,
    "vcard": _contacts,
    "multi_vcard": _contacts,
    "buttons_response": _answer,
    "list_response": _answer,
    "reaction": _reaction,
    "revoked": _revoke,
}
