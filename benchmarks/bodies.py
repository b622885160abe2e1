"""What customers write, as signed webhook bodies: Hong Kong, Taipei, Tokyo and Singapore, three languages, some ask for their order."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

APP_SECRET = "0ddba11" * 4
ORDER_SHARE = 0.15
# region, the number's country, language, names, prefix of the customers' numbers
REGIONS = (
    ("hk", "HK", "Asia/Hong_Kong", "852", 8),
    ("tw", "TW", "Asia/Taipei", "8869", 8),
    ("jp", "JP", "Asia/Tokyo", "8190", 8),
    ("sg", "SG", "Asia/Singapore", "659", 7),
)
ORDER_QUESTIONS = {
    "hk": ("我個包裹到咗邊呀？", "請問訂單出咗貨未？", "Hi, where is my order?", "幾時送到呀？"),
    "tw": ("請問我的訂單出貨了嗎？", "我的包裹到哪裡了？", "想查一下物流進度"),
    "jp": ("私の荷物はどこですか?", "注文した商品はいつ届きますか？", "配送状況を教えてください"),
    "sg": ("Hi, where is my parcel?", "Any update on my order? When will it be delivered?", "我的快递到哪里了？"),
}
SMALL_TALK = {
    "hk": (
        "早晨",
        "多謝晒！",
        "好呀,聽日見",
        "呢款面霜仲有冇貨?",
        "幾錢呀？",
        "我想買兩支防曬",
        "ok thanks",
        "收到",
        "👍",
        "可唔可以平啲",
        "門市幾點開？",
    ),
    "tw": (
        "你好",
        "謝謝您",
        "好的,我再想想",
        "這個多少錢？",
        "有白色的嗎",
        "敏感肌可以用嗎？",
        "收到了,很喜歡",
        "哈哈",
        "請問門市在哪裡？",
        "可以刷卡嗎",
    ),
    "jp": (
        "こんにちは",
        "ありがとうございます",
        "了解しました",
        "在庫はありますか？",
        "いくらですか",
        "明日の午後に伺います",
        "とても気に入りました",
        "よろしくお願いします",
        "サイズはMでお願いします",
    ),
    "sg": (
        "Hello",
        "Thanks a lot!",
        "ok noted",
        "How much is the serum?",
        "Do you have it in blue?",
        "Can I pick up at the Orchard store?",
        "See you tomorrow",
        "谢谢",
        "Is it suitable for sensitive skin?",
    ),
}
NAMES = {
    "hk": ("陳大文", "黃嘉欣", "李志明", "Chan Tai Man", "何詠琳"),
    "tw": ("林怡君", "張家豪", "王雅婷", "陳冠宇"),
    "jp": ("田中 由紀", "佐藤 健", "鈴木 美咲", "高橋 翔"),
    "sg": ("Tan Wei Ling", "Muhammad Faris", "Priya Nair", "林俊杰"),
}


@dataclass(frozen=True)
class Number:
    """One WhatsApp number of the shop."""

    slug: str
    country: str
    time_zone: str
    account_id: str


@dataclass(frozen=True)
class Customer:
    region: str
    phone: str
    name: str
    number: Number


@dataclass(frozen=True)
class Text:
    customer: Customer
    id: str
    text: str
    asks_for_order: bool


NUMBERS = tuple(
    Number(f"bench-{slug}", country, zone, f"10654035224{place:04d}") for place, (slug, country, zone, _, _) in enumerate(REGIONS)
)


def customers(count: int) -> list[Customer]:
    made = []
    for place in range(count):
        region = place % len(REGIONS)
        slug, _, _, prefix, digits = REGIONS[region]
        phone = f"{prefix}{6 * 10 ** (digits - 1) + place:0{digits}d}"
        made.append(Customer(slug, phone, NAMES[slug][place // 4 % len(NAMES[slug])], NUMBERS[region]))
    return made


def texts(people: Sequence[Customer], count: int, *, seed: int = 1) -> Iterator[Text]:
    """`count` messages of people picked at random; the share of questions about orders is `ORDER_SHARE`."""
    rng = random.Random(seed)
    for place in range(count):
        who = rng.choice(people)
        asks = rng.random() < ORDER_SHARE
        words = rng.choice((ORDER_QUESTIONS if asks else SMALL_TALK)[who.region])
        yield Text(who, f"wamid.{hashlib.sha256(f'{seed}:{place}'.encode()).hexdigest()[:44].upper()}", words, asks)


def body(messages: Sequence[Text], *, at: float | None = None) -> bytes:
    """One body as the platform builds it, for messages to one number."""
    number = messages[0].customer.number
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "85268102244", "phone_number_id": number.account_id},
        "contacts": [{"profile": {"name": each.customer.name}, "wa_id": each.customer.phone} for each in messages],
        "messages": [
            {
                "from": each.customer.phone,
                "id": each.id,
                "timestamp": str(int(at or time.time())),
                "type": "text",
                "text": {"body": each.text},
            }
            for each in messages
        ],
    }
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}]}
    ).encode()


def signature(raw: bytes) -> str:
    return "sha256=" + hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()


def batches(messages: Sequence[Text], size: int) -> Iterator[list[Text]]:
    """Messages in bodies of `size`, each body for one number."""
    waiting: dict[str, list[Text]] = {}
    for each in messages:
        group = waiting.setdefault(each.customer.number.slug, [])
        group.append(each)
        if len(group) == size:
            yield waiting.pop(each.customer.number.slug)
    yield from waiting.values()
