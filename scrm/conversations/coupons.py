"""What messages bring: the code on a template's button, and the one an answer carries: `content["coupon"]`, {code, text, expires_at}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scrm.commerce import coupons
from scrm.commerce.coupons import Offered
from scrm.commerce.models import Coupon
from scrm.contacts.family import record_behind
from scrm.contacts.models import Identity
from scrm.conversations.models import Message
from scrm.core import clock

# The platform has it.
ARRIVED = frozenset({"accepted", "sent", "delivered", "read"})


def give_what_came(messages: Sequence[Message]) -> None:
    """These messages are out: their coupons are their people's. Asks nothing when there are none, and may be repeated."""
    brought = [(message, offered) for message in messages for offered in offers_of(message.kind, message.content)]
    if not brought:
        return
    talks = {message.conversation.identity_id for message, _offered in brought}
    # Read again: with a merge or its undoing an address may have gone to another record while the message was on its way.
    owners = {row.pk: record_behind(row) for row in Identity.objects.filter(pk__in=talks).only("contact", "home")}
    now = clock.now()
    rows = [
        Coupon(
            contact_id=owners[message.conversation.identity_id],
            code=offered.code,
            text=_words(message),
            given_at=now,
            expires_at=offered.expires_at,
            cause=message.cause,
            message_pk=message.pk,
            by_id=message.author_id,
        )
        for message, offered in brought
        if message.conversation.identity_id in owners
    ]
    coupons.give(rows)


def take_back(messages: Sequence[Message]) -> None:
    """These messages failed after all: what they brought and nobody used was not given. Asks nothing when they brought nothing."""
    bringing = [message.pk for message in messages if offers_of(message.kind, message.content)]
    if bringing:
        coupons.take_back(bringing)


def _words(message: Message) -> str:
    carried = message.content.get("coupon") if isinstance(message.content, Mapping) else None
    own = str(carried.get("text") or "") if isinstance(carried, Mapping) else ""
    return " ".join((own or message.text).split())[: coupons.TEXT]


def offers_of(kind: str, content: Any) -> list[Offered]:
    """Every code once. Pure: content of a message as it stands in the outbox."""
    if not isinstance(content, Mapping):
        return []
    found = list(_on_buttons(content.get("components"), None)) if kind == "template" else []
    carried = content.get("coupon")
    if isinstance(carried, Mapping):
        found.append(Offered(str(carried.get("code") or ""), _moment(carried.get("expires_at"))))
    return list({each.code[: coupons.CODE]: each for each in found if 0 < len(each.code) <= coupons.CODE}.values())


def _on_buttons(request: Any, ends: datetime | None) -> Iterator[Offered]:
    parts = [part for part in request if isinstance(part, Mapping)] if isinstance(request, list) else []
    ends = next((at for part in parts for at in _ends(part)), ends)
    for part in parts:
        cards = part.get("cards")
        for card in cards if isinstance(cards, list) else []:
            yield from _on_buttons(card.get("components") if isinstance(card, Mapping) else None, ends)
        for parameter in _parameters(part):
            if parameter.get("type") == "coupon_code":
                yield Offered(str(parameter.get("coupon_code") or ""), ends)


def _ends(part: Mapping[str, Any]) -> Iterator[datetime]:
    for parameter in _parameters(part):
        offer = parameter.get("limited_time_offer")
        milliseconds = offer.get("expiration_time_ms") if isinstance(offer, Mapping) else None
        if isinstance(milliseconds, int) and 0 < milliseconds < 10**14:
            yield datetime.fromtimestamp(milliseconds / 1000, UTC)


def _parameters(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = part.get("parameters")
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _moment(given: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
