"""Answer where an order is. Only the customer's own orders are ever told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import Occasion, Outcome, answer
from scrm.automation.language import language_for
from scrm.automation.order_words import OrderFacts, missing_text, order_text
from scrm.commerce.models import Order, Shipment
from scrm.commerce.orders import latest_order, latest_orders, latest_shipments, orders_of
from scrm.contacts.models import Contact

# '#10234', 'HK-2026-0012', 'tw10234', '102345': letters and a run of digits, or at least five digits, or anything after '#'.
_NUMBER = re.compile(r"#\s?([A-Za-z0-9-]{2,30})|(?<![A-Za-z0-9-])((?:[A-Za-z]{1,6}-?(?:\d+-)*\d{3,12})|\d{5,12})(?![A-Za-z0-9-])")
_OWN_ORDERS_LOOKED_AT = 200
_LATEST, _SHIPMENT = "latest order", "its shipment"


def _key(number: str) -> str:
    return re.sub(r"[^a-z0-9]", "", number.casefold())


def named_numbers(text: str) -> list[str]:
    """What looks like an order number in `text`, as it is written there (half-width)."""
    return [first or second for first, second in _NUMBER.findall(unicodedata.normalize("NFKC", text))]


def own_order_named(contact: Contact, numbers: list[str]) -> Order | None:
    """The contact's order whose number, or its ending of at least four digits, is one of `numbers`."""
    wanted = {_key(number) for number in numbers} - {""}
    own = orders_of(contact)[:_OWN_ORDERS_LOOKED_AT] if wanted else ()
    for order in own:
        key = _key(order.number)
        if key in wanted or any(len(number) >= 4 and number.isdecimal() and key.endswith(number) for number in wanted):
            return order
    return None


def _zone(occasion: Occasion) -> ZoneInfo:
    conversation = occasion.conversation
    names = (occasion.contact.time_zone, conversation.connection.time_zone if conversation is not None else "", settings.TIME_ZONE)
    return ZoneInfo(next(name for name in names if name))


def _facts(order: Order, shipment: Shipment | None) -> OrderFacts:
    if shipment is None:
        return OrderFacts(order.number, order.status)
    return OrderFacts(order.number, order.status, shipment.carrier, shipment.tracking_number, shipment.tracking_url, shipment.expected_at)


class AnswerOrderStatus:
    name = "order_status"
    label = _("Answer the order's status")
    options = ()

    def prepare(self, occasions: Sequence[Occasion]) -> None:
        """The latest order of all who ask, with its latest shipment, in two queries."""
        latest = latest_orders(occasion.contact for occasion in occasions)
        shipments = latest_shipments([order.pk for order in latest.values()])
        for occasion in occasions:
            occasion.known[_LATEST] = order = latest.get(occasion.contact.pk)
            if order is not None:
                occasion.known[_SHIPMENT] = shipments.get(order.pk)

    def run(self, occasion: Occasion) -> Outcome:
        language = language_for(occasion.message, occasion.contact, occasion.conversation)
        numbers = named_numbers(occasion.message.text) if occasion.message is not None else []
        order = own_order_named(occasion.contact, numbers)
        if order is None and not numbers:
            order = occasion.known[_LATEST] if _LATEST in occasion.known else latest_order(occasion.contact)
        if order is None:
            return answer(occasion, missing_text(language, numbers[0] if numbers else ""), language=language, order=None)
        facts = _facts(order, _shipment(order, occasion))
        return answer(occasion, order_text(facts, language, _zone(occasion), occasion.now), language=language, order=order.number)


def _shipment(order: Order, occasion: Occasion) -> Shipment | None:
    if order is occasion.known.get(_LATEST) and _SHIPMENT in occasion.known:
        known: Shipment | None = occasion.known[_SHIPMENT]
        return known
    return latest_shipments([order.pk]).get(order.pk)
