"""A chat as the customer's phone shows it: plain data, no markup."""

from __future__ import annotations

import time
from typing import Any

from django.urls import reverse

from scrm.sandbox.graph import template_match
from scrm.sandbox.graph.sending import MEDIA_KINDS, preview
from scrm.sandbox.models import Chat, MediaFile, Message, Person
from scrm.sandbox.play import window_left
from scrm.sandbox.story.catalogue import PRODUCTS

SHOWN_AT_ONCE = 200
TICKS = {"posted": "sent", "acknowledged": "delivered", "read": "read"}
PRODUCT_BUTTONS = frozenset({"MPM", "SPM", "CATALOG"})
PRODUCT_KINDS = frozenset({"product", "product_list", "catalog_message"})
# The platform's own words; a business cannot choose them.
BUTTON_WORDS = {"product_list": "View items", "catalog_message": "View catalog"}
NAMES = {product.sku: product.names["en"] for product in PRODUCTS}
ZONES = {"HK": "Asia/Hong_Kong", "TW": "Asia/Taipei", "JP": "Asia/Tokyo", "SG": "Asia/Singapore"}
Bubble = dict[str, Any]


def chat_state(chat: Chat) -> dict[str, Any]:
    newest_first = Message.objects.filter(number=chat.number, person=chat.person).exclude(inbound=False, state="failed")
    messages = list(newest_first.order_by("-sent_at", "-id")[:SHOWN_AT_ONCE])[::-1]
    return {
        "revision": chat.revision,
        "unread": chat.unread,
        "typing": is_typing(chat),
        "window_minutes": int(window_left(chat).total_seconds() // 60),
        "marketing_stopped": chat.marketing_stopped,
        "bubbles": bubbles(messages),
    }


def is_typing(chat: Chat) -> bool:
    return chat.typing_until > time.time()


def bubbles(messages: list[Message]) -> list[Bubble]:
    """Oldest first; reactions sit on the bubble that they are about, button answers mark their choice as taken."""
    reactions: dict[str, dict[str, str]] = {}
    for message in messages:
        if message.kind == "reaction":
            by = "me" if message.inbound else "business"
            reactions.setdefault(message.content["message_id"], {})[by] = message.content.get("emoji", "")
    shown = [message for message in messages if message.kind != "reaction"]
    by_wamid = {message.wamid: message for message in shown}
    return [_bubble(message, by_wamid, reactions.get(message.wamid, {})) for message in shown]


def _bubble(message: Message, by_wamid: dict[str, Message], reactions: dict[str, str]) -> Bubble:
    bubble: Bubble = {
        "id": message.wamid,
        "mine": message.inbound,
        "kind": message.kind,
        "at": int(message.sent_at.timestamp() * 1000),
        "reactions": [emoji for emoji in reactions.values() if emoji],
        **shape_of(message),
    }
    if message.inbound:
        bubble["tick"] = TICKS[message.state]
    if message.context_wamid:
        quoted = by_wamid.get(message.context_wamid)
        bubble["quote"] = {"mine": bool(quoted and quoted.inbound), "text": preview(quoted) if quoted else "…"}
    return bubble


def shape_of(message: Message) -> Bubble:
    """What is in the bubble."""
    return SHAPES.get(message.kind, _other)(message)


def _text(message: Message) -> Bubble:
    return {"text": message.content["body"]}


def _media(message: Message) -> Bubble:
    content = message.content
    bubble: Bubble = {"text": content.get("caption", ""), "media": _media_address(content), "filename": content.get("filename", "")}
    return bubble


def _media_address(content: dict[str, Any]) -> str:
    if "id" in content:
        return reverse("sandbox-phone-media", args=[content["id"]])
    return str(content.get("link", ""))


def _location(message: Message) -> Bubble:
    return {"place": {k: message.content.get(k, "") for k in ("name", "address", "latitude", "longitude")}}


def _contacts(message: Message) -> Bubble:
    return {"text": "\n".join("👤 " + card["name"]["formatted_name"] for card in message.content["items"])}


def _interactive(message: Message) -> Bubble:
    content = message.content
    if message.inbound:
        answer = content.get("button_reply") or content.get("list_reply") or {}
        return {"text": "\n".join(filter(None, (answer.get("title"), answer.get("description"))))}
    action = content.get("action", {})
    bubble: Bubble = {
        "text": content.get("body", {}).get("text", ""),
        "footer": content.get("footer", {}).get("text", ""),
        "buttons": [{"choice": b["reply"]["id"], "title": b["reply"]["title"]} for b in action.get("buttons", [])],
        **_header(content.get("header")),
    }
    if content["type"] == "list":
        bubble["list"] = {"title": action["button"], "sections": action["sections"]}
    elif content["type"] == "cta_url":
        bubble["links"] = [{"title": action["parameters"]["display_text"], "url": action["parameters"]["url"]}]
    elif content["type"] == "location_request_message":
        bubble["asks_location"] = True
    elif content["type"] in PRODUCT_KINDS:
        bubble |= _shown_products(content["type"], action)
    return bubble


def _shown_products(kind: str, action: dict[str, Any]) -> Bubble:
    """One product above the words, sections of several behind a button, or the whole catalogue."""
    if kind == "product":
        return {"products": [_product(str(action.get("product_retailer_id", "")))]}
    return {"catalogue": BUTTON_WORDS[kind], **_sections([{"action": action}])}


def _header(header: dict[str, Any] | None) -> Bubble:
    if not header:
        return {}
    if header["type"] == "text":
        return {"header": header["text"]}
    inner = header[header["type"]]
    return {"media": _media_address(inner), "media_kind": header["type"]}


def _template(message: Message) -> Bubble:
    return _template_bubble(message.content["stored"], message.content["sent"], "")


def _template_bubble(stored: list[dict[str, Any]], sent: dict[str, Any], prefix: str) -> Bubble:
    """`prefix` stands before the number of a card's buttons: "1." on the second card."""
    bubble = Bubble()
    for component in stored:
        kind = component["type"].upper()
        if kind == "HEADER":
            bubble |= _template_header(component, sent)
        elif kind == "BODY":
            bubble["text"] = template_match.fill(component["text"], template_match.parameters_of(sent, "body"))
        elif kind == "FOOTER":
            bubble["footer"] = component.get("text", "")
        elif kind == "BUTTONS":
            bubble |= _template_buttons(component["buttons"], sent, prefix)
        elif kind == "LIMITED_TIME_OFFER":
            bubble["offer"] = _offer(component["limited_time_offer"], sent)
        elif kind == "CAROUSEL":
            cards = zip(component["cards"], template_match.cards_of(sent), strict=False)
            bubble["cards"] = [_template_bubble(card["components"], filled, f"{n}.") for n, (card, filled) in enumerate(cards)]
    return bubble


def _offer(offer: dict[str, Any], sent: dict[str, Any]) -> Bubble:
    """The heading, and the end in milliseconds where the phone counts down to it (0: it does not)."""
    given = template_match.parameters_of(sent, "limited_time_offer")
    ends = given[0]["limited_time_offer"]["expiration_time_ms"] if given and offer.get("has_expiration") else 0
    return {"text": offer.get("text", ""), "ends": ends}


def _template_header(component: dict[str, Any], sent: dict[str, Any]) -> Bubble:
    parameters = template_match.parameters_of(sent, "header")
    kind = str(component.get("format", "TEXT")).lower()
    if kind == "text":
        return {"header": template_match.fill(component.get("text", ""), parameters)}
    if kind == "product" and parameters:
        return {"products": [_product(parameters[0]["product"]["product_retailer_id"])]}
    if kind in MEDIA_KINDS and parameters:
        return {"media": _media_address(parameters[0][kind]), "media_kind": kind}
    return {}


def _template_buttons(buttons: list[dict[str, Any]], sent: dict[str, Any], prefix: str) -> Bubble:
    replies, links, codes = [], [], []
    shown = Bubble()
    for index, button in enumerate(buttons):
        kind = button["type"].upper()
        if kind == "QUICK_REPLY":
            replies.append({"choice": f"{prefix}{index}", "title": button["text"]})
        elif kind == "URL":
            suffix = template_match.button_parameters(sent, index)
            links.append({"title": button["text"], "url": template_match.fill(button["url"], suffix)})
        elif kind == "PHONE_NUMBER":
            links.append({"title": button["text"], "url": f"tel:{button['phone_number']}"})
        elif kind == "COPY_CODE":
            codes += [parameter["coupon_code"] for parameter in template_match.button_parameters(sent, index)]
        elif kind in PRODUCT_BUTTONS:
            shown = {"catalogue": button["text"], **_sections(template_match.button_parameters(sent, index))}
    return {"buttons": replies, "links": links, "codes": codes, **shown}


def _sections(parameters: list[dict[str, Any]]) -> Bubble:
    """What the button opens: sections with their products, none where it is the product above or the whole catalogue."""
    sections = [{"title": title, "products": [_product(code) for code in codes]} for title, codes in template_match.sections_of(parameters)]
    return {"sections": sections} if sections else {}


def _product(code: str) -> Bubble:
    """As the catalogue of the shop in the story has it; of others the code."""
    return {"code": code, "name": NAMES.get(code, code)}


def _order(message: Message) -> Bubble:
    items = message.content["product_items"]
    lines = [
        {**_product(item["product_retailer_id"]), "quantity": item["quantity"], "price": item["item_price"], "currency": item["currency"]}
        for item in items
    ]
    return {"text": message.content.get("text", ""), "ordered": lines}


def _button(message: Message) -> Bubble:
    return {"text": message.content["text"]}


def _other(message: Message) -> Bubble:
    return {"text": f"[{message.kind}]"}


SHAPES = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "template": _template,
    "button": _button,
    "order": _order,
    **dict.fromkeys(MEDIA_KINDS, _media),
}


def media_file(media_id: str) -> MediaFile | None:
    """The customer's own phone keeps what the platform has forgotten."""
    return MediaFile.objects.filter(media_id=media_id).first()


def person_card(person: Person, chat: Chat | None) -> dict[str, Any]:
    """A row of the customer list; `chat` is None when the two have not met."""
    return {
        "id": person.pk,
        "name": person.name,
        "phone": person.phone or "",
        "user_id": person.user_id,
        "username": person.username,
        "language": person.language,
        "country": person.country,
        "zone": ZONES.get(person.country, "UTC"),
        "colour": person.colour,
        "auto_read": person.auto_read,
        "preview": chat.preview if chat else "",
        "unread": chat.unread if chat else 0,
        "at": int(chat.last_message_at.timestamp() * 1000) if chat and chat.revision else 0,
    }
