"""Who wrote: the addresses of a person from the fields that a webhook spreads them over.

A phone number and a business-scoped user id are joined only when one item or its own contact card shows both; a card that
contradicts the message gives at most the display name. Usernames are kept to be shown, never to match.
"""

from __future__ import annotations

import re

from connectors.channels.whatsapp.envelope import Origin
from connectors.contracts import Address
from connectors.untrusted import Json, as_object, as_text

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


def _card(origin: Origin, wa_id: str, user_id: str) -> Json:
    for name in filter(None, (user_id, wa_id)):
        if name in origin.cards:
            return origin.cards[name]
    return origin.contacts[0] if len(origin.contacts) == 1 else {}


def _contradicts(card: Json, wa_id: str, user_id: str) -> bool:
    pairs = ((as_text(card.get("wa_id")), wa_id), (as_text(card.get("user_id")), user_id))
    return any(theirs and ours and theirs != ours for theirs, ours in pairs)
