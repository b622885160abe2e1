"""Interactive messages, from the platform-neutral form to the platform's.

    {"type": "button", "header"?, "body", "footer"?, "buttons": [{"id", "title"}]}                  up to 3 buttons
    {"type": "list", "header"?, "body", "footer"?, "button", "sections": [{"title", "rows": [{"id", "title", "description"?}]}]}
    {"type": "cta_url", "header"?, "body", "footer"?, "label", "url"}
    {"type": "location_request", "body"}
    {"type": "contact_request", "body"}                                                             asks for the phone number
    {"type": "flow", "header"?, "body", "footer"?, "label", "flow_id" | "flow_name", "token"?, "action"?, "screen"?, "data"?, "mode"?}
    {"type": "product", "body"?, "footer"?, "catalog_id", "product"}
    {"type": "product_list", "header", "body", "footer"?, "catalog_id", "sections": [{"title", "products": [...]}]}   up to 30
    {"type": "catalog", "body", "footer"?, "thumbnail"?}
    {"type": "carousel", "body", "cards": [card]}                                                   2 to 10 cards of one kind
    {"type": "address", "body", "footer"?, "country", "values"?, "saved_addresses"?, "validation_errors"?}
    {"type": "call_permission", "body"} and {"type": "call", "body", "label"?, "minutes"?, "payload"?}
A header is a text, or {"type": "image" | "video" | "document", "id" | "link"}.
A card is {"header", "body"?, "label", "url"}, {"header", "body"?, "buttons": [{"id", "title"}]} or {"catalog_id", "product"}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.channels.whatsapp.limits import CAPTIONED, distinct, file_reference, objects, web_address, within
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

BODY_LIMIT, LIST_BODY_LIMIT, CARD_BODY_LIMIT = 1024, 4096, 160
HEADER_LIMIT, FOOTER_LIMIT, LABEL_LIMIT = 60, 60, 20
MAX_BUTTONS, MAX_ROWS, MAX_SECTIONS, MAX_PRODUCTS = 3, 10, 10, 30
FLOW_VERSION = "3"


def compose_interactive(content: Json) -> Json:
    """The `interactive` object of a message. Raises `Rejected`, naming what to change."""
    stated = as_text(content.get("type")).lower()
    build = _TYPES.get(stated)
    if build is None:
        raise Rejected(f"WhatsApp has no interactive message of type {stated!r}; there are {', '.join(_TYPES)}")
    return build(content)


def _frame(content: Json, kind: str, action: Json, limit: int = BODY_LIMIT) -> Json:
    framed: Json = {"type": kind, "body": {"text": within(content.get("body"), limit, "The text")}, "action": action}
    if content.get("header"):
        framed["header"] = _header(content["header"])
    return _footed(framed, content)


def _footed(framed: Json, content: Json) -> Json:
    return {**framed, "footer": {"text": within(content["footer"], FOOTER_LIMIT, "The footer")}} if content.get("footer") else framed


def _header(header: Any) -> Json:
    given = as_object(header)
    kind = as_text(given.get("type")) or "text"
    if kind == "text":
        return {"type": "text", "text": within(given.get("text", header), HEADER_LIMIT, "The header")}
    if kind not in CAPTIONED:
        raise Rejected("A header is a text, an image, a video or a document")
    file = as_object(given.get(kind)) or given
    named = {"filename": as_text(file["filename"])} if kind == "document" and file.get("filename") else {}
    return {"type": kind, kind: file_reference(file, "The header") | named}


def _buttons(content: Json) -> Json:
    buttons = [as_object(button) for button in as_list(content.get("buttons"))]
    if not 1 <= len(buttons) <= MAX_BUTTONS:
        raise Rejected(f"WhatsApp shows 1 to {MAX_BUTTONS} buttons, not {len(buttons)}; use a list for up to {MAX_ROWS} choices")
    return _frame(content, "button", {"buttons": [{"type": "reply", "reply": reply} for reply in _replies(buttons)]})


def _replies(buttons: list[Json]) -> list[Json]:
    ids = distinct([within(button.get("id"), 256, "A button's id") for button in buttons], "buttons' ids")
    titles = distinct([within(button.get("title"), LABEL_LIMIT, "A button's title") for button in buttons], "buttons' titles")
    return [{"id": each, "title": title} for each, title in zip(ids, titles, strict=True)]


def _list(content: Json) -> Json:
    given = [as_object(section) for section in as_list(content.get("sections"))]
    sections = [_section(section, titled=len(given) > 1) for section in given]
    rows = [row["id"] for section in sections for row in section["rows"]]
    if not 1 <= len(sections) <= MAX_SECTIONS or not 1 <= len(rows) <= MAX_ROWS:
        raise Rejected(f"A list shows 1 to {MAX_ROWS} rows in up to {MAX_SECTIONS} sections, not {len(rows)} rows in {len(sections)}")
    distinct(rows, "ids of the list's rows")
    action = {"button": within(content.get("button"), LABEL_LIMIT, "The list's button"), "sections": sections}
    return _frame(content, "list", action, limit=LIST_BODY_LIMIT)


def _section(section: Json, *, titled: bool) -> Json:
    rows = [_row(as_object(row)) for row in as_list(section.get("rows"))]
    if not rows:
        raise Rejected("A section of the list has no rows")
    title = within(section.get("title"), 24, "A section's title", empty=not titled)
    return {"title": title, "rows": rows} if title else {"rows": rows}


def _row(row: Json) -> Json:
    built = {"id": within(row.get("id"), 200, "A row's id"), "title": within(row.get("title"), 24, "A row's title")}
    return {**built, "description": within(row["description"], 72, "A row's description")} if row.get("description") else built


def _request(kind: str, name: str) -> Callable[[Json], Json]:
    """A text over a button that the platform labels itself."""

    def build(content: Json) -> Json:
        return {"type": kind, "body": {"text": within(content.get("body"), BODY_LIMIT, "The text")}, "action": {"name": name}}

    return build


def _link_button(content: Json) -> Json:
    return _frame(content, "cta_url", _link(content))


def _link(content: Json) -> Json:
    label = within(content.get("label"), LABEL_LIMIT, "The button's label")
    return {"name": "cta_url", "parameters": {"display_text": label, "url": web_address(content.get("url"), "The button")}}


def _flow(content: Json) -> Json:
    named = {name: as_text(content[name]) for name in ("flow_id", "flow_name") if content.get(name)}
    if len(named) != 1:
        raise Rejected("A flow needs either its id or its name")
    action = as_text(content.get("action")) or "navigate"
    if action not in {"navigate", "data_exchange"}:
        raise Rejected("A flow begins with 'navigate' or 'data_exchange'")
    parameters: Json = {"flow_message_version": FLOW_VERSION, **named, "flow_cta": within(content.get("label"), 30, "The button's label")}
    if content.get("token"):
        parameters["flow_token"] = within(content["token"], 200, "The flow's token")
    if content.get("mode") in {"draft", "published"}:
        parameters["mode"] = content["mode"]
    if content.get("action") or content.get("screen"):
        parameters["flow_action"] = action
    if content.get("screen"):
        payload: Json = {"screen": as_text(content["screen"])}
        parameters["flow_action_payload"] = payload | ({"data": as_object(content["data"])} if as_object(content.get("data")) else {})
    return _frame(content, "flow", {"name": "flow", "parameters": parameters})


def _product(content: Json) -> Json:
    framed: Json = {"type": "product", "action": _product_of(content)}
    if content.get("body"):
        framed["body"] = {"text": within(content["body"], BODY_LIMIT, "The text")}
    return _footed(framed, content)


def _product_of(content: Json) -> Json:
    return {"catalog_id": within(content.get("catalog_id"), 64, "The catalogue"), "product_retailer_id": _sku(content.get("product"))}


def _sku(value: Any) -> str:
    return within(value, 100, "The product")


def _product_list(content: Json) -> Json:
    given = objects(content.get("sections"), 1, MAX_SECTIONS, "sections of products")
    sections = [_shelf(section, titled=len(given) > 1) for section in given]
    count = sum(len(section["product_items"]) for section in sections)
    if count > MAX_PRODUCTS:
        raise Rejected(f"WhatsApp shows up to {MAX_PRODUCTS} products, not {count}")
    if not content.get("header"):
        raise Rejected("A list of products needs a header")
    action = {"catalog_id": within(content.get("catalog_id"), 64, "The catalogue"), "sections": sections}
    return _frame(content, "product_list", action)


def _shelf(section: Json, *, titled: bool) -> Json:
    products = section.get("products")
    items = [{"product_retailer_id": _sku(each)} for each in products] if isinstance(products, list) else []
    if not items:
        raise Rejected("A section of the list has no products")
    title = within(section.get("title"), 24, "A section's title", empty=not titled)
    return {"title": title, "product_items": items} if title else {"product_items": items}


def _catalog(content: Json) -> Json:
    action: Json = {"name": "catalog_message"}
    if content.get("thumbnail"):
        action["parameters"] = {"thumbnail_product_retailer_id": _sku(content["thumbnail"])}
    return _footed(
        {"type": "catalog_message", "body": {"text": within(content.get("body"), BODY_LIMIT, "The text")}, "action": action}, content
    )


def _carousel(content: Json) -> Json:
    cards = [_card(card, index) for index, card in enumerate(objects(content.get("cards"), 2, 10, "cards"))]
    if len({tuple(sorted(card["action"])) for card in cards}) > 1:
        raise Rejected("All cards of a carousel have the same kind of buttons")
    body = {"text": within(content.get("body"), BODY_LIMIT, "The text")}
    return {"type": "carousel", "body": body, "action": {"cards": cards}}


def _card(card: Json, index: int) -> Json:
    if card.get("product"):
        return {"card_index": index, "type": "product", "action": _product_of(card)}
    header = _header(card.get("header"))
    if header["type"] not in {"image", "video"}:
        raise Rejected("A card shows a picture or a video")
    built: Json = {"card_index": index, "type": "cta_url", "header": header, "action": _card_action(card)}
    return {**built, "body": {"text": within(card["body"], CARD_BODY_LIMIT, "A card's text")}} if card.get("body") else built


def _card_action(card: Json) -> Json:
    if not card.get("buttons"):
        return _link(card)
    replies = _replies(objects(card["buttons"], 1, MAX_BUTTONS, "buttons on a card"))
    return {"buttons": [{"type": "quick_reply", "quick_reply": reply} for reply in replies]}


def _address(content: Json) -> Json:
    country = as_text(content.get("country")).upper()
    if country not in {"SG", "IN"}:
        raise Rejected("WhatsApp asks for addresses in Singapore (SG) and India (IN) only")
    given = {name: content[name] for name in ("values", "saved_addresses", "validation_errors") if content.get(name)}
    return _frame(content, "address_message", {"name": "address_message", "parameters": {"country": country, **given}})


def _call(content: Json) -> Json:
    action: Json = {"name": "voice_call"}
    parameters: Json = {}
    if content.get("label"):
        parameters["display_text"] = within(content["label"], LABEL_LIMIT, "The button's label")
    if content.get("minutes"):
        parameters["ttl_minutes"] = content["minutes"]
    if content.get("payload"):
        parameters["payload"] = within(content["payload"], 512, "The call's payload")
    return _frame(content, "voice_call", action | ({"parameters": parameters} if parameters else {}))


_TYPES: dict[str, Callable[[Json], Json]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _link_button,
    "location_request": _request("location_request_message", "send_location"),
    "contact_request": _request("request_contact_info", "request_contact_info"),
    "flow": _flow,
    "product": _product,
    "product_list": _product_list,
    "catalog": _catalog,
    "carousel": _carousel,
    "address": _address,
    "call_permission": _request("call_permission_request", "call_permission_request"),
    "call": _call,
}
