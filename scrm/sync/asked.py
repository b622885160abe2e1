"""What a conversation is about, for its deal or case: the products and sums that the customer named, and the rule that noticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from scrm.commerce import catalogue_store
from scrm.commerce.models import Product
from scrm.commerce.price_bands import CURRENCIES, Sum, band_of, sums_in
from scrm.conversations.models import Conversation, Message
from scrm.tags.models import TagAssignment

SOURCES = ("sku", "product", "price_band", "intent", "summary")
# The newest texts of a conversation that are read, and the products that are told.
TEXTS = 100
PRODUCTS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """`skus` and `products` go together, in the order in which they were named; `band` as `price_bands.band_of`, '' when nobody said."""

    skus: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    band: str = ""
    intent: str = ""

    @property
    def summary(self) -> str:
        """One line for a field that has only text."""
        return " · ".join(filter(None, [self.intent, ", ".join(self.skus), self.band]))

    def values(self) -> dict[str, str]:
        told = {"sku": "; ".join(self.skus), "product": "; ".join(self.products)}
        return {**told, "price_band": self.band, "intent": self.intent, "summary": self.summary}


def read(rows: Sequence[Conversation], flag: str) -> dict[int, Asked]:
    """{conversation: what it is about}. `flag`: the mark of the rules whose tag is the intent, `opens_deal` or `opens_case`.

    Four queries, however many conversations.
    """
    if not rows:
        return {}
    texts, intents = _texts(rows), _intents(rows, flag)
    named = {row.pk: _skus(texts[row.pk]) for row in rows}
    products = _products({sku for skus in named.values() for sku in skus})
    return {row.pk: _asked(row, texts[row.pk], named[row.pk], products, intents.get(row.pk, "")) for row in rows}


def _texts(rows: Sequence[Conversation]) -> Mapping[int, list[str]]:
    """Oldest first."""
    place = Window(RowNumber(), partition_by="conversation", order_by=F("id").desc())
    mine = Message.objects.filter(conversation__in=[row.pk for row in rows], direction=Message.Direction.IN)
    newest = mine.annotate(place=place).filter(place__lte=TEXTS)
    found: dict[int, list[str]] = defaultdict(list)
    for message in newest.order_by("conversation_id", "id"):
        if message.text:
            found[message.conversation_id].append(message.text)
    return found


def _intents(rows: Sequence[Conversation], flag: str) -> dict[int, str]:
    """The tag that opened the record: the first one by a rule that may."""
    tags = TagAssignment.objects.filter(conversation__in=[row.pk for row in rows], **{f"rule__{flag}": True})
    found = tags.order_by("-assigned_at", "-id").values_list("conversation_id", "tag__name")
    return {pk: name for pk, name in found if pk is not None}


def _skus(texts: Sequence[str]) -> list[str]:
    catalogue = catalogue_store.current()
    return list(dict.fromkeys(mention.sku for text in texts for mention in catalogue.find(text)))[:PRODUCTS]


def _products(skus: set[str]) -> dict[str, Product]:
    return {row.sku: row for row in Product.objects.filter(sku__in=skus)} if skus else {}


def _asked(row: Conversation, texts: Sequence[str], skus: Sequence[str], products: Mapping[str, Product], intent: str) -> Asked:
    sold = [products[sku] for sku in skus if sku in products]
    said = [each for text in texts for each in sums_in(text, row.connection.country)]
    sum_ = said[-1] if said else _price(sold, row.connection.country)
    return Asked([each.sku for each in sold], [each.name for each in sold], band_of(sum_) if sum_ else "", intent)


def _price(sold: Sequence[Product], country: str) -> Sum | None:
    """Nobody named a sum: the price of the product that was named last, in the account's currency."""
    currency = CURRENCIES.get(country.upper(), "")
    for product in reversed(sold):
        try:
            price = Decimal(str(product.prices[currency]))
        except (KeyError, InvalidOperation, TypeError):
            continue
        if price > 0:
            return Sum(price, currency)
    return None
