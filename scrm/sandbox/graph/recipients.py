"""From `to` or `recipient` to the customer, as the platform resolves them."""

from __future__ import annotations

from typing import Any

from scrm.sandbox import rows
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.models import Number, Person

CALLING_CODES = {"HK": "852", "TW": "886", "JP": "81", "SG": "65"}


def resolve(body: dict[str, Any], number: Number) -> tuple[Person, str]:
    """The person and the input as given. When both addresses are there, `to` wins."""
    if body.get("recipient_type") == "group":
        raise GraphError(131051, "Group messages are not offered by the sandbox")
    given = body["to"] if "to" in body else body["recipient"]
    person = _by_phone(given, number) if "to" in body else rows.first(Person, user_id=given)
    if person is None:
        raise GraphError(131026, "Unable to deliver message. The recipient is not on the platform.")
    return person, given


def _by_phone(given: str, number: Number) -> Person | None:
    digits = "".join(c for c in given if c in "0123456789")
    if not digits or given.strip("+0123456789 ()-"):
        raise GraphError(131009, "Parameter 'to' is not a phone number")
    if digits == number.digits:
        raise GraphError(131021, "Recipient phone number cannot be the sender's")
    exact = rows.first(Person, phone=digits)
    if exact or given.lstrip().startswith("+"):
        return exact
    # Without a plus the sender's own country code is put in front.
    return rows.first(Person, phone=CALLING_CODES.get(number.country, "") + digits.lstrip("0"))
