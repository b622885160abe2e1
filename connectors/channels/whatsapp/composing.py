"""From an `OutboundMessage` to the request body, checked against the platform's limits before anything leaves.

Content by kind:
    text {body, preview_url?}                          image, video, document {id | link, caption?, filename? (document)}
    audio {id | link, voice?}, sticker {id | link}     location {latitude, longitude, name?, address?}
    contacts {contacts: [card]}                        reaction {message_id, emoji}, an empty emoji withdraws it
    interactive: see interactive.py                    template: see template_content.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.channels.whatsapp.interactive import compose_interactive
from connectors.channels.whatsapp.limits import CAPTION_LIMIT, CAPTIONED, file_reference, objects, within
from connectors.channels.whatsapp.people import USER_ID
from connectors.channels.whatsapp.template_content import compose_template
from connectors.contracts import Address, OutboundMessage
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text, clean

__all__ = ["CAPTION_LIMIT", "KINDS", "TEXT_LIMIT", "compose"]

TEXT_LIMIT = 4096
CLIENT_REF_LIMIT = 512
FILENAME_LIMIT = 240
MAX_CARDS = 257
MAX_DIGITS = 20  # E.164 has 15; test numbers of the platform a few more

_MEDIA = CAPTIONED | {"audio", "sticker"}


def compose(message: OutboundMessage) -> Json:
    """The body of POST /{phone}/messages. Raises `Rejected`, naming what to change, when the platform would refuse it."""
    build = _BUILDERS.get(message.kind)
    if build is None:
        raise Rejected(f"WhatsApp cannot send a message of kind {message.kind!r}", remedy="none")
    kind = message.kind
    body: Json = {"messaging_product": "whatsapp", "recipient_type": "individual", **_recipient(message), "type": kind}
    body[kind] = build(clean(message.content), kind)
    if message.client_ref:
        body["biz_opaque_callback_data"] = within(message.client_ref, CLIENT_REF_LIMIT, "Our reference")
    if message.reply_to and kind != "reaction":  # a reaction names its message itself and takes no context
        body["context"] = {"message_id": message.reply_to}
    return body


def _recipient(message: OutboundMessage) -> Json:
    to = message.to
    if to.kind in {"whatsapp", "phone"}:
        return {"to": _number(to)}
    if to.kind in {"whatsapp_user", "whatsapp_parent_user"}:
        if message.kind == "template" and message.category == "authentication":
            raise Rejected("WhatsApp sends codes to phone numbers only, and of this person only a user id is known", remedy="use_phone")
        if not USER_ID.fullmatch(to.value):
            raise Rejected("The recipient's user id has not the form of one", remedy="mark_address")
        return {"recipient": to.value}
    raise Rejected("WhatsApp needs a phone number or a user id; a username cannot be written to", remedy="use_phone")


def _number(to: Address) -> str:
    digits = "".join(character for character in to.value if character in "0123456789")
    if not 5 <= len(digits) <= MAX_DIGITS:
        raise Rejected("The recipient's number has no or too many digits", remedy="mark_address")
    return f"+{digits}"  # without '+' the platform puts the sender's own country code in front


def _text(content: Json, _: str) -> Json:
    body = {"body": within(content.get("body"), TEXT_LIMIT, "The text")}
    return {**body, "preview_url": True} if content.get("preview_url") is True else body


def _media(content: Json, kind: str) -> Json:
    media = file_reference(content, f"The {kind}")
    if content.get("caption"):
        if kind not in CAPTIONED:
            raise Rejected(f"WhatsApp shows no caption under {kind}; send the words as a text of their own", remedy="fix_media")
        media["caption"] = within(content["caption"], CAPTION_LIMIT, "The caption")
    if kind == "document" and content.get("filename"):
        media["filename"] = within(content["filename"], FILENAME_LIMIT, "The file's name", "fix_media")
    if kind == "audio" and content.get("voice") is True:
        media["voice"] = True
    return media


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


def _contacts(content: Json, _: str) -> Any:
    return [_card(card) for card in objects(content.get("contacts"), 1, MAX_CARDS, "contact cards")]


def _card(card: Json) -> Json:
    """A contact card; a name given as a plain text stands for the name as shown. The platform wants one more part of the name."""
    given = as_object(card.get("name"))
    shown = within(given.get("formatted_name", card.get("name")), 256, "The name on a contact card")
    parts = {key: as_text(value) for key, value in given.items() if key != "formatted_name" and as_text(value)}
    built: Json = {"name": {**(parts or {"first_name": shown}), "formatted_name": shown}}
    for key in ("phones", "emails", "addresses", "urls"):
        items = [as_object(each) for each in as_list(card.get(key)) if as_object(each)]
        if items:
            built[key] = items
    if as_object(card.get("org")):
        built["org"] = card["org"]
    return {**built, "birthday": as_text(card["birthday"])} if card.get("birthday") else built


def _reaction(content: Json, _: str) -> Json:
    return {
        "message_id": within(content.get("message_id"), 512, "The message to react to"),
        "emoji": within(content.get("emoji"), 32, "The emoji", empty=True),
    }


_BUILDERS: dict[str, Callable[[Json, str], Any]] = {
    "text": _text,
    **dict.fromkeys(sorted(_MEDIA), _media),
    "template": lambda content, _: compose_template(content),
    "interactive": lambda content, _: compose_interactive(content),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
}
KINDS = frozenset(_BUILDERS)
