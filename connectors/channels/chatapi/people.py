"""Chat ids of the dialect: `<digits>@c.us` a person's number, `<id>@lid` a person without one, `<id>@g.us` a group."""

from __future__ import annotations

import re

from connectors.contracts import Address
from connectors.errors import Rejected

_NUMBER = re.compile(r"\+?([0-9]{4,20})(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)")
_HIDDEN = re.compile(r"[0-9]{4,32}@lid")
_PLAIN = re.compile(r"\+?([0-9]{4,20})")
_IN_MESSAGE_ID = re.compile(r"(?:true|false)_([^_@\s]{1,64}@[a-z.]{3,20})_")


def is_group(chat_id: str) -> bool:
    return chat_id.endswith("@g.us")


def addresses(chat_id: str, instance: str) -> tuple[Address, ...]:
    """Whom a chat id means; nobody for a group, a broadcast list, or what cannot be read."""
    if number := _NUMBER.fullmatch(chat_id) or _PLAIN.fullmatch(chat_id):
        return (Address("whatsapp", number[1]),)
    if _HIDDEN.fullmatch(chat_id):
        return (Address("whatsapp_user", chat_id, instance),)
    return ()


def chat_id_of(to: Address) -> str:
    """Where to send. Raises `Rejected` for an address that the gateway cannot reach."""
    digits = "".join(character for character in to.value if character in "0123456789")
    if to.kind in {"whatsapp", "phone"}:
        if not digits:
            raise Rejected("The recipient's number has no digits", remedy="mark_address")
        return f"{digits}@c.us"
    if to.kind == "whatsapp_user" and _HIDDEN.fullmatch(to.value):
        return to.value
    raise Rejected("The gateway needs a phone number", remedy="use_phone")


def chat_of_message(external_id: str) -> str:
    """The chat that a message id names: `false_85291234567@c.us_3EB0...`. Raises `Rejected` when it names none."""
    found = _IN_MESSAGE_ID.match(external_id)
    if not found:
        raise Rejected("The message's id does not tell its chat, so it cannot be marked as read")
    return found[1]
