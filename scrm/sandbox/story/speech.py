"""What a conversation of the story is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Speaker: TypeAlias = Literal["customer", "agent"]
Turn: TypeAlias = "tuple[int, Speaker, str | dict[str, Any]]"
Need: TypeAlias = Literal["", "under_way", "on_the_way", "delivered"]

IMAGES: dict[str, str] = {
    "broken_pump": "a bottle whose pump head is broken",
    "leaking_bottle": "a bottle that leaked into its box",
    "wrong_colour": "a white tote bag where a black one was ordered",
    "dented_box": "a parcel with a dented corner",
    "receipt": "a shop receipt",
    "product_shelf": "a product on a shop shelf",
}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`language` is en, ja, zh-hk (Cantonese), zh-hant or zh-hans; `order` what the customer must have for it to make sense:
    an order that is not delivered (under_way), one that has left the warehouse (on_the_way), or one that was delivered."""

    key: str
    country: str
    language: str
    intent: str
    turns: tuple[Turn, ...]
    order: Need = ""
