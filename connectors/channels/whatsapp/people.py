"""Who wrote: the addresses of a person from the fields that a webhook spreads them over.

A phone number and a business-scoped user id are joined only when one item or its own contact card shows both; a card that
contradicts the message gives at most the display name. Usernames are kept to be shown, never to match.
"""

from __future__ import annotations

import re

from connectors.channels.whatsapp.envelope import Origin
from connectors.contracts import Address
from connectors.untrusted import Json, as_list, as_object, as_text

WAID = re.compile(r"waid=([0-9]{5,20})")
# `HK.1349...`, or `HK.ENT.1349...` for linked portfolios.
USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")


def addresses(portfolio: str, wa_id: str = "", user_id: str = "", parent_id: str = "", username: str = "") -> tuple[Address, ...]:
    """Addresses from plain values; empty ones are left out, a user id in the place of a number is recognised."""
    if USER_ID.fullmatch(wa_id):
        wa_id, user_id = "", user_id or wa_id
    found = []
    if wa_id:
        found.append(Address("whatsapp", wa_id))
    if user_id:
        found.append(Address("whatsapp_user", user_id, portfolio))
    if parent_id:
        found.append(Address("whatsapp_parent_user", parent_id, portfolio))
    if username:
        found.append(Address("username", username))
    return tuple(found)


def person(portfolio: str, origin: Origin, wa_id: str, user_id: str, parent_id: str = "") -> tuple[tuple[Address, ...], str]:
    """The addresses and the display name of the person that these ids mean, completed from the contact cards."""
    card = _card(origin, wa_id, user_id)
    name = as_text(as_object(card.get("profile")).get("name")) or as_text(card.get("name"))
    if _contradicts(card, wa_id, user_id):
        return addresses(portfolio, wa_id, user_id, parent_id), name
    return (
        addresses(
            portfolio,
            wa_id or as_text(card.get("wa_id")),
            user_id or as_text(card.get("user_id")),
            parent_id or as_text(card.get("parent_user_id")),
            as_text(as_object(card.get("profile")).get("username")) or as_text(card.get("username")),
        ),
        name,
    )


def with_shared_number(sender: tuple[Address, ...], message: Json) -> tuple[Address, ...]:
    """The sender with the number that they shared through a contact request's button: one item states it and the user id.

    Any other contact card is somebody's whom the sender knows, and says nothing of the sender.
    """
    cards = [as_object(card) for card in as_list(message.get("contacts"))]
    if as_text(message.get("origin")) != "contact_request" or len(cards) != 1 or any(each.kind == "whatsapp" for each in sender):
        return sender
    number = _number_on(cards[0])
    return (Address("whatsapp", number), *sender) if number else sender


def _number_on(card: Json) -> str:
    """The one WhatsApp number of a card as digits, from its phones or the `waid` of its vCard; "" when there is none, or more."""
    phones = [as_object(phone) for phone in as_list(card.get("phones"))]
    numbers = {as_text(phone.get("wa_id")) for phone in phones} - {""}
    numbers = numbers or set(WAID.findall(as_text(card.get("vcard"))))
    numbers = numbers or {as_text(phone.get("phone")) for phone in phones if as_text(phone.get("phone")).startswith("+")}
    digits = {"".join(filter(str.isdigit, number)) for number in numbers}
    return digits.pop() if len(digits) == 1 else ""


def _card(origin: Origin, wa_id: str, user_id: str) -> Json:
    for name in filter(None, (user_id, wa_id)):
        if name in origin.cards:
            return origin.cards[name]
    return origin.contacts[0] if len(origin.contacts) == 1 else {}


def _contradicts(card: Json, wa_id: str, user_id: str) -> bool:
    pairs = ((as_text(card.get("wa_id")), wa_id), (as_text(card.get("user_id")), user_id))
    return any(theirs and ours and theirs != ours for theirs, ours in pairs)
