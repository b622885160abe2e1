"""What customers and agents say to each other: some sixty short conversations from Hong Kong, Taiwan, Japan and Singapore.

A turn is (minutes since the conversation began, who, what). What is text, or {"image": name, "caption": text} with a name
of `IMAGES`, or {"location": {latitude, longitude, name, address}}. Texts may hold {order}, {state}, {eta} and
{tracking}; `spoken` fills them from the customer's orders, so that a conversation never contradicts the order it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from . import dialogues_hk, dialogues_jp, dialogues_sg, dialogues_tw
from .orders import ZONES, OrderFacts, OrderStatus
from .speech import IMAGES, Dialogue, Turn

__all__ = ["IMAGES", "Dialogue", "Turn", "dialogues", "dialogues_for", "spoken"]


STATUSES: dict[str, tuple[OrderStatus, ...]] = {
    "under_way": ("paid", "packed", "shipped", "out_for_delivery"),
    "on_the_way": ("shipped", "out_for_delivery"),
    "delivered": ("delivered",),
}
STATE_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "paid": "paid and waiting to be packed", "packed": "packed and waiting for the courier", "shipped": "on its way",
        "out_for_delivery": "out for delivery today", "delivered": "delivered",
    },
    "ja": {
        "paid": "お支払いを確認し、出荷の準備中", "packed": "梱包が完了し、配送業者の集荷待ち", "shipped": "配送中",
        "out_for_delivery": "本日配達予定で、配達に出ている状況", "delivered": "配達完了",
    },
    "zh-hk": {
        "paid": "已經收到款，準備緊執貨", "packed": "已經包裝好，等緊速遞收件", "shipped": "運送緊",
        "out_for_delivery": "今日派送緊", "delivered": "已經送到",
    },
    "zh-hant": {
        "paid": "已付款，正在備貨中", "packed": "已經包裝好，等待物流收件", "shipped": "配送途中",
        "out_for_delivery": "今天配送中", "delivered": "已送達",
    },
    "zh-hans": {
        "paid": "已付款，正在备货", "packed": "已打包，等待快递揽收", "shipped": "运输途中",
        "out_for_delivery": "今天派送中", "delivered": "已送达",
    },
}  # fmt: skip
NOT_TRACKED_YET: dict[str, str] = {
    "en": "I'll send you the tracking link once it leaves our warehouse.",
    "ja": "発送が完了いたしましたら、追跡番号をお送りいたします。",
    "zh-hk": "寄出之後我會send追蹤連結畀你。",
    "zh-hant": "出貨後會再把物流連結傳給您。",
    "zh-hans": "发货后我会把物流链接发给您。",
}
SOON: dict[str, str] = {"en": "in 2 to 3 days", "ja": "2〜3日後", "zh-hk": "兩三日內", "zh-hant": "兩三天內", "zh-hans": "两三天内"}
ETA_FORM: dict[str, str] = {
    "en": "{0:%a} {0.day} {0:%b}, {0:%H:%M}", "ja": "{0.month}月{0.day}日 {0.hour}時頃", "zh-hk": "{0.month}月{0.day}日 {0:%H:%M}",
    "zh-hant": "{0.month}月{0.day}日 {0:%H:%M}", "zh-hans": "{0.month}月{0.day}日 {0:%H:%M}",
}  # fmt: skip


def dialogues() -> tuple[Dialogue, ...]:
    """All conversations."""
    return (*dialogues_hk.DIALOGUES, *dialogues_tw.DIALOGUES, *dialogues_jp.DIALOGUES, *dialogues_sg.DIALOGUES)


def dialogues_for(country: str, orders: Sequence[OrderFacts]) -> list[Dialogue]:
    """The conversations that a customer from there with these orders could have had."""
    return [dialogue for dialogue in dialogues() if dialogue.country == country and _subject(dialogue, orders) is not None]


def _subject(dialogue: Dialogue, orders: Sequence[OrderFacts]) -> OrderFacts | Literal[""] | None:
    """The order that the conversation is about, "" when it is about none, None when the customer has no such order."""
    if not dialogue.order:
        return ""
    for order in orders:
        if order["status"] in STATUSES[dialogue.order]:
            return order
    return None


def spoken(dialogue: Dialogue, orders: Sequence[OrderFacts]) -> list[Turn]:
    """The turns with their blanks filled; ValueError when the customer has no order of the kind that is spoken of."""
    subject = _subject(dialogue, orders)
    if subject is None:
        raise ValueError(f"dialogue {dialogue.key} needs an order that is {dialogue.order}")
    if subject == "":
        return list(dialogue.turns)
    blanks = _blanks(dialogue, subject)
    return [(at, who, what.format(**blanks) if isinstance(what, str) else what) for at, who, what in dialogue.turns]


def _blanks(dialogue: Dialogue, order: OrderFacts) -> dict[str, str]:
    shipment, language = order["shipment"], dialogue.language
    local = shipment["eta"].astimezone(ZoneInfo(ZONES[dialogue.country])) if shipment else None
    return {
        "order": order["number"],
        "state": STATE_WORDS[language][order["status"]],
        "eta": ETA_FORM[language].format(local) if local else SOON[language],
        "tracking": shipment["tracking_url"] if shipment else NOT_TRACKED_YET[language],
    }
