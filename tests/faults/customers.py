"""Customers who write to the sandbox's numbers: signed webhook bodies of our own making, the same for the same seed."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

ORDER_QUESTIONS = ("Where is my order?", "請問我的包裹到哪裡了?", "私の荷物はいつ届きますか?", "我想問下張單幾時出貨")
CHATTER = (
    "Hello",
    "你好",
    "こんにちは",
    "有冇人呀",
    "Thanks a lot 🙏",
    "ありがとうございます",
    "多謝晒",
    "Do you open on Sunday?",
    "請問營業時間?",
    "👍",
)
PHONES = {"sandbox-hk": "8526", "sandbox-tw": "8869", "sandbox-jp": "81708"}
NAMES = ("陳大文", "黃美玲", "林怡君", "王志明", "佐藤 花子", "鈴木 一郎", "Tan Wei Ling", "Siti Aminah")


@dataclass(frozen=True)
class Customer:
    slug: str
    name: str
    phone: str


@dataclass(frozen=True)
class Said:
    """One message of a customer: its id, what it says, and the second it was written in."""

    wamid: str
    customer: Customer
    text: str
    at: int

    @property
    def asks_for_an_answer(self) -> bool:
        return self.text.partition(" #")[0] in ORDER_QUESTIONS

    def wire(self) -> dict[str, Any]:
        return {"from": self.customer.phone, "id": self.wamid, "timestamp": str(self.at), "type": "text", "text": {"body": self.text}}


@dataclass
class Post:
    """One webhook body on its way, and how it went. `repeated` posts carry messages that were posted before."""

    slug: str
    said: list[Said]
    repeated: bool = False
    attempts: int = 0
    acknowledged: bool = False
    answers: list[int] = field(default_factory=list)


def people(count: int, *, seed: int) -> list[Customer]:
    slugs = list(PHONES)
    made = []
    for index in range(count):
        slug = slugs[index % len(slugs)]
        head = PHONES[slug]
        length = 12 if slug != "sandbox-hk" else 11
        made.append(
            Customer(
                slug, f"{NAMES[index % len(NAMES)]} {index}", head + str(seed % 97).zfill(2) + str(index).zfill(length - len(head) - 2)
            )
        )
    return made


def body_of(post: Post, connection: dict[str, Any]) -> bytes:
    metadata = {
        "display_phone_number": "".join(filter(str.isdigit, connection["display_phone_number"])),
        "phone_number_id": connection["phone_number_id"],
    }
    contacts = [
        {"profile": {"name": customer.name}, "wa_id": customer.phone}
        for customer in {said.customer.phone: said.customer for said in post.said}.values()
    ]
    value = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": contacts, "messages": [said.wire() for said in post.said]}
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": connection["waba_id"], "changes": [{"value": value, "field": "messages"}]}],
    }
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def speak(customers: Sequence[Customer], count: int, *, seed: int, prefix: str, duplicates: float = 0.05) -> Iterator[Post]:
    """`count` messages in bodies of one to five, each body for one number; a share of the bodies comes again a little later."""
    draw = random.Random(f"{seed}:{prefix}")
    by_slug: dict[str, list[Customer]] = {}
    for customer in customers:
        by_slug.setdefault(customer.slug, []).append(customer)
    made = 0
    waiting: list[tuple[int, Post]] = []
    while made < count:
        slug = draw.choice(sorted(by_slug))
        said = []
        for _ in range(min(draw.randint(1, 5), count - made)):
            made += 1
            words = draw.choice(ORDER_QUESTIONS) if draw.random() < 0.12 else draw.choice(CHATTER)
            said.append(
                Said(
                    f"wamid.{prefix}.{seed}.{made}",
                    draw.choice(by_slug[slug]),
                    f"{words} #{made}" if words in CHATTER else words,
                    int(time.time()),
                )
            )
        yield Post(slug, said)
        if draw.random() < duplicates:
            waiting.append((made + draw.randint(1, 40), Post(slug, said, repeated=True)))
        due = [post for at, post in waiting if at <= made]
        waiting = [(at, post) for at, post in waiting if at > made]
        yield from due
    yield from (post for _, post in waiting)
