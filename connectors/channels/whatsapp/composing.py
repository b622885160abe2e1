"""From an `OutboundMessage` to the request body, checked against the platform's limits before anything leaves.

Interactive content is platform-neutral:
    {"type": "button", "header"?, "body", "footer"?, "buttons": [{"id", "title"}]}                  up to 3 buttons
    {"type": "list", "header"?, "body", "footer"?, "button", "sections": [{"title", "rows": [{"id", "title", "description"?}]}]}
    {"type": "location_request", "body"}
    {"type": "cta_url", "header"?, "body", "footer"?, "label", "url"}
A header is a text, or {"type": "image" | "video" | "document", "id" | "link"}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.contracts import Address, OutboundMessage
from connectors.errors import Rejected, Remedy
from connectors.untrusted import Json, as_list, as_object, as_text, clean

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
BODY_LIMIT = 1024
CLIENT_REF_LIMIT = 512
MAX_BUTTONS = 3
MAX_ROWS = 10
MAX_SECTIONS = 10

_CAPTIONED = frozenset({"image", "video", "document"})
_MEDIA = _CAPTIONED | {"audio", "sticker"}


def compose(message: OutboundMessage) -> Json:
    """The body of POST /{phone}/messages. Raises `Rejected`, naming what to change, when the platform would refuse it."""
    build = _BUILDERS.get(message.kind)
    if build is None:
        raise Rejected(f"WhatsApp cannot send a message of kind {message.kind!r}", remedy="none")
    kind = message.kind
    body: Json = {"messaging_product": "whatsapp", "recipient_type": "individual", **_recipient(message.to), "type": kind}
    body[kind] = build(clean(message.content), kind)
    if message.client_ref:
        body["biz_opaque_callback_data"] = _within(message.client_ref, CLIENT_REF_LIMIT, "Our reference")
    if message.reply_to and kind != "reaction":  # a reaction names its message itself and takes no context
        body["context"] = {"message_id": message.reply_to}
    return body


def _recipient(to: Address) -> Json:
    if to.kind in {"whatsapp", "phone"}:
        digits = "".join(character for character in to.value if character in "0123456789")
        if not digits:
            raise Rejected("The recipient's number has no digits", remedy="mark_address")
        return {"to": f"+{digits}"}  # without '+' the platform puts the sender's own country code in front
    if to.kind in {"whatsapp_user", "whatsapp_parent_user"}:
        return {"recipient": to.value}
    raise Rejected("WhatsApp needs a phone number or a user id; a username cannot be written to", remedy="use_phone")


def _within(value: Any, limit: int, what: str, remedy: Remedy = "none", *, empty: bool = False) -> str:
    text = as_text(value)
    if not text.strip() and not empty:
        raise Rejected(f"{what} is empty", remedy=remedy)
    if len(text) > limit:
        raise Rejected(f"{what} has {len(text)} characters; WhatsApp takes {limit}. Shorten it", remedy=remedy)
    return text


def _text(content: Json, _: str) -> Json:
    body = {"body": _within(content.get("body"), TEXT_LIMIT, "The text")}
    return {**body, "preview_url": True} if content.get("preview_url") is True else body


def _media(content: Json, kind: str) -> Json:
    media = _file(content, f"The {kind}")
    if content.get("caption"):
        if kind not in _CAPTIONED:
            raise Rejected(f"WhatsApp shows no caption under {kind}; send the words as a text of their own", remedy="fix_media")
        media["caption"] = _within(content["caption"], CAPTION_LIMIT, "The caption")
    if kind == "document" and content.get("filename"):
        media["filename"] = as_text(content["filename"])
    if kind == "audio" and content.get("voice") is True:
        media["voice"] = True
    return media


def _file(content: Json, what: str) -> Json:
    file_id, link = as_text(content.get("id")), as_text(content.get("link"))
    if bool(file_id) == bool(link):
        raise Rejected(f"{what} needs either an uploaded file or a link", remedy="fix_media")
    if link and not re.match("https?://", link):
        raise Rejected(f"{what} needs a link that begins with https://", remedy="fix_media")
    return {"id": file_id} if file_id else {"link": link}


def _template(content: Json, _: str) -> Json:
    name, language = as_text(content.get("name")), content.get("language")
    if not re.fullmatch("[a-z0-9_]{1,512}", name):
        raise Rejected("A template's name has lower-case letters, digits and _ only", remedy="fix_template")
    code = as_text(as_object(language).get("code")) or as_text(language)
    if not code:
        raise Rejected("The template's language is missing", remedy="fix_template")
    template: Json = {"name": name, "language": {"code": code}}
    return {**template, "components": as_list(content["components"])} if content.get("components") else template


def _location(content: Json, _: str) -> Json:
    place: Json = {"latitude": _degrees(content, "latitude", 90), "longitude": _degrees(content, "longitude", 180)}
    return place | {key: as_text(content[key]) for key in ("name", "address") if content.get(key)}


def _degrees(content: Json, key: str, bound: float) -> float:
    try:
        value = float(as_text(content.get(key)))
    except ValueError:
        raise Rejected(f"The {key} is not a number") from None
    if not -bound <= value <= bound:
        raise Rejected(f"The {key} lies beyond {bound:g} degrees")
    return value


def _reaction(content: Json, _: str) -> Json:
    return {
        "message_id": _within(content.get("message_id"), 512, "The message to react to"),
        "emoji": _within(content.get("emoji"), 32, "The emoji", empty=True),
    }


def _interactive(content: Json, _: str) -> Json:
    stated = as_text(content.get("type"))
    build = _INTERACTIVE.get(stated)
    if build is None:
        raise Rejected(f"WhatsApp has no interactive message of type {stated!r}; there are {', '.join(_INTERACTIVE)}")
    return build(content)


def _frame(content: Json, kind: str, action: Json, limit: int = BODY_LIMIT) -> Json:
    framed: Json = {"type": kind, "body": {"text": _within(content.get("body"), limit, "The text")}, "action": action}
    if content.get("header"):
        framed["header"] = _header(content["header"])
    if content.get("footer"):
        framed["footer"] = {"text": _within(content["footer"], 60, "The footer")}
    return framed


def _header(header: Any) -> Json:
    given = as_object(header)
    kind = as_text(given.get("type")) or "text"
    if kind == "text":
        return {"type": "text", "text": _within(given.get("text", header), 60, "The header")}
    if kind not in _CAPTIONED:
        raise Rejected("A header is a text, an image, a video or a document")
    return {"type": kind, kind: _file(given, "The header")}


def _buttons(content: Json) -> Json:
    buttons = [as_object(button) for button in as_list(content.get("buttons"))]
    if not 1 <= len(buttons) <= MAX_BUTTONS:
        raise Rejected(f"WhatsApp shows 1 to {MAX_BUTTONS} buttons, not {len(buttons)}; use a list for up to {MAX_ROWS} choices")
    ids = [_within(button.get("id"), 256, "A button's id") for button in buttons]
    titles = [_within(button.get("title"), 20, "A button's title") for button in buttons]
    if len(set(ids)) < len(ids) or len(set(titles)) < len(titles):
        raise Rejected("Two buttons have the same id or title")
    replies = [{"type": "reply", "reply": {"id": each, "title": title}} for each, title in zip(ids, titles, strict=True)]
    return _frame(content, "button", {"buttons": replies})


def _list(content: Json) -> Json:
    given = [as_object(section) for section in as_list(content.get("sections"))]
    sections = [_section(section, titled=len(given) > 1) for section in given]
    rows = [row["id"] for section in sections for row in section["rows"]]
    if not 1 <= len(sections) <= MAX_SECTIONS or not 1 <= len(rows) <= MAX_ROWS:
        raise Rejected(f"A list shows 1 to {MAX_ROWS} rows in up to {MAX_SECTIONS} sections, not {len(rows)} rows in {len(sections)}")
    if len(set(rows)) < len(rows):
        raise Rejected("Two rows of the list have the same id")
    return _frame(content, "list", {"button": _within(content.get("button"), 20, "The list's button"), "sections": sections}, limit=4096)


def _section(section: Json, *, titled: bool) -> Json:
    rows = [_row(as_object(row)) for row in as_list(section.get("rows"))]
    if not rows:
        raise Rejected("A section of the list has no rows")
    title = _within(section.get("title"), 24, "A section's title", empty=not titled)
    return {"title": title, "rows": rows} if title else {"rows": rows}


def _row(row: Json) -> Json:
    built = {"id": _within(row.get("id"), 200, "A row's id"), "title": _within(row.get("title"), 24, "A row's title")}
    return {**built, "description": _within(row["description"], 72, "A row's description")} if row.get("description") else built


def _location_request(content: Json) -> Json:
    return {
        "type": "location_request_message",
        "body": {"text": _within(content.get("body"), BODY_LIMIT, "The text")},
        "action": {"name": "send_location"},
    }


def _link_button(content: Json) -> Json:
    url = as_text(content.get("url"))
    if not re.match("https?://", url):
        raise Rejected("The button needs a link that begins with https://")
    return _frame(
        content,
        "cta_url",
        {"name": "cta_url", "parameters": {"display_text": _within(content.get("label"), 20, "The button's label"), "url": url}},
    )


_INTERACTIVE: dict[str, Callable[[Json], Json]] = {
    "button": _buttons,
    "list": _list,
    "location_request": _location_request,
    "cta_url": _link_button,
}

_BUILDERS: dict[str, Callable[[Json, str], Json]] = {
    "text": _text,
    **dict.fromkeys(sorted(_MEDIA), _media),
    "template": _template,
    "interactive": _interactive,
    "location": _location,
    "reaction": _reaction,
}
KINDS = frozenset(_BUILDERS)
